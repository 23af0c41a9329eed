"""What providers promise about a call before it is made: limits, framing, media rules. As data.

Every number is an upper bound and has its source; docs/guide/call-classes.md shows this table and a
test keeps the two equal. Where a fact is not known, the model's context window stands in.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

CHECKED_ON = "2026-11-21"
"""The day these facts were last held against their sources."""
WINDOW_MARGIN = 20
"""Price data rounds context windows (1,000,000 for 1,048,576): one twentieth is added."""


@dataclass(frozen=True, slots=True)
class LimitFact:
    """How a wire format limits output.

    Attributes:
        parameters: the body fields that set the limit.
        covers_reasoning: whether hidden reasoning counts against it. A wire whose limit does not
            cover it would make every call open.
        source: where the provider says so.
    """

    parameters: str
    covers_reasoning: bool
    source: str


LIMITS: Mapping[str, LimitFact] = {
    "openai_chat": LimitFact(
        "max_completion_tokens, max_tokens",
        covers_reasoning=True,
        source="https://platform.openai.com/docs/api-reference/chat/create",
    ),
    "openai_responses": LimitFact(
        "max_output_tokens",
        covers_reasoning=True,
        source="https://platform.openai.com/docs/api-reference/responses/create",
    ),
    "openai_completions": LimitFact(
        "max_tokens",
        covers_reasoning=True,
        source="https://platform.openai.com/docs/api-reference/completions/create",
    ),
    "anthropic_messages": LimitFact(
        "max_tokens",
        covers_reasoning=True,
        source="https://platform.claude.com/docs/en/build-with-claude/extended-thinking",
    ),
    "gemini": LimitFact(
        "generationConfig.maxOutputTokens",
        covers_reasoning=True,
        source="https://ai.google.dev/gemini-api/docs/thinking",
    ),
}
"""By wire format, as `Call.route.wire` names it."""


@dataclass(frozen=True, slots=True)
class InputFact:
    """What a provider may count as input beyond the text of the body; tokens.

    Attributes:
        per_call: fixed prompts of the provider's own, such as the one that enables tools.
        per_item: framing of one message or tool.
        per_provided_tool: the definition of one tool that the provider writes itself.
        per_image: the most that one image can be, at the highest detail.
        bytes_per_audio_token: the fewest bytes of encoded audio that make one token.
        source: where the provider says so.
    """

    per_call: int
    per_item: int
    per_provided_tool: int
    per_image: int
    bytes_per_audio_token: int
    source: str


_OPENAI_IMAGES = "https://platform.openai.com/docs/guides/images-vision#calculating-costs"
INPUTS: Mapping[str, InputFact] = {
    # Images: at most 10,000 patches of 32 px (detail `original`), times 1.62 at the dearest.
    # Tools of its own that run at the caller (shell, apply_patch) are within the fixed part.
    # Audio: 10 tokens a second; MP3 and WAV of at least 1,000 bytes a second (8 kbit/s).
    "openai": InputFact(1_024, 16, 1_024, 16_384, 64, _OPENAI_IMAGES),
    # The prompt that enables tools: at most 935 tokens. Its own tools: 735 tokens (computer use),
    # with a prompt of 499 more. Images: at most 4,784 tokens once resized.
    "anthropic": InputFact(
        1_024, 64, 1_536, 5_120, 64, "https://platform.claude.com/docs/en/build-with-claude/vision"
    ),
    # Images: 2,240 tokens at the highest resolution of Gemini 3; 24 tiles of 258 before. Audio: 32
    # tokens a second; compressed silence may be as little as 64 bytes a second.
    "google": InputFact(256, 16, 1_024, 6_656, 2, "https://ai.google.dev/gemini-api/docs/tokens"),
    # Others: chat templates add a few hundred tokens, images follow one of the rules above.
    "*": InputFact(1_024, 64, 1_536, 16_384, 2, "the largest of the rules above"),
}
"""By price provider; `*` for every other one."""
IMAGES: tuple[tuple[str, str, int], ...] = (
    # 2,833 tokens and 5,667 for each of at most 8 tiles.
    ("openai", r"gpt-4o-mini.*", 48_384),
    # 85 tokens and 170 for each of at most 8 tiles of 512 px.
    ("openai", r"(gpt-4o|gpt-4-turbo|gpt-4\.5|o1|o3)(-.*)?", 1_536),
    # At most 1,536 patches, times 2.46 at the dearest.
    ("openai", r"(gpt-4\.1|gpt-5|gpt-5-mini|gpt-5-nano|o4-mini)(-.*)?", 4_096),
)
"""Models whose images count otherwise than their provider's rule; the first match counts."""
MAX_OUTPUT: tuple[tuple[str, str, int], ...] = (
    ("openai", r"gpt-3\.5.*|gpt-4-turbo.*|gpt-4o-2024-05-13", 4_096),
    ("openai", r"gpt-4(-0314|-0613)?", 8_192),
    ("openai", r"(chatgpt-4o|gpt-4o|gpt-4\.5|gpt-audio|gpt-5-chat).*", 16_384),
    ("openai", r"gpt-4\.1.*|o1-preview.*", 32_768),
    ("openai", r"o1-mini.*", 65_536),
    ("openai", r"(o1|o1-pro|o3|o3-mini|o3-pro|o4-mini)(-20.*)?", 100_000),
    ("openai", r"gpt-5(\.[1-5])?(-(mini|nano|pro|codex|codex-max))?(-20.*)?", 128_000),
    ("anthropic", r"claude-3-(opus|sonnet|haiku).*", 4_096),
    ("anthropic", r"claude-3-5.*", 8_192),
    ("anthropic", r"claude-3-7.*|claude-(opus|sonnet|haiku)-4.*", 128_000),
    ("google", r"gemini-(1\.5|2\.0).*", 8_192),
    ("google", r"gemini-(2\.5|3|3\.1|3\.5)-.*", 65_536),
)
"""The most output tokens by price provider and model (a pattern); the first match counts."""
MAX_OUTPUT_SOURCES: Mapping[str, str] = {
    "openai": "https://platform.openai.com/docs/models",
    "anthropic": "https://platform.claude.com/docs/en/about-claude/models/overview",
    "google": "https://ai.google.dev/gemini-api/docs/models",
}


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What bounds a call of one model; tokens. None: not known, the context window stands in."""

    per_call: int
    per_item: int
    per_provided_tool: int
    per_image: int
    bytes_per_audio_token: int
    max_output: int | None


@lru_cache(maxsize=4_096)
def facts_of(price_provider: str, model: str) -> ModelFacts:
    """Return what is known of a model, by the names that prices go by (lower case).

    Remembered, since it is asked for at every call; the memory is bounded, as names come from
    outside.
    """
    rule = INPUTS.get(price_provider, INPUTS["*"])
    image = _lookup(IMAGES, price_provider, model)
    return ModelFacts(
        per_call=rule.per_call,
        per_item=rule.per_item,
        per_provided_tool=rule.per_provided_tool,
        per_image=rule.per_image if image is None else image,
        bytes_per_audio_token=rule.bytes_per_audio_token,
        max_output=_lookup(MAX_OUTPUT, price_provider, model),
    )


def window_bound(context_window: int) -> int:
    """Return the most input tokens that a model with this stated window takes."""
    return context_window + -(-context_window // WINDOW_MARGIN)


def _lookup(table: tuple[tuple[str, str, int], ...], provider: str, model: str) -> int | None:
    for of_provider, models, number in table:
        if of_provider == provider and re.fullmatch(models, model) is not None:
            return number
    return None
