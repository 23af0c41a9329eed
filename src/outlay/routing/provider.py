"""A configured provider, and the target that a call is sent to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec


class ProviderKind(StrEnum):
    """How a provider is spoken to: its paths, credentials and wire formats."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
    COMPATIBLE = "compatible"


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider as configured.

    **Paths.** A client's path begins with `/v1`, `/v1beta` or `/v1beta/openai`. At openai,
    anthropic and gemini it is appended to `base_url` as it came. At a compatible provider its
    leading `/v1` is replaced by `version_path`: Groq is `https://api.groq.com/openai` + `/v1`, Z.ai
    `https://api.z.ai/api/paas` + `/v4`. `upstream_path` does both.

    Attributes:
        name: what callers write before the slash in `provider/model`; also the ledger's `provider`.
        price_provider: whose prices apply in the price book (`google` for gemini); defaults to the
            name.
        base_url: scheme, host, port and path prefix, without a trailing API version or slash.
        api_key: the provider's secret, or None for one that needs none. Never logged.
        prefixes: model-name prefixes that choose this provider when the caller names none.
        aliases: model names of ours and what they stand for at this provider.
        request_usage: ask for usage on OpenAI chat streams when the caller did not.
        default_service_tier: the tier the provider's account is set to.
        idle_timeout_s: idle limit by model name, for models that are silent while they reason.
        version_path: what `/v1` becomes at a compatible provider.
        needs_api_key: calls are refused while there is no `api_key`.
        enabled: off: calls are refused, without losing what is configured.
        speaks: wire formats it understands besides that of its kind.
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
    version_path: str = "/v1"
    needs_api_key: bool = False
    enabled: bool = True
    speaks: frozenset[ProviderKind] = frozenset()

    def can_speak(self, wire_kind: ProviderKind) -> bool:
        """Tell whether a call in the wire format of a kind may be sent here."""
        own = ProviderKind.OPENAI if self.kind is ProviderKind.COMPATIBLE else self.kind
        return wire_kind is own or wire_kind in self.speaks

    def upstream_path(self, path: str) -> str:
        """Turn a client's path into the one to ask upstream, after `base_url`."""
        if self.kind is ProviderKind.COMPATIBLE and path.startswith("/v1/"):
            return self.version_path + path[3:]
        return path


class Target(msgspec.Struct, frozen=True, gc=False):
    """Where a call goes: the provider, and the model name to send there (None: it has none)."""

    provider: Provider
    model: str | None
