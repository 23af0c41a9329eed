"""Checks a whole ledger, rule by rule and row by row, while others go on writing.

It reads in pages by sequence number, each a short transaction. A call that looks wrong only because
it is just ending is looked at again.
"""

from outlay.stores.ledger.audit import AuditTrail
from outlay.stores.ledger.check_calls import check_calls, check_corrections, check_holds
from outlay.stores.ledger.check_rows import (
    check_audit,
    check_file,
    check_quarantine,
    check_sequences,
)
from outlay.stores.ledger.checks import Check, Progress
from outlay.stores.ledger.connection import Ledger


def verify_ledger(
    ledger: Ledger, *, audit: AuditTrail | None = None, progress: Progress | None = None
) -> list[Check]:
    """Run every check. Blocks; about 10 us a row.

    Args:
        ledger: what to check; it may be in use.
        audit: holds the key of the audit log's chain; None leaves the chain out, and says so.
        progress: told how far each check is.

    Raises:
        LedgerUnavailable: the ledger cannot be read.
    """
    told = progress or _silent
    return [
        check_file(ledger, told),
        check_calls(ledger, told),
        check_corrections(ledger, told),
        check_holds(ledger, told),
        check_sequences(ledger, told),
        check_audit(ledger, told, audit),
        check_quarantine(ledger, told),
    ]


def _silent(_name: str, _done: int, _total: int) -> None:
    """Say nothing."""
