"""`outlay providers`: providers kept in the ledger, with their secrets encrypted."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from outlay.cli.opening import DataDir, OpenedLedger, opened_ledger
from outlay.cli.setting_tables import (
    finding_rows,
    print_findings,
    print_json,
    print_table,
    provider_rows,
)
from outlay.identity.credential_shapes import OWN_KEY_PREFIX
from outlay.kernel.errors import SettingsError
from outlay.kernel.findings import Finding
from outlay.routing.base_url import BaseUrl, parse_base_url
from outlay.routing.provider import Provider, ProviderKind
from outlay.routing.provider_entry import ProviderEntry, build_providers, kind_of
from outlay.settings.secret_files import MAX_SECRET_FILE_BYTES, read_secret_file
from outlay.stores.ledger.providers import ORIGIN, ProviderStore

app = App(name="providers", help="List, store and remove providers; secrets are kept encrypted.")

Format = Annotated[Literal["table", "json"], Parameter(name="--format")]
Several = Annotated[tuple[str, ...], Parameter(negative="")]

_COLUMNS = ("name", "kind", "base_url", "version_path", "api_key", "enabled", "prefixes", "aliases")


@app.command(name="list")
def list_(*, format_: Format = "table", data_dir: DataDir = None) -> None:
    """List the providers in force: built in, stored, and configured; never their secrets.

    Parameters
    ----------
    format_:
        table or json.
    data_dir:
        Directory of the ledger (./outlay-data).
    """
    with opened_ledger(data_dir) as opened:
        providers, findings = _in_force(opened)
    if format_ == "json":
        rows = provider_rows(providers)
        print_json({"providers": rows, "findings": finding_rows(findings)})
        return
    print_table(provider_rows(providers), _COLUMNS, fold="aliases")
    if findings:
        print_findings(findings)


@app.command
def show(name: str, *, data_dir: DataDir = None) -> None:
    """Show everything about one provider but its secret, as JSON.

    Parameters
    ----------
    name:
        The provider.
    data_dir:
        Directory of the ledger (./outlay-data).
    """
    with opened_ledger(data_dir) as opened:
        providers, _ = _in_force(opened)
    found = [row for row in provider_rows(providers) if row["name"] == name]
    if not found:
        raise SettingsError(f"there is no provider {name!r}; see: outlay providers list")
    print_json(found[0])


@app.command(name="set")
def set_(  # an option for each part
    name: str,
    *,
    base_url: str | None = None,
    secret_file: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
    kind: ProviderKind | None = None,
    prefix: Several = (),
    alias: Several = (),
    price_provider: str | None = None,
    request_usage: bool | None = None,
    default_service_tier: str | None = None,
    enabled: bool | None = None,
    data_dir: DataDir = None,
) -> None:
    """Store a provider, or change what is given of it; the rest stays. It counts at once.

    Parameters
    ----------
    name:
        What callers write before the slash in provider/model.
    base_url:
        Its address, with or without /v1. A new one needs the secret again.
    secret_file:
        File with its API key; - reads it from standard input. It is never an argument.
    kind:
        How it is spoken to; by default OpenAI-compatible for names that are not built in.
    prefix:
        Beginning of model names that mean this provider. May be repeated.
    alias:
        fast=gpt-4o-mini: a name of yours for one of its models. May be repeated.
    price_provider:
        Whose prices apply in the price book.
    request_usage:
        Ask for usage on OpenAI chat streams when the caller did not.
    default_service_tier:
        The tier that the provider's account is set to.
    enabled:
        Off: its calls are refused, and nothing stored is lost.
    data_dir:
        Directory of the ledger (./outlay-data).
    """
    secret = None if secret_file is None else _read_secret(secret_file)
    with opened_ledger(data_dir) as opened:
        allow_http = opened.settings.allow_http
        address = _read_address(base_url, kind or kind_of(name), allow_http=allow_http)
        entry = ProviderEntry(
            name,
            ORIGIN,
            kind=kind,
            base_url=None if address is None else address.url,
            version_path=None if address is None else address.version_path,
            api_key=secret,
            prefixes=prefix or None,
            aliases=_read_aliases(alias),
            price_provider=price_provider,
            request_usage=request_usage,
            default_service_tier=default_service_tier,
            enabled=enabled,
        )
        ProviderStore(opened.ledger, opened.master_key).store(entry, actor=opened.actor)
        providers, findings = _in_force(opened)
    print_table(
        [row for row in provider_rows(providers) if row["name"] == name], _COLUMNS, fold="aliases"
    )
    if findings:
        print_findings(findings)


@app.command
def remove(name: str, *, data_dir: DataDir = None) -> None:
    """Forget what is stored of a provider, its secret included.

    Parameters
    ----------
    name:
        The provider.
    data_dir:
        Directory of the ledger (./outlay-data).
    """
    with opened_ledger(data_dir) as opened:
        ProviderStore(opened.ledger, opened.master_key).remove(name, actor=opened.actor)
    print(f"{name} is no longer stored; what the environment and outlay.toml say of it counts.")


def _in_force(opened: OpenedLedger) -> tuple[tuple[Provider, ...], list[Finding]]:
    stored, findings = ProviderStore(opened.ledger, opened.master_key).load_entries()
    built = build_providers(stored, opened.settings.provider_entries)
    return built.providers, [*findings, *built.findings]


def _read_secret(path: Path) -> str:
    if str(path) != "-":
        secret = read_secret_file(path)
    elif os.isatty(sys.stdin.fileno()):
        from getpass import getpass

        secret = getpass("API key of the provider: ").strip()
    else:
        secret = sys.stdin.read(MAX_SECRET_FILE_BYTES).strip()
    if not secret or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise SettingsError("the secret is not one line of printable ASCII without blanks")
    if secret.startswith(OWN_KEY_PREFIX):
        raise SettingsError("this is an Outlay key; give the key that the provider issued")
    return secret


def _read_address(text: str | None, kind: ProviderKind, *, allow_http: bool) -> BaseUrl | None:
    if text is None:
        return None
    try:
        return parse_base_url(text, kind, allow_http=allow_http)
    except ValueError as error:
        raise SettingsError(f"--base-url {error}") from error


def _read_aliases(pairs: Iterable[str]) -> dict[str, str] | None:
    aliases: dict[str, str] = {}
    for pair in pairs:
        name, equals, model = pair.partition("=")
        if not equals or not name or not model:
            raise SettingsError(f"--alias {pair}: write it like fast=gpt-4o-mini")
        aliases[name] = model
    return aliases or None
