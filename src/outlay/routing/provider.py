"""A configured provider, and the target that a call is sent to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class ProviderKind(StrEnum):
    """How a provider is spoken to: its paths, credentials and wire formats."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
    COMPATIBLE = "compatible"


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider as configured.

    Attributes:
        name: what callers write before the slash in `provider/model`; also the ledger's `provider`.
        price_provider: whose prices apply in the price book (`google` for gemini); defaults to the name.
        base_url: scheme, host, port and path prefix, without a trailing API version.
        api_key: the provider's secret, or None for one that needs none. Never logged.
        prefixes: model-name prefixes that choose this provider when the caller names none.
        aliases: model names of ours and what they stand for at this provider.
        request_usage: ask for usage on OpenAI chat streams when the caller did not.
        default_service_tier: the tier the provider's account is set to.
        idle_timeout_s: idle limit by model name, for models that are silent while they reason.
    """

    name: str
    kind: ProviderKind
    base_url: str
    api_key: str | None = field(repr=False, default=None)
    price_provider: str = ""
    prefixes: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    request_usage: bool = True
    default_service_tier: str = "standard"
    idle_timeout_s: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call goes: the provider and the model name to send there (None: the call has none)."""

    provider: Provider
    model: str | None
