"""The audit chain: what is changed, removed or put in without the master key is found (S-29)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from outlay.identity.master_key import make_master_key
from outlay.stores.ledger.audit import FIRST_HASH, AuditTrail
from outlay.stores.ledger.connection import Ledger
from outlay.stores.ledger.schema import audit_log

_MASTER = make_master_key()


@pytest.fixture
def chained(ledger: Ledger) -> Ledger:
    """Five changes by Ada."""
    with ledger.write() as connection:
        for number in range(5):
            AuditTrail(_MASTER).append(
                connection,
                at_us=number,
                actor="ada",
                action="key.create",
                subject=f"key_{number}",
                detail={"number": number, "name": "é"},
            )
    return ledger


def _breaks(ledger: Ledger) -> list[str]:
    with ledger.read() as connection:
        return [finding.source for finding in AuditTrail(_MASTER).find_breaks(connection)]


def _seqs(ledger: Ledger) -> list[int]:
    with ledger.read() as connection:
        return list(connection.scalars(select(audit_log.c.seq).order_by(audit_log.c.seq)))


def _change(ledger: Ledger, statement: Any) -> None:
    with ledger.write() as connection:
        connection.execute(statement)


def test_an_untouched_chain_is_whole(chained: Ledger) -> None:
    assert _breaks(chained) == []
    with chained.read() as connection:
        first = connection.execute(select(audit_log).order_by(audit_log.c.seq)).first()
    assert first is not None
    assert first.previous_hash == FIRST_HASH


def test_an_empty_chain_is_whole_and_ours(ledger: Ledger) -> None:
    assert _breaks(ledger) == []
    with ledger.read() as connection:
        assert AuditTrail(_MASTER).is_ours(connection)


def test_a_changed_row_is_named(chained: Ledger) -> None:
    forged = {
        "at_us": 99, "actor": "dov", "action": "key.revoke", "subject": "key_9",
        "detail": '{"name":"e","number":1}', "hash": "0" * 64,
    }  # fmt: skip
    for seq in _seqs(chained):
        row = audit_log.c.seq == seq
        for column, value in forged.items():
            with chained.read() as connection:
                kept = connection.scalar(select(audit_log.c[column]).where(row))
            _change(chained, update(audit_log).where(row).values({column: value}))
            assert f"audit_log {seq}" in _breaks(chained), column
            _change(chained, update(audit_log).where(row).values({column: kept}))
    assert _breaks(chained) == []


@pytest.mark.parametrize("place", [0, 2, 3])
def test_a_removed_row_is_noticed_at_the_next(chained: Ledger, place: int) -> None:
    seqs = _seqs(chained)
    _change(chained, delete(audit_log).where(audit_log.c.seq == seqs[place]))
    assert _breaks(chained) == [f"audit_log {seqs[place + 1]}"]


def test_a_row_put_in_without_the_key_is_named(chained: Ledger) -> None:
    with chained.read() as connection:
        newest = connection.scalar(select(audit_log.c.hash).order_by(audit_log.c.seq.desc()))
    forged = {
        "at_us": 9, "actor": "ada", "action": "key.create", "subject": "key_x", "detail": "{}",
        "previous_hash": newest, "hash": "ab" * 32,
    }  # fmt: skip
    _change(chained, insert(audit_log).values(**forged))
    assert _breaks(chained) == [f"audit_log {_seqs(chained)[-1]}"]


def test_changes_at_the_same_moment_make_one_chain(ledger: Ledger) -> None:
    """On PostgreSQL two writers would else both follow the same row."""

    def change(actor: str) -> None:
        for number in range(5):
            with ledger.write() as connection:
                AuditTrail(_MASTER).append(
                    connection,
                    at_us=number,
                    actor=actor,
                    action="key.create",
                    subject="key",
                    detail={},
                )

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(change, ("ada", "ben", "cleo", "dov")))
    assert len(_seqs(ledger)) == 20
    assert _breaks(ledger) == []


def test_another_master_key_is_noticed(chained: Ledger) -> None:
    with chained.read() as connection:
        assert AuditTrail(_MASTER).is_ours(connection)
        assert not AuditTrail(make_master_key()).is_ours(connection)
