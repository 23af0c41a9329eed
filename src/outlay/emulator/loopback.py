"""The smallest HTTP client that drives a gateway on this machine: post a JSON body, read it all."""

import asyncio
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

_TIMEOUT_S = 120
_PIECE_BYTES = 1 << 16


class PostFailed(Exception):
    """No answer came: refused, reset, too slow, or not HTTP."""


@dataclass(frozen=True, slots=True)
class Address:
    """A server on this machine."""

    host: str
    port: int


def read_address(base_url: str) -> Address:
    """Read `http://127.0.0.1:4180`.

    Raises:
        ValueError: not plain HTTP, or not this machine: simulated traffic goes nowhere else.
    """
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if parts.scheme != "http" or not (host == "localhost" or _is_loopback(host)):
        raise ValueError(f"{base_url!r} is not an http:// address of this machine")
    return Address(host, parts.port or 80)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def post(address: Address, path: str, headers: Mapping[str, str], body: bytes) -> int:
    """Post a body, read the whole answer, and return its status.

    Raises:
        PostFailed: no answer came.
    """
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            return await _exchange(address, _write_head(address, path, headers, body) + body)
    except (OSError, TimeoutError, ValueError, IndexError) as error:
        raise PostFailed(f"{address.host}:{address.port}: {error}") from error


def _write_head(address: Address, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    framing = {
        "host": f"{address.host}:{address.port}",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "close",
    }
    lines = [f"{name}: {value}" for name, value in {**framing, **headers}.items()]
    return "\r\n".join([f"POST {path} HTTP/1.1", *lines, "", ""]).encode()


async def _exchange(address: Address, request: bytes) -> int:
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        writer.write(request)
        await writer.drain()
        status = int((await reader.readline()).split()[1])
        while await reader.read(_PIECE_BYTES):
            pass
        return status
    finally:
        writer.close()
