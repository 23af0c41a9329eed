"""One row of a file of calls, read and checked; everything wrong with it is reported at once.

The fields are those of `outlay calls --format jsonl`, so that an export can be imported elsewhere.
What that prints beside them (how we priced the call, its class, its findings) is known and left
aside.
"""

import difflib
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from outlay.attribution.dimensions import Attribution, Dimension, Source, Value
from outlay.attribution.values import BadValue, Rules, parse_value
from outlay.intake import field_values as read
from outlay.intake.problems import FieldError, Problem
from outlay.intake.usage_fields import TOTAL_FIELDS, Quantities, read_usage
from outlay.kernel.ids import RequestId
from outlay.usage.usage import UsageSource

MAX_AHEAD_US = 5 * 60 * 1_000_000
"""How far a call may lie in the future: clocks differ, but not by more than this."""

UNKNOWN_WIRE = "import"
"""Wire format and operation of a call whose row names none."""

_READERS: Mapping[str, Callable[[str, object], Any]] = {
    "id": read.read_id,
    "request_id": read.read_id,
    "at": read.read_instant_us,
    "provider": read.read_provider,
    "model": read.read_name,
    "cost_usd": read.read_cost_nanos,
    "usage_source": read.read_usage_source,
    "status": read.read_status,
    "wire": read.read_name,
    "operation": read.read_name,
    "stream": read.read_truth,
    "model_requested": read.read_name,
    "model_returned": read.read_name,
    "service_tier": read.read_name,
    "finish_reason": read.read_name,
    "latency_ms": read.read_milliseconds_us,
    "first_byte_ms": read.read_milliseconds_us,
}
_DIMENSIONS = {dimension.value: dimension for dimension in Dimension}
_USAGE_FIELDS = frozenset(("usage", *TOTAL_FIELDS))
# fmt: off
_LEFT_ASIDE = frozenset((
    "finished_at", "cost_nanos", "list_token_cost_usd", "contract_cost_usd", "stated_cost_usd",
    "tool_cost_usd", "likely_cost_usd", "cost_basis", "unpriced", "sources", "hold_class",
    "hold_reasons", "bound_usd", "ending", "cut_reason", "key_id", "price_revision", "findings",
    "corrected", "original_cost_usd", "attempt", "degraded_from", "unmetered",
))
# fmt: on
_KNOWN_FIELDS = frozenset((*_READERS, *_DIMENSIONS, *_USAGE_FIELDS, *_LEFT_ASIDE))


