"""What is configured of a provider, layer by layer, and the provider that the layers make.

The layers, each above the one before: what is known of it, the ledger (`outlay providers set`),
then `outlay.toml` and the environment. A secret never crosses to an address of another layer:
whoever may change one of them could otherwise have it sent to a host of theirs.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from functools import reduce

from outlay.kernel.findings import Finding
from outlay.routing.known_providers import KNOWN_PROVIDERS, KnownProvider
from outlay.routing.provider import Provider, ProviderKind

PROVIDER_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
"""A provider's name: lower-case letters and digits, hyphens within."""
MAX_NAME_CHARS = 40


@dataclass(frozen=True, slots=True)
class ProviderEntry:
    """One layer of a provider's configuration; None means that the layer does not say.

    `origin` tells people where it was written. `base_url` is in the form of `parse_base_url`.
    """

    name: str
    origin: str
    kind: ProviderKind | None = None
    base_url: str | None = None
    version_path: str | None = None
    api_key: str | None = field(default=None, repr=False)
    price_provider: str | None = None
    prefixes: tuple[str, ...] | None = None
    aliases: Mapping[str, str] | None = None
    request_usage: bool | None = None
    default_service_tier: str | None = None
    idle_timeout_s: Mapping[str, float] | None = None
    enabled: bool | None = None
    speaks: frozenset[ProviderKind] | None = None


@dataclass(frozen=True, slots=True)
class BuiltProviders:
    """The providers in the order of their names, the built-in ones first, and what was odd."""

    providers: tuple[Provider, ...]
    findings: tuple[Finding, ...]


def is_provider_name(text: str) -> bool:
    """Tell whether a text may name a provider."""
    return len(text) <= MAX_NAME_CHARS and PROVIDER_NAME.fullmatch(text) is not None


def kind_of(name: str) -> ProviderKind:
    """Say how a provider of this name is spoken to when nothing else is configured."""
    known = KNOWN_PROVIDERS.get(name)
    return ProviderKind.COMPATIBLE if known is None else known.kind


def build_providers(
    stored: Iterable[ProviderEntry], configured: Iterable[ProviderEntry]
) -> BuiltProviders:
    """Make the providers from the ledger's entries and the operator's own (files, environment)."""
    in_ledger = {entry.name: entry for entry in stored}
    in_files = {entry.name: entry for entry in configured}
    built_in = [name for name, known in KNOWN_PROVIDERS.items() if known.is_built_in]
    others = sorted((in_ledger.keys() | in_files.keys()) - set(built_in))
    providers: list[Provider] = []
    findings: list[Finding] = []
    for name in (*built_in, *others):
        provider = _build(name, in_ledger.get(name), in_files.get(name), findings)
        if provider is not None:
            providers.append(provider)
    return BuiltProviders(tuple(providers), tuple(findings))


def overlay(lower: ProviderEntry, upper: ProviderEntry) -> ProviderEntry:
    """Lay one layer over another; the two halves of an address stay together."""
    said = {
        part.name: value
        for part in fields(upper)
        if (value := getattr(upper, part.name)) is not None
    }
    if upper.base_url not in (None, lower.base_url):
        said["version_path"] = upper.version_path
    return replace(lower, **said)


def _build(
    name: str,
    stored: ProviderEntry | None,
    configured: ProviderEntry | None,
    findings: list[Finding],
) -> Provider | None:
    known = KNOWN_PROVIDERS.get(name)
    lowest = None if known is None else _entry_of(name, known)
    layers = [layer for layer in (lowest, stored, configured) if layer is not None]
    entry = reduce(overlay, layers)
    if entry.base_url is None:
        findings.append(_no_address(entry))
        return None
    api_key = _api_key(layers, entry.base_url, known)
    is_withheld = api_key is None and any(layer.api_key for layer in layers)
    if is_withheld:
        findings.append(_withheld(entry))
    is_usual_address = known is not None and known.base_url == entry.base_url
    return Provider(
        name=name,
        kind=entry.kind or ProviderKind.COMPATIBLE,
        base_url=entry.base_url,
        api_key=api_key,
        price_provider=entry.price_provider or name,
        prefixes=entry.prefixes or (),
        aliases=entry.aliases or {},
        request_usage=entry.request_usage is not False,
        default_service_tier=entry.default_service_tier or "standard",
        idle_timeout_s=entry.idle_timeout_s or {},
        version_path="/v1" if entry.version_path is None else entry.version_path,
        needs_api_key=is_withheld
        or (is_usual_address and known is not None and known.needs_api_key),
        enabled=entry.enabled is not False,
        speaks=entry.speaks or frozenset(),
    )


def _entry_of(name: str, known: KnownProvider) -> ProviderEntry:
    """Write what is known of a provider as the lowest layer."""
    return ProviderEntry(
        name,
        "built in",
        kind=known.kind,
        base_url=known.base_url,
        version_path=known.version_path,
        price_provider=known.price_provider,
        request_usage=known.request_usage,
    )


def _api_key(layers: list[ProviderEntry], base_url: str, known: KnownProvider | None) -> str | None:
    """Choose the topmost secret that was given for this very address.

    One that came without an address was given for the provider's known one.
    """
    usual = None if known is None else known.base_url
    for layer in reversed(layers):
        if layer.api_key and base_url == (layer.base_url or usual):
            return layer.api_key
    return None


def _no_address(entry: ProviderEntry) -> Finding:
    variable = f"OUTLAY_{entry.name.upper().replace('-', '_')}_BASE_URL"
    near = get_close_matches(entry.name, KNOWN_PROVIDERS, n=1)
    meant = f", or did you mean the provider {near[0]!r}?" if near else ""
    return Finding(
        "provider_without_address",
        entry.origin,
        f"The provider {entry.name!r} has no base URL and is not used: set {variable}{meant}",
    )


def _withheld(entry: ProviderEntry) -> Finding:
    variable = f"OUTLAY_{entry.name.upper().replace('-', '_')}_API_KEY"
    return Finding(
        "provider_secret_withheld",
        entry.origin,
        f"The provider {entry.name!r} goes to {entry.base_url}, but its API key was given for "
        f"another address and is not sent there. Give it where the address is configured: "
        f"{variable}, or outlay providers set {entry.name} --secret-file FILE",
    )
