"""The calls of one simulated session as rows for the importer: what was used, what came of it."""

from collections.abc import Iterator
from random import Random
from typing import Any

from outlay.emulator.cast import Session
from outlay.kernel.clock import rfc3339

Row = dict[str, Any]

SECOND_US = 1_000_000
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_MIN_CACHED_TOKENS = 1_024
_BLOCK_TOKENS = 128
_FRESH_TOKENS = 60
"""What an application that marks its prompts for Anthropic's cache leaves outside of it."""
_FAILED_SHARE = 0.018
_LONG_SHARE = 0.03
"""Prompts and answers far longer than usual."""
_CACHED_BEFORE_SHARE = 0.65
"""How often the static part of a first prompt is still in the cache from another session."""
_FAILURES = (429, 429, 429, 500, 529)
_SPOKEN = {
    "openai": ("openai_chat", "chat"),
    "anthropic": ("anthropic_messages", "messages"),
    "gemini": ("gemini", "generate_content"),
}
_REASONING = {**_SPOKEN, "openai": ("openai_responses", "responses")}
"""Wire format and operation by provider; OpenAI's reasoning models are called by Responses."""
_STOPS = {"openai": "stop", "anthropic": "end_turn", "gemini": "STOP"}


def write_rows(session: Session, dice: Random) -> Iterator[tuple[int, Row]]:
    """Write the calls of a session in order, with their instants; some fail and are tried again."""
    feature = session.feature
    prompt = _around(dice, feature.prompt_tokens * session.prompt_factor)
    cached = feature.prompt_tokens * feature.static_percent // 100
    cached = cached if dice.random() < _CACHED_BEFORE_SHARE else 0
    at_us = session.starts_us
    for turn in range(session.turns):
        if dice.random() < _FAILED_SHARE:
            yield at_us, _failed_call(session, at_us, dice)
            at_us += dice.randint(1, 6) * SECOND_US
        row = _answered_call(session, at_us, dice, _count_usage(session, prompt, cached, dice))
        if session.succeeds and turn == session.turns - 1:
            row["outcome"] = feature.outcome
        yield at_us, row
        at_us += row["latency_ms"] * 1_000 + dice.randint(4, 90) * SECOND_US
        cached = prompt
        prompt += _around(dice, feature.growth_tokens * session.prompt_factor)


def _around(dice: Random, typical: int) -> int:
    """Return a number near `typical`: 60 to 160 %, rarely more."""
    spread = dice.randint(160, 420) if dice.random() < _LONG_SHARE else dice.randint(60, 160)
    return typical * spread // 100


def _count_usage(session: Session, prompt: int, cached: int, dice: Random) -> dict[str, int]:
    output = max(1, _around(dice, session.feature.output_tokens))
    reasoning = _around(dice, output) if session.model.reasons else 0
    usage = _count_prompt(session, prompt, min(cached, prompt - _FRESH_TOKENS))
    usage |= {"output": output, "reasoning": reasoning}
    return {name: n for name, n in usage.items() if n > 0}


def _count_prompt(session: Session, prompt: int, cached: int) -> dict[str, int]:
    """Split a prompt as the provider's cache would: marked (Anthropic) or in blocks (others)."""
    read = cached if cached >= _MIN_CACHED_TOKENS and session.feature.static_percent else 0
    if session.model.provider != "anthropic":
        read = read // _BLOCK_TOKENS * _BLOCK_TOKENS
        return {"input": prompt - read, "cache_read": read}
    marks = prompt >= _MIN_CACHED_TOKENS and session.feature.static_percent > 0
    fresh = _FRESH_TOKENS if marks else prompt - read
    return {"input": fresh, "cache_read": read, "cache_write_5m": prompt - read - fresh}


def _answered_call(session: Session, at_us: int, dice: Random, usage: dict[str, int]) -> Row:
    said = usage["output"] + usage.get("reasoning", 0)
    first_byte_ms = 180 + sum(usage.values()) // 60 + dice.randint(0, 400)
    return _describe(session, at_us, dice) | {
        "model_returned": session.model.returned,
        "stream": session.feature.workload == "interactive",
        "status": 200,
        "usage": usage,
        "usage_source": "reported",
        "finish_reason": _STOPS[session.model.provider],
        "first_byte_ms": first_byte_ms,
        "latency_ms": first_byte_ms + said * dice.randint(7, 16),
    }


def _failed_call(session: Session, at_us: int, dice: Random) -> Row:
    """A call that the provider refused: it cost nothing, and is tried again."""
    return _describe(session, at_us, dice) | {
        "stream": False,
        "status": dice.choice(_FAILURES),
        "usage": {},
        "usage_source": "none",
        "latency_ms": dice.randint(80, 900),
    }


def _describe(session: Session, at_us: int, dice: Random) -> Row:
    feature, provider = session.feature, session.model.provider
    wire, operation = (_REASONING if session.model.reasons else _SPOKEN)[provider]
    return {
        "request_id": _make_id(at_us, dice),
        "at": rfc3339(at_us),
        "provider": provider,
        "model": session.model.name,
        "wire": wire,
        "operation": operation,
        "feature": feature.name,
        "department": feature.department,
        "user": session.user,
        "session": session.session,
        "project": feature.project,
        "environment": session.environment,
        "workload": feature.workload,
        "variant": session.variant,
        "gl_account": feature.gl_account,
        "cost_center": feature.cost_center,
    }


def _make_id(at_us: int, dice: Random) -> str:
    """Make an id like the gateway's own, but the same in every run."""
    number = at_us // 1_000 << 80 | dice.getrandbits(80)
    return "req_" + "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
