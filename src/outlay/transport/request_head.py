"""Writes the head of a request, and refuses one that could be read as anything else."""

from functools import lru_cache

from outlay.transport.upstream import Unsendable, UpstreamRequest

_TOKEN = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VISIBLE = bytes(range(0x21, 0x7F))
_VALUE = b"\t " + _VISIBLE + bytes(range(0x80, 0x100))
_WRITTEN_BY_US = frozenset((b"host", b"content-length", b"connection", b"transfer-encoding"))
_BODIED_METHODS = frozenset(("POST", "PUT", "PATCH"))
_REMEMBERED = 1_024
"""Names and targets that were checked; nearly every request brings the same ones."""
_DEFAULT_PORTS = {"http": 80, "https": 443}


def write_head(request: UpstreamRequest) -> bytes:
    """Write the head: request line, our Host, the request's headers, our Content-Length.

    Raises:
        Unsendable: method, target, host or a header could break out of its place in the message, or
            a header is one that only we may write.
    """
    line_and_host = _write_line_and_host(
        request.method, request.target, request.scheme, request.host, request.port
    )
    fields = [line_and_host]
    for name, value in request.headers:
        _check_name(name)
        fields.append(name + b": " + value)
    if request.body or request.method in _BODIED_METHODS:
        fields.append(b"Content-Length: %d" % len(request.body))
    head = b"\r\n".join(fields)
    if head.translate(None, _VALUE) != b"\r\n" * len(fields):  # one of them is before our Host
        raise Unsendable("a header value of the request has a control character")
    return head + b"\r\n\r\n"


@lru_cache(maxsize=_REMEMBERED)
def _write_line_and_host(method: str, target: str, scheme: str, host: str, port: int) -> bytes:
    _check_line(method, target, host)
    named = f"[{host}]" if ":" in host else host
    if port != _DEFAULT_PORTS.get(scheme):
        named = f"{named}:{port}"
    return f"{method} {target} HTTP/1.1\r\nHost: {named}".encode()


def _check_line(method: str, target: str, host: str) -> None:
    if not (method.isalpha() and target.startswith("/") and host):
        raise Unsendable("the request lacks a method, a host, or a target that begins with a slash")
    line = method + target + host
    if not line.isascii() or line.encode().translate(None, _VISIBLE):
        raise Unsendable("the request's target or host has a character that cannot be sent")


@lru_cache(maxsize=_REMEMBERED)
def _check_name(name: bytes) -> None:
    if not name or name.translate(None, _TOKEN):
        raise Unsendable("a header name of the request has a character that cannot be sent")
    if name.lower() in _WRITTEN_BY_US:
        raise Unsendable("the request brings a header that only the transport may write")
