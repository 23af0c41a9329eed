"""The corpus of the framing guard: requests that must be refused, and such that must pass.

It follows the table of what default servers let through, and RFC 9112's list of smuggling tricks.
"""

HOST = b"Host: gateway\r\n"
GET = b"GET /evil HTTP/1.1\r\n" + HOST
POST = b"POST /v1/x HTTP/1.1\r\n" + HOST
GOOD = b"GET /good HTTP/1.1\r\n" + HOST + b"\r\n"
EVIL = GET + b"\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
NO_CHUNKS = b"0\r\n\r\n"


def get(fields: bytes) -> bytes:
    """Ask for something nobody may get, with these header fields."""
    return GET + fields + b"\r\n\r\n"


def post(fields: bytes, body: bytes = b"") -> bytes:
    """Post a body under these header fields."""
    return POST + fields + b"\r\n\r\n" + body


def chunked(body: bytes) -> bytes:
    """Post a body in chunks."""
    return POST + CHUNKED + b"\r\n" + body


def line(text: bytes) -> bytes:
    """Send a request line of one's own, with a Host."""
    return text + b"\r\n" + HOST + b"\r\n"


_LENGTHS = {
    "length and chunked": post(b"Content-Length: 5\r\n" + CHUNKED[:-2], NO_CHUNKS + EVIL),
    "chunked and length": post(CHUNKED + b"Content-Length: 5", NO_CHUNKS + EVIL),
    "two lengths": post(b"Content-Length: 1\r\nContent-Length: 2", b"ab"),
    "the same length twice": post(b"Content-Length: 2\r\nContent-Length: 2", b"ab"),
    "a list of lengths": post(b"Content-Length: 2, 2", b"ab"),
    "a signed length": post(b"Content-Length: +2", b"ab"),
    "a negative length": post(b"Content-Length: -2", b"ab"),
    "a hexadecimal length": post(b"Content-Length: 0x2", b"ab"),
    "a length with an underscore": post(b"Content-Length: 1_0", b"0123456789"),
    "a length beyond all numbers": post(b"Content-Length: 99999999999999999999999"),
    "an empty length": post(b"Content-Length: "),
    "two codings": post(CHUNKED + b"Transfer-Encoding: identity", NO_CHUNKS),
    "chunked twice": post(b"Transfer-Encoding: chunked, chunked", NO_CHUNKS),
    "an unknown coding": post(b"Transfer-Encoding: xchunked", NO_CHUNKS),
    "gzip before chunked": post(b"Transfer-Encoding: gzip, chunked", NO_CHUNKS),
    "identity": post(b"Transfer-Encoding: identity"),
    "a coding with a control byte": post(b"Transfer-Encoding: chunked\x0b", NO_CHUNKS),
    "a coding with a blank before its colon": post(b"Transfer-Encoding : chunked", NO_CHUNKS),
    "chunked in HTTP/1.0": chunked(NO_CHUNKS).replace(b"HTTP/1.1", b"HTTP/1.0"),
}
_FIELDS = {
    "bare line feeds": b"GET /evil HTTP/1.1\nHost: gateway\n\n",
    "one bare line feed": get(b"X-A: b\nX-B: c"),
    "a bare line feed at the end": GET + b"\n",
    "a bare carriage return": get(b"X-A: b\rX-B: c"),
    "a folded header": get(b"X-A: b\r\n c"),
    "a folded first header": b"GET /evil HTTP/1.1\r\n Host: gateway\r\n\r\n",
    "a control byte in a value": get(b"X-A: b\x01c"),
    "a DEL in a value": get(b"X-A: b\x7fc"),
    "a NUL in a value": get(b"X-A: b\x00c"),
    "a NUL in a name": get(b"X\x00A: b"),
    "a blank in a name": get(b"X A: b"),
    "a byte outside ASCII in a name": get(b"X\xe9A: b"),
    "a header without a name": get(b": b"),
    "a header without a colon": get(b"X-A"),
    "no Host": b"GET /evil HTTP/1.1\r\n\r\n",
    "no Host in HTTP/1.0": b"GET /evil HTTP/1.0\r\n\r\n",
    "an empty Host": b"GET /evil HTTP/1.1\r\nHost:\r\n\r\n",
    "two Hosts": get(b"Host: evil"),
    "the same Host twice": get(b"host: gateway"),
    "a Host that is a list": b"GET /evil HTTP/1.1\r\nHost: gateway, evil\r\n\r\n",
    "a Host with a path": b"GET /evil HTTP/1.1\r\nHost: gateway/evil\r\n\r\n",
    "a Host with a user": b"GET /evil HTTP/1.1\r\nHost: evil@gateway\r\n\r\n",
    "two content types": get(b"Content-Type: a/b\r\nContent-Type: a/b"),
    "two authorizations": get(b"Authorization: Bearer a\r\nAuthorization: Bearer b"),
    "two keys": get(b"X-Api-Key: a\r\nx-api-key: b"),
    "an expectation nobody has": post(b"Expect: the-unexpected\r\nContent-Length: 2", b"ab"),
}
_LINES = {
    "HTTP/0.9": b"GET /evil\r\n\r\n",
    "HTTP/0.9 spelt out": line(b"GET /evil HTTP/0.9"),
    "HTTP/1.2": line(b"GET /evil HTTP/1.2"),
    "HTTP/2.0 as text": line(b"GET /evil HTTP/2.0"),
    "HTTP/2 by prior knowledge": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a lower-case version": line(b"GET /evil http/1.1"),
    "a method nobody has": line(b"EVIL /evil HTTP/1.1"),
    "a lower-case method": line(b"get /evil HTTP/1.1"),
    "an absolute target": line(b"GET http://evil/evil HTTP/1.1"),
    "an authority target": line(b"CONNECT evil:443 HTTP/1.1"),
    "an asterisk": line(b"OPTIONS * HTTP/1.1"),
    "a target without a slash": line(b"GET evil HTTP/1.1"),
    "a fragment": line(b"GET /evil#part HTTP/1.1"),
    "a byte outside ASCII in the target": line(b"GET /\xffevil HTTP/1.1"),
    "a control byte in the target": line(b"GET /e\x01vil HTTP/1.1"),
    "a blank in the target": line(b"GET /e vil HTTP/1.1"),
    "a tab in the request line": line(b"GET\t/evil HTTP/1.1"),
    "TLS on a plain port": bytes.fromhex("16030100a5010000a10303") + bytes(100),
    "a mail client": b"EHLO gateway\r\n",
}
_CHUNKS = {
    "a chunk size that is none": chunked(b"zz\r\nabc\r\n" + NO_CHUNKS),
    "a signed chunk size": chunked(b"+3\r\nabc\r\n" + NO_CHUNKS),
    "a chunk size with 0x": chunked(b"0x3\r\nabc\r\n" + NO_CHUNKS),
    "a chunk size beyond all numbers": chunked(b"fffffffffffffffff\r\nabc"),
    "a chunk size with a blank": chunked(b"3 \r\nabc\r\n" + NO_CHUNKS),
    "a chunk longer than its size": chunked(b"3\r\nabcdef\r\n" + NO_CHUNKS),
    "a chunk without an end": chunked(b"3\r\nabc" + NO_CHUNKS),
    "a chunk size ended by a line feed": chunked(b"3\nabc\r\n" + NO_CHUNKS),
    "a chunk ended by a line feed": chunked(b"3\r\nabc\n" + NO_CHUNKS),
    "a chunk extension with a line feed": chunked(b"3;a\nb\r\nabc\r\n" + NO_CHUNKS),
    "an endless chunk extension": chunked(b"3;" + b"a" * 600_000),
    "an endless trailer": chunked(b"0\r\nX-A: " + b"a" * 600_000),
    "trailers without end": chunked(b"0\r\n" + b"a: b\r\n" * 100_000),
}
_UPGRADES = {
    "a WebSocket": get(
        b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    ),
    "HTTP/2 offered by a Java client": post(
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIA\r\n"
        b"Content-Length: 3",
        b"abc",
    ),
    "another upgrade": get(b"Connection: upgrade\r\nUpgrade: tcp"),
}
_SIZES = {
    "129 fields": get(b"X-A: b\r\n" * 127 + b"X-A: b"),
    "20,000 fields": get(b"a:\r\n" * 20_000 + b"a:"),
    "a head of 33 KiB": get(b"X-A: " + b"a" * 33 * 1024),
    "a header of 1 MB": get(b"X-A: " + b"a" * 1_000_000),
    "a name of 100 KB": get(b"a" * 100_000 + b": b"),
    "a target of 100 KB": line(b"GET /" + b"a" * 100_000 + b" HTTP/1.1"),
    "blank lines without end": b"\r\n" * 40_000,
}
REFUSED = _LENGTHS | _FIELDS | _LINES | _CHUNKS | _UPGRADES | _SIZES

