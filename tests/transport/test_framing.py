"""Answers end where they end, however the network cuts them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.transport.answer import Answer
from outlay.transport.framing import MAX_QUIET_BYTES, AnswerReader, BadFraming
from tests.transport.lines import StillLine, unread_of

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


class Reading:
    """One answer being read from slices."""

    def __init__(self, method: str = "POST") -> None:
        self.answer = Answer(StillLine())
        self.reader = AnswerReader()
        self.reader.expect(self.answer, method=method)

    def feed(self, sent: bytes, cuts: set[int] | None = None) -> "Reading":
        """Feed bytes, cut at these places; stops at the end of the answer."""
        edges = sorted({0, len(sent)} | {cut for cut in cuts or set() if cut < len(sent)})
        for begin, end in itertools.pairwise(edges):
            self.reader.feed(sent[begin:end])
        return self

    @property
    def body(self) -> bytes:
        return unread_of(self.answer)


def _chunk(body: bytes, extension: bytes = b"") -> bytes:
    return b"%x%b\r\n%b\r\n" % (len(body), extension, body)


_CUTS = st.sets(st.integers(1, 400), max_size=60)


@given(st.binary(max_size=300), _CUTS)
def test_a_body_of_stated_length(body: bytes, cuts: set[int]) -> None:
    sent = HEAD + b"X-Empty:\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    reading = Reading().feed(sent, cuts)
    assert (reading.body, reading.reader.is_complete, reading.reader.keep_alive) == (
        body,
        True,
        True,
    )
    assert reading.answer.headers == [(b"X-Empty", b""), (b"Content-Length", b"%d" % len(body))]


@given(
    st.lists(st.binary(min_size=1, max_size=60), max_size=6),
    st.sampled_from([b"", b";a=b", b';a="b;c"']),
    st.sampled_from([b"", b"X-Trailer: 1\r\n", b"Server-Timing: a\r\nSet-Cookie: a\r\n"]),
    _CUTS,
)
def test_a_body_in_chunks(
    pieces: list[bytes], extension: bytes, trailers: bytes, cuts: set[int]
) -> None:
    sent = CHUNKED + b"".join(_chunk(piece, extension) for piece in pieces) + b"0\r\n" + trailers
    reading = Reading().feed(sent + b"\r\n", cuts)
    assert reading.reader.is_complete
    assert reading.body == b"".join(pieces)
    assert reading.answer.headers == [(b"Transfer-Encoding", b"chunked")]


@given(st.binary(max_size=200), st.sampled_from([b"1.0", b"1.1"]), _CUTS)
def test_a_body_that_ends_with_the_connection(body: bytes, version: bytes, cuts: set[int]) -> None:
    reading = Reading().feed(b"HTTP/%b 200 OK\r\nX-A: b\r\n\r\n%b" % (version, body), cuts)
    assert not reading.reader.is_complete
    reading.reader.feed_end()
    assert reading.body == body
    assert (reading.reader.is_complete, reading.reader.keep_alive) == (True, False)


@given(st.lists(st.sampled_from([100, 102, 103, 150]), max_size=4), _CUTS)
def test_informational_heads_are_skipped(statuses: list[int], cuts: set[int]) -> None:
    early = b"".join(b"HTTP/1.1 %d Early\r\nLink: x\r\n\r\n" % status for status in statuses)
    reading = Reading().feed(early + HEAD + b"Content-Length: 2\r\n\r\n{}", cuts)
    assert (reading.answer.status, reading.body) == (200, b"{}")
    assert reading.answer.headers == [(b"Content-Length", b"2")]


def test_an_informational_heads_length_is_not_the_answers() -> None:
    early = b"HTTP/1.1 103 Early\r\nContent-Length: 5\r\n\r\n"
    reading = Reading().feed(early + HEAD + b"\r\nabc")
    reading.reader.feed_end()
    assert (reading.reader.is_complete, reading.body) == (True, b"abc")


@pytest.mark.parametrize("status", [204, 304])
@given(cuts=_CUTS)
def test_some_statuses_have_no_body(status: int, cuts: set[int]) -> None:
    reading = Reading().feed(b"HTTP/1.1 %d x\r\nContent-Length: 12\r\n\r\n" % status, cuts)
    assert (reading.reader.is_complete, reading.body) == (True, b"")


def test_an_answer_to_head_has_no_body() -> None:
    reading = Reading("HEAD").feed(HEAD + b"Content-Length: 12\r\n\r\n")
    assert (reading.reader.is_complete, reading.reader.keep_alive) == (True, False)


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n",
        HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        HEAD + b"Content-Length: -3\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        HEAD + b"X-A: b\r\n c\r\n\r\n",
        HEAD + b"X-A: b\x00c\r\n\r\n",
        HEAD + b"X A: b\r\n\r\n",
        b"HTTP/1.1 200 OK\nX-A: b\n\n",
        CHUNKED + b"zz\r\n",
        CHUNKED + b"3\r\nabcd\r\n",
        CHUNKED + b"-3\r\n",
        CHUNKED + b"ffffffffffffffffff\r\n",
    ],
)
@given(cuts=_CUTS)
def test_what_is_no_answer_is_broken(sent: bytes, cuts: set[int]) -> None:
    with pytest.raises(BadFraming):
        Reading().feed(sent, cuts)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 200",
        HEAD,
        HEAD + b"Content-Length: 3\r\n\r\n",
        HEAD + b"Content-Length: 3\r\n\r\nab",
        CHUNKED,
        CHUNKED + b"3\r\nab",
        CHUNKED + b"3\r\nabc\r\n",
        CHUNKED + b"3\r\nabc\r\n0\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_a_connection_that_ends_too_early_is_broken(sent: bytes) -> None:
    reading = Reading().feed(sent)
    with pytest.raises(BadFraming, match="before the answer was complete"):
        reading.reader.feed_end()


@pytest.mark.parametrize(
    "surplus", [b"x", b"\x00", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", b"HTTP/1.1 1"]
)
def test_what_follows_an_answer_is_never_another(surplus: bytes) -> None:
    reading = Reading().feed(HEAD + b"Content-Length: 2\r\n\r\n{}" + surplus)
    assert (reading.reader.is_complete, reading.reader.keep_alive) == (True, False)
    assert (reading.answer.status, reading.body) == (200, b"{}")


def test_one_reader_reads_answer_after_answer() -> None:
    reading = Reading()
    for number in range(3):
        answer = Answer(StillLine())
        reading.reader.expect(answer, method="POST")
        reading.feed(HEAD + b"Content-Length: 1\r\n\r\n%d" % number)
        assert unread_of(answer) == b"%d" % number
        assert reading.reader.keep_alive


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (HEAD + b"X-A: ", b"a" * 1000),
        (HEAD, b"X-A: b\r\n" * 100),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 50),
        (CHUNKED + b"3;", b"a" * 1000),
        (CHUNKED + b"0\r\nX-A: ", b"a" * 1000),
    ],
)
def test_what_brings_nothing_comes_to_an_end(start: bytes, more: bytes) -> None:
    reading = Reading().feed(start)
    whole = more * (2 * MAX_QUIET_BYTES // len(more))
    with pytest.raises(BadFraming, match="65536"):
        reading.feed(whole, set(range(0, len(whole), len(more))))


def test_a_large_head_in_one_piece_is_broken() -> None:
    with pytest.raises(BadFraming, match="head of more than"):
        Reading().feed(HEAD + b"X-A: " + b"a" * MAX_QUIET_BYTES + b"\r\n\r\n")


def test_a_large_body_in_one_piece_is_no_large_head() -> None:
    body = b"a" * (3 * MAX_QUIET_BYTES)
    reading = Reading().feed(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert reading.body == body


@given(st.binary(max_size=200), _CUTS)
def test_random_bytes_are_an_answer_or_broken(sent: bytes, cuts: set[int]) -> None:
    reading = Reading()
    try:
        reading.feed(HEAD[: len(sent) % 18] + sent, cuts)
    except BadFraming:
        assert not reading.reader.keep_alive
