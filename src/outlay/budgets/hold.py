"""A hold: money kept back on a budget for a call, and how well the call is bounded."""

from dataclasses import dataclass
from enum import StrEnum


class HoldClass(StrEnum):
    """How well a call's cost is bounded before it is made (product.md 7, the promise)."""

    BOUNDED = "bounded"
    WINDOW_BOUNDED = "window_bounded"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Hold:
    """Money kept back on one budget for one call."""

    budget_id: str
    amount_nanos: int
