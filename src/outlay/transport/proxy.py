"""Which providers are reached through a forward proxy, and the tunnel through it (HTTP CONNECT).

Only https providers go through a proxy, and only over http to the proxy: what the tunnel carries
is encrypted from us to the provider. The variables mean what they mean to curl; no standard exists.
"""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

import httptools

from outlay.kernel.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Proxy:
    """A forward proxy; `credentials` is the value of Proxy-Authorization, or None."""

    host: str
    port: int
    credentials: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ProxyRules:
    """The proxy for https providers, if any, and the hosts that are reached without it.

    A name in `direct_hosts` also stands for its subdomains; `*` stands for every host.
    """

    https: Proxy | None = None
    direct_hosts: tuple[str, ...] = ()

    def find_proxy(self, scheme: str, host: str) -> Proxy | None:
        """Return the proxy to use for a host, or None for a direct connection."""
        if scheme != "https" or self.https is None:
            return None
        is_direct = any(_covers(name, host.lower()) for name in self.direct_hosts)
        return None if is_direct else self.https


def read_proxy_rules(environment: Mapping[str, str]) -> ProxyRules:
    """Read HTTPS_PROXY and NO_PROXY (lower-case spellings win, as in curl).

    Raises:
        SettingsError: the proxy's address cannot be used.
    """
    address = environment.get("https_proxy") or environment.get("HTTPS_PROXY") or ""
    direct = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    names = tuple(name.strip().lower().lstrip(".") for name in direct.split(",") if name.strip())
    return ProxyRules(_read_proxy(address) if address else None, names)


class ConnectReply(asyncio.Protocol):
    """Waits for the proxy's answer to CONNECT; afterwards TLS takes the socket over."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Expect the answer on `loop`."""
        self.status: asyncio.Future[int] = loop.create_future()
        self._parser = httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        """Parse what the proxy sends."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(ConnectionError(f"the proxy's answer is not HTTP: {error}"))

    def on_headers_complete(self) -> None:
        """Take the status."""
        if not self.status.done():
            self.status.set_result(self._parser.get_status_code())

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail if the proxy closes before it has answered."""
        self._fail(exc or ConnectionError("the proxy closed the connection"))

    def _fail(self, error: Exception) -> None:
        if not self.status.done():
            self.status.set_exception(error)


async def open_tunnel(proxy: Proxy, host: str, port: int) -> asyncio.Transport:
    """Have the proxy connect to the provider; the result carries the provider's bytes.

    Raises:
        OSError: the proxy cannot be reached, or it refuses.
    """
    loop = asyncio.get_running_loop()
    transport, reply = await loop.create_connection(
        lambda: ConnectReply(loop), proxy.host, proxy.port
    )
    try:
        transport.write(_connect_request(proxy, host, port))
        status = await reply.status
    except BaseException:
        transport.abort()
        raise
    if status != HTTPStatus.OK:
        transport.abort()
        raise ConnectionError(f"the proxy {proxy.host}:{proxy.port} answered {status}")
    return transport


def _connect_request(proxy: Proxy, host: str, port: int) -> bytes:
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    credentials = f"Proxy-Authorization: {proxy.credentials}\r\n" if proxy.credentials else ""
    return f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{credentials}\r\n".encode("ascii")


def _read_proxy(address: str) -> Proxy:
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise SettingsError("HTTPS_PROXY is not an address: write http://host:port") from error
    if parts.scheme != "http" or not host:
        raise SettingsError("HTTPS_PROXY must be http://host:port; TLS runs inside the tunnel")
    return Proxy(host, port or 80, _basic(parts.username, parts.password))


def _basic(username: str | None, password: str | None) -> str | None:
    if username is None:
        return None
    pair = f"{unquote(username)}:{unquote(password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode("ascii")


def _covers(name: str, host: str) -> bool:
    return name in ("*", host) or host.endswith("." + name)
