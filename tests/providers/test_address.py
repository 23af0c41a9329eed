"""Where calls go."""

import pytest

from outlay.providers.address import Origin, read_origin, strip_credentials, write_target
from outlay.routing.provider import Provider, ProviderKind, Target
from outlay.wire.call import Call, Wire
from tests.providers.calls import ANTHROPIC, GEMINI, GROQ, OPENAI, at, make_call


def _target(call: Call, target: Target) -> str:
    return write_target(call, target, read_origin(target.provider.base_url))


@pytest.mark.parametrize(
    ("base_url", "origin"),
    [
        ("https://api.openai.com", Origin("https", "api.openai.com", 443, "")),
        ("https://api.openai.com/", Origin("https", "api.openai.com", 443, "")),
        ("https://api.openai.com/v1", Origin("https", "api.openai.com", 443, "")),
        ("https://api.openai.com/v1/", Origin("https", "api.openai.com", 443, "")),
        ("http://localhost:8000/x/v1beta", Origin("http", "localhost", 8000, "/x")),
        ("http://[::1]:8000", Origin("http", "::1", 8000, "")),
        ("https://openrouter.ai/api", Origin("https", "openrouter.ai", 443, "/api")),
        ("https://host/verse", Origin("https", "host", 443, "/verse")),
    ],
)
def test_base_url_is_taken_apart(base_url: str, origin: Origin) -> None:
    assert read_origin(base_url) == origin


@pytest.mark.parametrize("base_url", ["api.openai.com", "ftp://host", "https:///path", ""])
def test_base_url_must_be_absolute(base_url: str) -> None:
    with pytest.raises(ValueError, match="absolute"):
        read_origin(base_url)


def test_the_path_of_openai_is_kept() -> None:
    assert _target(make_call(), at(OPENAI)) == "/v1/chat/completions"


def test_the_path_of_anthropic_is_kept() -> None:
    call = make_call(Wire.ANTHROPIC_MESSAGES, "/v1/messages", query="beta=true")
    assert _target(call, at(ANTHROPIC)) == "/v1/messages?beta=true"


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        (GROQ, "/openai/v1/chat/completions"),
        (
            Provider("zai", ProviderKind.COMPATIBLE, "https://z/api/paas", version_path="/v4"),
            "/api/paas/v4/chat/completions",
        ),
        (
            Provider("pplx", ProviderKind.COMPATIBLE, "https://p", version_path=""),
            "/chat/completions",
        ),
    ],
)
def test_a_compatible_provider_has_its_own_version(provider: Provider, expected: str) -> None:
    assert _target(make_call(), at(provider)) == expected


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_geminis_version_is_the_requests(version: str) -> None:
    path = f"/{version}/models/gemini-2.5-flash:streamGenerateContent"
    call = make_call(Wire.GEMINI, path, query="alt=sse", model="gemini-2.5-flash")
    assert _target(call, at(GEMINI, "gemini-2.5-flash")) == f"{path}?alt=sse"


def test_openai_format_on_gemini_keeps_its_path() -> None:
    call = make_call(path="/v1beta/openai/chat/completions")
    assert _target(call, at(GEMINI)) == "/v1beta/openai/chat/completions"


@pytest.mark.parametrize(
    ("path", "called", "served", "expected"),
    [
        (
            "/v1beta/models/fast:generateContent", "fast", "gemini-2.5-flash",
            "/v1beta/models/gemini-2.5-flash:generateContent",
        ),
        (
            "/v1/models/gemini%2Fgemini-2.5-pro:countTokens", "gemini/gemini-2.5-pro",
            "gemini-2.5-pro", "/v1/models/gemini-2.5-pro:countTokens",
        ),
        ("/v1/models/openai/gpt-4o", "openai/gpt-4o", "gpt-4o", "/v1/models/gpt-4o"),
        ("/v1/models/or/meta/x", "or/meta/x", "meta/x", "/v1/models/meta/x"),
        ("/v1/models/a:countTokens", "a", "b/c?d", "/v1/models/b%2Fc%3Fd:countTokens"),
        ("/v1/chat/completions", "fast", "gpt-4o", "/v1/chat/completions"),
        ("/v1/models/other", "fast", "gpt-4o", "/v1/models/other"),
    ],
)  # fmt: skip
def test_the_model_in_the_path_is_the_providers(
    path: str, called: str, served: str, expected: str
) -> None:
    assert _target(make_call(Wire.GEMINI, path, model=called), at(GEMINI, served)) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("alt=sse", "alt=sse"),
        ("key=sk-outlay-x&alt=sse", "alt=sse"),
        ("alt=sse&KEY=x", "alt=sse"),
        ("%6bey=x&alt=sse", "alt=sse"),
        ("$key=x", ""),
        ("k+ey=x", "k+ey=x"),
        ("+key=x", ""),
        ("access_token=x&api_key=y&oauth_token=z", ""),
        ("keyword=x", "keyword=x"),
        ("a=%C3%A9&a=2&b", "a=%C3%A9&a=2&b"),
    ],
)
def test_credentials_are_taken_out_of_the_query(query: str, expected: str) -> None:
    assert strip_credentials(query) == expected


def test_a_query_of_credentials_only_leaves_no_question_mark() -> None:
    call = make_call(Wire.GEMINI, "/v1beta/models/m:countTokens", query="key=x")
    assert _target(call, at(GEMINI)) == "/v1beta/models/m:countTokens"
