"""The only change to a body: the name of the model, spliced in."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.providers.model_name import GEMINI, TOP_LEVEL, rename_model


def test_only_the_name_changes() -> None:
    body = b'{ "messages":[{"content":"\\u00e9 \xc3\xa9"}],\r\n\t"model" :\t"fast" , "n":1.50}'
    assert rename_model(body, "fast", "gpt-4o", TOP_LEVEL) == body.replace(b'"fast"', b'"gpt-4o"')


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"fast","messages":[{"content":"\\"model\\":\\"fast\\""}]}',
        b'{"metadata":{"model":"fast"},"model":"fast","tools":[{"model":"fast"}]}',
        b'{"a":"model","model":"fast","b":["model","fast"]}',
        b'{"x":"fast","model":"fast"}',
        b'{"say \\"model":"fast","model":"fast"}',
    ],
)
def test_a_name_elsewhere_is_left_alone(body: bytes) -> None:
    changed = json.loads(rename_model(body, "fast", "gpt-4o", TOP_LEVEL))
    assert changed == json.loads(body) | {"model": "gpt-4o"}


def test_an_escaped_spelling_of_the_member_is_found() -> None:
    assert rename_model(b'{"mod\\u0065l":"f\\u0061st"}', "fast", "x", TOP_LEVEL) == (
        b'{"mod\\u0065l":"x"}'
    )


def test_every_occurrence_is_renamed_so_that_nobody_reads_the_old_one() -> None:
    body = b'{"model":"fast","model":"fast"}'
    assert rename_model(body, "fast", "x", TOP_LEVEL) == b'{"model":"x","model":"x"}'


def test_a_new_name_is_written_as_json() -> None:
    assert rename_model(b'{"model":"a"}', "a", 'b"\\\xe9', TOP_LEVEL) == (
        b'{"model":"b\\"\\\\\xc3\xa9"}'
    )


def test_geminis_bodies_repeat_the_name() -> None:
    body = (
        b'{"model":"models/fast","requests":[{"model":"models/fast","content":{"model":"fast"}},'
        b'{"model":"models/other"},{"content":{}}],"generateContentRequest":{"model":"fast"}}'
    )
    assert rename_model(body, "fast", "g", GEMINI) == (
        b'{"model":"models/g","requests":[{"model":"models/g","content":{"model":"fast"}},'
        b'{"model":"models/other"},{"content":{}}],"generateContentRequest":{"model":"g"}}'
    )


def test_a_body_without_a_name_stays() -> None:
    assert rename_model(b' {"contents":[]} ', "a", "b", GEMINI) == b' {"contents":[]} '


def test_numbers_without_end_are_no_matter() -> None:
    body = b'{"n":' + b"9" * 5000 + b',"f":1e400,"model":"a"}'
    assert rename_model(body, "a", "b", TOP_LEVEL) == body.replace(b'"a"', b'"b"')


@pytest.mark.parametrize(
    "body", [b"", b"[]x", b'"model"', b'{"model":', b'{"model"', b"{,", b"\xff"]
)
def test_what_is_no_object_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        rename_model(body, "a", "b", TOP_LEVEL)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["model", "a", "requests"]) | st.text(), inner, max_size=4
        )
    ),
    max_leaves=15,
)


@given(
    before=st.dictionaries(st.text(), _JSON, max_size=3),
    after=st.dictionaries(st.text(), _JSON, max_size=3),
    called=st.text(),
    served=st.text(),
    indent=st.sampled_from([None, 0, 3]),
    ascii_only=st.booleans(),
)
def test_what_a_json_reader_sees_differs_in_the_name_only(
    *,
    before: dict[str, Any],
    after: dict[str, Any],
    called: str,
    served: str,
    indent: int | None,
    ascii_only: bool,
) -> None:
    value = {**before, "model": called, **{k: v for k, v in after.items() if k != "model"}}
    body = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode(
        "utf-8", "surrogatepass"
    )
    try:
        body.decode()
    except UnicodeDecodeError:
        return  # half a surrogate pair is refused before it comes here
    assert json.loads(rename_model(body, called, served, TOP_LEVEL)) == value | {"model": served}


@given(st.dictionaries(st.text(), _JSON, max_size=4))
def test_renaming_back_restores_every_byte(value: dict[str, Any]) -> None:
    body = json.dumps(value | {"model": "one"}).encode()
    there = rename_model(body, "one", "another", TOP_LEVEL)
    assert rename_model(there, "another", "one", TOP_LEVEL) == body
