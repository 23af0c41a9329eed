"""A PostgreSQL server of Debian's programs, for as long as a test session needs one."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psycopg

_USER = "postgres"
_OPTIONS = "-c listen_addresses='' -c fsync=off -c max_connections=60"


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server that listens on a socket in `folder` and nowhere else."""

    programs: Path
    folder: Path

    def url(self, database: str) -> str:
        """Return the URL of a database, as an operator would write it."""
        return f"postgresql://outlay@/{database}?host={self.folder}"

    def execute(self, statement: str) -> None:
        """Run a statement outside any transaction."""
        with psycopg.connect(
            host=str(self.folder), user="outlay", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement)

    def stop(self, mode: str = "immediate") -> None:
        """Stop the server; `immediate` is what a crash looks like."""
        self._control("stop", "-m", mode)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._control("start", "-o", f"-k {self.folder} {_OPTIONS}", "-l", str(self.folder / "log"))

    def remove(self) -> None:
        """Stop the server and delete everything of it."""
        self.stop()
        shutil.rmtree(self.folder)

    def _control(self, *arguments: str) -> None:
        _run([self.programs / "pg_ctl", "-D", self.folder / "cluster", "-w", *arguments])


def start_server(programs: Path) -> PostgresServer:
    """Make a cluster in a folder of its own and start it, as `postgres` when we are root."""
    folder = Path(tempfile.mkdtemp(prefix="outlay-pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, _USER, _USER)
    options = ("-U", "outlay", "--auth=trust", "-E", "UTF8", "--no-locale", "--no-sync")
    _run([programs / "initdb", "-D", folder / "cluster", *options])
    server = PostgresServer(programs, folder)
    server.start()
    return server


def _run(command: list[str | Path]) -> None:
    """Run a server program; the server refuses to run as root."""
    who = ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--init-groups"]
    as_user = who if os.geteuid() == 0 else []
    subprocess.run(
        [*as_user, *map(str, command)], check=True, stdout=subprocess.DEVNULL, timeout=60
    )
