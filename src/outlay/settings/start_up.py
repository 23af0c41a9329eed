"""What must not be started, and what an operator should know about how it is started.

A refusal here means that starting would put keys or figures at risk; its text says what to do. A
missing or open master key, one of another ledger, and an old SQLite are refused where they are
read.
"""

import stat
from collections.abc import Iterable

from outlay.kernel.clock import rfc3339
from outlay.kernel.errors import SettingsError
from outlay.kernel.findings import Finding
from outlay.routing.base_url import is_loopback, parse_base_url
from outlay.routing.provider import Provider
from outlay.settings.fields import Settings

DEMO_MARKER = "demo.json"
"""In the data directory of a demo: how far its history is told, so that it is told once."""

_EVERY_ADDRESS = frozenset({"0.0.0.0", "::", "[::]"})  # noqa: S104  compared with, not bound to


def refuse_unsafe(settings: Settings) -> None:
    """Refuse to serve with settings that would give keys away or call ourselves.

    Raises:
        SettingsError: the text lists every reason, one a line.
    """
    problems = [*_open_address(settings), *_own_address(settings)]
    if problems:
        raise SettingsError("\n".join(["this would not be safe, so it is not started:", *problems]))


def start_findings(settings: Settings, providers: Iterable[Provider]) -> list[Finding]:
    """List what is allowed but should be known: shown at start and by `outlay doctor`."""
    return [
        *settings.findings,
        *_plain_http(settings, providers),
        *_demo_ledger(settings),
        *_open_data_dir(settings),
        *_weak_durability(settings),
        *_fixed_prices(settings),
    ]


def _open_address(settings: Settings) -> list[str]:
    if is_loopback(settings.host) or settings.behind_tls_proxy:
        return []
    why = "other machines would send API keys and prompts unencrypted"
    what = "Listen on 127.0.0.1, or put a proxy in front that ends TLS and confirm it with"
    return [f"- host is {settings.host}: {why}. {what} OUTLAY_BEHIND_TLS_PROXY=true"]


def _own_address(settings: Settings) -> list[str]:
    """Name the providers whose base URL is this gateway: each call would call itself for ever."""
    return [
        f"- the base URL of {provider.name} ({provider.base_url}) is this gateway's own address: "
        "write the provider's"
        for provider in settings.providers
        if _is_own(provider, settings)
    ]


def _is_own(provider: Provider, settings: Settings) -> bool:
    address = parse_base_url(provider.base_url, provider.kind, allow_http=True)
    if address.port != settings.port:
        return False
    host = address.host.strip("[]")
    here = settings.host in _EVERY_ADDRESS or is_loopback(settings.host)
    return host == settings.host or (here and is_loopback(host))


def _plain_http(settings: Settings, providers: Iterable[Provider]) -> list[Finding]:
    if not settings.allow_http:
        return []
    return [
        Finding(
            "provider_over_http",
            provider.name,
            f"{provider.name} is called over plain http at {provider.base_url}: its secret and all "
            "prompts are readable on that network",
        )
        for provider in providers
        if provider.base_url.startswith("http://")
        and not is_loopback(parse_base_url(provider.base_url, provider.kind, allow_http=True).host)
    ]


def _demo_ledger(settings: Settings) -> list[Finding]:
    if settings.ledger_url or not (settings.data_dir / DEMO_MARKER).exists():
        return []
    message = (
        f"{settings.data_dir} holds the ledger of a demo: its calls are invented, and real ones "
        "would be counted with them; serve your own with another --data-dir"
    )
    return [Finding("demo_ledger", str(settings.data_dir), message)]


def _open_data_dir(settings: Settings) -> list[Finding]:
    try:
        mode = stat.S_IMODE(settings.data_dir.stat().st_mode)
    except OSError:
        return []
    if not mode & 0o007:
        return []
    return [
        Finding(
            "data_dir_open",
            str(settings.data_dir),
            f"{settings.data_dir} can be entered by every user of this machine (mode {mode:04o}); "
            f"write: chmod 700 {settings.data_dir}",
        )
    ]


def _weak_durability(settings: Settings) -> list[Finding]:
    if settings.durability == "full":
        return []
    message = "durability is relaxed: a power cut may lose calls that a provider has billed"
    return [Finding("durability_relaxed", settings.sources.get("durability", ""), message)]


def _fixed_prices(settings: Settings) -> list[Finding]:
    if settings.price_at_us is None:
        return []
    message = f"every call is priced as of {rfc3339(settings.price_at_us)}, whenever it is made"
    return [Finding("price_date_fixed", settings.sources.get("price_date", ""), message)]
