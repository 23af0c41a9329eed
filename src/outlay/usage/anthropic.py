"""Anthropic's usage: cache reads and writes stand *beside* input tokens, thinking within output.

A call can be several billed passes (`iterations`): compaction, an advisor of another model. They
are the bill then; the top level leaves some of them out.
"""

from collections.abc import Mapping
from typing import Any

from outlay.kernel.findings import Finding
from outlay.usage.meters import Meter
from outlay.usage.reading import Reading, Tally
from outlay.usage.usage import Pass

_SOURCE = "anthropic"


def read_anthropic_usage(usage: Mapping[str, Any]) -> Reading | None:
    """Read a messages usage object; None when it states neither input nor output tokens."""
    iterations = usage.get("iterations")
    thinking = Tally(_SOURCE).count(usage.get("output_tokens_details"), "thinking_tokens")
    of_passes = _read_iterations(iterations, thinking) if isinstance(iterations, list) else None
    return of_passes or _read_pass(usage, thinking)


def _read_iterations(iterations: list[object], thinking: int) -> Reading | None:
    """Read each pass with the model that ran it.

    Thinking is stated for the whole call only; it is given to the passes of the call's own model in
    their order, which changes no cost, since thinking is billed as output.
    """
    passes: list[Pass] = []
    findings: list[Finding] = []
    for iteration in iterations:
        if not isinstance(iteration, dict):
            continue
        is_own = iteration.get("type") == "message"
        output = Tally(_SOURCE).count(iteration, "output_tokens")
        thought = min(thinking, output) if is_own else 0
        reading = _read_pass(iteration, thought)
        if reading is None:
            continue
        thinking -= thought
        passes += reading.passes
        findings += reading.findings
    return Reading(tuple(passes), tuple(findings)) if passes else None


def _read_pass(usage: Mapping[str, Any], thinking: int) -> Reading | None:
    tally = Tally(_SOURCE)
    fresh = tally.find(usage, "input_tokens")
    output = tally.find(usage, "output_tokens")
    if fresh is None and output is None:
        return None
    tally.add(Meter.INPUT, fresh or 0)
    tally.add(Meter.CACHE_READ, tally.count(usage, "cache_read_input_tokens"))
    _add_cache_writes(tally, usage)
    tally.divide(output or 0, Meter.OUTPUT, ((Meter.REASONING, thinking),))
    model = usage.get("model")
    return tally.reading(model if isinstance(model, str) and model else None)


def _add_cache_writes(tally: Tally, usage: Mapping[str, Any]) -> None:
    """Divide cache writes by their lifetime; the total is the truth where the two disagree.

    In a stream the division may be older than the total: the last event brings the total alone.
    """
    lifetimes = usage.get("cache_creation")
    of_5m = tally.count(lifetimes, "ephemeral_5m_input_tokens")
    of_1h = tally.count(lifetimes, "ephemeral_1h_input_tokens")
    total = tally.find(usage, "cache_creation_input_tokens")
    tally.divide(
        of_5m + of_1h if total is None else total,
        Meter.CACHE_WRITE,
        ((Meter.CACHE_WRITE_1H, of_1h), (Meter.CACHE_WRITE_5M, of_5m)),
    )
