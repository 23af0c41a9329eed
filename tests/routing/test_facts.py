"""Provider facts are data with sources, and the docs show all of them."""

from pathlib import Path

import pytest

from outlay.routing.facts import (
    CHECKED_ON,
    IMAGES,
    INPUTS,
    LIMITS,
    MAX_OUTPUT,
    MAX_OUTPUT_SOURCES,
    facts_of,
    window_bound,
)

_PAGE = Path(__file__).parents[2] / "docs" / "guide" / "call-classes.md"


def test_every_limit_covers_reasoning() -> None:
    """A wire whose limit does not would make each of its calls open; bound.py relies on this."""
    assert all(fact.covers_reasoning for fact in LIMITS.values())


def test_the_docs_have_every_fact_with_its_source() -> None:
    page = _PAGE.read_text()
    for wire, limit in LIMITS.items():
        assert f"| `{wire}` | `{limit.parameters}` |" in page
        assert limit.source in page
    for provider, rule in INPUTS.items():
        numbers = (
            rule.per_call,
            rule.per_item,
            rule.per_provided_tool,
            rule.per_image,
            rule.bytes_per_audio_token,
        )
        row = " | ".join(f"{number:,}" for number in numbers)
        assert f"| `{provider}` | {row} |" in page
        assert rule.source in page
    for _, models, tokens in IMAGES:
        assert f"`{models}` at most {tokens:,}" in page
    for provider, models, tokens in MAX_OUTPUT:
        escaped = models.replace("|", "\\|")
        assert f"| {provider} | `{escaped}` | {tokens:,} |" in page
        assert MAX_OUTPUT_SOURCES[provider] in page
    assert CHECKED_ON in page


@pytest.mark.parametrize(
    ("provider", "model", "expected"),
    [
        ("openai", "gpt-4o", 16_384),
        ("openai", "gpt-4o-2024-05-13", 4_096),
        ("openai", "gpt-4.1-nano", 32_768),
        ("openai", "o3-mini", 100_000),
        ("openai", "gpt-5-mini-2025-08-07", 128_000),
        ("openai", "gpt-6-sol", None),
        ("anthropic", "claude-3-haiku-20240307", 4_096),
        ("anthropic", "claude-opus-4-8", 128_000),
        ("google", "gemini-2.0-flash", 8_192),
        ("google", "gemini-3-flash-preview", 65_536),
        ("google", "gemini-4-argon", None),
        ("mine", "gpt-4o", None),
    ],
)
def test_the_models_own_maximum(provider: str, model: str, expected: int | None) -> None:
    assert facts_of(provider, model).max_output == expected


def test_images_of_a_small_model_may_be_large() -> None:
    """gpt-4o-mini counts 33 times the tokens for an image; its tokens cost so much less."""
    assert facts_of("openai", "gpt-4o-mini").per_image > 30 * facts_of("openai", "gpt-4o").per_image


def test_a_rounded_window_gets_its_margin() -> None:
    assert window_bound(1_000_000) >= 1_048_576
