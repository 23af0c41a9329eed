"""The emulator's own bill: what each call consumed and what is charged for it.

A call has up to two lines in the bill file. `started` is written before the first byte of a stream
and charges the input; the line of its ending (`complete`, `aborted`) replaces it. A call that is
answered in one piece has its ending only, written before the first byte. Each line is handed to the
operating system at once: it survives a kill of the emulator, not a loss of power.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from outlay.emulator.counting import Quantities
from outlay.emulator.prices import PriceTable, plain_text, to_nanos


class CallState(StrEnum):
    """How far a call has come."""

    STARTED = "started"
    COMPLETE = "complete"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class CallFacts:
    """Who called, and what for; the part of a line that its ending does not change.

    `emulate_id` is the caller's `x-emulate-id`, `gateway_id` an id that a gateway put on.
    """

    call_id: str
    at_us: int
    format: str
    model: str
    model_returned: str
    stream: bool
    tier: str
    rate_tier: str
    response_id: str
    emulate_id: str | None = None
    gateway_id: str | None = None


class Bill:
    """All calls by id, and the file that outlives the process."""

    def __init__(self, table: PriceTable, path: Path | None = None) -> None:
        """Charge by `table`; append to the file at `path`."""
        self._table = table
        self._path = path
        self._file = path.open("ab", buffering=0) if path else None
        self._lines: dict[str, bytes] = {}

    def write(
        self, facts: CallFacts, state: CallState, passes: list[tuple[str, Quantities]]
    ) -> None:
        """Append a line; it replaces the earlier one of the same call."""
        line = msgspec.json.encode(self._make_line(facts, state, passes))
        self._lines[facts.call_id] = line
        if self._file is not None:
            self._file.write(line + b"\n")

    def calls(self) -> list[dict[str, Any]]:
        """List the latest line of each call, in the order in which the calls began."""
        return [msgspec.json.decode(line) for line in self._lines.values()]

    def as_json(self) -> dict[str, Any]:
        """Give all calls and their totals."""
        calls = self.calls()
        return {"calls": calls, "totals": add_up(calls)}

    def reset(self) -> None:
        """Forget all calls, and empty the file."""
        self._lines.clear()
        if self._file is not None:
            self._file.truncate(0)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _make_line(
        self, facts: CallFacts, state: CallState, passes: list[tuple[str, Quantities]]
    ) -> dict[str, Any]:
        charge = self._table.charge(passes, tier=facts.rate_tier)
        return {
            "call_id": facts.call_id,
            "emulate_id": facts.emulate_id,
            "gateway_id": facts.gateway_id,
            "response_id": facts.response_id,
            "at_us": facts.at_us,
            "state": state,
            "format": facts.format,
            "model": facts.model,
            "model_returned": facts.model_returned,
            "stream": facts.stream,
            "tier": facts.tier,
            "quantities": _merge(quantities for _, quantities in passes),
            "passes": [{"model": model, "quantities": q} for model, q in passes],
            "token_cost_usd": plain_text(charge.token_usd) if charge else None,
            "tool_cost_usd": plain_text(charge.tool_usd) if charge else None,
            "cost_usd": plain_text(charge.usd) if charge else None,
            "token_cost_nanos": to_nanos(charge.token_usd) if charge else None,
            "cost_nanos": to_nanos(charge.usd) if charge else None,
        }


def read_bill(path: Path) -> list[dict[str, Any]]:
    """Read the bill that a killed emulator left: the last line of each call, no torn one."""
    calls: dict[str, dict[str, Any]] = {}
    for line in path.read_bytes().split(b"\n")[:-1]:
        call = msgspec.json.decode(line)
        calls[call["call_id"]] = call
    return list(calls.values())


def add_up(calls: list[dict[str, Any]]) -> dict[str, Any]:
    """Add up calls: how many, in which state, exact cost of the priced ones, all quantities."""
    states = [call["state"] for call in calls]
    priced = [Decimal(call["cost_usd"]) for call in calls if call["cost_usd"] is not None]
    return {
        "calls": len(calls),
        **{state.value: states.count(state.value) for state in CallState},
        "unpriced": len(calls) - len(priced),
        "cost_usd": plain_text(sum(priced, Decimal(0))),
        "cost_nanos": sum(call["cost_nanos"] or 0 for call in calls),
        "quantities": _merge(call["quantities"] for call in calls),
    }


def _merge(parts: Iterable[Mapping[str, int]]) -> Quantities:
    total: Quantities = {}
    for part in parts:
        for name, n in part.items():
            total[name] = total.get(name, 0) + n
    return total
