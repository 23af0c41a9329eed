"""The guard fed with bytes alone: cut anywhere, byte by byte, and at random."""

import asyncio
import itertools
from typing import Any

import uvicorn
from hypothesis import given
from hypothesis import strategies as st

from outlay.gateway.guard import GuardedProtocol
from tests.gateway.guarded_server import Application, read_refusal
from tests.gateway.hostile_bytes import GOOD, REFUSED, STATUS


class _Transport(asyncio.Transport):
    """Takes what a protocol writes."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closing = False

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing

    def can_write_eof(self) -> bool:
        return False

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


def _feed_alone(application: Application, pieces: list[bytes]) -> bytes:
    """Run a protocol on bytes alone, without sockets; return what it wrote."""

    async def feed() -> bytes:
        config = uvicorn.Config(application, ws="none", lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        protocol = GuardedProtocol(config, server.server_state, {})
        transport = _Transport()
        protocol.connection_made(transport)
        for piece in pieces:
            if not transport.closing:
                protocol.data_received(piece)
        protocol.connection_lost(None)
        await asyncio.gather(*server.server_state.tasks)
        return transport.written

    return asyncio.run(feed())


_SMALL = sorted(name for name, sent in REFUSED.items() if len(sent) < 1000)


@given(name=st.sampled_from(_SMALL), cuts=st.sets(st.integers(1, 999)))
def test_refused_however_the_bytes_are_cut(name: str, cuts: set[int]) -> None:
    application = Application()
    sent = REFUSED[name]
    edges = sorted({0, len(sent)} | {cut for cut in cuts if cut < len(sent)})
    pieces = [sent[begin:end] for begin, end in itertools.pairwise(edges)]
    assert read_refusal(_feed_alone(application, pieces))[0] == STATUS[name]
    assert application.complete == []


@given(name=st.sampled_from(sorted(REFUSED)))
def test_refused_byte_by_byte(name: str) -> None:
    application = Application()
    sent = REFUSED[name][:40_000]
    written = _feed_alone(application, [sent[n : n + 1] for n in range(len(sent))])
    assert read_refusal(written)[0] == STATUS[name]


@given(st.binary(max_size=300))
def test_random_bytes_never_break_the_server(sent: bytes) -> None:
    written = _feed_alone(Application(), [GOOD[: len(sent) % 40], sent])
    assert written == b"" or written.startswith(b"HTTP/1.1 ")
