"""Money as integer nano-USD, and its two texts.

An amount is a plain `int` whose name ends in `_nanos` (1 nano = 1e-9 USD). There is no float and no
tolerance: two amounts are equal or they are not. Source: docs/adr/0002-money.md.
"""

import re
from collections.abc import Sequence

NANOS_PER_USD = 1_000_000_000
MAX_NANOS = 2**63 - 1
"""The largest amount a ledger row holds, about 9.2 billion USD (a signed 64-bit column)."""

_USD = re.compile(r"([+-]?)(\d{1,12})(?:\.(\d{1,9}))?", re.ASCII)


def usd_text(nanos: int) -> str:
    """Write nanos as exact decimal USD, no exponent or trailing zeros: 2500 -> '0.0000025'."""
    sign = "-" if nanos < 0 else ""
    whole, part = divmod(abs(nanos), NANOS_PER_USD)
    if not part:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{part:09d}".rstrip("0")


def parse_usd(text: str) -> int:
    """Read decimal USD text as nanos.

    Raises:
        ValueError: not plain decimal text, more than nine decimals (it would have to be rounded),
        or
            outside what a ledger row holds.
    """
    match = _USD.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text[:40]!r} is not decimal USD with at most nine decimals")
    sign, whole, part = match.groups()
    nanos = int(whole) * NANOS_PER_USD + int((part or "").ljust(9, "0"))
    if nanos > MAX_NANOS:
        raise ValueError(f"{text[:40]!r} is above the largest amount of {usd_text(MAX_NANOS)} USD")
    return -nanos if sign == "-" else nanos


def split(nanos: int, weights: Sequence[int]) -> list[int]:
    """Divide an amount by non-negative weights so that the parts add up to it exactly.

    Largest remainder; ties go to the earlier part. Works for negative amounts (corrections).

    Raises:
        ValueError: no weights, a negative weight, or all weights zero.
    """
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError("weights must be non-negative and not all zero")
    sign, amount = (-1 if nanos < 0 else 1), abs(nanos)
    parts = [amount * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(amount * weights[i] % total), i))
    for i in by_remainder[: amount - sum(parts)]:
        parts[i] += 1
    return [sign * part for part in parts]
