"""Providers from environment and outlay.toml: two variables are enough, every slip is told."""

from pathlib import Path

import pytest

from outlay.kernel.errors import SettingsError
from outlay.routing.provider import Provider, ProviderKind
from outlay.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _providers(environ: dict[str, str]) -> dict[str, Provider]:
    return {provider.name: provider for provider in load_settings(environ).providers}


def _from_file(text: str, environ: dict[str, str] | None = None) -> Settings:
    Path("outlay.toml").write_text(text)
    return load_settings(environ or {})


def _problems(environ: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as raised:
        load_settings(environ)
    return str(raised.value)


@pytest.mark.parametrize(("variable", "name"), [
    ("OPENAI_API_KEY", "openai"), ("ANTHROPIC_API_KEY", "anthropic"), ("GEMINI_API_KEY", "gemini"),
    ("GOOGLE_API_KEY", "gemini"), ("GROQ_API_KEY", "groq"), ("MISTRAL_API_KEY", "mistral"),
    ("DEEPSEEK_API_KEY", "deepseek"), ("OPENROUTER_API_KEY", "openrouter"),
    ("TOGETHER_API_KEY", "together"), ("XAI_API_KEY", "xai"), ("FIREWORKS_API_KEY", "fireworks"),
    ("CEREBRAS_API_KEY", "cerebras"), ("HF_TOKEN", "huggingface"),
    ("OUTLAY_OPENAI_API_KEY", "openai"), ("OUTLAY_GROQ_API_KEY", "groq"),
])  # fmt: skip
def test_a_key_variable_is_enough_for_a_known_provider(variable: str, name: str) -> None:
    assert _providers({variable: "the-key"})[name].api_key == "the-key"


def test_our_variable_goes_before_the_usual_one() -> None:
    both = {"OPENAI_API_KEY": "usual", "OUTLAY_OPENAI_API_KEY": "ours"}
    assert _providers(both)["openai"].api_key == "ours"
    google = {"GOOGLE_API_KEY": "second", "GEMINI_API_KEY": "first"}
    assert _providers(google)["gemini"].api_key == "first"


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/", "/v1beta"])
@pytest.mark.parametrize("name", ["openai", "anthropic", "gemini"])
def test_a_base_address_counts_with_and_without_its_version(name: str, suffix: str) -> None:
    environ = {
        f"OUTLAY_{name.upper()}_BASE_URL": f"http://127.0.0.1:9999{suffix}",
        f"{name.upper()}_API_KEY": "k",
    }
    provider = _providers(environ)[name]
    assert (provider.base_url, provider.api_key) == ("http://127.0.0.1:9999", "k")


def test_two_variables_define_a_compatible_provider() -> None:
    environ = {"OUTLAY_MY_VLLM_BASE_URL": "https://vllm.example/v1", "OUTLAY_MY_VLLM_API_KEY": "k"}
    provider = _providers(environ)["my-vllm"]
    assert provider.kind is ProviderKind.COMPATIBLE
    assert provider.base_url + provider.upstream_path("/v1/x") == "https://vllm.example/v1/x"
    assert (provider.api_key, provider.price_provider) == ("k", "my-vllm")


def test_other_parts_can_be_set_in_the_environment() -> None:
    provider = _providers(
        {
            "OUTLAY_EU_KIND": "anthropic",
            "OUTLAY_EU_BASE_URL": "https://eu.example/v1",
            "OUTLAY_EU_PRICE_PROVIDER": "anthropic",
            "OUTLAY_EU_REQUEST_USAGE": "false",
            "OUTLAY_EU_DEFAULT_SERVICE_TIER": "priority",
            "OUTLAY_EU_ENABLED": "no",
        }
    )["eu"]
    assert (provider.kind, provider.base_url) == (ProviderKind.ANTHROPIC, "https://eu.example")
    assert (provider.price_provider, provider.default_service_tier) == ("anthropic", "priority")
    assert not provider.request_usage
    assert not provider.enabled


def test_a_key_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("  from-file\n")
    environ = {"OUTLAY_OPENAI_API_KEY_FILE": str(tmp_path / "key")}
    assert _providers(environ)["openai"].api_key == "from-file"
    both = environ | {"OUTLAY_OPENAI_API_KEY": "x"}
    assert "set one of them" in _problems(both)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff", None])
def test_a_key_file_that_cannot_be_used_is_told(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    problems = _problems({"OUTLAY_OPENAI_API_KEY_FILE": str(path)})
    assert "OUTLAY_OPENAI_API_KEY_FILE" in problems
    assert str(path) in problems


def test_an_outlay_key_is_never_taken_for_a_providers() -> None:
    """In a developer's shell OPENAI_API_KEY is the key for the gateway; sent on it would leak."""
    settings = load_settings({"OPENAI_API_KEY": "sk-outlay-canary"})
    assert settings.providers[0].api_key is None
    assert [finding.code for finding in settings.findings] == ["own_key_as_provider_key"]
    assert "OUTLAY_OPENAI_API_KEY" in settings.findings[0].message
    problems = _problems({"OUTLAY_OPENAI_API_KEY": "sk-outlay-canary"})
    assert "the key that openai issued" in problems
    assert "canary" not in problems


def test_a_provider_by_file() -> None:
    Path("key").write_text("k")
    settings = _from_file(
        '[providers.my-vllm]\nbase_url = "https://vllm.example/v1"\nprefixes = ["llama-"]\n'
        'aliases = { fast = "llama-4" }\napi_key_file = "key"\nspeaks = ["anthropic"]\n'
        'idle_timeout_s = { "o3-deep" = 600 }\nrequest_usage = false\n'
        '[providers.zai]\nversion_path = "/v5"\n[providers.openai]\ndefault_service_tier = "flex"\n'
    )
    providers = {provider.name: provider for provider in settings.providers}
    vllm = providers["my-vllm"]
    assert (vllm.prefixes, dict(vllm.aliases)) == (("llama-",), {"fast": "llama-4"})
    assert (vllm.api_key, vllm.request_usage) == ("k", False)
    assert vllm.speaks == {ProviderKind.ANTHROPIC}
    assert dict(vllm.idle_timeout_s) == {"o3-deep": 600}
    assert providers["zai"].version_path == "/v5"
    assert providers["openai"].default_service_tier == "flex"


def test_the_environment_goes_over_the_file() -> None:
    text = '[providers.acme]\nbase_url = "https://old.example"\nprefixes = ["a-"]\n'
    settings = _from_file(text, {"OUTLAY_ACME_BASE_URL": "https://new.example"})
    acme = settings.providers[-1]
    assert (acme.base_url, acme.prefixes) == ("https://new.example", ("a-",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[providers.acme]\napi_key = "sk-canary"\n',
            "write api_key_file, or set OUTLAY_ACME_API_KEY",
        ),
        ('[providers.acme]\nbase_ulr = "x"\n', "did you mean base_url?"),
        ('[providers.Acme]\nbase_url = "https://a.example"\n', "not a provider's name"),
        ("providers.acme = 1\n", "not a setting of a provider"),
        ('[providers.acme]\nbase_url = "http://a.example"\n', "OUTLAY_ALLOW_HTTP"),
        ('[providers.acme]\nprefixes = "llama-"\n', "must be a list"),
        ("[providers.acme]\naliases = { a = 1 }\n", "must map a name to a model"),
        ('[providers.acme]\nkind = "azure"\n', "must be one of: openai"),
        ('[providers.acme]\nspeaks = ["cohere"]\n', "must be one of: openai"),
        ("[providers.acme]\nidle_timeout_s = { a = -1 }\n", "must be seconds"),
        ('[providers.acme]\nversion_path = "v4"\n', 'such as "/v4"'),
        ('[providers.acme]\nenabled = "perhaps"\n', "true or false"),
        ('[providers.acme]\ndefault_service_tier = "a b"\n', "must be one word"),
    ],
)
def test_a_slip_in_the_file_names_the_place_and_what_to_write(text: str, said: str) -> None:
    with pytest.raises(SettingsError) as raised:
        _from_file(text)
    assert "outlay.toml: providers" in str(raised.value)
    assert said in str(raised.value)
    assert "canary" not in str(raised.value)


def test_plain_http_elsewhere_needs_leave() -> None:
    environ = {"OUTLAY_ACME_BASE_URL": "http://emulator:8000"}
    assert "OUTLAY_ALLOW_HTTP" in _problems(environ)
    allowed = _providers(environ | {"OUTLAY_ALLOW_HTTP": "true"})
    assert allowed["acme"].base_url == "http://emulator:8000"


def test_google_is_another_name_of_gemini() -> None:
    environ = {"OUTLAY_GOOGLE_BASE_URL": "http://127.0.0.1:9/v1beta", "OUTLAY_GOOGLE_API_KEY": "k"}
    gemini = _providers(environ)["gemini"]
    assert (gemini.base_url, gemini.api_key) == ("http://127.0.0.1:9", "k")
    both = environ | {"OUTLAY_GEMINI_API_KEY": "own"}
    assert _providers(both)["gemini"].api_key == "own"


def test_a_settings_variable_names_no_provider() -> None:
    assert load_settings({"OUTLAY_MAX_BODY_BYTES": "2048"}).provider_entries == ()
