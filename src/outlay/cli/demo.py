"""`outlay demo`: a whole simulated company on this machine, without any provider's key.

Starts an emulated provider and a gateway in front of it, imports 30 days of history, then makes
live calls until Ctrl-C. Everything listens on loopback.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from rich.console import Console

from outlay.cli.serve import bind
from outlay.kernel.clock import SystemClock
from outlay.kernel.errors import OutlayError, SettingsError
from outlay.settings import Settings, load_settings
from outlay.settings.load import CONFIG_NAME
from outlay.settings.start_up import DEMO_MARKER

START_LIMIT_S = 120
_CONFIGURING = ("OUTLAY_", "OPENAI_", "ANTHROPIC_", "GEMINI_", "GOOGLE_", "HF_TOKEN")
_NO_CONFIGURATION = "# Keeps a demo from reading the outlay.toml of the working directory.\n"
SEED = 7


class DemoFailed(OutlayError):
    """A part of the demo did not start; what it said stands above."""

    code = "demo.failed"


def demo(
    *,
    host: str | None = None,
    port: int | None = None,
    data_dir: Path | None = None,
    calls: int = 60_000,
    calls_per_second: float = 2,
) -> None:
    """Run a simulated company against an emulated provider until Ctrl-C.

    Parameters
    ----------
    host:
        Address of the gateway (127.0.0.1).
    port:
        Port of the gateway (4180).
    data_dir:
        Directory of the demo's ledger (./outlay-data); one with calls of your own is refused.
    calls:
        About how many calls of history to import; 0 imports none.
    calls_per_second:
        Pace of the live calls; 0 makes none.
    """
    settings = load_settings(os.environ, host=host, port=port, data_dir=data_dir)
    bind(settings).close()  # else another gateway there would be taken for the demo's
    _refuse_foreign_ledger(settings.data_dir)
    _forget_configuration()
    console = Console(stderr=True, soft_wrap=True)
    with ExitStack() as running:
        signal.signal(signal.SIGTERM, _stop)
        provider = running.enter_context(_emulator(console))
        gateway = running.enter_context(_gateway(settings, provider, console))
        key = _make_key(settings)
        _greet(console, settings, gateway, key)
        try:
            _import_history(settings, calls, console)
            if calls_per_second > 0:
                asyncio.run(_live(gateway, key, calls_per_second, console))
            signal.pause()
        except KeyboardInterrupt:
            console.print("stopping …")


def _stop(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _refuse_foreign_ledger(data_dir: Path) -> None:
    """Never mix invented calls into a ledger of somebody's own."""
    if (data_dir / "ledger.sqlite3").exists() and not (data_dir / DEMO_MARKER).exists():
        raise SettingsError(
            f"{data_dir} holds a ledger that is not a demo's: choose another --data-dir"
        )


def _forget_configuration() -> None:
    """Take out of the environment what leads to a provider, a database or a key of somebody's own.

    The commands that the demo uses read it too: invented calls would go into a real ledger.
    """
    for name in list(os.environ):
        if name.startswith(_CONFIGURING) or name.endswith("_API_KEY"):
            del os.environ[name]


@contextmanager
def _emulator(console: Console) -> Iterator[str]:
    pace = ["--tokens-per-second", "60", "--first-byte-delay-ms", "300"]
    command = [sys.executable, "-m", "outlay", "emulator", "--port", "0", *pace]
    with _child(command, os.environ, stdout=subprocess.PIPE) as process:
        line = process.stdout.readline().decode() if process.stdout else ""
        url = line.partition("http://")[2].strip()
        if not url:
            raise DemoFailed("the emulated provider did not start")
        console.print(f"[bold]emulated provider[/] (OpenAI, Anthropic, Gemini) on http://{url}")
        yield f"http://{url}"


