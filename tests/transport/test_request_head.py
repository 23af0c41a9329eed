"""The head of a request is exact, and nothing in it can become anything else."""

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.transport.request_head import write_head
from outlay.transport.upstream import Headers, Limits, NotSent, UpstreamRequest


def _request(
    *,
    method: str = "POST",
    scheme: str = "https",
    host: str = "api.example.com",
    port: int = 443,
    target: str = "/v1/x",
    headers: Headers | None = None,
    body: bytes = b"{}",
) -> UpstreamRequest:
    return UpstreamRequest(method, scheme, host, port, target, headers or [], body, Limits())


def test_head_is_written_in_order() -> None:
    assert write_head(_request(headers=[(b"X-B", b"1"), (b"x-a", b"2")])) == (
        b"POST /v1/x HTTP/1.1\r\nHost: api.example.com\r\nX-B: 1\r\nx-a: 2\r\n"
        b"Content-Length: 2\r\n\r\n"
    )


def test_a_request_without_a_body_says_nothing_of_its_length() -> None:
    head = write_head(_request(method="GET", body=b""))
    assert head == b"GET /v1/x HTTP/1.1\r\nHost: api.example.com\r\n\r\n"


def test_an_empty_post_says_so() -> None:
    assert b"\r\nContent-Length: 0\r\n\r\n" in write_head(_request(body=b""))


@pytest.mark.parametrize(
    ("scheme", "host", "port", "expected"),
    [
        ("https", "h", 443, b"h"),
        ("http", "h", 80, b"h"),
        ("http", "h", 443, b"h:443"),
        ("https", "h", 8443, b"h:8443"),
        ("http", "::1", 8000, b"[::1]:8000"),
    ],
)
def test_host_names_its_port_where_it_is_not_the_schemes(
    scheme: str, host: str, port: int, expected: bytes
) -> None:
    head = write_head(_request(scheme=scheme, host=host, port=port))
    assert b"\r\nHost: " + expected + b"\r\n" in head


@pytest.mark.parametrize(
    "request_",
    [
        _request(method="PO ST"),
        _request(method="POST\r\nX: y"),
        _request(method=""),
        _request(target="v1"),
        _request(target="/v1 HTTP/1.1\r\nX: y\r\n\r\n"),
        _request(target="/v1\x00"),
        _request(target="/\xe9"),
        _request(target=""),
        _request(host=""),
        _request(host="a\r\nX: y"),
        _request(host="a b"),
        _request(host="\xe9"),
        _request(headers=[(b"", b"v")]),
        _request(headers=[(b"a b", b"v")]),
        _request(headers=[(b"a:", b"v")]),
        _request(headers=[(b"a\r\nb", b"v")]),
        _request(headers=[(b"a", b"v\r\nb: c")]),
        _request(headers=[(b"a", b"v\n")]),
        _request(headers=[(b"a", b"v\rw")]),
        _request(headers=[(b"a", b"\x00")]),
        _request(headers=[(b"a", b"\x7f")]),
        _request(headers=[(b"Host", b"evil")]),
        _request(headers=[(b"content-length", b"1")]),
        _request(headers=[(b"Transfer-Encoding", b"chunked")]),
        _request(headers=[(b"connection", b"close")]),
    ],
)
def test_what_could_break_out_of_its_place_is_not_sent(request_: UpstreamRequest) -> None:
    with pytest.raises(NotSent):
        write_head(request_)


def test_a_refusal_shows_no_value() -> None:
    with pytest.raises(NotSent) as caught:
        write_head(_request(headers=[(b"authorization", b"Bearer sk-secret\n")]))
    assert "sk-secret" not in str(caught.value) + caught.value.told
    assert "Correct it and send the call again." in caught.value.told


class _Seen:
    """What a strict parser reads."""

    def __init__(self) -> None:
        self.headers: Headers = []
        self.messages = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_message_complete(self) -> None:
        self.messages += 1


@given(
    st.lists(st.tuples(st.binary(max_size=6), st.binary(max_size=10)), max_size=6),
    st.text(max_size=10),
    st.sampled_from([b"", b"{}"]),
)
def test_a_strict_parser_reads_what_was_meant_or_nothing_is_sent(
    headers: Headers, target: str, body: bytes
) -> None:
    try:
        head = write_head(_request(target="/" + target, headers=headers, body=body))
    except NotSent:
        return
    seen = _Seen()
    try:
        httptools.HttpRequestParser(seen).feed_data(head + body)
    except httptools.HttpParserInvalidURLError:
        return  # a provider refuses the target; the message keeps its bounds
    assert seen.messages == 1
    trimmed = [(name, value.strip(b" \t")) for name, value in headers]
    assert seen.headers[1:-1] == trimmed
