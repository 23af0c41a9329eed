"""Layers of a provider's configuration, and the rule that a secret stays with its address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.routing.known_providers import KNOWN_PROVIDERS
from outlay.routing.provider import Provider, ProviderKind
from outlay.routing.provider_entry import BuiltProviders, ProviderEntry, build_providers

_USUAL = "https://api.openai.com"
_OTHER = "https://eu.example"


def _entry(name: str = "openai", **parts: object) -> ProviderEntry:
    return ProviderEntry(name, "the test", **parts)  # type: ignore[arg-type]


def _openai(stored: ProviderEntry | None, configured: ProviderEntry | None) -> Provider:
    built = build_providers([stored] if stored else [], [configured] if configured else [])
    return next(provider for provider in built.providers if provider.name == "openai")


def _codes(built: BuiltProviders) -> list[str]:
    return [finding.code for finding in built.findings]


def test_three_providers_are_there_without_any_configuration() -> None:
    built = build_providers([], [])
    assert [p.name for p in built.providers] == ["openai", "anthropic", "gemini"]
    assert [p.price_provider for p in built.providers] == ["openai", "anthropic", "google"]
    assert all(p.needs_api_key and p.api_key is None for p in built.providers)
    assert built.findings == ()


def test_a_known_provider_needs_only_its_key() -> None:
    built = build_providers([], [_entry("groq", api_key="gsk")])
    groq = built.providers[-1]
    assert (groq.name, groq.kind) == ("groq", ProviderKind.COMPATIBLE)
    assert groq.base_url == "https://api.groq.com/openai"
    assert (groq.api_key, groq.price_provider) == ("gsk", "groq")


def test_an_unknown_provider_needs_its_address_only() -> None:
    built = build_providers([], [_entry("my-vllm", base_url=_OTHER)])
    provider = built.providers[-1]
    assert (provider.kind, provider.price_provider) == (ProviderKind.COMPATIBLE, "my-vllm")
    assert not provider.needs_api_key


def test_a_provider_without_an_address_is_told_and_not_there() -> None:
    built = build_providers([], [_entry("opnai", api_key="sk")])
    assert "opnai" not in [provider.name for provider in built.providers]
    assert _codes(built) == ["provider_without_address"]
    assert "OUTLAY_OPNAI_BASE_URL" in built.findings[0].message
    assert "'openai'" in built.findings[0].message


def test_usage_is_not_asked_of_huggingface_unless_told_to() -> None:
    built = build_providers([], [_entry("huggingface", api_key="hf")])
    assert not built.providers[-1].request_usage
    built = build_providers([], [_entry("huggingface", api_key="hf", request_usage=True)])
    assert built.providers[-1].request_usage


def test_the_upper_layer_counts_part_by_part() -> None:
    stored = _entry(prefixes=("ours-",), default_service_tier="flex")
    provider = _openai(stored, _entry(default_service_tier="priority"))
    assert provider.prefixes == ("ours-",)
    assert provider.default_service_tier == "priority"


def test_an_own_address_comes_with_its_own_version() -> None:
    zai = build_providers([], [_entry("zai", api_key="k")]).providers[-1]
    assert zai.version_path == "/v4"
    moved = build_providers([], [_entry("zai", base_url="http://127.0.0.1:9", api_key="k")])
    assert moved.providers[-1].version_path == "/v1"
    same = _entry("perplexity", base_url=KNOWN_PROVIDERS["perplexity"].base_url, api_key="k")
    assert build_providers([], [same]).providers[-1].version_path == ""


# --- a secret stays with its address (S-13) -----------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "configured", "base_url", "api_key"),
    [
        (None, _entry(api_key="env"), _USUAL, "env"),
        (None, _entry(base_url=_OTHER, api_key="env"), _OTHER, "env"),
        (_entry(base_url=_USUAL, api_key="db"), None, _USUAL, "db"),
        (_entry(base_url=_OTHER, api_key="db"), None, _OTHER, "db"),
        (_entry(base_url=_USUAL, api_key="db"), _entry(api_key="env"), _USUAL, "env"),
        (_entry(base_url=_OTHER, api_key="db"), _entry(base_url=_OTHER), _OTHER, "db"),
        # Whoever may write to the ledger gets no key of the environment sent to a host of theirs …
        (_entry(base_url=_OTHER), _entry(api_key="env"), _OTHER, None),
        (_entry(base_url=_OTHER, api_key="db"), _entry(api_key="env"), _OTHER, "db"),
        # … and who may set the environment gets no stored key sent elsewhere.
        (_entry(base_url=_USUAL, api_key="db"), _entry(base_url=_OTHER), _OTHER, None),
        (
            _entry(base_url=_USUAL, api_key="db"),
            _entry(base_url=_OTHER, api_key="env"),
            _OTHER,
            "env",
        ),
    ],
)
def test_a_secret_is_sent_only_where_it_was_given_for(
    stored: ProviderEntry | None,
    configured: ProviderEntry | None,
    base_url: str,
    api_key: str | None,
) -> None:
    provider = _openai(stored, configured)
    assert (base_url, api_key) == (provider.base_url, provider.api_key)


def test_a_withheld_secret_is_told_and_the_provider_is_not_called_without_one() -> None:
    built = build_providers([_entry(base_url=_OTHER)], [_entry(api_key="sk-canary")])
    assert _codes(built) == ["provider_secret_withheld"]
    assert "sk-canary" not in repr(built)
    assert built.providers[0].needs_api_key


_LAYER = st.builds(
    _entry,
    base_url=st.none() | st.sampled_from([_USUAL, _OTHER, "https://third.example"]),
    api_key=st.none() | st.sampled_from(["k1", "k2"]),
)


@given(_LAYER, _LAYER)
def test_no_combination_moves_a_secret(stored: ProviderEntry, configured: ProviderEntry) -> None:
    provider = _openai(stored, configured)
    if provider.api_key is not None:
        given_for = {
            layer.base_url or _USUAL
            for layer in (stored, configured)
            if layer.api_key == provider.api_key
        }
        assert provider.base_url in given_for


def test_no_secret_is_in_a_repr() -> None:
    entry = _entry(api_key="sk-canary")
    assert "canary" not in repr(entry)
    assert "canary" not in repr(build_providers([], [entry]))
