"""Which header fields pass through, in either direction: everything but a list of named reasons.

Names are compared in lower case with `_` read as `-`, since some servers read them alike.
"""

from functools import lru_cache

from outlay.transport.upstream import Headers

OUR_PREFIX = b"x-cost-"
"""Fields of ours: for us alone when a caller sends them, from us alone when a caller gets them."""

HOP_BY_HOP = frozenset((
    b"connection",
    b"keep-alive",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
    b"http2-settings",
))  # fmt: skip
"""They speak of one connection, and ours to the provider is another. RFC 9110 7.6.1."""

CREDENTIALS = frozenset((
    b"authorization",
    b"x-api-key",
    b"api-key",
    b"x-goog-api-key",
    b"x-goog-iam-authorization-token",
    b"x-goog-iam-authority-selector",
    b"x-serverless-authorization",
    b"x-amz-security-token",
    b"cookie",
    b"cookie2",
))  # fmt: skip
"""The caller's are for us; the provider gets ours."""

ACCOUNT_CHOICE = frozenset((b"openai-organization", b"openai-project", b"x-goog-user-project"))
"""They choose whose account the provider bills: not the caller's choice."""

REQUEST_STEERING = frozenset((
    b"host",
    b"x-host",
    b"x-original-host",
    b"x-original-url",
    b"x-rewrite-url",
    b"x-http-method",
    b"x-http-method-override",
    b"x-method-override",
    b"forwarded",
    b"via",
    b"x-real-ip",
    b"true-client-ip",
    b"cf-connecting-ip",
))  # fmt: skip
"""They make a server answer another request than the one it got, or say where the caller sits."""

WRITTEN_ANEW = frozenset((b"content-length", b"accept-encoding", b"expect"))
"""Ours to say: the body may have changed, and the answer must come uncompressed to be metered."""

ORIGIN_BOUND = frozenset((b"set-cookie", b"set-cookie2", b"alt-svc", b"strict-transport-security"))
"""What a provider says about its own host would be taken as said about the gateway's."""

_NOT_SENT = HOP_BY_HOP | CREDENTIALS | ACCOUNT_CHOICE | REQUEST_STEERING | WRITTEN_ANEW
_NOT_RETURNED = HOP_BY_HOP | ORIGIN_BOUND


def request_headers(client_headers: Headers) -> Headers:
    """Keep what a provider may see of a client's headers, in order, and ask for plain bodies."""
    kept = [field for field in client_headers if _may_be_sent(field[0])]
    kept = _without_named(kept, client_headers)
    kept.append((b"accept-encoding", b"identity"))
    return kept


def answer_headers(headers: Headers, *, body_changes: bool) -> Headers:
    """Keep what a caller may see of a provider's headers, byte for byte and in order.

    Content-Length goes when `body_changes`, and with it whatever else says how long the body is.
    """
    may_be_returned = _may_be_returned_with_another_body if body_changes else _may_be_returned
    kept = [field for field in headers if may_be_returned(field[0])]
    return _without_named(kept, headers)


@lru_cache(maxsize=1024)
def _may_be_sent(name: bytes) -> bool:
    key = _key(name)
    return not (key in _NOT_SENT or key.startswith((OUR_PREFIX, b"x-forwarded-")))


@lru_cache(maxsize=1024)
def _may_be_returned(name: bytes) -> bool:
    key = _key(name)
    return not (key in _NOT_RETURNED or key.startswith(OUR_PREFIX))


@lru_cache(maxsize=1024)
def _may_be_returned_with_another_body(name: bytes) -> bool:
    return _may_be_returned(name) and _key(name) != b"content-length"


def _without_named(kept: Headers, headers: Headers) -> Headers:
    """Take out the fields that a Connection field declares to be of one connection only."""
    lists = [value for name, value in headers if _is_connection(name)]
    if not lists:
        return kept
    named = {_key(token.strip()) for value in lists for token in value.split(b",")} - _NEVER_NAMED
    return [field for field in kept if _key(field[0]) not in named]


@lru_cache(maxsize=1024)
def _is_connection(name: bytes) -> bool:
    return name.lower() == b"connection"


def _key(name: bytes) -> bytes:
    return name.lower().replace(b"_", b"-")


_NEVER_NAMED = frozenset((b"", b"close", b"content-type", b"content-length"))
