"""A streamed JSON array is cut into its elements however it is sliced."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.wire import json_array
from outlay.wire.json_array import ElementSplitter
from tests.wire.calls import slices

ELEMENTS = [{"a": '}]"\\', "b": [1, {"c": []}]}, {}, {"text": "\u2028 {[ \\\\"}, [[1], {}]]
ARRAY = b"[" + b"\r\n,\r\n".join(json.dumps(e, indent=1).encode() for e in ELEMENTS) + b"\n]\n"


def split(pieces: list[bytes]) -> list[bytes]:
    splitter = ElementSplitter()
    return [element for piece in pieces for element in splitter.feed(piece)]


@given(slices(ARRAY))
def test_any_slicing_gives_the_same_elements(pieces: list[bytes]) -> None:
    assert [json.loads(element) for element in split(pieces)] == ELEMENTS


@given(st.lists(st.sampled_from([b"[", b"]", b"{", b"}", b'"', b"\\", b"a", b","]), max_size=60))
def test_any_bytes_are_taken_without_raising(pieces: list[bytes]) -> None:
    split(pieces)


def test_what_was_read_is_forgotten() -> None:
    splitter = ElementSplitter()
    splitter.feed(b"[")
    for _ in range(100):
        splitter.feed(b'{"a": 1} , ')
    assert not splitter._held


def test_an_element_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_array, "MAX_ELEMENT_BYTES", 100)
    splitter = ElementSplitter()
    assert splitter.feed(b'[{"a": "' + b"x" * 200) == []
    assert splitter.broken
    assert splitter.feed(b'"}, {"b": 1}]') == []
