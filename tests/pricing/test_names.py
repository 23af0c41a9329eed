"""Names of models: plain spelling, and what a family is."""

import pytest

from outlay.pricing.names import dashed_date, family, plain_name, tier_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-4o-latest", "gpt-4o"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("models/gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash"),
        ("gemini-2.0-flash-001", "gemini-2.0-flash"),
        ("gpt-4-0613", "gpt-4"),
        ("openai/gpt-4o", "gpt-4o"),
        ("claude-opus-4-8", "claude-opus-4-8"),
        ("", ""),
    ],
)
def test_a_family_is_a_name_without_its_snapshot(name: str, expected: str) -> None:
    assert family(name) == expected


def test_a_resource_path_is_taken_off() -> None:
    assert plain_name(" Publishers/Google/Models/Gemini-X ") == "gemini-x"


def test_only_a_real_date_gets_dashes() -> None:
    assert dashed_date("gpt-5.2-20251211") == "gpt-5.2-2025-12-11"
    assert dashed_date("gpt-5.2-20251399") == "gpt-5.2-20251399"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FLEX", "flex"),
        ("SERVICE_TIER_FLEX", "flex"),
        ("ON_DEMAND_FLEX", "flex"),
        ("ON_DEMAND", "on_demand"),
    ],
)
def test_a_tier_is_a_word(text: str, expected: str) -> None:
    assert tier_name(text) == expected
