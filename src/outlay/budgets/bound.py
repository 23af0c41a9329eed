"""The bound of a call: its class and the most it can cost."""

from dataclasses import dataclass

from outlay.budgets.hold import HoldClass


@dataclass(frozen=True, slots=True)
class Bound:
    """How well a call is bounded, why, and the amounts in nano-USD.

    `bound_nanos` is an upper bound of the cost for bounded and window-bounded calls whose model has a
    price; for open calls it is the same arithmetic without the open part, and None without a price.
    `likely_nanos` is what such a call would usually cost.
    """

    hold_class: HoldClass
    reasons: tuple[str, ...]
    bound_nanos: int | None
    likely_nanos: int | None
