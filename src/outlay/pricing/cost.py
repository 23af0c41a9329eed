"""What a call cost, every way we know it."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec


class CostBasis(StrEnum):
    """Which of the costs known of a call is its cost."""

    STATED = "stated"
    CONTRACT = "contract"
    LIST = "list"
    BOUND = "bound"
    NONE = "none"


class Cost(msgspec.Struct, frozen=True, gc=False):
    """What a call cost, every way we know it, in nano-USD.

    `cost_nanos` is None when the call is unpriced; `unpriced` then names the meters without a
    price. `unit_prices` are attos per unit by `model/meter`, enough to explain the cost without
    today's book.
    """

    cost_nanos: int | None
    basis: CostBasis
    list_token_cost_nanos: int | None = None
    contract_cost_nanos: int | None = None
    stated_cost_nanos: int | None = None
    tool_cost_nanos: int | None = None
    price_revision: str | None = None
    unit_prices: Mapping[str, int] = msgspec.field(default_factory=dict)
    unpriced: tuple[str, ...] = ()


NO_COST = Cost(cost_nanos=0, basis=CostBasis.NONE, list_token_cost_nanos=0, tool_cost_nanos=0)
"""The cost of a call that nobody bills: never sent, or answered with the provider's own error."""
