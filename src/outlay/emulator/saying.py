"""What is said: text, thoughts, JSON, calls of functions; always the same for the same request."""

import re
from dataclasses import dataclass

import msgspec

from outlay.emulator.ask import Ask, Tool
from outlay.emulator.schemas import fill_schema
from outlay.emulator.steering import Steering
from outlay.emulator.tokens import count_tokens, speak, split_tokens

_CHOICE_STRIDE = 7_919
"""A prime: the second choice of a request says something else than the first."""
_MAX_CALLS = 8
_ASKED_FOR_TOOL = re.compile(r"\buse (?:the|your|a) [\w ]{0,40}?tools?\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function to be called by the client; `arguments` is JSON text."""

    name: str
    arguments: str

    @property
    def tokens(self) -> int:
        """Tokens of name and arguments."""
        return count_tokens(self.name) + count_tokens(self.arguments)


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer: thoughts and text as tokens, calls, and whether the limit cut it."""

    thoughts: tuple[str, ...]
    text: tuple[str, ...]
    calls: tuple[FunctionCall, ...] = ()
    is_cut: bool = False

    @property
    def reasoning_tokens(self) -> int:
        """Tokens thought."""
        return len(self.thoughts)

    @property
    def output_tokens(self) -> int:
        """Tokens said, arguments of functions included, thoughts not."""
        return len(self.text) + sum(call.tokens for call in self.calls)


def say_choices(ask: Ask, steering: Steering, *, thinks: bool) -> tuple[Choice, ...]:
    """Say as many answers as were asked for."""
    seed = ask.seed
    return tuple(
        _say(ask, steering, seed + i * _CHOICE_STRIDE, thinks=thinks) for i in range(ask.choices)
    )


def _say(ask: Ask, steering: Steering, seed: int, *, thinks: bool) -> Choice:
    limit = ask.max_output
    thoughts = _think(ask, steering, seed, thinks=thinks)
    kept_thoughts = thoughts if limit is None else thoughts[:limit]
    left = None if limit is None else limit - len(kept_thoughts)
    calls = choose_calls(ask, steering, seed)
    text = _say_text(ask, steering, seed) if not calls or steering.output_tokens else []
    if left is not None and sum(call.tokens for call in calls) > left:
        text, calls = split_tokens(calls[0].arguments), ()
    room = None if left is None else left - sum(call.tokens for call in calls)
    kept = text if room is None else text[:room]
    is_cut = len(kept) < len(text) or len(kept_thoughts) < len(thoughts)
    return Choice(tuple(kept_thoughts), tuple(kept), calls, is_cut)


def _think(ask: Ask, steering: Steering, seed: int, *, thinks: bool) -> list[str]:
    if steering.reasoning_tokens is not None:
        return speak(seed + 1, steering.reasoning_tokens)
    budget = ask.reasoning_budget
    if budget == 0 or (budget is None and not thinks):
        return []
    wanted = 24 + seed % 73
    return speak(seed + 1, wanted if budget is None else min(wanted, budget))


def _say_text(ask: Ask, steering: Steering, seed: int) -> list[str]:
    if steering.output_tokens is not None:
        return speak(seed, steering.output_tokens)
    if ask.schema is not None or ask.json_mode:
        schema = ask.schema or {"type": "object", "properties": {"answer": {"type": "string"}}}
        word = "".join(speak(seed, 4))
        return split_tokens(msgspec.json.encode(fill_schema(schema, word)).decode())
    return _until_stop(speak(seed, 12 + seed % 49), ask.stop)


def _until_stop(text: list[str], stop: tuple[str, ...]) -> list[str]:
    said = "".join(text)
    places = [said.find(mark) for mark in stop if mark and mark in said]
    return split_tokens(said[: min(places)]) if places else text


def choose_calls(ask: Ask, steering: Steering, seed: int) -> tuple[FunctionCall, ...]:
    """Decide which of the caller's functions to call.

    Those that `tool_choice` forces; with `auto`, when the last text says "use the … tool" or names
    a function after "call" or "use"; never right after a function's result, so that loops end.
    """
    tools = _chosen_tools(ask, steering)
    word = "".join(speak(seed, 2))
    return tuple(
        FunctionCall(tool.name, msgspec.json.encode(fill_schema(tool.schema, word)).decode())
        for tool in tools[:_MAX_CALLS]
    )


def _chosen_tools(ask: Ask, steering: Steering) -> list[Tool]:
    tools = list(ask.tools)
    if not tools or ask.tool_choice == "none":
        return []
    if steering.tool_calls is not None:
        return [tools[i % len(tools)] for i in range(steering.tool_calls)]
    if ask.tool_choice not in {"auto", "any"}:
        return [tool for tool in tools if tool.name == ask.tool_choice]
    named = [tool for tool in tools if _is_called_for(tool.name, ask.last_text)]
    if ask.tool_choice == "any":
        return named or tools[:1]
    if ask.after_tool:
        return []
    return named or (tools[:1] if _ASKED_FOR_TOOL.search(ask.last_text) else [])


def _is_called_for(name: str, text: str) -> bool:
    return bool(re.search(rf"\b(?:call|use) (?:the )?{re.escape(name)}\b", text, re.IGNORECASE))