STATUS = dict.fromkeys(REFUSED, 400) | dict.fromkeys(_SIZES, 431)
STATUS |= {"a WebSocket": 404, "another upgrade": 404, "an expectation nobody has": 417}

HEARD_OF = frozenset(_CHUNKS)
"""The application has the head of these before the body breaks; it never gets a whole body."""

ACCEPTED: dict[str, tuple[bytes, bytes]] = {
    "a plain request": (GOOD, b""),
    "a body with a length": (post(b"Content-Length: 3", b"abc"), b"abc"),
    "a body in chunks": (chunked(b"3;ext=1\r\nabc\r\n2\r\nde\r\n" + NO_CHUNKS), b"abcde"),
    "trailers": (
        chunked(b"3\r\nabc\r\n0\r\nX-Cost-User: evil\r\nAuthorization: evil\r\n\r\n"),
        b"abc",
    ),
    "a query": (line(b"GET /v1/x?a=b%23&c=/?d HTTP/1.1"), b""),
    "an address as Host": (b"GET / HTTP/1.1\r\nHost: [::1]:4180\r\n\r\n", b""),
    "128 fields": (get(b"X-A: b\r\n" * 126 + b"X-A: b"), b""),
    "a head of 31 KiB": (get(b"X-A: " + b"a" * 31 * 1024), b""),
    "a head and a body of 1 MB": (post(b"Content-Length: 1000000", b"a" * 10**6), b"a" * 10**6),
    "HTTP/1.0": (line(b"GET / HTTP/1.0"), b""),
    "bytes of UTF-8 in a value": (get(b"X-Cost-User: \xc3\xa9"), b""),
    "two X-Cost-User": (get(b"X-Cost-User: a\r\nX-Cost-User: b"), b""),
    "two Accepts": (get(b"Accept: a\r\nAccept: b"), b""),
    "an upgrade without a connection's": (get(b"Upgrade: websocket"), b""),
    "a blank line before the request": (b"\r\n" + GOOD, b""),
}
"""What is sent, and the body that the application gets."""
