"""Which rate stands in for which, and where none may."""

import pytest

from outlay.pricing.units import meter_of, stand_ins
from outlay.usage.gemini import is_billed_by_query
from outlay.usage.meters import Meter
from tests.pricing.books import seed_book


@pytest.mark.parametrize("provider", ["openai", "anthropic", "google", "groq", "mistral"])
def test_reasoning_and_images_follow_text_everywhere(provider: str) -> None:
    found = stand_ins(provider, "m", {"input", "output"})
    assert (found[Meter.REASONING], found[Meter.INPUT_IMAGE]) == ("output", "input")


def test_audio_follows_text_only_where_the_list_says_one_rate_for_all() -> None:
    assert stand_ins("google", "gemini-3.5-flash", {"input", "output"})["input_audio"] == "input"
    assert "input_audio" not in stand_ins("openai", "gpt-4o", {"input", "output"})
    assert "output_audio" not in stand_ins("google", "gemini-2.5-flash", {"input", "output"})
    assert stand_ins("google", "gemini-2.5-pro-tts", {"output"})["output_audio"] == "output"


def test_an_own_rate_is_never_replaced() -> None:
    own = {"input", "input_audio", "cache_read", "cache_read_audio", "output", "reasoning"}
    assert not set(stand_ins("google", "gemini-2.5-flash", own)) & own


def test_cached_audio_follows_cached_text_where_audio_follows_text() -> None:
    own = {"input", "cache_read", "output"}
    assert stand_ins("google", "gemini-3.5-flash", own)["cache_read_audio"] == "cache_read"


def test_cached_media_without_a_cache_rate_costs_what_fresh_media_costs() -> None:
    own = {"input", "input_image", "output"}
    assert stand_ins("openai", "gpt-image-1", own)["cache_read_image"] == "input_image"


def test_a_write_of_any_lifetime_has_one_rate_at_openai_only() -> None:
    assert stand_ins("openai", "gpt-5.6-sol", {"cache_write"})["cache_write_1h"] == "cache_write"
    assert "cache_write_1h" not in stand_ins("anthropic", "claude", {"cache_write"})
    assert "cache_write" not in stand_ins("anthropic", "claude", {"input"})


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gemini-2.5-pro", Meter.GROUNDED_PROMPT),
        ("gemini-2.0-flash", Meter.GROUNDED_PROMPT),
        ("gemini-3-flash-preview", Meter.GROUNDED_QUERY),
        ("gemini-4-argon", Meter.GROUNDED_QUERY),
        ("claude-fable-5-2", Meter.WEB_SEARCH),
    ],
)
def test_googles_search_price_is_by_prompt_or_by_query(model: str, expected: Meter) -> None:
    assert meter_of("google", model, "web_searches_kcount") == expected


def test_a_unit_that_we_do_not_meter_has_no_meter() -> None:
    assert meter_of("openai", "whisper-1", "audio_hours") is None


def test_readers_and_prices_agree_on_what_a_google_search_is() -> None:
    """Else every grounded call of a model would be unpriced."""
    for entry in seed_book().entries("google"):
        priced = {m for period in entry.periods for m in period.rates if m.startswith("grounded")}
        by_query = is_billed_by_query(entry.id)
        assert priced <= {Meter.GROUNDED_QUERY if by_query else Meter.GROUNDED_PROMPT}, entry.id
