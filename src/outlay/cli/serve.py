"""`outlay serve`: the gateway, until it is told to stop."""

import asyncio
import os
import socket
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from outlay.kernel.clock import rfc3339
from outlay.kernel.errors import SettingsError
from outlay.settings import Settings, load_settings


def serve(
    *,
    host: str | None = None,
    port: int | None = None,
    data_dir: Annotated[Path | None, Parameter(env_var="OUTLAY_DATA_DIR")] = None,
    workers: int | None = None,
    config: Path | None = None,
) -> None:
    """Run the gateway until SIGTERM or Ctrl-C, then let the calls in flight finish.

    Parameters
    ----------
    host:
        Address to listen on (127.0.0.1).
    port:
        Port to listen on (4180); 0 takes a free one.
    data_dir:
        Directory of the ledger, the master key and locks (./outlay-data).
    workers:
        Gateway processes (1); one per core is enough.
    config:
        The outlay.toml to read.
    """
    settings = load_settings(
        os.environ, config_file=config, host=host, port=port, data_dir=data_dir, workers=workers
    )
    run(settings)


def run(settings: Settings) -> None:
    """Serve with these settings; returns when stopped."""
    from outlay.processes.data_dir import claim, prepare_metrics
    from outlay.processes.logs import configure_logs
    from outlay.processes.open_files import allow_open_files
    from outlay.processes.supervisor import Supervisor
    from outlay.settings.start_up import refuse_unsafe

    configure_logs(settings.log_level, as_json=settings.log_json, process="supervisor")
    refuse_unsafe(settings)
    allow_open_files()
    with claim(settings.data_dir), bind(settings) as listener:
        prepare_metrics(settings.data_dir)
        supervisor = Supervisor(settings, listener)
        asyncio.run(supervisor.run(lambda: _greet(settings, listener)))


def bind(settings: Settings) -> socket.socket:
    """Take the address to listen on.

    Raises:
        SettingsError: somebody else has it.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"{settings.host}:{settings.port} cannot be listened on ({error.strerror}): stop what "
            "uses it, or choose another --port"
        ) from error
    return listener


def _greet(settings: Settings, listener: socket.socket) -> None:
    """Say where the gateway is, how it runs, and what is odd about the configuration."""
    from outlay.settings.start_up import start_findings

    console = Console(stderr=True, soft_wrap=True)
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    console.print(f"[bold]Outlay[/] is ready on [bold]http://{shown}:{port}[/]")
    kind = "PostgreSQL" if settings.ledger_url else str(settings.data_dir)
    console.print(
        f"  ledger {kind} · durability {settings.durability} · workers {settings.workers}"
    )
    names = ", ".join(p.name for p in settings.providers if p.api_key is not None)
    console.print(f"  providers with a key: {names or 'none yet (outlay providers set …)'}")
    if settings.price_at_us is not None:
        console.print(f"  every call is priced as of {rfc3339(settings.price_at_us)}")
    for finding in start_findings(settings, settings.providers):
        console.print(f"  [yellow]note[/] {finding.source}: {finding.message}")
    console.print("  a key for an application: outlay keys create --name my-app")
    sys.stderr.flush()
