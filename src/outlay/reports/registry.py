"""Every report there is, by name. A new one is a file of its own and a line here."""

from outlay.kernel.errors import Category, OutlayError
from outlay.reports import tags, users
from outlay.reports.report import Report

REPORTS: tuple[Report, ...] = (users.REPORT, tags.REPORT)


class ReportNotFound(OutlayError):
    """There is no report of that name."""

    code = "report.not_found"
    category = Category.NOT_FOUND

    def __init__(self, name: str) -> None:
        """List the names there are."""
        names = ", ".join(report.name for report in REPORTS)
        super().__init__(f"there is no report {name!r}; there are: {names}")


def get_report(name: str) -> Report:
    """Return the report of a name.

    Raises:
        ReportNotFound: there is none.
    """
    for report in REPORTS:
        if report.name == name:
            return report
    raise ReportNotFound(name)
