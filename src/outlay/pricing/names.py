"""Names as prices see them: a model's plain spelling and family, a service tier's word."""

import re

_PREFIXES = ("models/", "publishers/google/models/")
_COMPACT_DATE = re.compile(r"-(20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=[-:]|$)")
_SNAPSHOT = re.compile(
    r"[-@:](20\d\d-?\d\d-?\d\d|\d\d-\d\d|\d\d-20\d\d|\d{3,4}|latest|preview|exp|v\d+)$"
)


def plain_name(name: str) -> str:
    """Return the name in lower case, without the resource path that Google puts before it."""
    plain = name.strip().lower()
    for prefix in _PREFIXES:
        plain = plain.removeprefix(prefix)
    return plain


def dashed_date(name: str) -> str:
    """Return the name with a compact date written with dashes: `-20251211` as `-2025-12-11`."""
    return _COMPACT_DATE.sub(r"-\1-\2-\3", name)


def family(name: str) -> str:
    """Return what a name has in common with its snapshots: without date, version number or alias.

    `gpt-4o-2024-08-06` and `gpt-4o-latest` are of the family `gpt-4o`; `gpt-4o-mini` is not.
    """
    base = plain_name(name).rpartition("/")[2]
    while (shorter := _SNAPSHOT.sub("", base)) != base:
        base = shorter
    return base


def tier_name(text: str) -> str:
    """Return a service tier in lower case, without the enumeration that Google spells before it.

    `SERVICE_TIER_FLEX` and `ON_DEMAND_FLEX` (a traffic type) are `flex`.
    """
    return text.strip().lower().removeprefix("service_tier_").removeprefix("on_demand_")
