"""Listening to an answer: finds how its bytes are framed and has its wire format read them.

The reader gets a copy of what passes. It never raises and never changes a byte; what it cannot read
it notes as a finding, and the answer is forwarded all the same.
"""

from collections.abc import Callable
from typing import Protocol

from outlay.kernel.findings import Finding
from outlay.usage.answer import Answer
from outlay.wire import gemini_answer, openai_responses_answer
from outlay.wire.answer_format import AnswerFormat
from outlay.wire.anthropic_answer import MessagesAnswer
from outlay.wire.call import Call, Wire
from outlay.wire.gemini import EMBED_VERBS
from outlay.wire.gemini_answer import EmbedAnswer, GenerateAnswer
from outlay.wire.json_array import ElementSplitter
from outlay.wire.openai_chat_answer import ChatAnswer, EmbeddingsAnswer
from outlay.wire.openai_responses_answer import ResponsesAnswer
from outlay.wire.sse import MAX_EVENT_BYTES, EventSplitter, Torn, read_data

MAX_WHOLE_BYTES = 64 * 1024 * 1024
"""The largest answer in one piece that is read; a larger one passes and is metered by estimate."""

_BLANK = b" \t\r\n\xef\xbb\xbf"
_HTTP_ERRORS = 400


class AnswerReader:
    """Reads one answer; `answer` is what is known of it so far."""

    def __init__(self, form: AnswerFormat, *, is_stream: bool, event_limit: int) -> None:
        self.answer = form.answer
        self._form = form
        self._is_stream = is_stream
        self._event_limit = event_limit
        self._framing: _Framing | None = None

    def feed(self, chunk: bytes) -> None:
        """Take the next piece of the answer, cut anywhere."""
        if self._framing is None:
            chunk = chunk.lstrip(_BLANK)
            if not chunk:
                return
            self._framing = self._choose_framing(chunk[:1])
        self._framing.feed(chunk)

    def finish(self) -> Answer:
        """Read what is left at the end of the answer and return all that is known of it."""
        if self._framing is not None:
            self._framing.finish()
            self._framing = _Nothing()
        return self.answer

    def _choose_framing(self, first: bytes) -> "_Framing":
        """Tell JSON from events by the first byte: the content type of errors is often wrong."""
        if first == b"[" and self._is_stream:
            return _Elements(self._form)
        if first in (b"{", b"["):
            return _Whole(self._form)
        return _Events(self._form, self._event_limit) if self._is_stream else _Nothing()


def open_reader(call: Call, *, status: int, content_type: str | None) -> AnswerReader:
    """Prepare to read the answer to a call; `content_type` is as the provider sent it."""
    answer = Answer(failed=status >= _HTTP_ERRORS)
    is_stream = call.stream or (content_type or "").lower().startswith("text/event-stream")
    event_limit = _EVENT_LIMITS.get(call.route.wire, MAX_EVENT_BYTES)
    return AnswerReader(_form(call, answer), is_stream=is_stream, event_limit=event_limit)


def _form(call: Call, answer: Answer) -> AnswerFormat:
    if call.route.operation in EMBED_VERBS:
        return EmbedAnswer(answer)
    return _FORMS[call.route.wire](answer)


_FORMS: dict[Wire, Callable[[Answer], AnswerFormat]] = {
    Wire.OPENAI_CHAT: ChatAnswer,
    Wire.OPENAI_MODELS: ChatAnswer,
    Wire.OPENAI_RESPONSES: ResponsesAnswer,
    Wire.OPENAI_EMBEDDINGS: EmbeddingsAnswer,
    Wire.ANTHROPIC_MESSAGES: MessagesAnswer,
    Wire.ANTHROPIC_MODELS: MessagesAnswer,
    Wire.GEMINI: GenerateAnswer,
}
_EVENT_LIMITS = {
    Wire.OPENAI_RESPONSES: openai_responses_answer.MAX_EVENT_BYTES,
    Wire.GEMINI: gemini_answer.MAX_EVENT_BYTES,
}


class _Framing(Protocol):
    def feed(self, chunk: bytes) -> None: ...

    def finish(self) -> None: ...


class _Nothing:
    """An answer that is not read: binary, or past its end."""

    def feed(self, chunk: bytes) -> None:
        """Let a piece pass."""

    def finish(self) -> None:
        """Do nothing."""


class _Whole:
    """An answer in one piece, decoded once when it is complete."""

    def __init__(self, form: AnswerFormat) -> None:
        self._form = form
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size <= MAX_WHOLE_BYTES:
            self._pieces.append(chunk)
        else:
            self._pieces.clear()

    def finish(self) -> None:
        if self._size > MAX_WHOLE_BYTES:
            text = f"an answer of {self._size} bytes is above the {MAX_WHOLE_BYTES} that are read"
            self._form.answer.findings.append(Finding("answer.too_large", "wire", text))
            return
        self._form.read_whole(b"".join(self._pieces))


class _Events:
    """A stream of server-sent events."""

    def __init__(self, form: AnswerFormat, limit: int) -> None:
        self._form = form
        self._splitter = EventSplitter(limit)

    def feed(self, chunk: bytes) -> None:
        for event in self._splitter.feed(chunk):
            self._read(event)

    def finish(self) -> None:
        self._read(self._splitter.rest())
        if self._splitter.torn_events:
            text = f"{self._splitter.torn_events} events of the stream are too large to be read"
            self._form.answer.findings.append(Finding("answer.event_too_large", "wire", text))

    def _read(self, event: bytes) -> None:
        if isinstance(event, Torn):
            return
        payload = read_data(event)
        if payload:
            self._form.read_event(payload)


class _Elements:
    """A stream that is one JSON array."""

    def __init__(self, form: AnswerFormat) -> None:
        self._form = form
        self._splitter = ElementSplitter()

    def feed(self, chunk: bytes) -> None:
        for element in self._splitter.feed(chunk):
            self._form.read_event(element)

    def finish(self) -> None:
        if self._splitter.broken:
            text = "an element of the streamed array is too large to be read"
            self._form.answer.findings.append(Finding("answer.event_too_large", "wire", text))
