"""How our credential is shown to a provider: each wire format has a header of its own."""

from outlay.routing.provider import Provider, ProviderKind
from outlay.wire.call import Wire

_ANTHROPIC_WIRES = frozenset((Wire.ANTHROPIC_MESSAGES, Wire.ANTHROPIC_MODELS))


def credential_headers(provider: Provider, wire: Wire) -> list[tuple[bytes, bytes]]:
    """Return the header that carries the provider's secret; none if it has no secret.

    OpenAI's format takes a Bearer token wherever it is served, at Anthropic and Google too. What a
    compatible provider speaks besides is guarded by the same Bearer token.
    """
    if provider.api_key is None:
        return []
    secret = provider.api_key.encode()
    if provider.kind is not ProviderKind.COMPATIBLE:
        if wire in _ANTHROPIC_WIRES:
            return [(b"x-api-key", secret)]
        if wire is Wire.GEMINI:
            return [(b"x-goog-api-key", secret)]
    return [(b"authorization", b"Bearer " + secret)]
