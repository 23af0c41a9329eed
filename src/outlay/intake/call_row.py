"""One row of a file of calls, read and checked; everything wrong with it is reported at once.

The fields are those of `outlay calls --format jsonl`, so that an export can be imported elsewhere.
What that prints beside them (how we priced the call, its class, its findings) is known and left
aside.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from outlay.attribution.dimensions import Attribution, Dimension, Source, Value
from outlay.attribution.values import BadValue, Rules, parse_value
from outlay.intake import field_values as read
from outlay.intake.problems import FieldError, Problem
from outlay.intake.usage_fields import TOTAL_FIELDS, Quantities, read_usage
from outlay.kernel.ids import RequestId
from outlay.usage.usage import UsageSource

UNKNOWN_WIRE = "import"
"""Wire format and operation of a call whose row names none."""

# fmt: off
_STATED = (
    "id", "request_id", "at", "provider", "model", "usage", "usage_source", "cost_usd", "status",
    "latency_ms", "first_byte_ms", "wire", "operation", "stream", "service_tier", "finish_reason",
    "model_requested", "model_returned",
)
_LEFT_ASIDE = (
    "finished_at", "cost_nanos", "list_token_cost_usd", "contract_cost_usd", "stated_cost_usd",
    "tool_cost_usd", "likely_cost_usd", "cost_basis", "unpriced", "sources", "hold_class",
    "hold_reasons", "bound_usd", "ending", "cut_reason", "key_id", "price_revision", "findings",
    "corrected", "original_cost_usd", "attempt", "degraded_from", "unmetered",
)
# fmt: on
KNOWN_FIELDS = frozenset((*_STATED, *TOTAL_FIELDS, *Dimension, *_LEFT_ASIDE))

T = TypeVar("T")


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
    fields = _Fields(row)
    fields.check_names()
    parsed = _parse(fields, rules)
    if fields.problems:
        raise RowRefused(*fields.problems)
    return parsed


def _parse(fields: "_Fields", rules: RowRules) -> CallRow:
    quantities, cost_nanos = _usage_and_cost(fields)
    model = fields.required("model", read.read_name, "")
    return CallRow(
        request_id=_request_id(fields),
        at_us=fields.required("at", lambda f, v: read.read_instant_us(f, v, rules.now_us), 0),
        provider=fields.required("provider", read.read_provider, ""),
        model=model,
        quantities=quantities,
        cost_nanos=cost_nanos,
        usage_source=_usage_source(fields, quantities),
        status=_status(fields),
        attribution=Attribution(values=_values(fields, rules)),
        wire=fields.optional("wire", read.read_name, UNKNOWN_WIRE),
        operation=fields.optional("operation", read.read_name, UNKNOWN_WIRE),
        stream=fields.optional("stream", read.read_truth, False),
        model_requested=fields.optional("model_requested", read.read_name, model),
        model_returned=fields.optional("model_returned", read.read_name, None),
        service_tier=fields.optional("service_tier", read.read_name, None),
        finish_reason=fields.optional("finish_reason", read.read_name, None),
        latency_us=fields.optional("latency_ms", read.read_milliseconds_us, None),
        first_byte_us=fields.optional("first_byte_ms", read.read_milliseconds_us, None),
    )


class _Fields:
    """A row's fields, and the problems found while reading them."""

    def __init__(self, row: Mapping[str, object]) -> None:
        self.row = row
        self.problems: list[Problem] = []

    def check_names(self) -> None:
        unknown = self.row.keys() - KNOWN_FIELDS
        self.problems.extend(Problem(name, _unknown_field(name)) for name in sorted(unknown))

    def required(self, field: str, parse: Callable[[str, object], T], otherwise: T) -> T:
        if self.row.get(field) is None:
            self.problems.append(Problem(field, "is required"))
            return otherwise
        return self.optional(field, parse, otherwise)

    def optional(self, field: str, parse: Callable[[str, object], T], absent: T) -> T:
        value = self.row.get(field)
        if value is None:
            return absent
        try:
            return parse(field, value)
        except FieldError as error:
            self.problems.append(error.problem)
            return absent


def _unknown_field(name: str) -> str:
    candidates = {*KNOWN_FIELDS, "usage." + name} if name.startswith("cache_") else KNOWN_FIELDS
    near = difflib.get_close_matches(name, sorted(candidates), n=1)
    return f"is not a field we know; did you mean {near[0]}?" if near else "is not a field we know"


def _request_id(fields: _Fields) -> RequestId:
    """Read the id under either of its names; an export says request_id."""
    row = fields.row
    name = "request_id" if row.get("id") is None and row.get("request_id") is not None else "id"
    if name == "id" and row.get("request_id") not in (None, row.get("id")):
        fields.problems.append(Problem("request_id", "differs from id; give one of them"))
    return RequestId(fields.required(name, read.read_id, ""))


def _usage_and_cost(fields: _Fields) -> tuple[Quantities | None, int | None]:
    problems_before = len(fields.problems)
    cost_nanos: int | None = fields.optional("cost_usd", read.read_cost_nanos, None)
    quantities = None
    try:
        quantities = read_usage(fields.row)
    except FieldError as error:
        fields.problems.append(error.problem)
    if quantities is None and cost_nanos is None and len(fields.problems) == problems_before:
        fields.problems.append(Problem("usage", "or cost_usd is required"))
    return quantities, cost_nanos


def _usage_source(fields: _Fields, quantities: Quantities | None) -> UsageSource:
    unstated = UsageSource.NONE if quantities is None else UsageSource.REPORTED
    return fields.optional("usage_source", read.read_usage_source, unstated)


def _status(fields: _Fields) -> int | None:
    """Read the status: 200 when the row has none, None when it says null as an export does."""
    if fields.row.get("status", 200) is None:
        return None
    return fields.optional("status", read.read_status, 200)


def _values(fields: _Fields, rules: RowRules) -> dict[Dimension, Value]:
    values: dict[Dimension, Value] = {}
    for dimension in Dimension:
        text: str | None = fields.optional(dimension.value, read.read_text, None)
        if text is None:
            continue
        try:
            value = parse_value(text, dimension, Source.IMPORT, rules.values)
        except BadValue as error:
            fields.problems.append(Problem(dimension.value, str(error)))
            continue
        if value is not None:
            values[dimension] = value
    return values
