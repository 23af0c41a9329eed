"""OpenAI Responses, as answered: created, compacted, retrieved, in the background, streamed."""

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
from outlay.wire.contents import members

MAX_EVENT_BYTES = 16 * 1024 * 1024
"""The last event repeats the whole response, generated images included."""

_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})
_STATES = _ENDS | {"response.created", "response.queued", "response.in_progress"}
_AT_WORK = frozenset({"queued", "in_progress"})
_TEXT_DELTAS = ("text.delta", "arguments.delta", "refusal.delta", "code.delta", "input.delta")
_TOOL_SUFFIX = "_call"
_CALLER_TOOLS = frozenset(
    {
        "function_call",
        "custom_tool_call",
        "local_shell_call",
        "apply_patch_call",
        "tool_search_call",
    }
)
"""Calls of tools that have no fee: the caller runs them, or finding them is all they do."""


_NOTHING = msgspec.Raw(b"{}")


class _Event(msgspec.Struct, gc=False):
    type: str = ""
    delta: Any = None
    item: msgspec.Raw = _NOTHING
    response: msgspec.Raw = _NOTHING


_EVENT = msgspec.json.Decoder(_Event)


class ResponsesAnswer:
    """Reads responses. The event that ends a stream states all; earlier ones only fill in."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def read_event(self, payload: bytes) -> None:
        """Read one event of a stream."""
        if payload == DONE:  # OpenRouter ends these streams as it ends chat streams
            return
        event = decode_as(_EVENT, payload)
        if event is None:
            note_unreadable(self.answer)
            return
        kind = event.type
        if kind.endswith(_TEXT_DELTAS):
            count_text(self.answer, event.delta)
        elif kind in _STATES:
            self._read_state(kind, bytes(event.response))
        elif kind == "response.output_item.done":
            item = decode_object(bytes(event.item))
            add_tool_unit(self.answer.tool_units, item or {})
        elif kind == "error":
            self.answer.failed = self.answer.terminal = True

    def read_whole(self, body: bytes) -> None:
        """Read an answer in one piece."""
        response = decode_object(body)
        if response is None:
            return
        self._read_response(response)
        self.answer.terminal = True
        self.answer.deferred = is_at_work(response) and self.answer.raw_usage is None
        if self.answer.raw_usage is None:
            for item in members(response.get("output")):
                count_text(self.answer, item)

    def _read_state(self, kind: str, payload: bytes) -> None:
        response = decode_object(payload)
        if response is None:
            note_unreadable(self.answer)
            return
        self._read_response(response)
        self.answer.terminal = kind in _ENDS
        self.answer.deferred = response.get("background") is True and kind not in _ENDS

    def _read_response(self, response: dict[str, Any]) -> None:
        answer = self.answer
        answer.response_id = text_or_none(response.get("id")) or answer.response_id
        answer.model_returned = text_or_none(response.get("model")) or answer.model_returned
        answer.service_tier = text_or_none(response.get("service_tier")) or answer.service_tier
        status = text_or_none(response.get("status"))
        reason = text_or_none(member(response, "incomplete_details", "reason"))
        answer.finish_reason = reason or status
        answer.failed |= status == "failed" or bool(response.get("error"))
        output = response.get("output")
        if isinstance(output, list) and output:
            answer.tool_units = count_tools(response)
        usage = response.get("usage")
        if isinstance(usage, dict):
            answer.raw_usage = _with_image_tool(usage, response)
            answer.stated_cost_nanos = stated_nanos(usage)


def is_at_work(response: dict[str, Any]) -> bool:
    """Tell whether a response is still to be made, in the background."""
    return text_or_none(response.get("status")) in _AT_WORK


def count_tools(response: dict[str, Any]) -> dict[str, int]:
    """Count the uses of hosted tools in a response, by the types of its items."""
    units: dict[str, int] = {}
    for item in members(response.get("output")):
        add_tool_unit(units, item)
    stated = member(response, "tool_usage", "web_search", "num_requests")
    if type(stated) is int and stated > 0:
        units["web_search_call"] = stated
    return units


def add_tool_unit(units: dict[str, int], item: dict[str, Any]) -> None:
    """Count one item of the output if it is a use of a hosted tool.

    Of web searches only the `search` action has a fee; opening and reading a page found has none.
    """
    kind = item.get("type")
    if not isinstance(kind, str) or not kind.endswith(_TOOL_SUFFIX) or kind in _CALLER_TOOLS:
        return
    if kind == "web_search_call" and member(item, "action", "type") not in (None, "search"):
        return
    units[kind] = units.get(kind, 0) + 1
    container = text_or_none(item.get("container_id"))
    if container is not None:
        units[f"container:{container}"] = 1


def _with_image_tool(usage: dict[str, Any], response: dict[str, Any]) -> dict[str, Any]:
    """Add the tokens of generated images, which the response states beside its usage."""
    images = member(response, "tool_usage", "image_gen")
    if not isinstance(images, dict) or not images.get("total_tokens"):
        return usage
    tools = [t for t in members(response.get("tools")) if t.get("type") == "image_generation"]
    model = text_or_none(member(tools[0], "model")) if tools else None
    return {**usage, "tool_usage": {"image_gen": {**images, "model": model}}}
