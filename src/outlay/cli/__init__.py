"""The command line, one file per command.

Each command is imported when it runs: `outlay --help` shall not wait for what only `serve` needs.
"""

import sys

from cyclopts import App

from outlay import __version__
from outlay.kernel.errors import OutlayError

app = App(
    name="outlay",
    version=__version__,
    help="Tell what your AI spend bought: a gateway that meters, prices and attributes each call.",
)

_COMMANDS = {
    "serve": "outlay.cli.serve:serve",
    "demo": "outlay.cli.demo:demo",
    "keys": "outlay.cli.keys:app",
    "providers": "outlay.cli.providers:app",
    "calls": "outlay.cli.calls:app",
    "report": "outlay.cli.report:app",
    "import": "outlay.cli.import_:app",
    "prices": "outlay.cli.prices:app",
    "verify": "outlay.cli.verify:app",
    "db": "outlay.cli.db:app",
    "config": "outlay.cli.config:app",
    "doctor": "outlay.cli.doctor:app",
    "emulator": "outlay.cli.emulator:app",
}
for _name, _target in _COMMANDS.items():
    app.command(_target, name=_name)


def main() -> None:
    """Run the command that was typed; a failure of ours is one line and exit code 1."""
    try:
        app()
    except OutlayError as error:
        print(f"outlay: {error}", file=sys.stderr)
        sys.exit(1)
