"""Calls and targets as the other rooms would make them."""

from outlay.routing.provider import Provider, ProviderKind, Target
from outlay.wire.call import Billing, Call, Envelope, Route, Wire

OPENAI = Provider("openai", ProviderKind.OPENAI, "https://api.openai.com", "sk-provider")
ANTHROPIC = Provider("anthropic", ProviderKind.ANTHROPIC, "https://api.anthropic.com", "ant-secret")
GEMINI = Provider(
    "gemini", ProviderKind.GEMINI, "https://generativelanguage.googleapis.com", "goo-secret"
)
GROQ = Provider("groq", ProviderKind.COMPATIBLE, "https://api.groq.com/openai", "gsk-secret")


def make_call(
    wire: Wire = Wire.OPENAI_CHAT,
    path: str = "/v1/chat/completions",
    *,
    method: str = "POST",
    query: str = "",
    body: bytes = b'{"model":"m"}',
    model: str | None = "m",
) -> Call:
    """Make a call with what matters to its address."""
    route = Route(wire, "operation", Billing.METERED, Envelope.OPENAI)
    return Call(route=route, method=method, path=path, query=query, body=body, model=model)


def at(provider: Provider, model: str | None = "m") -> Target:
    """Aim at a provider."""
    return Target(provider, model)
