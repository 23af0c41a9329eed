"""Unit prices as exact integers, and the only multiplication of a price by a quantity.

A unit price is an integer number of atto-USD (1e-18) per single unit: 2.50 USD per million tokens
is 2_500_000_000_000 attos a token. Every published price so far is a whole number of attos; one
that is not is refused when it enters the book, never rounded.
"""

from collections.abc import Iterable
from decimal import Decimal

ATTOS_PER_USD = 10**18
ATTOS_PER_NANO = 10**9


def attos_per_unit(price_usd: Decimal, units: int = 1) -> int:
    """Turn a price of `price_usd` for `units` units into attos for one unit.

    Raises:
        ValueError: the price for one unit is not a whole number of attos, or is negative.
    """
    attos, rest = divmod(price_usd * ATTOS_PER_USD, units)
    if rest or attos != attos.to_integral_value() or attos < 0:
        raise ValueError(f"{price_usd} USD per {units} is not a whole number of 1e-18 USD")
    return int(attos)


def cost_nanos(lines: Iterable[tuple[int, int]]) -> int:
    """Add up (quantity, attos per unit) lines and round once, half to even, to a nano-USD."""
    return round_to_nanos(sum(quantity * attos for quantity, attos in lines))


def round_to_nanos(attos: int) -> int:
    """Round atto-USD to nano-USD, half to even. The one place where money is rounded."""
    nanos, rest = divmod(attos, ATTOS_PER_NANO)
    twice = 2 * rest
    if twice > ATTOS_PER_NANO or (twice == ATTOS_PER_NANO and nanos & 1):
        nanos += 1
    return nanos


def ceil_to_nanos(attos: int) -> int:
    """Round atto-USD up to nano-USD: for bounds, which may never be below the cost."""
    return -(-attos // ATTOS_PER_NANO)
