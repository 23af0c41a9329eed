"""What a Gemini body says about its cost, in both of the spellings that the API reads."""

from typing import Any

import pytest

from tests.wire.calls import EMBED, GENERATE, STREAM, call_of, refused

TEXT = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}


def parts(*given: dict[str, Any]) -> dict[str, Any]:
    return {"contents": [{"parts": [*given]}]}


def test_the_model_is_the_one_of_the_path() -> None:
    call = call_of(GENERATE, {**TEXT, "model": "other"}, model="gemini-2.5-pro")
    assert (call.model, call.stream) == ("gemini-2.5-pro", False)


def test_the_verb_says_whether_it_is_a_stream() -> None:
    assert call_of(STREAM, TEXT).stream


@pytest.mark.parametrize(
    "body",
    [
        {"generationConfig": {"maxOutputTokens": 9, "candidateCount": 2, "temperature": 0}},
        {"generation_config": {"max_output_tokens": 9, "candidate_count": 2, "temperature": 0}},
        {"generationConfig": {"max_output_tokens": 9, "candidateCount": 2, "temperature": 0.0}},
    ],
)
def test_both_spellings_are_read(body: dict[str, Any]) -> None:
    call = call_of(GENERATE, {**TEXT, **body})
    assert (call.shape.output_limit, call.shape.choices) == (9, 2)
    assert call.temperature_zero


def test_a_field_in_two_spellings_is_refused() -> None:
    body = {"generationConfig": {}, "generation_config": {"maxOutputTokens": 1}}
    assert refused(GENERATE, body).field == "generation_config"


def test_of_two_spellings_within_the_config_the_larger_limit_counts() -> None:
    body = {"generationConfig": {"maxOutputTokens": 1, "max_output_tokens": 1000}}
    assert call_of(GENERATE, body).shape.output_limit == 1000


def test_a_candidate_count_that_is_no_number_is_refused() -> None:
    body = {"generationConfig": {"candidateCount": "8"}}
    assert refused(GENERATE, body).field == "candidateCount"


@pytest.mark.parametrize("keys", [("inlineData", "mimeType"), ("inline_data", "mime_type")])
def test_inline_media_count_by_kind(keys: tuple[str, str]) -> None:
    outer, inner = keys
    kinds = ("image/png", "audio/wav", "video/mp4", "application/pdf")
    call = call_of(GENERATE, parts(*({outer: {inner: kind, "data": "AAAA"}} for kind in kinds)))
    shape = call.shape
    assert (shape.image_count, shape.audio_bytes) == (1, 3)
    assert (shape.video_bytes, shape.document_bytes) == (3, 3)
    assert shape.input_bytes == len(call.body) - 16


def test_media_in_a_function_response_count() -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    assert call_of(GENERATE, parts({"functionResponse": {"parts": [image]}})).shape.image_count == 1


@pytest.mark.parametrize(
    ("body", "reference"),
    [
        (parts({"fileData": {"fileUri": "https://youtu.be/x"}}), "fileData"),
        (parts({"file_data": {"file_uri": "https://youtu.be/x"}}), "fileData"),
        ({**TEXT, "cachedContent": "cachedContents/1"}, "cachedContent"),
        ({**TEXT, "cached_content": "cachedContents/1"}, "cachedContent"),
    ],
)
def test_input_from_elsewhere_is_named(body: dict[str, Any], reference: str) -> None:
    assert call_of(GENERATE, body).shape.by_reference == (reference,)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"tools": [{"functionDeclarations": [{"name": "f"}]}]}, ()),
        ({"tools": [{"function_declarations": [{"name": "f"}]}]}, ()),
        ({"tools": [{"googleSearch": {}}]}, ("tools.googleSearch",)),
        ({"tools": [{"google_search": {}}, {"urlContext": {}}]}, None),
        ({"tools": [{"codeExecution": {}}]}, ("tools.codeExecution",)),
        ({"tools": [{"fileSearch": {}}]}, ("tools.fileSearch",)),
        ({"tools": [{"googleMaps": {}}]}, ("tools.googleMaps",)),
        ({"generationConfig": {"responseModalities": ["TEXT"]}}, ()),
        (
            {"generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}},
            ("generationConfig.responseModalities",),
        ),
    ],
)
def test_what_makes_the_cost_open_is_named(
    body: dict[str, Any], names: tuple[str, ...] | None
) -> None:
    expected = ("tools.google_search", "tools.urlContext") if names is None else names
    assert call_of(GENERATE, {**TEXT, **body}).shape.unbounded == expected


def test_embeddings_count_each_request_and_have_no_output() -> None:
    one = {"content": {"parts": [{"text": "a"}]}}
    assert call_of(EMBED, {"requests": [one, one]}).shape.message_count == 2
    assert call_of(EMBED, one).shape.message_count == 1
    assert call_of(EMBED, one).shape.output_limit == 0
