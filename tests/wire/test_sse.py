"""Events are cut out of a stream the same way however the network cuts it, and no byte changes."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from outlay.wire.sse import EventSplitter, Torn, read_data
from tests.wire.calls import slices

STREAM = (
    b': comment\n\nevent: x\ndata: {"a": "\xe2\x80\xa8\xc2\x85\xf0\x9f\x98\x80"}\n\n'
    b"data: one\r\ndata: two\r\nid: 7\r\n\r\n\n\ndata:no blank\n\nretry: 5\r\n\r\ndata: [DONE]\n\n"
)


def split(pieces: list[bytes], limit: int = 1000) -> tuple[list[bytes], bytes]:
    splitter = EventSplitter(limit)
    events = [event for piece in pieces for event in splitter.feed(piece)]
    return events, splitter.rest()


WHOLE = split([STREAM])[0]


@given(slices(STREAM))
def test_any_slicing_gives_the_same_events(pieces: list[bytes]) -> None:
    assert split(pieces) == (WHOLE, b"")


def test_byte_by_byte_gives_the_same_events() -> None:
    assert split([bytes([byte]) for byte in STREAM]) == (WHOLE, b"")


def test_the_payloads_of_the_stream() -> None:
    assert [read_data(event) for event in WHOLE] == [
        b"",
        '{"a": "\u2028\x85\U0001f600"}'.encode(),
        b"one\ntwo",
        b"",
        b"no blank",
        b"",
        b"[DONE]",
    ]


LINES = st.sampled_from(
    [
        b"data: a",
        b"data:",
        b": c",
        b"event: e",
        b"",
        b"\r",
        b"data: \xe2\x80\xa8",
        b"\x85",
        b"x" * 30,
    ]
)
STREAMS = st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r\n", b"\r"])), max_size=12).map(
    lambda lines: b"".join(line + end for line, end in lines)
)


@given(STREAMS.flatmap(lambda body: st.tuples(st.just(body), slices(body))), st.integers(4, 60))
@example((b"data: aaaaaaaaaaaa\n\n", [b"data: aaaaa", b"aaaaaaa\n\n"]), 8)
def test_nothing_is_lost_or_changed_at_any_limit(
    stream: tuple[bytes, list[bytes]], limit: int
) -> None:
    body, pieces = stream
    events, rest = split(pieces, limit)
    assert b"".join([*events, rest]) == body


@given(STREAMS.flatmap(lambda body: st.tuples(slices(body), slices(body))), st.integers(4, 60))
def test_what_is_small_enough_to_be_read_does_not_depend_on_the_slicing(
    ways: tuple[list[bytes], list[bytes]], limit: int
) -> None:
    one, other = (split(way, limit)[0] for way in ways)
    assert [e for e in one if not isinstance(e, Torn)] == [
        e for e in other if not isinstance(e, Torn)
    ]


@given(st.binary(max_size=60).flatmap(slices))
def test_any_bytes_pass(pieces: list[bytes]) -> None:
    events, rest = split(pieces)
    assert b"".join([*events, rest]) == b"".join(pieces)


def test_an_event_above_the_limit_comes_in_pieces_and_is_counted_once() -> None:
    splitter = EventSplitter(100)
    events = [e for _ in range(50) for e in splitter.feed(b"data: aaaaaaaaaaaaaaaaaaa")]
    events += splitter.feed(b"\n\ndata: after\n\n")
    assert all(isinstance(event, Torn) for event in events[:-1])
    assert (events[-1], splitter.torn_events) == (b"data: after\n\n", 1)
    assert not isinstance(events[-1], Torn)


def test_no_more_than_the_limit_is_held() -> None:
    splitter = EventSplitter(100)
    for _ in range(1000):
        splitter.feed(b"a" * 37)
        assert len(splitter._held) <= 100


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        (b"data: {}\n\n", b"{}"),
        (b"data: {}\r\n\r\n", b"{}"),
        (b"data:{}\n\n", b"{}"),
        (b"data:  {}\n\n", b" {}"),
        (b"event: x\ndata: {}\n\n", b"{}"),
        (b"data: {}\nevent: x\n\n", b"{}"),
        (b"data: {\ndata: }\n\n", b"{\n}"),
        (b"\xef\xbb\xbfdata: {}\n\n", b"{}"),
        (b"data: {}", b"{}"),
        (b"data: a \n\n", b"a "),
        (b": data: x\n\n", b""),
        (b"database: x\n\n", b""),
    ],
)
def test_a_payload_is_its_data_lines(event: bytes, payload: bytes) -> None:
    assert read_data(event) == payload
