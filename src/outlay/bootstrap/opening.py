"""What a worker and the control process open in the same way: the ledger, and what it holds."""

from outlay.configuration import Loaders
from outlay.identity.master_key import MasterKey
from outlay.kernel.clock import SystemClock
from outlay.routing.provider_entry import build_providers
from outlay.routing.resolve import ProviderTable
from outlay.settings import Settings
from outlay.stores.ledger.connection import Ledger, open_ledger
from outlay.stores.ledger.keys import KeyStore
from outlay.stores.ledger.prices import load_book
from outlay.stores.ledger.providers import ProviderStore
from outlay.stores.ledger.unlock import unlock_ledger


def open_configured_ledger(settings: Settings, clock: SystemClock) -> Ledger:
    """Open the ledger that the settings name."""
    return open_ledger(
        settings.ledger_url,
        data_dir=settings.data_dir,
        clock=clock,
        durability=settings.durability,
    )


def unlock(ledger: Ledger, settings: Settings) -> MasterKey:
    """Find the master key that the ledger was made with."""
    return unlock_ledger(ledger, key=settings.master_key, key_file=settings.master_key_file)


def loaders(settings: Settings, master_key: MasterKey) -> Loaders:
    """Say how keys, providers and prices are read from the ledger."""

    def load_providers(ledger: Ledger) -> ProviderTable:
        stored, _findings = ProviderStore(ledger, master_key).load_entries()
        return ProviderTable(build_providers(stored, settings.provider_entries).providers)

    return Loaders(
        keyring=lambda ledger: KeyStore(ledger, master_key).load_keyring(),
        providers=load_providers,
        book=load_book,
    )