@contextmanager
def _gateway(settings: Settings, provider: str, console: Console) -> Iterator[str]:
    """Run `outlay serve` with the emulator as every provider; nothing can reach a real one."""
    environment = dict(os.environ)
    for name in ("OPENAI", "ANTHROPIC", "GEMINI"):
        environment[f"OUTLAY_{name}_BASE_URL"] = provider
        environment[f"OUTLAY_{name}_API_KEY"] = f"emulated-{name.lower()}"
    address = ["--host", settings.host, "--port", str(settings.port)]
    command = [sys.executable, "-m", "outlay", "serve", *address]
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    marker = settings.data_dir / DEMO_MARKER
    if not marker.exists():
        marker.write_text(json.dumps({"history": None}))
        with suppress(FileExistsError), (settings.data_dir / CONFIG_NAME).open("x") as config:
            config.write(_NO_CONFIGURATION)
    command += ["--data-dir", str(settings.data_dir), "--workers", str(settings.workers)]
    url = f"http://{settings.host}:{settings.port}"
    with _child(command, environment) as process:
        with console.status("starting the gateway …"):
            _wait_until_ready(url, process)
        yield url


@contextmanager
def _child(
    command: list[str], environment: os._Environ[str] | dict[str, str], stdout: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process of our own while the body runs; Ctrl-C reaches us, and we end it."""
    with subprocess.Popen(  # noqa: S603 our own commands
        command, env=dict(environment), stdout=stdout, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5):  # noqa: S310 http, ours
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise DemoFailed("the gateway did not start; it says why above")


def _make_key(settings: Settings) -> str:
    """Make the demo's key, or give it a new secret when the demo ran here before."""
    from outlay.cli.opening import opened_ledger
    from outlay.stores.ledger.keys import KeySpec, KeyStore

    with opened_ledger(settings.data_dir) as opened:
        keys = KeyStore(opened.ledger, opened.master_key)
        if any(key.caller.name == "demo" for key in keys.list_keys()):
            secret, _stored = keys.rotate("demo", actor="demo")
        else:
            secret, _stored = keys.create(KeySpec("demo"), actor="demo")
    return secret


def _import_history(settings: Settings, calls: int, console: Console) -> None:
    """Import the company's last 30 days, once for a data directory."""
    from outlay.cli.import_ import calls as import_calls
    from outlay.emulator.company import history

    marker = settings.data_dir / DEMO_MARKER
    told = json.loads(marker.read_text())
    if not calls or told["history"] == "imported":
        return
    file = settings.data_dir / "demo-history.jsonl"
    if told["history"] is None:
        end_us = SystemClock().now_us()
        with console.status("inventing 30 days of a company …"), file.open("w") as out:
            for row in history(SEED, end_us, calls=calls):
                print(json.dumps(row), file=out)
        marker.write_text(json.dumps({"history": "written"}))
    import_calls(file, data_dir=settings.data_dir)
    marker.write_text(json.dumps({"history": "imported"}))
    file.unlink()


async def _live(gateway: str, key: str, calls_per_second: float, console: Console) -> None:
    from outlay.emulator.company import LiveTotals, run_live

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    with console.status("live calls") as status:

        def show(totals: LiveTotals) -> None:
            status.update(
                f"live: {totals.calls:,} calls, {totals.sessions:,} sessions, "
                f"{totals.outcomes:,} outcomes, {totals.failures:,} failed (Ctrl-C stops)"
            )

        await run_live(gateway, key, calls_per_second=calls_per_second, stop=stop, progress=show)
    raise KeyboardInterrupt


def _greet(console: Console, settings: Settings, gateway: str, key: str) -> None:
    """Say where everything is and what to try next."""
    program = Path(sys.argv[0])
    outlay = str(program) if program.name == "outlay" else f"{sys.executable} -m outlay"
    where = f"--data-dir {settings.data_dir}"
    console.print(f"""
[bold]gateway[/] on [bold]{gateway}[/]   key [bold]{key}[/]

Try next, in another terminal:
  curl -si {gateway}/v1/chat/completions -H "Authorization: Bearer {key}" \\
    -H "Content-Type: application/json" -H "X-Cost-Feature: ticket-resolver" \\
    -d '{{"model": "gpt-4o-mini", "messages": [{{"role": "user", "content": "Hello"}}]}}'
  {outlay} calls --follow {where}
  {outlay} report users {where}
  {outlay} report tags {where}
  {outlay} verify {where}
An SDK takes base_url={gateway}/v1 (OpenAI) or {gateway} (Anthropic, Gemini) and that key.
""")
