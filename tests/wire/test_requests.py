"""What every wire has in common when a call is read."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay.kernel.errors import Refused
from outlay.wire.call import Billing, Call, Envelope, Route, Wire
from outlay.wire.requests import read_call
from tests.wire.calls import (
    CHAT,
    COMPLETIONS,
    EMBEDDINGS,
    GENERATE,
    MESSAGES,
    MODERATIONS,
    RESPONSES,
    RETRIEVE,
    call_of,
    chat,
    read,
    refused,
    words,
)

WITH_BODY_MODEL = [CHAT, COMPLETIONS, RESPONSES, EMBEDDINGS, MESSAGES]


@pytest.mark.parametrize("route", WITH_BODY_MODEL, ids=lambda route: route.operation)
@pytest.mark.parametrize("model", [None, "", 5, ["a"], "a\r\nb", "é", "m" * 257])
def test_a_model_that_is_no_name_is_refused(route: Route, model: object) -> None:
    """The name goes into response headers and the ledger, so line ends must not get there."""
    refusal = refused(route, {"model": model})
    assert (refusal.code, refusal.field) == ("invalid_request", "model")


@pytest.mark.parametrize("route", WITH_BODY_MODEL, ids=lambda route: route.operation)
def test_a_call_without_a_model_is_refused(route: Route) -> None:
    assert refused(route, {"stream": False}).field == "model"


def test_a_gemini_path_with_a_bad_model_is_refused() -> None:
    assert refused(GENERATE, {}, model="a\nb").field == "model"


def test_moderations_may_leave_the_model_out() -> None:
    assert call_of(MODERATIONS, {"input": "text"}).model is None


@pytest.mark.parametrize("route", [CHAT, RESPONSES, MESSAGES], ids=lambda route: route.operation)
@pytest.mark.parametrize("stream", ["true", 1, [], {}])
def test_a_stream_flag_that_is_no_flag_is_refused(route: Route, stream: object) -> None:
    assert refused(route, {"model": "m", "stream": stream}).field == "stream"


def test_the_body_is_passed_on_as_the_very_same_object() -> None:
    body = b' {"model" : "m",\r\n "unknown": [1.0, "\\u00e9"]} '
    assert call_of(CHAT, body).body is body


@given(st.sampled_from([*WITH_BODY_MODEL, GENERATE]), st.binary(max_size=300))
def test_reading_a_call_never_raises(route: Route, body: bytes) -> None:
    assert isinstance(read(route, body), Call | Refused)


FIELDS = st.sampled_from(
    words(
        "model messages content input contents parts type image_url url source data tools stream n "
        "metadata user_id system max_tokens generationConfig candidateCount inlineData image "
        "input_image tool_result cachedContent prompt context_management edits requests"
    )
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60)
@given(st.sampled_from([*WITH_BODY_MODEL, GENERATE]), st.dictionaries(FIELDS, JSON, max_size=6))
def test_known_fields_of_wrong_types_are_read_or_refused_but_never_raise(
    route: Route, body: dict[str, object]
) -> None:
    raw = json.dumps({"model": "m", **body}).encode("utf-8", "surrogatepass")
    assert isinstance(read(route, raw), Call | Refused)


def test_a_call_by_id_is_read_from_its_path_alone() -> None:
    call = read_call(
        RETRIEVE,
        method="GET",
        path="/v1/responses/resp_1",
        query="include%5B%5D=x&stream=true",
        body=b"",
        object_id="resp_1",
    )
    assert isinstance(call, Call)
    assert (call.object_id, call.model, call.stream) == ("resp_1", None, True)


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        ("key=secret", ""),
        ("alt=sse&key=secret", "alt=sse"),
        ("KEY=secret&alt=sse&access_token=t&%20x=1", "alt=sse&%20x=1"),
        ("monkey=1", "monkey=1"),
        ("", ""),
    ],
)
def test_credentials_leave_the_query_of_gemini_calls_and_nothing_else_does(
    query: str, sent: str
) -> None:
    call = read_call(
        GENERATE, method="POST", path="/p", query=query, body=b"{}", path_model="gemini-2.5-pro"
    )
    assert isinstance(call, Call)
    assert call.query == sent


def test_an_operation_without_a_body_to_read_takes_any_body() -> None:
    route = Route(Wire.OPENAI_RESPONSES, "responses.cancel", Billing.FREE, Envelope.OPENAI)
    call = read_call(route, method="POST", path="/p", query="", body=b"", object_id="resp_1")
    assert isinstance(call, Call)


def test_a_list_of_models_names_none() -> None:
    route = Route(Wire.GEMINI, "models", Billing.FREE, Envelope.GOOGLE)
    call = read_call(route, method="GET", path="/v1beta/models", query="", body=b"")
    assert isinstance(call, Call)
    assert call.model is None


def test_prompt_cache_keys_are_kept_apart_from_sessions() -> None:
    """Outside Codex the key often marks a prefix that many conversations share."""
    call = call_of(CHAT, chat(prompt_cache_key="support-prefix"))
    assert (call.session, call.codex_session) == (None, "support-prefix")
