"""Step 4: which provider a model name means, and what to do when none is meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.identity.caller import Caller, Permission
from outlay.kernel.errors import Category, Refused
from outlay.kernel.ids import KeyId
from outlay.routing.provider import Provider, ProviderKind, Target
from outlay.routing.resolve import BUILT_IN_PREFIXES, ProviderTable, resolve_target

OPENAI, ANTHROPIC = ProviderKind.OPENAI, ProviderKind.ANTHROPIC
GEMINI, COMPATIBLE = ProviderKind.GEMINI, ProviderKind.COMPATIBLE

_CALLER = Caller(KeyId("key_1"), "app", frozenset({Permission.SPEND}))


def _built_in(name: str, kind: ProviderKind, key: str | None = "secret") -> Provider:
    return Provider(name, kind, f"https://{name}.example", api_key=key, needs_api_key=True)


_PROVIDERS = [
    _built_in("openai", OPENAI),
    _built_in("anthropic", ANTHROPIC),
    _built_in("gemini", GEMINI),
    Provider("openrouter", COMPATIBLE, "https://or.example/api", api_key="k"),
    Provider(
        "local", COMPATIBLE, "http://localhost:8000", prefixes=("llama-", "llama-4-scout-"),
        aliases={"fast": "llama-3-8b", "gpt-4o": "llama-70b"},
    ),
    Provider("scout", COMPATIBLE, "http://localhost:8001", prefixes=("llama-4-",)),
    Provider("bridge", COMPATIBLE, "https://b.example", speaks=frozenset({ANTHROPIC})),
    Provider("off", COMPATIBLE, "https://off.example", api_key="k", enabled=False),
]  # fmt: skip
_TABLE = ProviderTable(_PROVIDERS)


def _resolve(
    model: str | None,
    wire_kind: ProviderKind = OPENAI,
    *,
    default: str | None = None,
    table: ProviderTable = _TABLE,
) -> Target | Refused:
    caller = Caller(KeyId("key_1"), "app", frozenset(), default_provider=default)
    return resolve_target(model, wire_kind=wire_kind, caller=caller, providers=table)


def _named(answer: Target | Refused) -> tuple[str, str | None]:
    assert isinstance(answer, Target), answer
    return answer.provider.name, answer.model


def _refused(answer: Target | Refused, code: str = "model_not_found") -> str:
    assert isinstance(answer, Refused), answer
    assert (answer.code, answer.category) == (code, Category.NOT_FOUND)
    return answer.message


@pytest.mark.parametrize(
    ("model", "wire_kind", "provider", "sent"),
    [
        # the caller names the provider
        ("openai/gpt-4o-mini", OPENAI, "openai", "gpt-4o-mini"),
        ("openai/brand-new", OPENAI, "openai", "brand-new"),
        (
            "openrouter/anthropic/claude-sonnet-4.5",
            OPENAI,
            "openrouter",
            "anthropic/claude-sonnet-4.5",
        ),
        ("local/fast", OPENAI, "local", "llama-3-8b"),
        ("local/meta-llama/llama-4", OPENAI, "local", "meta-llama/llama-4"),
        ("gemini/gemini-2.5-pro", GEMINI, "gemini", "gemini-2.5-pro"),
        ("google/gemini-2.5-pro", GEMINI, "gemini", "gemini-2.5-pro"),
        ("bridge/claude-sonnet-5", ANTHROPIC, "bridge", "claude-sonnet-5"),
        # aliases go before prefixes, longer prefixes before shorter ones
        ("fast", OPENAI, "local", "llama-3-8b"),
        ("gpt-4o", OPENAI, "local", "llama-70b"),
        ("llama-3-8b", OPENAI, "local", "llama-3-8b"),
        ("llama-4-maverick", OPENAI, "scout", "llama-4-maverick"),
        ("llama-4-scout-17b", OPENAI, "local", "llama-4-scout-17b"),
        # built-in prefixes
        ("gpt-5.2", OPENAI, "openai", "gpt-5.2"),
        ("o4-mini", OPENAI, "openai", "o4-mini"),
        ("ft:gpt-4o-mini:acme::abc", OPENAI, "openai", "ft:gpt-4o-mini:acme::abc"),
        ("text-embedding-3-small", OPENAI, "openai", "text-embedding-3-small"),
        ("claude-fable-5", ANTHROPIC, "anthropic", "claude-fable-5"),
        ("gemini-3.6-flash", GEMINI, "gemini", "gemini-3.6-flash"),
        # only the Gemini API is asked about names that nobody claims
        ("nonexistent-model", GEMINI, "gemini", "nonexistent-model"),
    ],
)
def test_a_model_name_means_a_provider(
    model: str, wire_kind: ProviderKind, provider: str, sent: str
) -> None:
    assert (provider, sent) == _named(_resolve(model, wire_kind))


@pytest.mark.parametrize(("wire_kind", "provider"), [
    (OPENAI, "openai"), (ANTHROPIC, "anthropic"), (GEMINI, "gemini"),
])  # fmt: skip
def test_a_call_without_a_model_goes_to_the_formats_own_provider(
    wire_kind: ProviderKind, provider: str
) -> None:
    assert (provider, None) == _named(_resolve(None, wire_kind))
    assert _named(_resolve(None, OPENAI, default="local")) == ("local", None)


@pytest.mark.parametrize(("model", "sent"), [
    ("mistral-large", "mistral-large"), ("fast", "llama-3-8b"), ("openai/gpt-5", "gpt-5"),
    ("meta-llama/llama-4", "meta-llama/llama-4"),
])  # fmt: skip
def test_the_keys_default_provider_takes_what_nobody_claims(model: str, sent: str) -> None:
    provider = {"fast": "local", "openai/gpt-5": "openai"}.get(model, "openrouter")
    assert (provider, sent) == _named(_resolve(model, default="openrouter"))


def test_the_default_provider_takes_what_its_owner_cannot_serve_here() -> None:
    """OpenRouter spells it `anthropic/claude-…`, and Anthropic does not speak this format."""
    name = "anthropic/claude-sonnet-4.5"
    assert _named(_resolve(name, default="openrouter")) == ("openrouter", name)


@pytest.mark.parametrize("wire_kind", [OPENAI, ANTHROPIC])
@pytest.mark.parametrize(
    "model", ["no-such-model", "no-such-provider/gpt-4o", "/gpt-4o", "openai/", ""]
)
def test_a_name_that_nobody_claims_is_refused_before_it_is_sent(
    model: str, wire_kind: ProviderKind
) -> None:
    message = _refused(_resolve(model, wire_kind))
    assert repr(model) in message
    assert "which provider is meant" in message
    assert "openrouter" in message or wire_kind is ANTHROPIC


@pytest.mark.parametrize(
    ("model", "wire_kind", "path"),
    [
        ("claude-sonnet-5", OPENAI, "/v1/messages"),
        ("anthropic/claude-sonnet-5", OPENAI, "/v1/messages"),
        ("gemini-2.5-pro", OPENAI, "/v1beta"),
        ("gpt-5", ANTHROPIC, "/v1/chat/completions"),
        ("gpt-5", GEMINI, "/v1/chat/completions"),
        ("openrouter/x", ANTHROPIC, "/v1/chat/completions"),
    ],
)
def test_the_wrong_format_for_a_provider_says_which_path_to_call(
    model: str, wire_kind: ProviderKind, path: str
) -> None:
    assert path in _refused(_resolve(model, wire_kind))


def test_a_provider_without_its_key_says_how_to_give_one() -> None:
    table = ProviderTable([_built_in("openai", OPENAI, key=None)])
    message = _refused(_resolve("gpt-5", table=table), "provider_not_configured")
    assert "OUTLAY_OPENAI_API_KEY" in message
    assert "outlay providers set openai" in message


def test_a_provider_that_is_off_is_refused() -> None:
    message = _refused(_resolve("off/x"), "provider_not_configured")
    assert "switched off" in message


def test_a_provider_that_needs_no_key_is_called_without_one() -> None:
    assert _named(_resolve("local/x")) == ("local", "x")


def test_a_provider_without_key_leaves_its_models_to_the_keys_default() -> None:
    table = ProviderTable([_built_in("openai", OPENAI, key=None), *_PROVIDERS[3:4]])
    answer = _resolve("openai/gpt-4o", default="openrouter", table=table)
    assert _named(answer) == ("openrouter", "openai/gpt-4o")


def test_without_any_provider_a_call_is_refused() -> None:
    message = _refused(_resolve(None, table=ProviderTable([])))
    assert "No provider for this path's format" in message


def test_a_table_knows_its_secrets_without_showing_them() -> None:
    assert _TABLE.is_secret("secret")
    assert not _TABLE.is_secret("")
    assert "secret" not in repr(list(_TABLE))


def test_every_built_in_prefix_goes_to_its_provider() -> None:
    kinds = {"openai": OPENAI, "anthropic": ANTHROPIC, "gemini": GEMINI}
    table = ProviderTable(_PROVIDERS[:3])
    for name, prefixes in BUILT_IN_PREFIXES.items():
        for prefix in prefixes:
            answer = _resolve(prefix + "x", kinds[name], table=table)
            assert (name, prefix + "x") == _named(answer)


def test_of_two_entries_with_one_name_the_later_counts() -> None:
    table = ProviderTable([_built_in("openai", OPENAI, key=None), _built_in("openai", OPENAI)])
    assert _named(_resolve("gpt-5", table=table)) == ("openai", "gpt-5")
    assert [provider.name for provider in table] == ["openai"]


@given(
    st.none() | st.text(max_size=60), st.sampled_from(ProviderKind), st.none() | st.text(max_size=9)
)
def test_any_name_goes_to_a_configured_provider_that_speaks_the_format_or_is_refused(
    model: str | None, wire_kind: ProviderKind, default: str | None
) -> None:
    if wire_kind is COMPATIBLE:
        return
    answer = _resolve(model, wire_kind, default=default)
    if isinstance(answer, Refused):
        assert answer.message.isprintable()
        assert "secret" not in answer.message
    else:
        assert answer.provider in _PROVIDERS
        assert answer.provider.can_speak(wire_kind)
        assert answer.provider.enabled
