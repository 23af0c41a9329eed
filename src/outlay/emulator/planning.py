"""The plan of an answer: what will be said, what it consumes, and what it may be billed.

A plan is made once, before the first byte; the wire formats only write it down. Quantities are
disjoint: no token is counted in two of them.
"""

from dataclasses import dataclass

from outlay.emulator.ask import Ask
from outlay.emulator.counting import Quantities, count_input, input_total, without_zeros
from outlay.emulator.prices import ModelEntry, PriceTable
from outlay.emulator.prompt_cache import PromptCache
from outlay.emulator.saying import Choice, say_choices
from outlay.emulator.steering import Fault, Steering

SEARCH_INPUT_TOKENS = 800
"""What one search brings into the context."""
_FRAMING_AFTER_COMPACTION = 95
_ADVICE_TOKENS = 20
_AUDIO_PER_TEXT_TOKEN = 4
_CHARGED_BY_PROMPT = ("gemini-1", "gemini-2")


@dataclass(frozen=True, slots=True)
class Pass:
    """One run of a model within the call; `model` is None for the call's own."""

    kind: str
    quantities: Quantities
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """An answer decided.

    Attributes:
        call_id: the emulator's own id of the call; provider ids are made of it.
        model: the name that the answer carries.
        tier / rate_tier: the tier as the answer states it / as the price table calls it.
        choices: what is said; the usage of all of them is in the passes.
        passes: billed runs in order; nearly always one.
        tool_prompt_tokens: the part of `input` that Gemini states apart.
        endless: the first choice is repeated until the caller leaves.
    """

    call_id: str
    created_s: int
    ask: Ask
    steering: Steering
    model: str
    tier: str
    rate_tier: str
    choices: tuple[Choice, ...]
    passes: tuple[Pass, ...]
    tool_prompt_tokens: int = 0
    endless: bool = False

    @property
    def answer_id(self) -> str:
        """The provider's id of the answer."""
        return self.ask.format.id_prefix + self.call_id

    @property
    def quantities(self) -> Quantities:
        """What the call's own model consumed, compaction left out."""
        total: Quantities = {}
        for one in self.passes:
            if one.kind == "message":
                for name, n in one.quantities.items():
                    total[name] = total.get(name, 0) + n
        return total

    @property
    def hides_usage(self) -> bool:
        """Usage is to be missing."""
        return self.steering.fault is Fault.MISSING_USAGE

    def billed_whole(self) -> list[tuple[str, Quantities]]:
        """List (model, quantities) of the whole answer."""
        return [(p.model or self.model, without_zeros(p.quantities)) for p in self.passes]

    def billed_until(self, output: int, reasoning: int) -> list[tuple[str, Quantities]]:
        """List (model, quantities) when only this much was said; earlier passes are over."""
        *earlier, (model, last) = self.billed_whole()
        spoken = [one for one in self.passes[:-1] if one.kind == "message"]
        said_before = sum(one.quantities["output"] for one in spoken)
        kept = {name: n for name, n in last.items() if not name.startswith("output")}
        kept["output"] = max(0, output - said_before)
        kept["reasoning"] = min(reasoning, last.get("reasoning", 0))
        return [*earlier, (model, without_zeros(kept))]


def make_plan(
    ask: Ask, steering: Steering, *, table: PriceTable, cache: PromptCache, call_id: str, now_s: int
) -> Plan:
    """Decide the answer to `ask`."""
    entry = table.find_model(ask.model)
    choices = say_choices(ask, steering, thinks=entry is not None and entry.reasoning)
    tool_prompt = _first(steering.tool_prompt_tokens, ask.tool_prompt_tokens)
    prompt = count_input(ask, steering, cache, entry)
    prompt["input"] += tool_prompt + SEARCH_INPUT_TOKENS * _first(steering.searches, ask.searches)
    said = count_output(choices, ask, steering) | _tool_units(ask, steering)
    tier, rate_tier = _serve_tier(ask, steering, entry)
    return Plan(
        call_id=call_id,
        created_s=now_s,
        ask=ask,
        steering=steering,
        model=steering.model or (entry.snapshot if entry else ask.model),
        tier=tier,
        rate_tier=rate_tier,
        choices=choices,
        passes=_make_passes(ask, steering, prompt, said),
        tool_prompt_tokens=tool_prompt,
        endless=ask.stream and steering.fault is Fault.ENDLESS_STREAM,
    )


def count_output(choices: tuple[Choice, ...], ask: Ask, steering: Steering) -> Quantities:
    """Count what is said in all choices, and thought before."""
    output = sum(choice.output_tokens for choice in choices)
    spoken = _AUDIO_PER_TEXT_TOKEN * output if ask.audio_answer else 0
    return {
        "output": output,
        "reasoning": sum(choice.reasoning_tokens for choice in choices),
        "output_audio": _first(steering.output_audio_tokens, spoken),
    }


def _first(steered: int | None, own: int) -> int:
    return own if steered is None else steered


def _tool_units(ask: Ask, steering: Steering) -> Quantities:
    queries = _first(steering.queries, ask.queries)
    by_prompt = ask.model.removeprefix("models/").startswith(_CHARGED_BY_PROMPT)
    return {
        "web_search": _first(steering.searches, ask.searches),
        "file_search": _first(steering.file_searches, ask.file_searches),
        "grounded_prompt": 1 if queries and by_prompt else 0,
        "grounded_query": 0 if by_prompt else queries,
    }


def _serve_tier(ask: Ask, steering: Steering, entry: ModelEntry | None) -> tuple[str, str]:
    ordinary = "default" if ask.format.startswith("openai") else "standard"
    if steering.tier:
        return steering.tier, "standard" if steering.tier == ordinary else steering.tier
    if entry and ask.tier and ask.tier != "standard" and ask.tier in entry.rates:
        return ask.tier, ask.tier
    return ordinary, "standard"


def _make_passes(
    ask: Ask, steering: Steering, prompt: Quantities, said: Quantities
) -> tuple[Pass, ...]:
    above = ask.compact_above
    if steering.compaction or (above is not None and input_total(prompt) > above):
        return _compact_first(ask, prompt, said)
    if ask.advisor:
        return _ask_advisor(ask.advisor, prompt, said)
    return (Pass("message", prompt | said),)


def _compact_first(ask: Ask, prompt: Quantities, said: Quantities) -> tuple[Pass, ...]:
    """Anthropic: a pass that reads everything and writes a summary, then one on the summary."""
    summary = 40 + ask.seed % 80
    after = {"input": summary + _FRAMING_AFTER_COMPACTION}
    return (Pass("compaction", prompt | {"output": summary}), Pass("message", after | said))


def _ask_advisor(model: str, prompt: Quantities, said: Quantities) -> tuple[Pass, ...]:
    """Anthropic: the model speaks, another model advises, the model goes on."""
    before = said["output"] // 2
    advised = {"input": 2 * input_total(prompt) + 262, "output": _ADVICE_TOKENS}
    after = {"input": input_total(prompt) + before + _ADVICE_TOKENS}
    return (
        Pass("message", prompt | said | {"output": before}),
        Pass("advisor_message", advised, model),
        Pass("message", after | {"output": said["output"] - before}),
    )
