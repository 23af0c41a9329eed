"""Gemini, as answered: generating and embedding."""

from typing import Any

import msgspec

from outlay.usage.answer import Answer
from outlay.wire.answer_format import (
    count_text,
    decode_as,
    decode_object,
    member,
    note_unreadable,
    text_or_none,
)
from outlay.wire.contents import members

MAX_EVENT_BYTES = 16 * 1024 * 1024
"""A generated image comes in one event, in base64."""

_COMPLETE_MARK = "totalTokenCount"


class GenerateAnswer:
    """Reads generated content.

    Each event of a stream states the usage so far. One with a total replaces what came before; one
    without (it may hold a traffic type only) is laid over it.
    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self._queries: set[str] = set()

    def read_event(self, payload: bytes) -> None:
        """Read one event of a stream, or one element of a streamed array."""
        event = decode_object(payload)
        if event is None:
            note_unreadable(self.answer)
        else:
            self._read(event)

    def read_whole(self, body: bytes) -> None:
        """Read an answer in one piece."""
        whole = decode_object(body)
        if whole is None:
            return
        self._read(whole)
        self.answer.terminal = True
        self.answer.usage_running = False

    def _read(self, event: dict[str, Any]) -> None:
        answer = self.answer
        if "error" in event:
            answer.failed = True
        answer.response_id = text_or_none(event.get("responseId")) or answer.response_id
        answer.model_returned = text_or_none(event.get("modelVersion")) or answer.model_returned
        for candidate in members(event.get("candidates")):
            self._read_candidate(candidate)
        if "promptFeedback" in event:
            blocked = text_or_none(member(event, "promptFeedback", "blockReason"))
            answer.finish_reason = blocked or answer.finish_reason
        usage = event.get("usageMetadata")
        if isinstance(usage, dict):
            self._read_usage(usage)
        answer.usage_running = answer.finish_reason is None

    def _read_candidate(self, candidate: dict[str, Any]) -> None:
        reason = text_or_none(candidate.get("finishReason"))
        self.answer.finish_reason = reason or self.answer.finish_reason
        if "groundingMetadata" in candidate:
            self._read_grounding(candidate["groundingMetadata"])
        content = candidate.get("content")
        parts = content.get("parts") if isinstance(content, dict) else None
        for part in members(parts):
            count_text(self.answer, part.get("text") or part)
            if "functionCall" in part:
                count_text(self.answer, str(member(part["functionCall"], "args")))
            if "toolCall" in part:
                self._read_tool_call(part["toolCall"])

    def _read_grounding(self, grounding: object) -> None:
        self._add_queries(member(grounding, "webSearchQueries"))
        if member(grounding, "googleMapsWidgetContextToken"):
            self.answer.tool_units["google_maps"] = 1

    def _read_tool_call(self, call: object) -> None:
        if str(member(call, "toolType")).startswith("GOOGLE_SEARCH"):
            self._add_queries(member(call, "args", "queries"))

    def _add_queries(self, queries: object) -> None:
        """Count distinct queries; empty ones are not billed and a stream repeats them."""
        if isinstance(queries, list):
            self._queries |= {one for one in queries if isinstance(one, str) and one}
            if self._queries:
                self.answer.tool_units["google_search"] = len(self._queries)

    def _read_usage(self, usage: dict[str, Any]) -> None:
        answer = self.answer
        known = {} if _COMPLETE_MARK in usage else answer.raw_usage or {}
        answer.raw_usage = {**known, **usage}
        tier = usage.get("serviceTier") or usage.get("trafficType")
        answer.service_tier = text_or_none(tier) or answer.service_tier


class EmbedAnswer:
    """Reads embeddings: the vectors are skipped, not decoded."""

    class _Body(msgspec.Struct, rename="camel", gc=False):
        usage_metadata: Any = None
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
        if isinstance(whole.usage_metadata, dict):
            self.answer.raw_usage = whole.usage_metadata
