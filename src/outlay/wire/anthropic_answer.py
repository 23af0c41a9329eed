"""Anthropic messages, as answered."""

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

CODE_TOOLS = frozenset({"code_execution", "bash_code_execution", "text_editor_code_execution"})
FAST = "fast"


class _Delta(msgspec.Struct, gc=False):
    text: Any = None
    partial_json: Any = None
    thinking: Any = None
    stop_reason: Any = None


class _Event(msgspec.Struct, gc=False):
    type: str = ""
    delta: _Delta | None = None
    usage: Any = None
    message: Any = None
    content_block: Any = None


_EVENT = msgspec.json.Decoder(_Event)


class MessagesAnswer:
    """Reads messages.

    A stream states its usage at the start and again, as totals, in `message_delta`: what comes
    later replaces what came before, field by field; a field left out or null keeps its value.
    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def read_event(self, payload: bytes) -> None:
        """Read one event of a stream."""
        event = decode_as(_EVENT, payload)
        if event is None:
            note_unreadable(self.answer)
            return
        match event.type:
            case "content_block_delta":
                self._read_text(event.delta)
            case "content_block_start":
                count_block(self.answer.tool_units, event.content_block)
            case "message_start":
                self._read_message(event.message)
                self.answer.usage_running = True
            case "message_delta":
                self._read_delta(event)
            case "message_stop":
                self.answer.terminal = True
            case "error":
                self.answer.failed = self.answer.terminal = True
            case _:
                pass  # pings, ends of blocks, and what is added later

    def read_whole(self, body: bytes) -> None:
        """Read an answer in one piece."""
        message = decode_object(body)
        if message is None:
            return
        self.answer.terminal = True
        self.answer.failed |= message.get("type") == "error"
        for block in members(message.get("content")):
            count_block(self.answer.tool_units, block)
        self._read_message(message)
        if self.answer.raw_usage is None:
            count_text(self.answer, message.get("content"))

    def _read_message(self, message: object) -> None:
        self.answer.response_id = text_or_none(member(message, "id"))
        self.answer.model_returned = text_or_none(member(message, "model"))
        self.answer.finish_reason = text_or_none(member(message, "stop_reason"))
        self._read_usage(member(message, "usage"))

    def _read_delta(self, event: _Event) -> None:
        if event.delta is not None and event.delta.stop_reason is not None:
            self.answer.finish_reason = text_or_none(event.delta.stop_reason)
        if isinstance(event.usage, dict):
            self._read_usage(event.usage)
            self.answer.usage_running = False

    def _read_text(self, delta: _Delta | None) -> None:
        if delta is not None:
            count_text(self.answer, delta.text or delta.partial_json or delta.thinking)

    def _read_usage(self, usage: object) -> None:
        if not isinstance(usage, dict):
            return
        stated = {name: value for name, value in usage.items() if value is not None}
        self.answer.raw_usage = {**(self.answer.raw_usage or {}), **stated}
        merged = self.answer.raw_usage
        is_fast = merged.get("speed") == FAST
        self.answer.service_tier = FAST if is_fast else text_or_none(merged.get("service_tier"))
        tools = merged.get("server_tool_use")
        for name, count in tools.items() if isinstance(tools, dict) else ():
            if type(count) is int and count > 0:
                self.answer.tool_units[name] = count


def count_block(units: dict[str, int], block: object) -> None:
    """Count a content block if it is a run of the hosted code tool, which the usage leaves out."""
    if member(block, "type") == "server_tool_use" and str(member(block, "name")) in CODE_TOOLS:
        units["code_execution"] = units.get("code_execution", 0) + 1
