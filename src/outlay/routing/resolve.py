"""Step 4 of a call: which configured provider a model name means. Callers never choose a host.

The order: `provider/model`, aliases, configured prefixes, built-in prefixes, the key's default
provider. A provider that does not speak the call's wire format, is switched off, or lacks its API
key is passed over; when none is left, the refusal says why the first one did not fit.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from outlay.identity.caller import Caller
from outlay.kernel.errors import Category, Refused
from outlay.routing.known_providers import OTHER_NAMES
from outlay.routing.provider import Provider, ProviderKind, Target

NATIVE: Mapping[ProviderKind, str] = {
    ProviderKind.OPENAI: "openai",
    ProviderKind.ANTHROPIC: "anthropic",
    ProviderKind.GEMINI: "gemini",
}
"""The provider that defined each wire format."""

BUILT_IN_PREFIXES: Mapping[str, tuple[str, ...]] = {
    "openai": (
        "gpt-", "chatgpt-", "o1", "o3", "o4", "codex-", "computer-use-", "davinci-", "babbage-",
        "text-embedding-3-", "text-embedding-ada-", "omni-moderation-", "text-moderation-",
        "whisper-", "tts-", "dall-e-", "sora-", "ft:gpt-", "ft:o", "ft:davinci-", "ft:babbage-",
    ),
    "anthropic": ("claude-",),
    "gemini": (
        "gemini-", "gemma-", "learnlm-", "imagen-", "veo-", "embedding-001", "text-embedding-004",
    ),
}  # fmt: skip
"""How the model names of the three built-in providers begin. Read 2026-11-21."""

MAX_QUOTED_CHARS = 80

_PATH_OF: Mapping[ProviderKind, str] = {
    ProviderKind.OPENAI: "/v1/chat/completions or /v1/responses (OpenAI)",
    ProviderKind.ANTHROPIC: "/v1/messages (Anthropic)",
    ProviderKind.GEMINI: "/v1beta/models/{model}:generateContent (Gemini) or "
    "/v1beta/openai/chat/completions",
}


@dataclass(frozen=True, slots=True)
class _Candidate:
    provider: Provider
    model: str


class ProviderTable:
    """All configured providers at one moment, ready to be searched. A new snapshot replaces it."""

    def __init__(self, providers: Iterable[Provider]) -> None:
        """Index the providers; of two with one name the later counts, of two aliases the first."""
        self.by_name = {provider.name: provider for provider in providers}
        self._secrets = frozenset(p.api_key for p in self.by_name.values() if p.api_key)
        self._called = self.by_name | {
            other: self.by_name[name]
            for other, name in OTHER_NAMES.items()
            if name in self.by_name and other not in self.by_name
        }
        self._aliases: dict[str, _Candidate] = {}
        for provider in self.by_name.values():
            for alias, model in provider.aliases.items():
                self._aliases.setdefault(alias, _Candidate(provider, model))
        configured = [
            (p, provider) for provider in self.by_name.values() for p in provider.prefixes
        ]
        self._prefixes = sorted(configured, key=lambda pair: -len(pair[0]))
        self._built_in = [
            (prefixes, self.by_name[name])
            for name, prefixes in BUILT_IN_PREFIXES.items()
            if name in self.by_name
        ]

    def __iter__(self) -> Iterator[Provider]:
        """Yield the providers in the order they were configured."""
        return iter(self.by_name.values())

    def candidates(self, model: str) -> list[_Candidate]:
        """List the providers that a model name points to, the most explicit first."""
        found: list[_Candidate] = []
        name, slash, rest = model.partition("/")
        if slash and rest and name in self._called:
            provider = self._called[name]
            found.append(_Candidate(provider, provider.aliases.get(rest, rest)))
        if model in self._aliases:
            found.append(self._aliases[model])
        for prefix, provider in self._prefixes:
            if model.startswith(prefix):
                found.append(_Candidate(provider, model))
                break
        for prefixes, provider in self._built_in:
            if model.startswith(prefixes):
                found.append(_Candidate(provider, model))
                break
        return found

    def is_secret(self, text: str) -> bool:
        """Tell whether a text is the secret of a configured provider."""
        return text in self._secrets

    def speaking(self, wire_kind: ProviderKind) -> list[str]:
        """Name the providers that could take a call of a wire format now."""
        return [name for name, provider in self.by_name.items() if _fits(provider, wire_kind)]


def resolve_target(
    call_model: str | None,
    *,
    wire_kind: ProviderKind,
    caller: Caller,
    providers: ProviderTable,
) -> Target | Refused:
    """Choose the provider of a call and the model name to send there, or say why there is none.

    A slash belongs to the provider only when what stands before it is configured; else it is part
    of the model's name (`meta-llama/llama-4`). A name that nobody claims goes to the key's default
    provider; without one it is refused here rather than sent to a provider that was not meant. Only
    the Gemini API is asked about unknown names: its wire has no second provider to be meant.

    Args:
        call_model: as the caller wrote it; None for a call without one (a listing, say).
        wire_kind: whose wire format the call is in; GEMINI also for OpenAI's format under
            `/v1beta/openai`, which only the Gemini API serves.
        caller: the key, for its default provider.
        providers: the configured providers.
    """
    found = [] if call_model is None else providers.candidates(call_model)
    for candidate in found:
        if _fits(candidate.provider, wire_kind):
            return Target(candidate.provider, candidate.model)
    default = providers.by_name.get(caller.default_provider or "")
    if default is not None and _fits(default, wire_kind):
        return Target(default, _at(default, call_model))
    if found:
        return _unfit(found[0].provider, call_model, wire_kind)
    return _native_target(call_model, wire_kind, providers)


def _native_target(
    call_model: str | None, wire_kind: ProviderKind, providers: ProviderTable
) -> Target | Refused:
    if call_model is not None and wire_kind is not ProviderKind.GEMINI:
        return _unknown_model(call_model, wire_kind, providers)
    provider = providers.by_name.get(NATIVE[wire_kind])
    if provider is None:
        return _unknown_model(call_model, wire_kind, providers)
    if not _fits(provider, wire_kind):
        return _unfit(provider, call_model, wire_kind)
    return Target(provider, call_model)


def _fits(provider: Provider, wire_kind: ProviderKind) -> bool:
    return (
        provider.enabled
        and provider.can_speak(wire_kind)
        and (provider.api_key is not None or not provider.needs_api_key)
    )


def _at(provider: Provider, model: str | None) -> str | None:
    return None if model is None else provider.aliases.get(model, model)


def _unfit(provider: Provider, call_model: str | None, wire_kind: ProviderKind) -> Refused:
    """Say why the provider that a model name points to cannot take the call."""
    meant = "This call" if call_model is None else f"The model {_quote(call_model)}"
    if not provider.can_speak(wire_kind):
        own = next(kind for kind in NATIVE if provider.can_speak(kind))
        return _refused(
            f"{meant} belongs to the provider {provider.name!r}, which does not speak this path's "
            f"format; call {_PATH_OF[own]} instead, or name a provider that speaks it"
        )
    if not provider.enabled:
        return _refused(
            f"{meant} belongs to the provider {provider.name!r}, which the operator switched off",
            "provider_not_configured",
        )
    variable = provider.name.upper().replace("-", "_")
    return _refused(
        f"{meant} belongs to the provider {provider.name!r}, which has no API key in this gateway. "
        f"The operator sets OUTLAY_{variable}_API_KEY, or stores one: "
        f"outlay providers set {provider.name} --secret-file FILE",
        "provider_not_configured",
    )


def _unknown_model(
    call_model: str | None, wire_kind: ProviderKind, providers: ProviderTable
) -> Refused:
    usable = providers.speaking(wire_kind)
    if not usable:
        return _refused("No provider for this path's format is configured in this gateway")
    if call_model is None:
        return _refused("This call names no model; the operator gives the key a default provider")
    return _refused(
        f"No provider is known for the model {_quote(call_model)}. Check the name, or say which "
        f"provider is meant, as in {_quote(f'{usable[0]}/{call_model}')}; configured for this "
        f"format: {', '.join(usable[:10])}"
    )


def _refused(message: str, code: str = "model_not_found") -> Refused:
    return Refused(code, Category.NOT_FOUND, f"{message}.", "model")


def _quote(text: str) -> str:
    return ascii(text if len(text) <= MAX_QUOTED_CHARS else text[: MAX_QUOTED_CHARS - 3] + "...")
