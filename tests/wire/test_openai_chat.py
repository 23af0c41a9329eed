"""What a chat body says about its cost, its end user and its stream."""

from typing import Any

import pytest

from tests.wire.calls import CHAT, call_of, chat, refused

PNG = "data:image/png;base64," + "A" * 4000
IMAGE = {"type": "image_url", "image_url": {"url": PNG}}


def with_parts(*parts: dict[str, Any]) -> dict[str, Any]:
    return chat(messages=[{"role": "user", "content": [*parts]}])


def test_a_plain_call_is_bounded_by_its_body_and_its_limit() -> None:
    call = call_of(CHAT, chat(max_tokens=100, n=3, service_tier="flex"))
    shape = call.shape
    assert shape.input_bytes == len(call.body)
    assert (shape.output_limit, shape.choices, shape.service_tier) == (100, 3, "flex")
    assert (shape.message_count, shape.by_reference, shape.unbounded) == (1, (), ())


@pytest.mark.parametrize(
    ("fields", "limit"),
    [
        ({}, None),
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 7}, 7),
        ({"max_tokens": 5, "max_completion_tokens": 7}, 7),
        ({"max_tokens": None}, None),
        ({"max_tokens": "5"}, None),
        ({"max_tokens": 5.5}, None),
    ],
)
def test_the_output_limit_is_never_read_lower_than_a_provider_might(
    fields: dict[str, Any], limit: int | None
) -> None:
    assert call_of(CHAT, chat(**fields)).shape.output_limit == limit


@pytest.mark.parametrize("n", [0, -1, "5", 2.5, True, [3]])
def test_a_number_of_choices_that_a_provider_might_read_as_more_is_refused(n: object) -> None:
    assert refused(CHAT, chat(n=n)).field == "n"


def test_inline_media_count_by_their_own_measure_and_not_as_text() -> None:
    audio = {"type": "input_audio", "input_audio": {"data": "A" * 800, "format": "wav"}}
    pdf = "data:application/pdf;base64," + "B" * 400
    call = call_of(CHAT, with_parts(IMAGE, audio, {"type": "file", "file": {"file_data": pdf}}))
    shape = call.shape
    assert (shape.image_count, shape.audio_bytes, shape.document_bytes) == (1, 600, 300)
    assert shape.input_bytes == len(call.body) - 4000 - 800 - 400


def test_a_data_url_that_is_not_base64_counts_as_text() -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/svg+xml,<svg/>"}}
    call = call_of(CHAT, with_parts(part))
    assert call.shape.input_bytes == len(call.body)


@pytest.mark.parametrize(
    ("part", "reference"),
    [
        ({"type": "image_url", "image_url": {"url": "https://a/b.png"}}, "image_url"),
        ({"type": "image_url", "image_url": "https://a/b.png"}, "image_url"),
        ({"type": "video_url", "video_url": {"url": "https://a/b.mp4"}}, "video_url"),
        ({"type": "file", "file": {"file_id": "file-1"}}, "file_id"),
        ({"type": "file", "file": {"file_data": "https://a/b.pdf"}}, "file_data"),
    ],
)
def test_input_from_elsewhere_is_named(part: dict[str, Any], reference: str) -> None:
    assert call_of(CHAT, with_parts(part)).shape.by_reference == (reference,)


def test_a_reference_is_named_once_however_often_it_occurs() -> None:
    part = {"type": "image_url", "image_url": {"url": "https://a/b.png"}}
    shape = call_of(CHAT, with_parts(part, part)).shape
    assert (shape.image_count, shape.by_reference) == (2, ("image_url",))


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"web_search_options": {"search_context_size": "low"}}, ("web_search_options",)),
        ({"web_search_options": {}}, ("web_search_options",)),
        ({"prediction": {"type": "content", "content": "x"}}, ("prediction",)),
        ({"modalities": ["text", "audio"]}, ("modalities",)),
        ({"modalities": ["text"]}, ()),
        ({"plugins": [{"id": "web"}]}, ("plugins",)),
        ({"models": ["a", "b"]}, ("models",)),
        ({"search_parameters": {"mode": "on"}}, ("search_parameters",)),
        ({"deferred": True}, ("deferred",)),
        ({"model": "gpt-4o-search-preview"}, ("model",)),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, ()),
        ({"tools": [{"type": "custom", "custom": {"name": "f"}}]}, ()),
        ({"tools": [{"type": "browser_search"}]}, ("tools.browser_search",)),
        ({"tools": [{}]}, ("tools.None",)),
    ],
)
def test_what_makes_the_cost_open_is_named(fields: dict[str, Any], names: tuple[str, ...]) -> None:
    assert call_of(CHAT, chat(**fields)).shape.unbounded == names


@pytest.mark.parametrize(
    ("fields", "user", "session"),
    [
        ({"user": "u", "safety_identifier": "s"}, "s", None),
        ({"user": "u", "metadata": {"user_id": "m"}}, "u", None),
        ({"metadata": {"user_id": "m", "session_id": "t"}}, "m", "t"),
        ({"metadata": {"user_id": 5}}, None, None),
        ({"metadata": "m", "user": ""}, None, None),
    ],
)
def test_end_user_and_session_fall_back_to_the_body(
    fields: dict[str, Any], user: str | None, session: str | None
) -> None:
    call = call_of(CHAT, chat(**fields))
    assert (call.end_user, call.session) == (user, session)


@pytest.mark.parametrize(
    ("options", "asks"),
    [
        ({"include_usage": True}, True),
        ({"include_usage": False}, False),
        ({}, False),
        (None, False),
        ("x", False),
    ],
)
def test_a_caller_asks_for_usage_only_by_saying_true(options: object, asks: bool) -> None:
    assert call_of(CHAT, chat(stream=True, stream_options=options)).asks_usage is asks


@pytest.mark.parametrize(("value", "zero"), [(0, True), (0.0, True), (False, False), (0.1, False)])
def test_temperature_zero_is_a_number(value: object, zero: bool) -> None:
    assert call_of(CHAT, chat(temperature=value)).temperature_zero is zero


def test_tools_and_functions_both_count_as_tools() -> None:
    assert call_of(CHAT, chat(tools=[{"type": "function"}])).has_tools
    assert call_of(CHAT, chat(functions=[{"name": "f"}])).has_tools
    assert not call_of(CHAT, chat(tools=[])).has_tools


def test_work_that_is_fetched_later_is_background() -> None:
    assert call_of(CHAT, chat(deferred=True)).background
