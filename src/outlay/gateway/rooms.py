"""What the flow of a call works with. Put together by `bootstrap`, passed in, never global."""

from dataclasses import dataclass, field
from typing import Protocol

from outlay.gateway.metrics import GatewayMetrics
from outlay.identity.keyring import KeyRing
from outlay.kernel.clock import Clock
from outlay.kernel.ids import BootId
from outlay.ledger.facts import ProviderObject
from outlay.ledger.journal import Journal
from outlay.pricing.book import PriceBook
from outlay.routing.resolve import ProviderTable
from outlay.transport.upstream import Limits, Transport


class Hashes(Protocol):
    """Keyed hashes: each kind under its own key, so that equal hashes mean equal things."""

    def of_request(self, body: bytes) -> str:
        """Hash a request body, for duplicate detection."""
        ...

    def of_value(self, text: str) -> str:
        """Hash an attribution value that is not kept verbatim."""
        ...

    def of_response_id(self, text: str) -> str:
        """Hash a provider's id of an answer."""
        ...


class ObjectRegister(Protocol):
    """Remembers which key made which stored object."""

    async def find_owner(self, object_hash: str) -> ProviderObject | None:
        """Return who made the object, or None when we did not see it made."""
        ...


class Configuration(Protocol):
    """What operators change while we run; each read gives one consistent snapshot."""

    keyring: KeyRing
    providers: ProviderTable
    book: PriceBook

    async def refresh(self) -> None:
        """Look for changes now, and return when they are in force."""
        ...


@dataclass(frozen=True, slots=True)
class GatewayLimits:
    """Bounds of one worker (product.md 14)."""

    body_bytes: int = 32 * 1024 * 1024
    answer_bytes: int = 64 * 1024 * 1024
    in_flight_calls: int = 4_096
    hang_up_drain_s: float = 10
    upstream: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Rooms:
    """Everything one worker's calls share."""

    boot_id: BootId
    clock: Clock
    limits: GatewayLimits
    configuration: Configuration
    journal: Journal
    objects: ObjectRegister
    transport: Transport
    hashes: Hashes
    metrics: GatewayMetrics
    price_at_us: int | None = None
    """Price every call as of this instant (OUTLAY_PRICE_DATE); None: as of its admission."""
