"""Where a tidy rule does not hold, why, and since when. An entry that is no longer needed fails."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Exemption:
    """One place that a rule leaves alone; `place` is as the rule's failure names it."""

    rule: str
    place: str
    reason: str
    since: date


EXEMPTIONS: tuple[Exemption, ...] = (
    Exemption(
        "file length",
        "src/outlay/stores/ledger/migrations/versions/0001_first.py",
        "a migration is one frozen list of tables, never read in parts and never edited",
        date(2026, 11, 21),
    ),
    Exemption(
        "definition name",
        "src/outlay/cli/db.py:info",
        "the command is `outlay db info`, as people know it from other tools",
        date(2026, 11, 21),
    ),
    Exemption(
        "definition name",
        "src/outlay/wire/sse.py:read_data",
        "`data` is the field of an event that it reads (the WHATWG's name)",
        date(2026, 11, 21),
    ),
)


def without_exempted(rule: str, places: set[str]) -> set[str]:
    """Return the places that break a rule without leave.

    Raises:
        AssertionError: an exemption of this rule has become needless.
    """
    exempted = {item.place for item in EXEMPTIONS if item.rule == rule}
    needless = exempted - places
    assert not needless, f"take these {rule} exemptions out: {sorted(needless)}"
    return places - exempted
