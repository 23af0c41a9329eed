"""The audit log: who changed what, in rows that are chained by a keyed hash.

Each hash covers the row and the hash before it, under a key derived from the master key: whoever
can write to the database but has no master key cannot change, drop or insert a row unseen. Cutting
off the newest rows is seen only by whoever kept the hash of a later one.
"""

import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, select, text

from outlay.identity.master_key import MasterKey, Purpose
from outlay.kernel.findings import Finding
from outlay.stores.ledger.schema import audit_log

FIRST_HASH = "0" * 64
PAGE_ROWS = 1_000


class AuditTrail:
    """Appends to the audit log, and checks it."""

    def __init__(self, master_key: MasterKey) -> None:
        """Derive the key of the chain."""
        self._key = master_key.derive(Purpose.AUDIT_CHAIN)

    def append(
        self,
        connection: Connection,
        *,
        at_us: int,
        actor: str,
        action: str,
        subject: str,
        detail: Mapping[str, Any],
    ) -> None:
        """Record a change within the transaction that makes it. `detail` has no secrets in it."""
        if connection.dialect.name == "postgresql":  # two writers would fork the chain
            connection.execute(text("LOCK TABLE audit_log IN EXCLUSIVE MODE"))
        newest = select(audit_log.c.hash).order_by(audit_log.c.seq.desc()).limit(1)
        previous = connection.scalar(newest) or FIRST_HASH
        row = {
            "at_us": at_us,
            "actor": actor,
            "action": action,
            "subject": subject,
            "detail": json.dumps(detail, ensure_ascii=False, separators=(",", ":"), sort_keys=True),
            "previous_hash": previous,
        }
        connection.execute(audit_log.insert().values(**row, hash=self._hash(row)))

    def find_breaks(self, connection: Connection) -> list[Finding]:
        """Walk the whole chain and name each row that does not fit the one before it."""
        broken: list[Finding] = []
        previous, seq = FIRST_HASH, 0
        while rows := _page(connection, seq):
            for row in rows:
                if row["previous_hash"] != previous or row["hash"] != self._hash(row):
                    broken.append(_break(row))
                previous, seq = row["hash"], row["seq"]
        return broken

    def is_ours(self, connection: Connection) -> bool:
        """Tell whether the newest row was chained under this master key (or there is none)."""
        newest = select(audit_log).order_by(audit_log.c.seq.desc()).limit(1)
        row = connection.execute(newest).mappings().first()
        return row is None or hmac.compare_digest(row["hash"], self._hash(row))

    def _hash(self, row: Mapping[str, Any] | RowMapping) -> str:
        parts = [row[name] for name in _CHAINED]
        message = json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()
        return hmac.digest(self._key, message, "sha256").hex()


_CHAINED = ("previous_hash", "at_us", "actor", "action", "subject", "detail")


def _page(connection: Connection, after_seq: int) -> Sequence[RowMapping]:
    rows = select(audit_log).where(audit_log.c.seq > after_seq)
    return connection.execute(rows.order_by(audit_log.c.seq).limit(PAGE_ROWS)).mappings().all()


def _break(row: RowMapping) -> Finding:
    return Finding(
        "audit_chain_broken",
        f"audit_log {row['seq']}",
        f"The audit row {row['seq']} ({row['action']} of {row['subject']}) does not follow from "
        "the one before it: a row was changed, removed or put in",
    )
