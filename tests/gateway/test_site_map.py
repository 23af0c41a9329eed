"""Only listed routes exist; the same path may belong to several wires."""

import pytest

from outlay.gateway.site_map import Nowhere, Place, find_place
from outlay.wire.call import Billing, Envelope, Wire


def place_of(method: str, path: str, *, speaks_anthropic: bool = False) -> Place:
    """Find a place that must be there."""
    place = find_place(method, path, speaks_anthropic=speaks_anthropic)
    assert isinstance(place, Place)
    return place


@pytest.mark.parametrize(
    ("method", "path", "wire", "operation", "billing"),
    [
        ("POST", "/v1/chat/completions", Wire.OPENAI_CHAT, "chat", Billing.METERED),
        ("POST", "/v1beta/openai/chat/completions", Wire.OPENAI_CHAT, "chat", Billing.METERED),
        ("POST", "/v1/responses", Wire.OPENAI_RESPONSES, "responses", Billing.METERED),
        (
            "POST",
            "/v1/responses/input_tokens",
            Wire.OPENAI_RESPONSES,
            "responses.input_tokens",
            Billing.FREE,
        ),
        (
            "POST",
            "/v1/responses/compact",
            Wire.OPENAI_RESPONSES,
            "responses.compact",
            Billing.METERED,
        ),
        ("GET", "/v1/responses/resp_1", Wire.OPENAI_RESPONSES, "responses.retrieve", Billing.FREE),
        ("DELETE", "/v1/responses/resp_1", Wire.OPENAI_RESPONSES, "responses.delete", Billing.FREE),
        (
            "POST",
            "/v1/responses/resp_1/cancel",
            Wire.OPENAI_RESPONSES,
            "responses.cancel",
            Billing.FREE,
        ),
        ("POST", "/v1/embeddings", Wire.OPENAI_EMBEDDINGS, "embeddings", Billing.METERED),
        ("POST", "/v1/messages", Wire.ANTHROPIC_MESSAGES, "messages", Billing.METERED),
        (
            "POST",
            "/v1/messages/count_tokens",
            Wire.ANTHROPIC_MESSAGES,
            "count_tokens",
            Billing.FREE,
        ),
        (
            "POST",
            "/v1/models/gemini-3:generateContent",
            Wire.GEMINI,
            "generate_content",
            Billing.METERED,
        ),
        ("POST", "/v1beta/models/g:countTokens", Wire.GEMINI, "count_tokens", Billing.FREE),
        ("GET", "/v1/models", Wire.OPENAI_MODELS, "models", Billing.FREE),
        ("GET", "/v1/models/gpt-4o", Wire.OPENAI_MODELS, "models", Billing.FREE),
        ("GET", "/v1/models/ft:gpt-4o:acme::7p4", Wire.OPENAI_MODELS, "models", Billing.FREE),
    ],
)
def test_a_listed_path_is_found(
    method: str, path: str, wire: Wire, operation: str, billing: Billing
) -> None:
    route = place_of(method, path).route
    assert (wire, operation, billing) == (route.wire, route.operation, route.billing)


def test_the_list_of_models_is_anthropics_for_its_clients() -> None:
    assert Wire.ANTHROPIC_MODELS is place_of("GET", "/v1/models", speaks_anthropic=True).route.wire


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/gemini-3-pro"])
def test_models_under_v1_are_googles_for_its_clients(path: str) -> None:
    place = find_place("GET", path, speaks_anthropic=False, speaks_gemini=True)
    assert isinstance(place, Place)
    assert (Wire.GEMINI, Envelope.GOOGLE) == (place.route.wire, place.route.envelope)


def test_models_under_v1beta_openai_are_in_openais_format() -> None:
    for path in ("/v1beta/openai/models", "/v1beta/openai/models/gemini-3-pro"):
        assert Wire.OPENAI_MODELS is place_of("GET", path).route.wire


def test_what_a_path_names_is_kept() -> None:
    assert (
        "models/with%".replace("models/", "")
        == place_of("POST", "/v1beta/models/with%25:generateContent").path_model
    )
    assert place_of("GET", "/v1/responses/resp_1/input_items").object_id == "resp_1"


@pytest.mark.parametrize(
    ("path", "envelope"),
    [
        ("/v1/realtime", Envelope.OPENAI),
        ("/v1/chat/completions/", Envelope.OPENAI),
        ("//v1/chat/completions", Envelope.OPENAI),
        ("/v1/messages/batches", Envelope.ANTHROPIC),
        ("/v1beta/models/m:unknownVerb", Envelope.GOOGLE),
        ("/v1/models/m:unknownVerb", Envelope.GOOGLE),
        ("/v1beta/openai/images", Envelope.OPENAI),
        ("/api/unknown", Envelope.PROBLEM),
    ],
)
def test_an_unlisted_path_is_nowhere_in_the_callers_format(path: str, envelope: Envelope) -> None:
    assert Nowhere(envelope) == find_place("POST", path, speaks_anthropic=False)


def test_a_listed_path_with_another_method_says_which_it_takes() -> None:
    nowhere = find_place("GET", "/v1/chat/completions", speaks_anthropic=False)
    assert Nowhere(Envelope.OPENAI, ("POST",)) == nowhere
