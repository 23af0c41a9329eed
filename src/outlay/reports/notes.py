"""What stands beside spend: what it leaves out and what of it is an estimate."""

from decimal import ROUND_HALF_EVEN, Decimal

from outlay.kernel.money import usd_text
from outlay.reports.spend import Spend, Uncounted
from outlay.reports.table import Column, Unit

ASIDE_COLUMNS = (
    Column(
        "unpriced_calls",
        "Unpriced",
        Unit.COUNT,
        "calls without a known price: counted, but no part of spend and averages",
        additive=True,
        is_aside=True,
    ),
    Column(
        "estimated_spend_usd",
        "Estimated",
        Unit.USD,
        "spend on estimated usage, a part of the spend",
        additive=True,
        is_aside=True,
    ),
)
"""What qualifies the spend of a row, in every report of spend."""

_TENTH = Decimal("0.1")


def spend_notes(total: Spend, uncounted: Uncounted) -> tuple[str, ...]:
    """Say what the figures of a report leave out, and how much of them is estimated."""
    notes = []
    if total.unpriced_calls:
        calls = _calls(total.unpriced_calls, "unpriced")
        notes.append(f"+ {calls}: counted, but no part of spend and averages")
    if total.estimated_nanos:
        notes.append(
            f"{usd_text(total.estimated_nanos)} USD of the spend "
            f"({_percent(total.estimated_nanos, total.spend_nanos)} %) is estimated"
        )
    if uncounted.open_calls:
        notes.append(f"+ {_calls(uncounted.open_calls, 'open')}: not settled yet, not counted")
    if uncounted.unbilled_calls:
        calls = _calls(uncounted.unbilled_calls, "unbilled")
        notes.append(f"+ {calls}: ended without an answer and without cost, not counted")
    return tuple(notes)


def _calls(count: int, kind: str) -> str:
    return f"{count:,} {kind} call{'' if count == 1 else 's'}"


def _percent(part: int, whole: int) -> Decimal:
    return (Decimal(100 * part) / whole).quantize(_TENTH, ROUND_HALF_EVEN)
