"""Sockets to providers: whom we trust, through whom we go, what the socket is set to."""

import asyncio
import contextlib
import socket
import ssl
from pathlib import Path

import pytest

from outlay.transport.client import HttpTransport, SocketCounts
from outlay.transport.connection import Connection
from outlay.transport.dial import Dialler, create_tls_context
from outlay.transport.proxy import Proxy, ProxyRules
from outlay.transport.upstream import AnswerBroken, Limits, NotSent
from tests.transport.certificates import serve_with, write_certificate
from tests.transport.fake_provider import OK_JSON, FakeProvider, Line, answer_each, read_all


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("tls"))


async def test_a_trusted_provider_is_spoken_to_over_tls(certificate: Path) -> None:
    async with FakeProvider(answer_each, serve_with(certificate)) as provider:
        transport = HttpTransport(tls=create_tls_context(certificate))
        for _ in range(3):
            request = provider.request(b"x" * 200_000, scheme="https", host="localhost")
            assert await read_all(await transport.send(request)) == b"{}"
        assert provider.connection_count == 1
        assert transport.count_sockets() == SocketCounts(open=1, idle=1)
        await transport.close()
        await provider.wait_until_all_left()


async def test_a_large_answer_over_tls_is_held_back_and_comes_whole(certificate: Path) -> None:
    size = 8 * 1024 * 1024
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size)
    async with FakeProvider(lambda line: answer_each(line, answer), serve_with(certificate)) as p:
        transport = HttpTransport(tls=create_tls_context(certificate))
        received = await read_all(await transport.send(p.request(scheme="https", host="localhost")))
        assert received == bytes(size)
        await transport.close()
        await p.wait_until_all_left()


async def test_an_unknown_authority_is_not_sent_to(certificate: Path) -> None:
    async with FakeProvider(answer_each, serve_with(certificate)) as provider:
        transport = HttpTransport()
        with pytest.raises(NotSent, match="certificate"):
            await transport.send(provider.request(scheme="https", host="localhost"))
        assert transport.count_sockets() == SocketCounts(open=0, idle=0)


async def test_a_certificate_of_another_host_is_not_sent_to(certificate: Path) -> None:
    async with FakeProvider(answer_each, serve_with(certificate)) as provider:
        transport = HttpTransport(tls=create_tls_context(certificate))
        with pytest.raises(NotSent, match="certificate"):
            await transport.send(provider.request(scheme="https"))


async def test_an_expired_certificate_is_not_sent_to(tmp_path: Path) -> None:
    expired = write_certificate(tmp_path, is_expired=True)
    async with FakeProvider(answer_each, serve_with(expired)) as provider:
        transport = HttpTransport(tls=create_tls_context(expired))
        with pytest.raises(NotSent, match="expired"):
            await transport.send(provider.request(scheme="https", host="localhost"))


async def test_a_plain_server_on_a_tls_port_is_not_sent_to() -> None:
    async def script(line: Line) -> None:
        await line.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await line.wait_until_left()

    async with FakeProvider(script) as provider:
        with pytest.raises(NotSent):
            await HttpTransport().send(provider.request(scheme="https", host="localhost"))


async def test_a_handshake_that_never_ends_was_not_sent() -> None:
    async def script(line: Line) -> None:
        await line.wait_until_left()

    async with FakeProvider(script) as provider:
        transport = HttpTransport()
        limits = Limits(connect_timeout_s=0.05)
        with pytest.raises(NotSent, match="in time"):
            await transport.send(provider.request(scheme="https", host="localhost", limits=limits))
        await provider.wait_until_all_left()
        assert transport.count_sockets() == SocketCounts(open=0, idle=0)


async def test_tls_broken_off_within_an_answer_is_broken(certificate: Path) -> None:
    async def script(line: Line) -> None:
        await line.read_request()
        await line.send(OK_JSON[:-1])

    async with FakeProvider(script, serve_with(certificate)) as provider:
        transport = HttpTransport(tls=create_tls_context(certificate))
        answer = await transport.send(provider.request(scheme="https", host="localhost"))
        with pytest.raises(AnswerBroken):
            await read_all(answer)
        await provider.wait_until_all_left()
        assert transport.count_sockets() == SocketCounts(open=0, idle=0)


