"""Reading counts out of a usage object and dividing totals into disjoint parts.

Providers' numbers are taken as they are where that is possible. Where they contradict themselves
(parts larger than their whole) they are clamped, and the contradiction becomes a finding: a call
is never failed and a quantity never negative for it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from outlay.kernel.findings import Finding
from outlay.usage.meters import Meter
from outlay.usage.usage import Pass

MAX_COUNT = 10**12
"""A count above this is taken for nonsense: it is a thousand million-token prompts a second for
months, and would not fit the ledger's sums."""


class Reading(NamedTuple):
    """What a dialect's reader made of a usage object."""

    passes: tuple[Pass, ...]
    findings: tuple[Finding, ...] = ()


class Tally:
    """The quantities of one pass while they are being read, and what was odd about them."""

    def __init__(self, source: str) -> None:
        """Begin; `source` names the dialect in findings."""
        self._source = source
        self.quantities: dict[Meter, int] = {}
        self.findings: list[Finding] = []

    def count(self, usage: object, name: str) -> int:
        """Return the count under `name` of a JSON object; zero when it is absent or null."""
        return self.find(usage, name) or 0

    def find(self, usage: object, name: str) -> int | None:
        """Return the count under `name`, or None when it is absent, null or no count at all."""
        value = usage.get(name) if isinstance(usage, dict) else None
        if value is None:
            return None
        count = read_count(value)
        if count is None:
            self.note("usage.no_count", f"{name} is not a count")
        return count

    def parts(self, details: object, meters: Mapping[str, Meter]) -> list[tuple[Meter, int]]:
        """List what a JSON object counts, by meter; `meters` names them in the object's words."""
        found: list[tuple[Meter, int]] = []
        if isinstance(details, dict):
            for name, meter in meters.items():
                if name in details and (count := self.find(details, name)) is not None:
                    found.append((meter, count))
        return found

    def add(self, meter: Meter, quantity: int) -> None:
        """Add to a meter; zero adds nothing."""
        if quantity:
            quantities = self.quantities
            quantities[meter] = quantities.get(meter, 0) + quantity

    def divide(self, total: int, rest: Meter, parts: Iterable[tuple[Meter, int]]) -> None:
        """Divide a total into parts that lie within it; what they leave over goes to `rest`."""
        left = total
        for meter, quantity in parts:
            if not quantity:
                continue
            taken = min(quantity, left)
            if taken < quantity:
                self.note(
                    "usage.parts_exceed_total",
                    f"{quantity} {meter} tokens do not fit into what is left of {total}",
                )
            self.add(meter, taken)
            left -= taken
        self.add(rest, left)

    def note(self, code: str, message: str) -> None:
        """Record that something is odd."""
        self.findings.append(Finding(code, self._source, message))

    def reading(self, model: str | None = None) -> Reading:
        """Return what was read as one pass."""
        return Reading((Pass(model, self.quantities),), tuple(self.findings))


def read_count(value: Any) -> int | None:
    """Read a JSON value as a count; None when it is none. Some servers write counts as `12.0`."""
    if type(value) is int:
        return value if 0 <= value <= MAX_COUNT else None
    whole = getattr(value, "is_integer", None)
    if isinstance(value, bool) or whole is None or not whole() or not 0 <= value <= MAX_COUNT:
        return None
    return int(value)
