"""`outlay config`: check the configuration, or show what is in force and where it came from."""

import os
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from outlay.cli.opening import DataDir
from outlay.cli.setting_tables import (
    finding_rows,
    print_findings,
    print_json,
    print_table,
    provider_rows,
    setting_rows,
)
from outlay.routing.provider_entry import build_providers
from outlay.settings import load_settings, refuse_unsafe, start_findings

app = App(name="config", help="Check or show the configuration: environment and outlay.toml.")

Format = Annotated[Literal["table", "json"], Parameter(name="--format")]


@app.command
def check(*, config: Path | None = None, data_dir: DataDir = None) -> None:
    """Read the configuration as `serve` would; list everything that is wrong, exit code 1.

    Parameters
    ----------
    config:
        The outlay.toml to read.
    data_dir:
        Directory of the ledger (./outlay-data).
    """
    settings = load_settings(os.environ, config_file=config, data_dir=data_dir)
    refuse_unsafe(settings)
    built = build_providers((), settings.provider_entries)
    print("The configuration can be used.")
    print_findings([*start_findings(settings, built.providers), *built.findings])


@app.command
def show(
    *, config: Path | None = None, data_dir: DataDir = None, format_: Format = "table"
) -> None:
    """Show every setting in force and where it came from; secrets are masked.

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
    built = build_providers((), settings.provider_entries)
    rows, providers = setting_rows(settings), provider_rows(built.providers)
    if format_ == "json":
        findings = finding_rows([*settings.findings, *built.findings])
        file = None if settings.config_file is None else str(settings.config_file)
        print_json(
            {"config_file": file, "settings": rows, "providers": providers, "findings": findings}
        )
        return
    print(f"outlay.toml: {settings.config_file or 'none'}")
    print_table(rows, ("variable", "value", "source"), fold="value")
    print()
    columns = ("name", "kind", "base_url", "version_path", "api_key", "prefixes", "aliases")
    print_table(providers, columns, fold="aliases")
