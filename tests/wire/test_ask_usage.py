"""We ask for usage where the caller did not, and the caller never sees that we did."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.wire.ask_usage import MAX_HELD_BYTES, UsageHider, ask_for_usage
from tests.wire.calls import CHAT, COMPLETIONS, call_of, event, slices

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def asked(body: bytes) -> bytes:
    return ask_for_usage(call_of(CHAT, body))


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (
            b'{"model":"m","stream":true}',
            b'{"stream_options":{"include_usage":true},"model":"m","stream":true}',
        ),
        (
            b' \r\n{ "model" : "m" }\n',
            b' \r\n{"stream_options":{"include_usage":true}, "model" : "m" }\n',
        ),
        (
            b'{"model":"m","stream_options":{}}',
            b'{"model":"m","stream_options":{"include_usage":true}}',
        ),
        (
            b'{"model":"m","stream_options":null,"n":1}',
            b'{"model":"m","stream_options":{"include_usage":true},"n":1}',
        ),
        (
            b'{"model":"m","stream_options" :\n{ "include_usage" : false , "x": 1}}',
            b'{"model":"m","stream_options" :\n{ "include_usage" : true , "x": 1}}',
        ),
        (
            b'{"model":"m","stream_options":{"include_usage":null}}',
            b'{"model":"m","stream_options":{"include_usage":true}}',
        ),
        (
            b'{"stream_options":{"include_obfuscation":false},"model":"m"}',
            b'{"stream_options":{"include_usage":true,"include_obfuscation":false},"model":"m"}',
        ),
    ],
)
def test_only_the_bytes_of_stream_options_change(body: bytes, sent: bytes) -> None:
    assert asked(body) == sent


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"m","stream_options":{"include_usage":true}}',
        b'{"model":"m","stream_options":"x"}',
        b'{"model":"m","stream_options":[]}',
    ],
)
def test_a_call_that_asks_itself_or_asks_nonsense_is_left_alone(body: bytes) -> None:
    assert asked(body) == body


def test_text_that_speaks_of_stream_options_is_no_option() -> None:
    body = json.dumps({"model": "m", "user": 'set "stream_options":{} please'}).encode()
    assert json.loads(asked(body)) == {
        "model": "m",
        "user": 'set "stream_options":{} please',
        "stream_options": {"include_usage": True},
    }


def test_an_escaped_name_is_the_same_field() -> None:
    body = b'{"model":"m","stream\\u005foptions":{"include_usage":false}}'
    assert json.loads(asked(body)) == {"model": "m", "stream_options": {"include_usage": True}}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
OPTIONS = st.none() | st.dictionaries(st.sampled_from(["include_usage", "x", "y"]), JSON)


NAMES = st.text(max_size=4).map(lambda name: f"x{name}")  # none that is read


@given(st.dictionaries(NAMES, JSON), OPTIONS, st.booleans(), st.sampled_from([0, 2]))
def test_all_other_fields_stay_as_they_are(
    others: dict[str, object], options: object, ascii_only: bool, indent: int
) -> None:
    value = {**others, "stream_options": options, "model": "m"}
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    before = options if isinstance(options, dict) else {}
    assert json.loads(asked(body)) == {
        **value,
        "stream_options": {**before, "include_usage": True},
    }


def test_numbers_of_any_length_are_passed_over() -> None:
    body = b'{"x":' + b"9" * 5000 + b',"stream_options":{},"model":"m"}'
    assert b'"include_usage":true' in asked(body)


def test_legacy_completions_are_asked_too() -> None:
    call = call_of(COMPLETIONS, b'{"model":"m","prompt":"a"}')
    assert b'"include_usage":true' in ask_for_usage(call)


def stream(newline: bytes, extra: bytes) -> bytes:
    end = newline * 2
    return b"".join(
        [
            b": OPENROUTER PROCESSING" + end,
            event({"choices": [], "prompt_filter_results": []}, end),
            event({"choices": [{"delta": {"content": '\u2028 "usage"'}}], "usage": None}, end),
            b"event: x" + newline + event({"choices": [{}], "usage": USAGE}, end),
            extra,
            b"data: [DONE]" + end,
        ]
    )


def shown(pieces: list[bytes]) -> bytes:
    hider = UsageHider()
    return b"".join([*(hider.feed(piece) for piece in pieces), hider.flush()])


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
@given(draw=st.data())
def test_exactly_the_usage_chunk_is_taken_out_for_any_slicing(
    newline: bytes, draw: st.DataObject
) -> None:
    chunk = event({"id": "c", "choices": [], "usage": USAGE}, newline * 2)
    pieces = draw.draw(slices(stream(newline, chunk)))
    assert shown(pieces) == stream(newline, b"")


@given(st.binary(max_size=80).flatmap(slices))
def test_every_other_byte_passes(pieces: list[bytes]) -> None:
    assert shown(pieces) == b"".join(pieces)


@pytest.mark.parametrize(
    "chunk",
    [
        {"choices": [], "usage": None},
        {"choices": []},
        {"choices": None, "usage": USAGE},
        {"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": USAGE},
        {"usage": USAGE},
        {"error": {"message": "usage"}},
    ],
)
def test_chunks_that_a_caller_would_get_anyway_pass(chunk: dict[str, Any]) -> None:
    assert shown([event(chunk)]) == event(chunk)


def test_a_comment_within_the_usage_event_passes() -> None:
    chunk = b": ping\n" + event({"choices": [], "usage": USAGE})
    assert shown([chunk, b"data: [DONE]\n\n"]) == b": ping\ndata: [DONE]\n\n"


def test_a_usage_chunk_without_its_blank_line_is_taken_out_at_the_end() -> None:
    assert shown([event({"choices": [], "usage": USAGE}, b"\n")]) == b""


def test_a_complete_event_goes_out_at_once() -> None:
    hider = UsageHider()
    first = event({"choices": [{"delta": {"content": "a"}}]})
    assert hider.feed(first + b"data: {") == first


def test_a_large_event_is_not_held_back() -> None:
    hider = UsageHider()
    out = b"".join(hider.feed(b"data: " + b"x" * 1000) for _ in range(100))
    assert len(out) > 100 * 1006 - MAX_HELD_BYTES
