"""OpenAI chat completions, as answered: also legacy completions and compatible providers."""

from typing import Any

import msgspec

from outlay.usage.answer import Answer
from outlay.wire.answer_format import (
    DONE,
    count_text,
    decode_as,
    decode_object,
    member,
    note_unreadable,
    stated_nanos,
    text_or_none,
)


class _Delta(msgspec.Struct, gc=False):
    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    refusal: Any = None
    tool_calls: Any = None


class _Choice(msgspec.Struct, gc=False):
    delta: _Delta | None = None
    text: Any = None
    finish_reason: Any = None


class _Chunk(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: Any = None
    x_groq: Any = None
    id: Any = None
    model: Any = None
    service_tier: Any = None
    error: Any = None


class _OddChunk(msgspec.Struct, gc=False):
    """What still counts of a chunk whose choices are not as they should be."""

    usage: Any = None
    id: Any = None
    model: Any = None
    service_tier: Any = None
    error: Any = None


_CHUNK = msgspec.json.Decoder(_Chunk)
_ODD_CHUNK = msgspec.json.Decoder(_OddChunk)


class ChatAnswer:
    """Reads chat answers.

    The last usage of a stream is the one that counts: it comes in a chunk without choices, with the
    last choice (Mistral, Azure), in `x_groq` (Groq) or, as a running count, in every chunk (vLLM).
    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def read_event(self, payload: bytes) -> None:
        """Read one chunk."""
        if payload == DONE:
            self.answer.terminal = True
            self.answer.usage_running = False
            return
        chunk = decode_as(_CHUNK, payload) or self._decode_odd(payload)
        if chunk is None:
            note_unreadable(self.answer)
            return
        if self.answer.response_id is None:
            self._read_head(chunk)
        goes_on = self._read_choices(chunk.choices) if chunk.choices else False
        usage = chunk.usage
        if usage is None and chunk.x_groq is not None:
            usage = member(chunk.x_groq, "usage")
        if isinstance(usage, dict):
            self._read_usage(usage, running=goes_on)
        if chunk.service_tier is not None:
            self.answer.service_tier = text_or_none(chunk.service_tier)
        if chunk.error is not None:
            self.answer.failed = True

    def read_whole(self, body: bytes) -> None:
        """Read an answer in one piece."""
        answer, whole = self.answer, decode_object(body)
        if whole is None:
            return
        answer.terminal = True
        answer.response_id = text_or_none(whole.get("id"))
        answer.model_returned = text_or_none(whole.get("model"))
        answer.service_tier = text_or_none(whole.get("service_tier"))
        answer.failed |= bool(whole.get("error"))
        choices = whole.get("choices")
        first = choices[0] if isinstance(choices, list) and choices else None
        answer.finish_reason = text_or_none(member(first, "finish_reason"))
        usage = whole.get("usage")
        if isinstance(usage, dict):
            self._read_usage(usage, running=False)
        elif isinstance(choices, list):
            for choice in choices:
                count_text(self.answer, member(choice, "message"))
                count_text(self.answer, member(choice, "message", "tool_calls"))
                count_text(self.answer, member(choice, "text"))

    def _decode_odd(self, payload: bytes) -> _Chunk | None:
        odd = decode_as(_ODD_CHUNK, payload)
        if odd is None:
            return None
        note_unreadable(self.answer)
        return _Chunk(
            usage=odd.usage,
            id=odd.id,
            model=odd.model,
            service_tier=odd.service_tier,
            error=odd.error,
        )

    def _read_head(self, chunk: _Chunk) -> None:
        self.answer.response_id = text_or_none(chunk.id)
        self.answer.model_returned = text_or_none(chunk.model) or self.answer.model_returned

    def _read_choices(self, choices: list[_Choice]) -> bool:
        """Count the text of a chunk; true when none of its choices has come to its end."""
        goes_on = True
        for choice in choices:
            if choice.finish_reason is not None:
                self.answer.finish_reason = text_or_none(choice.finish_reason)
                goes_on = False
            delta = choice.delta
            text = choice.text if delta is None else delta.content or _other_text(delta)
            if text is not None:
                count_text(self.answer, text)
        return goes_on

    def _read_usage(self, usage: dict[str, Any], *, running: bool) -> None:
        self.answer.raw_usage = usage
        self.answer.usage_running = running
        self.answer.stated_cost_nanos = stated_nanos(usage)


def _other_text(delta: _Delta) -> Any:
    return delta.reasoning_content or delta.reasoning or delta.tool_calls or delta.refusal


class EmbeddingsAnswer:
    """Reads embeddings answers: the vectors are skipped, not decoded."""

    class _Body(msgspec.Struct, gc=False):
        usage: Any = None
        id: Any = None
        model: Any = None
        error: Any = None

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def read_event(self, payload: bytes) -> None:
        """Read nothing: embeddings are not streamed."""

    def read_whole(self, body: bytes) -> None:
        """Read an answer in one piece."""
        whole = decode_as(msgspec.json.Decoder(self._Body), body)
        if whole is None:
            return
        self.answer.terminal = True
        self.answer.failed |= bool(whole.error)
        self.answer.response_id = text_or_none(whole.id)
        self.answer.model_returned = text_or_none(whole.model)
        if isinstance(whole.usage, dict):
            self.answer.raw_usage = whole.usage
            self.answer.stated_cost_nanos = stated_nanos(whole.usage)
