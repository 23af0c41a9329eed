"""A call becomes the request for its provider."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.providers.request import build_request
from outlay.routing.provider import Provider, ProviderKind
from outlay.transport.request_head import write_head
from outlay.transport.upstream import Headers, Limits, NotSent, UpstreamRequest
from outlay.wire.call import Call, Wire
from tests.providers.calls import ANTHROPIC, GEMINI, GROQ, OPENAI, at, make_call


def _build(
    call: Call, provider: Provider, model: str | None = "m", headers: Headers | None = None
) -> UpstreamRequest:
    return build_request(call, at(provider, model), headers or [], body=call.body, limits=Limits())


@pytest.mark.parametrize(
    ("provider", "wire", "expected"),
    [
        (OPENAI, Wire.OPENAI_CHAT, (b"authorization", b"Bearer sk-provider")),
        (OPENAI, Wire.OPENAI_RESPONSES, (b"authorization", b"Bearer sk-provider")),
        (ANTHROPIC, Wire.ANTHROPIC_MESSAGES, (b"x-api-key", b"ant-secret")),
        (ANTHROPIC, Wire.ANTHROPIC_MODELS, (b"x-api-key", b"ant-secret")),
        (ANTHROPIC, Wire.OPENAI_CHAT, (b"authorization", b"Bearer ant-secret")),
        (GEMINI, Wire.GEMINI, (b"x-goog-api-key", b"goo-secret")),
        (GEMINI, Wire.OPENAI_CHAT, (b"authorization", b"Bearer goo-secret")),
        (GROQ, Wire.OPENAI_CHAT, (b"authorization", b"Bearer gsk-secret")),
        (GROQ, Wire.ANTHROPIC_MESSAGES, (b"authorization", b"Bearer gsk-secret")),
    ],
)
def test_each_format_shows_the_secret_its_own_way(
    provider: Provider, wire: Wire, expected: tuple[bytes, bytes]
) -> None:
    assert _build(make_call(wire), provider).headers == [
        (b"accept-encoding", b"identity"),
        expected,
    ]


def test_a_provider_without_a_secret_gets_none() -> None:
    ollama = Provider("ollama", ProviderKind.COMPATIBLE, "http://localhost:11434")
    request = _build(make_call(), ollama)
    assert request.headers == [(b"accept-encoding", b"identity")]
    assert (request.scheme, request.host, request.port) == ("http", "localhost", 11434)


def test_a_body_goes_as_it_came() -> None:
    body = b'{ "model" : "m", "x": 1.0 }\n'
    assert _build(make_call(body=body), OPENAI).body is body


def test_an_alias_is_written_into_the_body() -> None:
    call = make_call(body=b'{"model":"fast"}', model="fast")
    assert _build(call, OPENAI, "gpt-4o").body == b'{"model":"gpt-4o"}'


def test_geminis_alias_is_written_into_path_and_body() -> None:
    call = make_call(
        Wire.GEMINI,
        "/v1beta/models/fast:embedContent",
        body=b'{"model":"models/fast"}',
        model="fast",
    )
    request = _build(call, GEMINI, "g")
    assert request.target == "/v1beta/models/g:embedContent"
    assert request.body == b'{"model":"models/g"}'


def test_a_call_without_a_model_goes_as_it_came() -> None:
    call = make_call(Wire.OPENAI_MODELS, "/v1/models", method="GET", body=b"", model=None)
    request = _build(call, OPENAI, None)
    assert (request.method, request.target, request.body) == ("GET", "/v1/models", b"")


_NAMES = st.one_of(
    st.sampled_from([
        b"host", b"Authorization", b"X-API-Key", b"x_api_key", b"x-goog-api-key", b"api-key",
        b"cookie", b"connection", b"Transfer-Encoding", b"content-length", b"x-forwarded-host",
        b"openai-organization", b"x-cost-user", b"X-Cost-Feature", b"accept-encoding", b"te",
    ]),
    st.from_regex(rb"[A-Za-z][A-Za-z0-9_-]{0,20}", fullmatch=True),
)  # fmt: skip


@given(
    st.lists(st.tuples(_NAMES, st.binary(max_size=30)), max_size=12),
    st.text(max_size=40).filter(lambda text: "#" not in text),
    st.sampled_from([
        (OPENAI, Wire.OPENAI_CHAT),
        (ANTHROPIC, Wire.ANTHROPIC_MESSAGES),
        (GEMINI, Wire.GEMINI),
    ]),
)  # fmt: skip
def test_nothing_in_a_call_can_steer_host_credential_or_framing(
    headers: Headers, query: str, place: tuple[Provider, Wire]
) -> None:
    """The head on the socket has one Host, one secret (ours) and one length, or nothing is sent."""
    provider, wire = place
    request = _build(make_call(wire, query=query), provider, headers=headers)
    assert (request.scheme, request.port) == ("https", 443)
    assert request.host == provider.base_url.removeprefix("https://")
    try:
        head = write_head(request)
    except NotSent:
        return
    fields = [line.partition(b": ") for line in head.split(b"\r\n")[1:-2]]
    keys = [name.lower().replace(b"_", b"-") for name, _, _ in fields]
    values = [value for _, _, value in fields]
    assert keys.count(b"host") == keys.count(b"content-length") == 1
    assert keys.count(b"accept-encoding") == 1
    assert values[keys.index(b"host")] == request.host.encode()
    credentials = {b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key", b"cookie"}
    assert len([key for key in keys if key in credentials]) == 1
    assert sum(str(provider.api_key).encode() in value for value in values) == 1
    assert not credentials & {b"cookie"} & set(keys)
    assert not [key for key in keys if key.startswith((b"x-cost-", b"x-forwarded-"))]
    assert b"transfer-encoding" not in keys
