"""The upstream HTTP client: HTTP/1.1 over pooled keep-alive connections.

Money depends on which failure is raised, so the rule is exact:

- `NotSent`: no byte of the request was given to a socket. Nothing can have been billed.
- anything later is `AnswerBroken` or `AnswerTimedOut`: the provider may have read the request and
  may bill it, so it is never sent a second time.

Only one kind of failure is repaired here: a pooled connection that turns out closed *before* the
first byte is given to it. A connection that dies afterwards without an answer may have died before
or after the provider read the request; which of them cannot be known, so it is `AnswerBroken`.
Idle connections are kept for four seconds and looked at before reuse to make that rare (ADR 0011).
Redirects are answers like any other; HTTP/2, compression and cookies are not spoken.
"""

import asyncio
import ssl
from dataclasses import dataclass
from functools import partial

from outlay.transport.answer import Answer
from outlay.transport.connection import ClosedBeforeWrite, Connection
from outlay.transport.dial import Dialler
from outlay.transport.pool import Pool, PoolLimits
from outlay.transport.proxy import ProxyRules
from outlay.transport.request_head import write_head
from outlay.transport.upstream import NotSent, UpstreamRequest


@dataclass(frozen=True, slots=True)
class SocketCounts:
    """Sockets to providers: all that are open or being opened, and of these the idle ones."""

    open: int
    idle: int

    @property
    def in_use(self) -> int:
        """Those that an exchange holds."""
        return self.open - self.idle


class HttpTransport:
    """The `Transport` of a running gateway; belongs to one event loop."""

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        proxies: ProxyRules | None = None,
        pool_limits: PoolLimits | None = None,
    ) -> None:
        """Have no sockets yet.

        Args:
            tls: for https providers; None stands for `create_tls_context()`.
            proxies: which providers are reached through a forward proxy; None: none.
            pool_limits: bounds on the sockets to each provider.
        """
        self._dialler = Dialler(tls, proxies or ProxyRules())
        self._pool_limits = pool_limits or PoolLimits()
        self._pools: dict[tuple[str, str, int], Pool] = {}

    def __repr__(self) -> str:
        """Say how many sockets there are."""
        return f"<HttpTransport {self.count_sockets()}>"

    async def send(self, request: UpstreamRequest) -> Answer:
        """Send a request and wait for the head of its answer; see `Transport.send`."""
        head = write_head(request)
        total_deadline = asyncio.get_running_loop().time() + request.limits.total_timeout_s
        answer = await self._start(request, head, total_deadline)
        await answer.wait_for_head()
        return answer

    async def close(self) -> None:
        """Close all idle connections; those in use close when their exchange ends."""
        for pool in self._pools.values():
            pool.close()

    def count_sockets(self) -> SocketCounts:
        """Count the sockets to all providers."""
        pools = self._pools.values()
        return SocketCounts(
            open=sum(pool.open_count for pool in pools),
            idle=sum(len(pool.idle) for pool in pools),
        )

    async def _start(self, request: UpstreamRequest, head: bytes, total_deadline: float) -> Answer:
        """Write the request to an idle connection, or to a new one when none is open."""
        pool = self._find_pool(request)
        while (idle := pool.find_idle()) is not None:
            try:
                return idle.start(request, head, total_deadline)
            except ClosedBeforeWrite:
                continue
        connection = await _open_in_time(pool, request)
        try:
            return connection.start(request, head, total_deadline)
        except ClosedBeforeWrite as error:
            raise NotSent(f"{request.host} closed the connection before it was used") from error

    def _find_pool(self, request: UpstreamRequest) -> Pool:
        origin = (request.scheme, request.host, request.port)
        pool = self._pools.get(origin)
        if pool is None:
            pool = Pool(partial(self._dialler.dial, *origin), self._pool_limits)
            self._pools[origin] = pool
        return pool


async def _open_in_time(pool: Pool, request: UpstreamRequest) -> Connection:
    limits = request.limits
    try:
        async with asyncio.timeout(min(limits.connect_timeout_s, limits.total_timeout_s)):
            return await pool.open()
    except TimeoutError as error:
        raise NotSent(f"no connection to {request.host}:{request.port} in time") from error
