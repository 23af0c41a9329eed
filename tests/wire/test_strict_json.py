"""Bodies that two readers could read differently are refused, with a word on what to do."""

import json
import sys

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from outlay.kernel.errors import Category, Refused
from outlay.wire.strict_json import ABSENT, MAX_CONTAINERS, MAX_DEPTH, Field, read_object


class Body(msgspec.Struct):
    model: Field = ABSENT
    n: Field = ABSENT


def message_of(body: bytes) -> str:
    refusal = read_object(body, Body)
    assert isinstance(refusal, Refused)
    assert refusal.code == "invalid_request"
    assert refusal.category is Category.INVALID
    return refusal.message


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "empty"),
        (b" \r\n ", "empty"),
        (b"{", "not valid JSON"),
        (b'{"model": "m"} {', "not valid JSON"),
        (b'{"model": NaN}', "not valid JSON"),
        (b'{"other": NaN}', "not valid JSON"),
        (b'{"model": Infinity}', "not valid JSON"),
        (b'{"model": "a\x01b"}', "not valid JSON"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b'{"model": "\xff"}', "UTF-8"),
        (b'{"other": "\xc3("}', "UTF-8"),
        (b'{"other": "\\ud83d"}', "surrogate"),
        (b'{"other": "\\ude00\\ud83d"}', "surrogate"),
        (b'{"model": 1e999}', "64-bit"),
    ],
)
def test_a_body_nobody_should_guess_at_is_refused(body: bytes, word: str) -> None:
    assert word in message_of(body)


def test_a_hundred_thousand_nested_arrays_are_refused_without_recursion() -> None:
    assert str(MAX_DEPTH) in message_of(b"[" * 100_000)
    assert str(MAX_DEPTH) in message_of(b'{"other":' + b"[" * 100_000 + b"]" * 100_000 + b"}")


@given(st.integers(MAX_DEPTH - 3, MAX_DEPTH + 3), st.sampled_from([b"[", b'{"a":']))
def test_the_limit_on_nesting_is_exact(depth: int, opener: bytes) -> None:
    closer = b"]" if opener == b"[" else b"}"
    body = b'{"other":' + opener * (depth - 1) + b"1" + closer * (depth - 1) + b"}"
    assert isinstance(read_object(body, Body), Refused) is (depth > MAX_DEPTH)


@given(st.text(alphabet='[]{}"\\,:a \u2028', max_size=40))
@example('\\"[[[')
def test_brackets_within_text_do_not_count_as_nesting(text: str) -> None:
    """Closing brackets in text must not hide real nesting, opening ones must not fake it."""
    words = [text] * 30
    flat = json.dumps({"other": [words] * 10}).encode()
    assert not isinstance(read_object(flat, Body), Refused)
    deep = json.dumps({"other": words}).encode()[:-1] + b',"deep":' + b"[" * 256 + b"]" * 256
    assert str(MAX_DEPTH) in message_of(deep + b"}")


def test_a_long_conversation_is_no_nesting() -> None:
    messages = [{"role": "user", "content": [{"type": "text", "text": "]}"}]}] * 2000
    assert not isinstance(read_object(json.dumps({"m": messages}).encode(), Body), Refused)


def test_more_arrays_and_objects_than_a_call_can_need_are_refused() -> None:
    assert str(MAX_CONTAINERS) in message_of(b'{"m":[' + b"{}," * MAX_CONTAINERS + b"{}]}")


@pytest.mark.parametrize(
    "body",
    [
        b'{"model": "cheap", "model": "dear"}',
        b'{"model": null, "model": "dear"}',
        b'{"model": "cheap", "model": null}',
        b'{"mod\\u0065l": "cheap", "model": "dear"}',
        b'{"n": 1, "model": "m", "n": 9}',
    ],
)
def test_a_field_given_twice_is_refused_since_readers_differ_in_which_counts(body: bytes) -> None:
    assert "twice" in message_of(body)


def test_fields_that_are_not_read_may_repeat_and_be_anything() -> None:
    read = read_object(b'{"x": 1, "x": 2, "model": "m", "y": {"model": 1, "n": 2}}', Body)
    assert not isinstance(read, Refused)
    assert (read.model.value, read.n) == ("m", ABSENT)


def test_a_pair_of_surrogates_and_an_escaped_backslash_are_text() -> None:
    assert not isinstance(read_object(rb'{"a": "\ud83d\ude00", "b": "\\ud83d"}', Body), Refused)


@given(st.binary(max_size=200))
@example(b'{"model":' + b"9" * 5000 + b"}")
def test_reading_never_raises(body: bytes) -> None:
    result = read_object(body, Body)
    assert isinstance(result, Refused | Body)


@settings(max_examples=50)
@given(
    st.dictionaries(
        st.text(max_size=8),
        st.recursive(
            st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=9),
            lambda inner: st.lists(inner, max_size=4),
            max_leaves=20,
        ),
        max_size=6,
    )
)
def test_all_that_a_strict_writer_writes_is_read(value: dict[str, object]) -> None:
    body = msgspec.json.encode(value)
    assert not isinstance(read_object(body, Body), Refused)


@pytest.mark.parametrize(
    ("value", "whole"),
    [(5, 5), (0, None), (-1, None), (True, None), ("5", None), (5.0, None), (None, None)],
)
def test_a_whole_number_is_an_integer_and_nothing_else(value: object, whole: int | None) -> None:
    assert Field(value).whole() == whole


def test_the_limit_on_nesting_is_below_what_the_decoder_can_do() -> None:
    """The decoder uses the interpreter's stack; our limit must end the call before it does."""
    assert sys.getrecursionlimit() > 2 * MAX_DEPTH
