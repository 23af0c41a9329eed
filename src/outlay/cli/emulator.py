"""`outlay emulator`: a provider on this machine, for tests and demos."""

from pathlib import Path

from cyclopts import App

from outlay.emulator.options import EmulatorOptions
from outlay.emulator.steering import SteeringError, read_steering
from outlay.kernel.errors import SettingsError

app = App(name="emulator", help="Run an emulated AI provider: all wires, faults on demand, a bill.")


@app.default
def emulator(
    *,
    host: str = "127.0.0.1",
    port: int = 4190,
    bill: Path | None = None,
    replay: Path | None = None,
    steering: str = "",
    tokens_per_second: int | None = None,
    first_byte_delay_ms: int | None = None,
    accept_key: str | None = None,
    run_id: str | None = None,
) -> None:
    """Serve the OpenAI, Anthropic and Gemini wires until it is stopped.

    Parameters
    ----------
    host
        Address to listen on.
    port
        Port to listen on; 0 takes a free one, which is printed.
    bill
        File that the emulator's own bill is appended to, one JSON object a line.
    replay
        JSONL file of recorded exchanges; a request chooses one by `x-replay-id`.
    steering
        What holds for every request, written as in the header `x-emulate`.
    tokens_per_second
        Pace of every stream; as fast as it goes when absent.
    first_byte_delay_ms
        Wait before every answer.
    accept_key
        The only credential that is accepted; any when absent.
    run_id
        What ids begin with, for ids that repeat from run to run.
    """
    pace = {"tokens_per_second": tokens_per_second, "delay_ms": first_byte_delay_ms}
    wished = [steering, *(f"{key}={value}" for key, value in pace.items() if value is not None)]
    try:
        steered = read_steering(";".join(wished))
    except SteeringError as error:
        raise SettingsError(str(error)) from error
    options = EmulatorOptions(
        host=host,
        port=port,
        bill_path=bill,
        steering=steered,
        accepted_key=accept_key,
        replay_path=replay,
        run_id=run_id,
    )
    run(options)


def run(options: EmulatorOptions) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Raises:
        SettingsError: the port is taken.
    """
    import resource

    import uvloop

    from outlay.emulator.server import serve

    # Thousands of streams are thousands of sockets; the usual soft limit is 1,024.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        uvloop.run(serve(options, ready=lambda url: print(f"emulator: {url}", flush=True)))
    except OSError as error:
        raise SettingsError(f"{options.host}:{options.port}: {error.strerror}") from error
