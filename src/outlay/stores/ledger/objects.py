"""Who made an id that a provider keeps: by-id calls go back to the same provider and key."""

import asyncio

from sqlalchemy import select

from outlay.kernel.ids import KeyId, RequestId
from outlay.ledger.facts import ProviderObject
from outlay.stores.ledger.connection import Ledger
from outlay.stores.ledger.schema import provider_objects


class LedgerObjects:
    """Looks up what the journal recorded of stored objects."""

    def __init__(self, ledger: Ledger) -> None:
        """Work on an open ledger."""
        self._ledger = ledger

    async def find_owner(self, object_hash: str) -> ProviderObject | None:
        """Return who made the object, or None when we did not see it made.

        Raises:
            LedgerUnavailable: the ledger cannot be read.
        """
        return await asyncio.to_thread(self.find_owner_now, object_hash)

    def find_owner_now(self, object_hash: str) -> ProviderObject | None:
        """Do the same in this thread. Blocks."""
        query = select(provider_objects).where(provider_objects.c.object_hash == object_hash)
        with self._ledger.read() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            return None
        return ProviderObject(
            object_hash=row["object_hash"],
            provider=row["provider"],
            key_id=KeyId(row["key_id"]),
            department=row["department"],
            request_id=RequestId(row["request_id"]),
            created_at_us=row["created_at_us"],
        )
