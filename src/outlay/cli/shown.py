"""Figures as terminals show them: rounded for the eye, never for a file or a program."""

from datetime import tzinfo
from decimal import ROUND_HALF_EVEN, Decimal

from outlay.kernel.clock import from_us

SHOWN_DECIMALS = 6
_STEP = Decimal(1).scaleb(-SHOWN_DECIMALS)


def shown_usd(nanos: int) -> str:
    """Write USD with six decimals and thousands apart; what would round to nothing says `<`."""
    rounded = Decimal(nanos).scaleb(-9).quantize(_STEP, ROUND_HALF_EVEN)
    if nanos and not rounded:
        return f"<{_STEP:f}" if nanos > 0 else f">-{_STEP:f}"
    return f"{rounded:,f}"


def counted(count: int, noun: str) -> str:
    """Write a count with its noun: `1 call`, `1,229 calls`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def shown_instant(at_us: int, zone: tzinfo | None) -> str:
    """Write an instant to the second in a zone, or in the machine's own."""
    return from_us(at_us).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
