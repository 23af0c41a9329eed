"""Opens the socket to a provider: TCP, TLS with its checks, a proxy's tunnel where one is set."""

import asyncio
import socket
import ssl
from pathlib import Path

from outlay.transport.connection import Connection
from outlay.transport.proxy import Proxy, ProxyRules, open_tunnel
from outlay.transport.upstream import NotSent

_KEEP_ALIVE_PROBE_S = 60
"""A model may be silent for minutes; probes keep address translators from forgetting the socket."""


def create_tls_context(extra_ca_file: Path | None = None) -> ssl.SSLContext:
    """Make the TLS context for providers: TLS 1.2 or newer, certificate and host name checked.

    Trusted are the system's authorities and those in `extra_ca_file`, a PEM file.

    Raises:
        OSError: the file cannot be read or holds no certificate.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if extra_ca_file is not None:
        context.load_verify_locations(extra_ca_file)
    return context


class Dialler:
    """Opens connections. The TLS context is made when first needed: reading authorities is slow."""

    def __init__(self, tls: ssl.SSLContext | None, proxies: ProxyRules) -> None:
        """Use `tls` (None: the default context) and `proxies`."""
        self._tls = tls
        self._proxies = proxies

    async def dial(self, scheme: str, host: str, port: int) -> Connection:
        """Open a connection to an origin.

        Raises:
            NotSent: it cannot be opened, or the provider's certificate is not to be trusted.
        """
        try:
            return await self._dial(scheme, host, port)
        except (OSError, UnicodeError) as error:
            raise NotSent(f"no connection to {host}:{port}: {error}") from error

    async def _dial(self, scheme: str, host: str, port: int) -> Connection:
        loop = asyncio.get_running_loop()
        connection = Connection(f"{host}:{port}", loop)
        proxy = self._proxies.find_proxy(scheme, host)
        if proxy is not None:
            await self._dial_through(proxy, connection, host, port)
        elif scheme == "https":
            await loop.create_connection(
                lambda: connection, host, port, ssl=self._tls_context(), server_hostname=host
            )
        else:
            await loop.create_connection(lambda: connection, host, port)
        _probe_when_silent(connection)
        return connection

    async def _dial_through(
        self, proxy: Proxy, connection: Connection, host: str, port: int
    ) -> None:
        loop = asyncio.get_running_loop()
        tunnel = await open_tunnel(proxy, host, port)
        try:
            transport = await loop.start_tls(
                tunnel, connection, self._tls_context(), server_hostname=host
            )
        except BaseException:
            tunnel.abort()
            raise
        if transport is None:
            raise ConnectionError("the tunnel was closed during the TLS handshake")
        connection.connection_made(transport)

    def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = create_tls_context()
        return self._tls


def _probe_when_silent(connection: Connection) -> None:
    connection.set_socket_option(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):  # Linux, and macOS from Python 3.13 on
        connection.set_socket_option(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEP_ALIVE_PROBE_S)
