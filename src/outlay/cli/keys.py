"""`outlay keys`: make, list, revoke and rotate the API keys of applications."""

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from outlay.attribution.key_rules import parse_key_rules
from outlay.cli.opening import DataDir, OpenedLedger, opened_ledger
from outlay.identity.caller import Permission
from outlay.kernel.clock import rfc3339
from outlay.routing.provider_entry import build_providers
from outlay.stores.ledger.keys import (
    DEFAULT_PERMISSIONS,
    KeySpec,
    KeyStore,
    StoredKey,
    describe_key,
)
from outlay.stores.ledger.providers import ProviderStore

app = App(name="keys", help="Make, list, revoke and rotate the API keys of applications.")

FILE_WIDTH = 200
"""Columns of a table that goes into a file or a pipe, where nothing should be folded."""

Format = Annotated[Literal["table", "json"], Parameter(name="--format")]
Rules = Annotated[tuple[str, ...], Parameter(negative="")]


@app.command
def create(
    *,
    name: str,
    default: Rules = (),
    pin: Rules = (),
    require: Rules = (),
    allow: Rules = (),
    permission: Annotated[tuple[Permission, ...], Parameter(negative="")] = (),
    default_provider: str | None = None,
    cancel_on_hang_up: Annotated[bool, Parameter(negative="")] = False,
    format_: Format = "table",
    data_dir: DataDir = None,
) -> None:
    """Make a key. It is printed once; only a keyed hash of it is stored.

    Parameters
    ----------
    name:
        What the key is for (an application, a team, a pipeline).
    default:
        `feature=checkout`: used for calls that do not say. May be repeated.
    pin:
        `department=retail`: used for every call, whatever it says. May be repeated.
    require:
        `feature`: calls without it are refused. May be repeated.
    allow:
        `environment=staging,production`: calls with another value are refused. May be repeated.
    permission:
        What the key may do; by default spend and outcomes. May be repeated.
    default_provider:
        Where models go that no provider claims.
    cancel_on_hang_up:
        End the provider's answer when the caller leaves, rather than read on for its usage.
    format_:
        table or json.
    data_dir:
        Directory of the ledger (./outlay-data).
    """
    rules = parse_key_rules(defaults=default, pins=pin, required=require, allowed=allow)
    spec = KeySpec(
        name,
        permissions=frozenset(permission) or DEFAULT_PERMISSIONS,
        rules=rules,
        default_provider=default_provider,
        cancel_on_hang_up=cancel_on_hang_up,
    )
    with opened_ledger(data_dir) as opened:
        store = KeyStore(opened.ledger, opened.master_key)
        secret, stored = store.create(spec, actor=opened.actor)
        is_known = default_provider in (None, *_provider_names(opened))
    _print_secret(secret, stored, format_)
    if not is_known:
        told = f"note: the provider {default_provider!r} is not configured yet"
        print(f"{told}; see: outlay providers list", file=sys.stderr)


@app.command(name="list")
def list_(
    *,
    all_: Annotated[bool, Parameter(name="--all", negative="")] = False,
    format_: Format = "table",
    data_dir: DataDir = None,
) -> None:
    """List the active keys, without their secrets.

    Parameters
    ----------
    all_:
        Also the revoked ones.
    format_:
        table or json.
    data_dir:
        Directory of the ledger (./outlay-data).
    """
    with opened_ledger(data_dir) as opened:
        keys = KeyStore(opened.ledger, opened.master_key).list_keys(with_revoked=all_)
    if format_ == "json":
        _print_json([_to_json(key) for key in keys])
    else:
        _print_table(keys)


@app.command
def revoke(key: str, *, format_: Format = "table", data_dir: DataDir = None) -> None:
    """End a key. A running gateway refuses it within a second.

    Parameters
    ----------
    key:
        Its id or its name.
    format_:
        table or json.
    data_dir:
        Directory of the ledger (./outlay-data).
    """
    with opened_ledger(data_dir) as opened:
        stored = KeyStore(opened.ledger, opened.master_key).revoke(key, actor=opened.actor)
    if format_ == "json":
        _print_json(_to_json(stored))
    else:
        print(f"{stored.key_id} ({stored.caller.name}) is revoked.")


@app.command
def rotate(
    key: str,
    *,
    keep_old: Annotated[bool, Parameter(negative="")] = False,
    format_: Format = "table",
    data_dir: DataDir = None,
) -> None:
    """Give a key a new secret with the same rules, name and history.

    Parameters
    ----------
    key:
        Its id or its name.
    keep_old:
        Let the old secret work until it is revoked; else it ends at once.
    format_:
        table or json.
    data_dir:
        Directory of the ledger (./outlay-data).
    """
    with opened_ledger(data_dir) as opened:
        store = KeyStore(opened.ledger, opened.master_key)
        secret, stored = store.rotate(key, actor=opened.actor, keep_old=keep_old)
    _print_secret(secret, stored, format_)


def _provider_names(opened: OpenedLedger) -> list[str]:
    stored, _ = ProviderStore(opened.ledger, opened.master_key).load_entries()
    built = build_providers(stored, opened.settings.provider_entries)
    return [provider.name for provider in built.providers]


def _print_secret(secret: str, stored: StoredKey, format_: str) -> None:
    if format_ == "json":
        _print_json({"key": secret} | _to_json(stored))
        return
    print(secret)
    Console(stderr=True).print(
        f"[bold]{stored.key_id}[/] ({stored.caller.name}) works at once. Keep the key now: it "
        "cannot be shown again.",
        soft_wrap=True,
    )


def _to_json(key: StoredKey) -> dict[str, Any]:
    revoked_at_us = key.revoked_at_us
    return describe_key(key) | {
        "created_at": rfc3339(key.created_at_us),
        "created_by": key.created_by,
        "revoked_at": None if revoked_at_us is None else rfc3339(revoked_at_us),
    }


def _print_json(value: object) -> None:
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2)
    print()


def _print_table(keys: Sequence[StoredKey]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("id", "name", "begins", "may", "rules", "made", "state"):
        table.add_column(title, overflow="fold", no_wrap=title != "rules")
    for key in keys:
        table.add_row(
            key.key_id,
            key.caller.name,
            f"{key.shown_prefix}…",
            ", ".join(sorted(key.caller.permissions)),
            _rules(key),
            rfc3339(key.created_at_us)[:19] + "Z",
            "active"
            if key.revoked_at_us is None
            else f"revoked {rfc3339(key.revoked_at_us)[:19]}Z",
        )
    console = Console()
    (console if console.is_terminal else Console(width=FILE_WIDTH)).print(table)


def _rules(key: StoredKey) -> str:
    caller = key.caller
    return "\n".join(
        [
            *(f"default {name}={text}" for name, text in caller.defaults.items()),
            *(f"pin {name}={text}" for name, text in caller.pins.items()),
            *(f"require {name}" for name in sorted(caller.required)),
            *(
                f"allow {name}={','.join(sorted(values))}"
                for name, values in caller.allowed.items()
            ),
            *([f"provider {caller.default_provider}"] if caller.default_provider else []),
        ]
    )
