"""What a caller asks, in the emulator's own words, whatever wire format it came in."""

import zlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from outlay.emulator.tokens import count_tokens

Modality = Literal["text", "image", "audio", "video", "document"]

IMAGE_TOKENS = 258
"""What any image counts for here; the providers' own rules differ, all stay below 2,000."""
_AUDIO_BYTES_PER_TOKEN = 800
"""About 32 tokens for a second of compressed speech."""


class Format(StrEnum):
    """The wire formats spoken here; the value is what the bill calls them."""

    CHAT = "openai_chat"
    COMPLETIONS = "openai_completions"
    RESPONSES = "openai_responses"
    COMPACT = "openai_responses_compact"
    EMBEDDINGS = "openai_embeddings"
    MESSAGES = "anthropic_messages"
    GENERATE = "gemini"
    EMBED_CONTENT = "gemini_embeddings"

    @property
    def id_prefix(self) -> str:
        """What the provider's ids of answers begin with."""
        return _ID_PREFIXES.get(self, "")


_ID_PREFIXES = {
    Format.CHAT: "chatcmpl-",
    Format.COMPLETIONS: "cmpl-",
    Format.RESPONSES: "resp_",
    Format.COMPACT: "resp_",
    Format.MESSAGES: "msg_",
}


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of the prompt; `write_ttl` marks a cache breakpoint behind it (`5m`, `1h`)."""

    text: str
    tokens: int
    modality: Modality = "text"
    write_ttl: str | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """A function of the caller's that may be called."""

    name: str
    schema: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, read.

    Attributes:
        framing_tokens: input tokens of the format itself (roles, turn marks).
        max_output: the caller's limit for each choice, reasoning included.
        reasoning_budget: most tokens of reasoning; 0: none; None: by the model.
        tool_choice: `auto`, `none`, `any`, or a function's name.
        last_text: the last text of the last turn; it decides whether a tool is called.
        after_tool: the last turn brings a tool's result.
        schema / json_mode: the answer is to be JSON (of that schema).
        searches … tool_prompt_tokens: what the server's own tools that were offered will consume.
        compact_above: Anthropic's trigger for compaction, in input tokens.
        advisor: the model of Anthropic's advisor tool.
        hides_reasoning: Google's OpenAI format: thinking shows in the total only.
    """

    format: Format
    model: str
    body: dict[str, Any]
    segments: tuple[Segment, ...] = ()
    framing_tokens: int = 0
    stream: bool = False
    max_output: int | None = None
    choices: int = 1
    reasoning_budget: int | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"
    last_text: str = ""
    after_tool: bool = False
    schema: dict[str, Any] | None = None
    json_mode: bool = False
    tier: str | None = None
    audio_answer: bool = False
    searches: int = 0
    file_searches: int = 0
    queries: int = 0
    tool_prompt_tokens: int = 0
    compact_above: int | None = None
    advisor: str | None = None
    hides_reasoning: bool = False
    stop: tuple[str, ...] = field(default=())

    @property
    def seed(self) -> int:
        """A number made of model and prompt only: streamed or not, the answer is the same."""
        seed = zlib.crc32(self.model.encode())
        for segment in self.segments:
            seed = zlib.crc32(segment.text.encode(), seed)
        return seed


def text_segment(text: str, write_ttl: str | None = None) -> Segment:
    """Make a segment of text."""
    return Segment(text, count_tokens(text), write_ttl=write_ttl)


def media_segment(modality: Modality, content: str, write_ttl: str | None = None) -> Segment:
    """Make a segment of an image, sound or document, from its base64 text or its address."""
    size_bytes = len(content) * 3 // 4
    if modality in ("audio", "video"):
        return Segment(content, 1 + size_bytes // _AUDIO_BYTES_PER_TOKEN, modality, write_ttl)
    return Segment(content, IMAGE_TOKENS, modality, write_ttl)
