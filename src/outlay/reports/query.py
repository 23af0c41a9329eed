"""What a report is asked: over which period, seen from which instant."""

from dataclasses import dataclass

from outlay.kernel.periods import Period


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """A question to a report.

    `period` is half-open and already resolved to instants, so that every output can print it. A
    call belongs to it by its admission instant. `as_of_us` is the instant the answer was asked for.
    """

    period: Period
    as_of_us: int
