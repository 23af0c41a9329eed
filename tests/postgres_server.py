"""A PostgreSQL server of Debian's programs, for as long as a test session needs one."""

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

_USER = "postgres"
_START_S = 30
_UNTIL_PIPE_ENDS = '"$@" < /dev/null & read -r _; kill -QUIT $!; wait $!'
"""Runs a program until this process closes its pipe, or is gone however it ended."""
_SHARED: "list[PostgresServer]" = []
"""One entry per fixture that uses the session's server."""


class PostgresServer:
    """A server that listens on a socket in `folder` and nowhere else; it dies with this process."""

    def __init__(self, programs: Path) -> None:
        """Make a cluster in a folder of its own and start it, as `postgres` when we are root."""
        self._programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="outlay-pg-"))
        if os.geteuid() == 0:
            shutil.chown(self.folder, _USER, _USER)
        options = ("-U", "outlay", "--auth=trust", "-E", "UTF8", "--no-locale", "--no-sync")
        who = ("setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--init-groups")
        self._as_user = who if os.geteuid() == 0 else ()
        initdb = (str(programs / "initdb"), "-D", str(self.folder / "cluster"), *options)
        subprocess.run([*self._as_user, *initdb], check=True, stdout=subprocess.DEVNULL)
        self.start()

    def url(self, database: str) -> str:
        """Return the URL of a database, as an operator would write it."""
        return f"postgresql://outlay@/{database}?host={self.folder}"

    def execute(self, statement: str) -> None:
        """Run a statement outside any transaction."""
        with psycopg.connect(
            host=str(self.folder), user="outlay", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        where = ("-D", str(self.folder / "cluster"), "-k", str(self.folder))
        options = ("-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=60")
        command = [*self._as_user, "sh", "-c", _UNTIL_PIPE_ENDS, "sh"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, str(self._programs / "postgres"), *where, *options],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        patience = threading.Event()
        for _ in range(_START_S * 50):
            try:
                self.execute("SELECT 1")
            except psycopg.OperationalError:
                patience.wait(0.02)
            else:
                return
        raise TimeoutError((self.folder / "log").read_text())

    def crash(self) -> None:
        """Stop the server at once, without a checkpoint."""
        self._process.communicate(timeout=_START_S)

    def remove(self) -> None:
        """Stop the server and delete everything of it."""
        self.crash()
        shutil.rmtree(self.folder)


@contextmanager
def shared_server(
    programs: Path, prepare: Callable[[PostgresServer], None]
) -> Iterator[PostgresServer]:
    """Give the one server of this test process, prepared once; whoever leaves last removes it."""
    server = _SHARED[0] if _SHARED else PostgresServer(programs)
    if not _SHARED:
        prepare(server)
    _SHARED.append(server)
    try:
        yield server
    finally:
        _SHARED.pop()
        if not _SHARED:
            server.remove()