def test_tls_is_checked_and_modern() -> None:
    context = create_tls_context()
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_a_missing_authority_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        create_tls_context(tmp_path / "absent.pem")


def _option(connection: Connection, level: int, option: int) -> int:
    sock = connection._transport.get_extra_info("socket")
    return int(sock.getsockopt(level, option))


async def test_small_writes_are_not_delayed_and_silent_sockets_are_probed() -> None:
    async with FakeProvider(answer_each) as provider:
        connection = await Dialler(None, ProxyRules()).dial("http", "127.0.0.1", provider.port)
        assert _option(connection, socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert _option(connection, socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        connection.drop()
        await provider.wait_until_all_left()


class FakeProxy(FakeProvider):
    """A forward proxy: notes what it is asked, then carries bytes to the one provider it knows."""

    def __init__(self, provider: FakeProvider, answer: bytes = b"HTTP/1.1 200 OK\r\n\r\n") -> None:
        super().__init__(self._tunnel)
        self._provider = provider
        self._answer = answer
        self.asked: list[bytes] = []

    async def _tunnel(self, line: Line) -> None:
        self.asked.append(await line.read_head())
        await line.send(self._answer)
        if b" 200 " not in self._answer:
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", self._provider.port)
        await asyncio.gather(_carry(reader, line._writer), _carry(line._reader, writer))


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(65_536):
                writer.write(piece)
    finally:
        writer.close()


def _through(proxy: FakeProxy, certificate: Path) -> HttpTransport:
    rules = ProxyRules(Proxy("127.0.0.1", proxy.port, "Basic dTpw"), ("direct.example",))
    return HttpTransport(tls=create_tls_context(certificate), proxies=rules)


async def test_https_goes_through_the_proxys_tunnel(certificate: Path) -> None:
    async with (
        FakeProvider(answer_each, serve_with(certificate)) as provider,
        FakeProxy(provider) as proxy,
    ):
        transport = _through(proxy, certificate)
        for _ in range(2):
            request = provider.request(b"x" * 200_000, scheme="https", host="localhost")
            assert await read_all(await transport.send(request)) == b"{}"
        target = b"localhost:%d" % provider.port
        assert proxy.asked == [
            b"CONNECT %b HTTP/1.1\r\nHost: %b\r\nProxy-Authorization: Basic dTpw\r\n\r\n"
            % (target, target)
        ]
        await transport.close()
        await provider.wait_until_all_left()


async def test_http_does_not_go_through_the_proxy(certificate: Path) -> None:
    async with FakeProvider(answer_each) as provider, FakeProxy(provider) as proxy:
        transport = _through(proxy, certificate)
        assert await read_all(await transport.send(provider.request())) == b"{}"
        assert proxy.asked == []
        await transport.close()


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n", b"hello\r\n", b""]
)
async def test_a_proxy_that_refuses_was_not_sent_through(certificate: Path, answer: bytes) -> None:
    async with (
        FakeProvider(answer_each, serve_with(certificate)) as provider,
        FakeProxy(provider, answer) as proxy,
    ):
        transport = _through(proxy, certificate)
        with pytest.raises(NotSent):
            await transport.send(provider.request(scheme="https", host="localhost"))
        await proxy.wait_until_all_left()
        assert provider.connection_count == 0
        assert transport.count_sockets() == SocketCounts(open=0, idle=0)


async def test_the_certificate_is_checked_within_the_tunnel(certificate: Path) -> None:
    async with (
        FakeProvider(answer_each, serve_with(certificate)) as provider,
        FakeProxy(provider) as proxy,
    ):
        transport = _through(proxy, certificate)
        with pytest.raises(NotSent, match="certificate"):
            await transport.send(provider.request(scheme="https"))
        assert len(proxy.asked) == 1
        assert transport.count_sockets() == SocketCounts(open=0, idle=0)
