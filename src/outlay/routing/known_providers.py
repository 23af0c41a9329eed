"""Providers that need no base URL to be configured: where they are, and whose prices apply.

Addresses and the usual names of their key variables as their own documentation had them on
2026-11-21; `price_provider` is the id in the price book.
"""

from dataclasses import dataclass

from outlay.routing.provider import ProviderKind


@dataclass(frozen=True, slots=True)
class KnownProvider:
    """What is true of a provider for everybody.

    `key_variables` are the environment variables that its own tools read; `version_path` as in
    `Provider`; `is_built_in` ones are there without any configuration.
    """

    base_url: str
    key_variables: tuple[str, ...]
    price_provider: str
    kind: ProviderKind = ProviderKind.COMPATIBLE
    version_path: str = "/v1"
    request_usage: bool = True
    needs_api_key: bool = True
    is_built_in: bool = False


OTHER_NAMES: dict[str, str] = {"google": "gemini"}
"""What people also call a provider, in variables and before a slash, when nothing else has it."""

KNOWN_PROVIDERS: dict[str, KnownProvider] = {
    "openai": KnownProvider(
        "https://api.openai.com",
        ("OPENAI_API_KEY",),
        "openai",
        kind=ProviderKind.OPENAI,
        is_built_in=True,
    ),
    "anthropic": KnownProvider(
        "https://api.anthropic.com",
        ("ANTHROPIC_API_KEY",),
        "anthropic",
        kind=ProviderKind.ANTHROPIC,
        is_built_in=True,
    ),
    "gemini": KnownProvider(
        "https://generativelanguage.googleapis.com",
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        "google",
        kind=ProviderKind.GEMINI,
        is_built_in=True,
    ),
    "cerebras": KnownProvider("https://api.cerebras.ai", ("CEREBRAS_API_KEY",), "cerebras"),
    "cohere": KnownProvider(
        "https://api.cohere.ai/compatibility", ("COHERE_API_KEY", "CO_API_KEY"), "cohere"
    ),
    "deepseek": KnownProvider("https://api.deepseek.com", ("DEEPSEEK_API_KEY",), "deepseek"),
    "fireworks": KnownProvider(
        "https://api.fireworks.ai/inference", ("FIREWORKS_API_KEY",), "fireworks"
    ),
    "groq": KnownProvider("https://api.groq.com/openai", ("GROQ_API_KEY",), "groq"),
    # Asking this router for usage makes some of the providers behind it answer 400.
    "huggingface": KnownProvider(
        "https://router.huggingface.co",
        ("HF_TOKEN", "HUGGINGFACE_API_KEY"),
        "huggingface",
        request_usage=False,
    ),
    "mistral": KnownProvider("https://api.mistral.ai", ("MISTRAL_API_KEY",), "mistral"),
    "moonshot": KnownProvider("https://api.moonshot.ai", ("MOONSHOT_API_KEY",), "moonshotai"),
    "novita": KnownProvider(
        "https://api.novita.ai", ("NOVITA_API_KEY",), "novita", version_path="/v3/openai"
    ),
    "ollama": KnownProvider("http://localhost:11434", (), "ollama", needs_api_key=False),
    "openrouter": KnownProvider("https://openrouter.ai/api", ("OPENROUTER_API_KEY",), "openrouter"),
    "perplexity": KnownProvider(
        "https://api.perplexity.ai",
        ("PERPLEXITY_API_KEY", "PPLX_API_KEY"),
        "perplexity",
        version_path="",
    ),
    "together": KnownProvider("https://api.together.xyz", ("TOGETHER_API_KEY",), "together"),
    "xai": KnownProvider("https://api.x.ai", ("XAI_API_KEY",), "x-ai"),
    "zai": KnownProvider("https://api.z.ai/api/paas", ("ZAI_API_KEY",), "zai", version_path="/v4"),
}
