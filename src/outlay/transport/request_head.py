"""Writes the head of a request, and refuses one that could be read as anything else."""

from outlay.transport.upstream import NotSent, UpstreamRequest

_TOKEN = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VISIBLE = bytes(range(0x21, 0x7F))
_VALUE = b"\t " + _VISIBLE + bytes(range(0x80, 0x100))
_WRITTEN_BY_US = frozenset((b"host", b"content-length", b"connection", b"transfer-encoding"))
_BODIED_METHODS = frozenset(("POST", "PUT", "PATCH"))
_DEFAULT_PORTS = {"http": 80, "https": 443}


def write_head(request: UpstreamRequest) -> bytes:
    """Write the head: request line, our Host, the request's headers, our Content-Length.

    Raises:
        NotSent: method, target, host or a header could break out of its place in the message, or
            a header is one that only we may write.
    """
    _check_line(request)
    fields = [name + b": " + value for name, value in request.headers]
    fields.insert(0, _write_line_and_host(request))
    if request.body or request.method in _BODIED_METHODS:
        fields.append(b"Content-Length: %d" % len(request.body))
    head = b"\r\n".join(fields)
    _check_headers(request, head, line_breaks=len(fields))
    return head + b"\r\n\r\n"


def _write_line_and_host(request: UpstreamRequest) -> bytes:
    host = f"[{request.host}]" if ":" in request.host else request.host
    if request.port != _DEFAULT_PORTS.get(request.scheme):
        host = f"{host}:{request.port}"
    return f"{request.method} {request.target} HTTP/1.1\r\nHost: {host}".encode()


def _check_line(request: UpstreamRequest) -> None:
    if not (request.method.isalpha() and request.target.startswith("/") and request.host):
        raise NotSent("the request lacks a method, a host, or a target that begins with a slash")
    line = request.method + request.target + request.host
    if not line.isascii() or line.encode().translate(None, _VISIBLE):
        raise NotSent("the request's target or host has a character that cannot be sent")


def _check_headers(request: UpstreamRequest, head: bytes, *, line_breaks: int) -> None:
    names = [name for name, _ in request.headers]
    if b"".join(names).translate(None, _TOKEN) or not all(names):
        raise NotSent("a header name of the request has a character that cannot be sent")
    if head.translate(None, _VALUE) != b"\r\n" * line_breaks:
        raise NotSent("a header value of the request has a control character")
    if not _WRITTEN_BY_US.isdisjoint([name.lower() for name in names]):
        raise NotSent("the request brings a header that only the transport may write")
