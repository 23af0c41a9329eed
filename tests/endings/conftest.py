"""A gateway with short limits, so that every ending comes within a second or two."""

import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.flow.running import Gateway, running_emulator, running_gateway

LIMITS = {
    "OUTLAY_FIRST_BYTE_TIMEOUT_S": "2",
    "OUTLAY_IDLE_TIMEOUT_S": "1",
    "OUTLAY_TOTAL_TIMEOUT_S": "4",
    "OUTLAY_HANG_UP_DRAIN_S": "1",
    # Nobody listens on the discard port: a provider that cannot be reached.
    "OUTLAY_DEAD_BASE_URL": "http://127.0.0.1:9",
    "OUTLAY_DEAD_API_KEY": "sk-dead",
}


@pytest.fixture(scope="session")
def emulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running emulated provider."""
    with running_emulator(tmp_path_factory.mktemp("emulator") / "log") as url:
        yield url


class _TornError(BaseHTTPRequestHandler):
    """Answers with an error of which half is sent."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(429)
        self.send_header("content-length", "1000")
        self.end_headers()
        self.wfile.write(b'{"error": {"mess')
        self.close_connection = True


@pytest.fixture(scope="session")
def torn_url() -> Iterator[str]:
    """The address of a provider whose every answer is an error that breaks off."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _TornError) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def gateway(
    emulator_url: str, torn_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A running gateway with short limits in front of the emulated provider."""
    folder = tmp_path_factory.mktemp("endings")
    settings = LIMITS | {"OUTLAY_TORN_BASE_URL": torn_url, "OUTLAY_TORN_API_KEY": "sk-torn"}
    with running_gateway(emulator_url, folder / "data", folder / "log", **settings) as running:
        yield running


@pytest.fixture
def user() -> str:
    """An opaque user id that no other test sends: how a test finds its own event."""
    return f"usr_{uuid.uuid4().hex[:8]}"
