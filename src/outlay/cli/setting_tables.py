"""Settings and providers as people may see them: where each came from, secrets masked."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy import make_url

from outlay.identity.credential_shapes import mask
from outlay.kernel.findings import Finding
from outlay.routing.provider import Provider
from outlay.settings import Settings
from outlay.settings.load import PREFIX, setting_fields

FILE_WIDTH = 200
"""Columns of a table that goes into a file or a pipe, where nothing should be folded."""

_MASKED = "…"


def setting_rows(settings: Settings) -> list[dict[str, str]]:
    """List every setting: variable, value in force, where it came from, meaning."""
    return [
        {
            "variable": PREFIX + name.upper(),
            "value": _shown(name, getattr(settings, name), secret=setting.metadata["secret"]),
            "source": settings.sources.get(name, "default"),
            "meaning": setting.metadata["meaning"],
        }
        for name, setting in setting_fields().items()
    ]


def provider_rows(providers: Iterable[Provider]) -> list[dict[str, Any]]:
    """List providers with everything about them but the secret."""
    return [
        {
            "name": provider.name,
            "kind": provider.kind.value,
            "base_url": provider.base_url,
            "version_path": provider.version_path,
            "api_key": _key_state(provider),
            "enabled": provider.enabled,
            "prefixes": list(provider.prefixes),
            "aliases": dict(provider.aliases),
            "price_provider": provider.price_provider,
            "request_usage": provider.request_usage,
            "default_service_tier": provider.default_service_tier,
            "idle_timeout_s": dict(provider.idle_timeout_s),
            "speaks": sorted(provider.speaks),
        }
        for provider in providers
    ]


def finding_rows(findings: Iterable[Finding]) -> list[dict[str, str]]:
    """List findings for JSON."""
    return [
        {"code": each.code, "source": each.source, "message": mask(each.message)}
        for each in findings
    ]


def print_json(value: object) -> None:
    """Write a value to standard output as indented JSON."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2)
    print()


def print_table(rows: Sequence[dict[str, Any]], columns: Sequence[str], *, fold: str) -> None:
    """Write rows as a table; only the column `fold` may break over lines."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold", no_wrap=column != fold)
    for row in rows:
        table.add_row(*(_cell(row[column]) for column in columns))
    wide_console().print(table)


def print_findings(findings: Sequence[Finding]) -> None:
    """Write findings, one a line; say so when there are none."""
    console = wide_console()
    for each in findings:
        console.print(f"[yellow]note[/] {each.code}:", mask(each.message), soft_wrap=True)
    if not findings:
        console.print("Nothing odd was found.")


def wide_console() -> Console:
    """Return a console as wide as the terminal, and wide enough where there is none."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(width=FILE_WIDTH, highlight=False)


def _shown(name: str, value: object, *, secret: bool) -> str:
    if value is None:
        return ""
    if name == "ledger_url":
        return make_url(str(value)).render_as_string(hide_password=True)
    if secret:
        return _MASKED
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _key_state(provider: Provider) -> str:
    if provider.api_key is not None:
        return "set"
    return "missing" if provider.needs_api_key else "not set"


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}={text}" for name, text in value.items())
    return {True: "yes", False: "no"}.get(value, "") if isinstance(value, bool) else str(value)