@dataclass(frozen=True, slots=True)
class RowRules:
    """What rows are checked against: the rules of header values, and the present instant."""

    values: Rules
    now_us: int


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call made elsewhere, as its row states it.

    `quantities` is None when the row has no usage; then it has a cost. `cost_nanos` is None when
    the row has no cost; then it has usage and is priced by us. `status` is None when nobody was
    answered.
    """

    request_id: RequestId
    at_us: int
    provider: str
    model: str
    quantities: Quantities | None
    cost_nanos: int | None
    usage_source: UsageSource
    status: int | None
    attribution: Attribution
    wire: str = UNKNOWN_WIRE
    operation: str = UNKNOWN_WIRE
    stream: bool = False
    model_requested: str | None = None
    model_returned: str | None = None
    service_tier: str | None = None
    finish_reason: str | None = None
    latency_us: int | None = None
    first_byte_us: int | None = None


class RowRefused(Exception):
    """A row cannot be imported; `problems` says everything that is wrong with it."""

    def __init__(self, *problems: Problem) -> None:
        """Hold every problem found."""
        super().__init__("; ".join(f"{problem.field}: {problem.message}" for problem in problems))
        self.problems = problems


def parse_call_row(row: Mapping[str, object], rules: RowRules) -> CallRow:
    """Read one row.

    Raises:
        RowRefused: with every problem of the row, not only the first.
    """
    reading = _Reading(row, rules)
    reading.read_fields()
    reading.read_usage()
    reading.check_required()
    if reading.problems:
        raise RowRefused(*reading.problems)
    return reading.call_row()


class _Reading:
    """What has been read of a row so far, by field, and the problems found on the way."""

    def __init__(self, row: Mapping[str, object], rules: RowRules) -> None:
        self.row = row
        self.rules = rules
        self.found: dict[str, Any] = {}
        self.values: dict[Dimension, Value] = {}
        self.quantities: Quantities | None = None
        self.problems: list[Problem] = []

    def read_fields(self) -> None:
        for name, value in self.row.items():
            try:
                self._read_field(name, value)
            except FieldError as error:
                self.problems.append(error.problem)
            except BadValue as error:
                self.problems.append(Problem(name, str(error)))

    def _read_field(self, name: str, value: object) -> None:
        if name in _DIMENSIONS:
            self._read_dimension(name, value)
        elif name in _READERS:
            if value is not None:
                self.found[name] = _READERS[name](name, value)
        elif name not in _KNOWN_FIELDS:
            raise FieldError(name, _unknown_field(name))

    def _read_dimension(self, name: str, value: object) -> None:
        if value is None:
            return
        text, dimension = read.read_text(name, value), _DIMENSIONS[name]
        parsed = parse_value(text, dimension, Source.IMPORT, self.rules.values)
        if parsed is not None:
            self.values[dimension] = parsed

    def read_usage(self) -> None:
        """Read the quantities; an export of a call without usage says so and has none."""
        try:
            self.quantities = read_usage(self.row)
        except FieldError as error:
            self.problems.append(error.problem)
        if not self.quantities and self.found.get("usage_source") is UsageSource.NONE:
            self.quantities = None

    def check_required(self) -> None:
        told = {problem.field for problem in self.problems}
        for name in ("at", "provider", "model"):
            if name not in self.found and name not in told:
                self.problems.append(Problem(name, "is required"))
        self._check_id(told)
        if self.found.get("at", 0) > self.rules.now_us + MAX_AHEAD_US:
            self.problems.append(Problem("at", "lies more than five minutes in the future"))
        if self.row.get("cost_usd") is None and self.quantities is None and not self._has_usage():
            self.problems.append(Problem("usage", "or cost_usd is required"))

    def _check_id(self, told: Set[str]) -> None:
        """Take the id under either of its names; an export of ours says request_id."""
        first, second = self.found.get("id"), self.found.get("request_id")
        if first is None and second is None and not told & {"id", "request_id"}:
            self.problems.append(Problem("id", "is required"))
        if None not in (first, second) and first != second:
            self.problems.append(Problem("request_id", "differs from id; give one of them"))

    def _has_usage(self) -> bool:
        return any(self.row.get(name) is not None for name in _USAGE_FIELDS)

    def call_row(self) -> CallRow:
        found, model = self.found, self.found["model"]
        unstated = UsageSource.NONE if self.quantities is None else UsageSource.REPORTED
        return CallRow(
            request_id=RequestId(found.get("id") or found["request_id"]),
            at_us=found["at"],
            provider=found["provider"],
            model=model,
            quantities=self.quantities,
            cost_nanos=found.get("cost_usd"),
            usage_source=found.get("usage_source", unstated),
            status=self._status(),
            attribution=Attribution(self.values),
            wire=found.get("wire", UNKNOWN_WIRE),
            operation=found.get("operation", UNKNOWN_WIRE),
            stream=found.get("stream", False),
            model_requested=found.get("model_requested", model),
            model_returned=found.get("model_returned"),
            service_tier=found.get("service_tier"),
            finish_reason=found.get("finish_reason"),
            latency_us=found.get("latency_ms"),
            first_byte_us=found.get("first_byte_ms"),
        )

    def _status(self) -> int | None:
        """Return 200 when the row has no status; None when it says null, as an export may."""
        status: int | None = self.found.get("status", 200 if "status" not in self.row else None)
        return status


def _unknown_field(name: str) -> str:
    candidates = {*_KNOWN_FIELDS, "usage." + name} if name.startswith("cache_") else _KNOWN_FIELDS
    near = difflib.get_close_matches(name, sorted(candidates), n=1)
    return f"is not a field we know; did you mean {near[0]}?" if near else "is not a field we know"
