"""Base URLs: every reasonable spelling becomes one form; whatever could mislead is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.routing.base_url import is_loopback, parse_base_url
from outlay.routing.provider import Provider, ProviderKind

OPENAI, ANTHROPIC = ProviderKind.OPENAI, ProviderKind.ANTHROPIC
GEMINI, COMPATIBLE = ProviderKind.GEMINI, ProviderKind.COMPATIBLE


@pytest.mark.parametrize(
    ("text", "kind", "url"),
    [
        ("https://api.openai.com", OPENAI, "https://api.openai.com"),
        ("https://api.openai.com/", OPENAI, "https://api.openai.com"),
        ("https://api.openai.com/v1", OPENAI, "https://api.openai.com"),
        (
            " HTTPS://API.OpenAI.com:443/v1/ ".replace("HTTPS", "https"),
            OPENAI,
            "https://api.openai.com",
        ),
        ("https://proxy.example/openai/v1", OPENAI, "https://proxy.example/openai"),
        ("https://proxy.example/openai", OPENAI, "https://proxy.example/openai"),
        ("https://proxy.example/v2/openai", OPENAI, "https://proxy.example/v2/openai"),
        ("https://api.anthropic.com/v1", ANTHROPIC, "https://api.anthropic.com"),
        ("https://g.example/v1beta", GEMINI, "https://g.example"),
        ("https://g.example/v1", GEMINI, "https://g.example"),
        ("https://g.example/v1beta/openai/", GEMINI, "https://g.example"),
        ("https://[2001:db8::1]:8443/v1", OPENAI, "https://[2001:db8::1]:8443"),
        ("http://127.0.0.1:9000", OPENAI, "http://127.0.0.1:9000"),
        ("http://localhost:80/v1", OPENAI, "http://localhost"),
        ("http://[::1]:9000/v1", OPENAI, "http://[::1]:9000"),
    ],
)
def test_a_version_at_the_end_makes_no_difference(text: str, kind: ProviderKind, url: str) -> None:
    assert url == parse_base_url(text, kind, allow_http=False).url


@pytest.mark.parametrize(
    ("text", "upstream"),
    [
        ("https://api.groq.com/openai", "https://api.groq.com/openai/v1/chat/completions"),
        ("https://api.groq.com/openai/v1", "https://api.groq.com/openai/v1/chat/completions"),
        ("https://openrouter.ai/api/v1/", "https://openrouter.ai/api/v1/chat/completions"),
        ("https://api.z.ai/api/paas/v4", "https://api.z.ai/api/paas/v4/chat/completions"),
        (
            "https://r.example/novita/v3/openai",
            "https://r.example/novita/v3/openai/chat/completions",
        ),
        (
            "https://s.example/api/v2/cortex/v1",
            "https://s.example/api/v2/cortex/v1/chat/completions",
        ),
        ("https://g.example/v1beta/openai", "https://g.example/v1beta/openai/chat/completions"),
        ("http://localhost:8000", "http://localhost:8000/v1/chat/completions"),
    ],
)
def test_a_compatible_providers_path_is_complete_as_it_is_written(text: str, upstream: str) -> None:
    """What its own documentation gives as base URL works, with or without the version."""
    address = parse_base_url(text, COMPATIBLE, allow_http=False)
    provider = Provider("acme", COMPATIBLE, address.url, version_path=address.version_path or "/v1")
    assert upstream == provider.base_url + provider.upstream_path("/v1/chat/completions")


@pytest.mark.parametrize("text", [
    "", "api.openai.com", "//api.openai.com", "ftp://api.openai.com", "https://", "https:///v1",
    "https://user@api.example", "https://user:secret@api.example", "https://api.example?x=1",
    "https://api.example/v1?x=1", "https://api.example/v1#f", "https://api.example#@evil.example",
    "https://api.example\\@evil.example", "https://api.example/../v1", "https://api.example/./v1",
    "https://api.example//v1", "https://api.example/a b", "https://api.example/%2e%2e/",
    "https://api.example:0/", "https://api.example:65536/", "https://api.example:x/",
    "https://-bad.example", "https://a..b", "https://exa mple.com", "https://2130706433",
    "https://0x7f000001", "https://1.2.3", "https://127.1", "https://[::1", "https://[zz]",
    "https://api.example/\nx", "https://api.exam\u200bple", "https://" + "a" * 300 + ".example",
    "https://api.example/" + "p" * 3_000, "javascript:alert(1)", "file:///etc/passwd",
])  # fmt: skip
@pytest.mark.parametrize("kind", [OPENAI, COMPATIBLE])
def test_what_could_mislead_is_refused_with_an_example(text: str, kind: ProviderKind) -> None:
    with pytest.raises(ValueError, match=r"write it like https://api\.example\.com/v1"):
        parse_base_url(text, kind, allow_http=True)


def test_a_password_in_a_url_is_not_echoed() -> None:
    with pytest.raises(ValueError, match="must not carry a user name") as raised:
        parse_base_url("https://user:hunter2@api.example", OPENAI, allow_http=True)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    "text", ["http://api.example", "http://10.0.0.1:80/v1", "http://128.0.0.1"]
)
def test_plain_http_to_another_machine_needs_leave(text: str) -> None:
    with pytest.raises(ValueError, match="OUTLAY_ALLOW_HTTP=true"):
        parse_base_url(text, OPENAI, allow_http=False)
    assert not parse_base_url(text, OPENAI, allow_http=True).is_https


@pytest.mark.parametrize(("host", "answer"), [
    ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("[::1]", True), ("localhost", True),
    ("LOCALHOST.", True), ("api.localhost", True), ("0.0.0.0", False), ("10.0.0.1", False),
    ("localhost.example", False), ("notlocalhost", False), ("", False),
])  # fmt: skip
def test_only_this_machine_is_loopback(host: str, *, answer: bool) -> None:
    assert answer is is_loopback(host)


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        address = parse_base_url("https://" + text, COMPATIBLE, allow_http=False)
    except ValueError:
        return
    again = parse_base_url(address.url + (address.version_path or ""), COMPATIBLE, allow_http=False)
    assert address == again
    assert "@" not in address.host
