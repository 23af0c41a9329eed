"""`outlay doctor`: what is in force, whether it can work, and what is odd."""

import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from pysqlite3 import dbapi2 as sqlite

from outlay import __version__
from outlay.cli.opening import DataDir, OpenedLedger, opened_ledger
from outlay.cli.setting_tables import (
    finding_rows,
    print_findings,
    print_json,
    print_table,
    provider_rows,
    setting_rows,
)
from outlay.kernel.clock import rfc3339
from outlay.kernel.errors import OutlayError, SettingsError
from outlay.kernel.findings import Finding
from outlay.routing.provider import Provider
from outlay.routing.provider_entry import build_providers
from outlay.settings import Settings, load_settings, refuse_unsafe, start_findings
from outlay.stores.ledger.audit import AuditTrail
from outlay.stores.ledger.keys import KeyStore
from outlay.stores.ledger.providers import ProviderStore

app = App(name="doctor", help="Show what is in force, whether it can work, and what is odd.")

Format = Annotated[Literal["table", "json"], Parameter(name="--format")]


@dataclass(slots=True)
class _Examined:
    """What the examination found; `problems` keep the gateway from starting."""

    facts: dict[str, str]
    providers: Sequence[Provider] = ()
    findings: list[Finding] = field(default_factory=list)
    problems: list[Finding] = field(default_factory=list)


@app.default
def doctor(
    *, config: Path | None = None, data_dir: DataDir = None, format_: Format = "table"
) -> None:
    """Examine the installation; exit code 1 when `serve` could not start.

    Parameters
    ----------
    config:
        The outlay.toml to read.
    data_dir:
        Directory of the ledger (./outlay-data).
    format_:
        table or json.
    """
    settings = load_settings(os.environ, config_file=config, data_dir=data_dir)
    examined = _examine(settings)
    if format_ == "json":
        print_json(_to_json(settings, examined))
    else:
        _print(settings, examined)
    if examined.problems:
        sys.exit(1)


def _examine(settings: Settings) -> _Examined:
    examined = _Examined(_facts(settings))
    try:
        refuse_unsafe(settings)
    except SettingsError as error:
        examined.problems.append(Finding("unsafe_start", "settings", str(error)))
    try:
        with opened_ledger(settings.data_dir) as opened:
            _examine_ledger(opened, examined)
    except OutlayError as error:
        examined.problems.append(Finding(error.code, "ledger", str(error)))
        built = build_providers((), settings.provider_entries)
        examined.providers = built.providers
        examined.findings += built.findings
    examined.findings[:0] = start_findings(settings, examined.providers)
    if not any(provider.api_key for provider in examined.providers):
        examined.findings.append(_no_provider_key())
    return examined


def _facts(settings: Settings) -> dict[str, str]:
    at_us = settings.price_at_us
    return {
        "outlay": __version__,
        "python": platform.python_version(),
        "sqlite": sqlite.sqlite_version,
        "outlay.toml": str(settings.config_file or "none"),
        "prices as of": "each call's admission" if at_us is None else rfc3339(at_us),
    }


def _examine_ledger(opened: OpenedLedger, examined: _Examined) -> None:
    ledger, master_key = opened.ledger, opened.master_key
    keys = KeyStore(ledger, master_key).list_keys()
    stored, findings = ProviderStore(ledger, master_key).load_entries()
    built = build_providers(stored, opened.settings.provider_entries)
    with ledger.read() as connection:
        examined.problems += AuditTrail(master_key).find_breaks(connection)
    examined.facts["ledger"] = f"reachable, schema {ledger.schema_revision()}"
    examined.facts["API keys"] = f"{len(keys)} active"
    examined.providers = built.providers
    examined.findings += [*findings, *built.findings]
    if not keys:
        message = (
            "there is no API key yet, so every call is refused: outlay keys create --name my-app"
        )
        examined.findings.append(Finding("no_api_key", "ledger", message))


def _no_provider_key() -> Finding:
    message = "no provider has an API key: set OPENAI_API_KEY, or outlay providers set openai"
    return Finding("no_provider_key", "providers", message)


def _to_json(settings: Settings, examined: _Examined) -> dict[str, Any]:
    return {
        "facts": examined.facts,
        "settings": setting_rows(settings),
        "providers": provider_rows(examined.providers),
        "problems": finding_rows(examined.problems),
        "findings": finding_rows(examined.findings),
    }


def _print(settings: Settings, examined: _Examined) -> None:
    facts = [{"": name, "value": text} for name, text in examined.facts.items()]
    print_table(facts, ("", "value"), fold="value")
    print()
    print_table(setting_rows(settings), ("variable", "value", "source"), fold="value")
    print()
    columns = ("name", "kind", "base_url", "version_path", "api_key", "enabled", "price_provider")
    print_table(provider_rows(examined.providers), columns, fold="base_url")
    print()
    for problem in examined.problems:
        print(f"PROBLEM {problem.code}: {problem.message}")
    print_findings(examined.findings)
