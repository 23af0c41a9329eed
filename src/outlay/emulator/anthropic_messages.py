"""Anthropic messages: write the answer whole or as events."""

from collections.abc import Iterator
from itertools import count, cycle

import msgspec

from outlay.emulator.anthropic_reading import read_messages
from outlay.emulator.anthropic_usage import write_delta_usage, write_start_usage, write_usage
from outlay.emulator.planning import Plan
from outlay.emulator.saying import Choice, FunctionCall
from outlay.emulator.sse import chunked, event_frame
from outlay.emulator.wire_format import Frame, Json, WireFormat

_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_PIECE = 12
"""Characters of JSON in one delta of a tool's input."""


def _stop_reason(choice: Choice) -> str:
    if choice.is_cut:
        return "max_tokens"
    return "tool_use" if choice.calls else "end_turn"


def write_message(plan: Plan) -> Json:
    """Write the answer in one piece."""
    choice = plan.choices[0]
    usage = {} if plan.hides_usage else {"usage": write_usage(plan)}
    return {
        "id": plan.answer_id,
        "type": "message",
        "role": "assistant",
        "model": plan.model,
        "content": _write_blocks(plan, choice),
        "stop_reason": _stop_reason(choice),
        "stop_sequence": None,
        **usage,
    }


def _write_blocks(plan: Plan, choice: Choice) -> list[Json]:
    blocks: list[Json] = [*_server_blocks(plan)]
    if choice.thoughts:
        thought = "".join(choice.thoughts)
        blocks.insert(0, {"type": "thinking", "thinking": thought, "signature": "ZW11bGF0b3I="})
    if choice.text:
        blocks.append({"type": "text", "text": "".join(choice.text)})
    return blocks + [_write_call(plan, n, call) for n, call in enumerate(choice.calls)]


def _server_blocks(plan: Plan) -> Iterator[Json]:
    """What the server's own tools and passes leave in the content."""
    if plan.passes[0].kind == "compaction":
        yield {"type": "compaction", "content": "The conversation so far, in short."}
    for number in range(plan.quantities["web_search"]):
        tool_id = f"srvtoolu_{plan.call_id}{number}"
        yield _server_tool_use(tool_id, "web_search", {"query": "outlay"})
        yield {"type": "web_search_tool_result", "tool_use_id": tool_id, "content": []}
    if plan.ask.advisor and len(plan.passes) > 1:
        tool_id = f"srvtoolu_{plan.call_id}a"
        advice = {"type": "advisor_result", "text": "Go on.", "stop_reason": "end_turn"}
        yield _server_tool_use(tool_id, "advisor", {})
        yield {"type": "advisor_tool_result", "tool_use_id": tool_id, "content": advice}


def _server_tool_use(tool_id: str, name: str, given: Json) -> Json:
    return {"type": "server_tool_use", "id": tool_id, "name": name, "input": given}


def _write_call(plan: Plan, number: int, call: FunctionCall) -> Json:
    given = msgspec.json.decode(call.arguments)
    return {
        "type": "tool_use",
        "id": f"toolu_{plan.call_id}{number}",
        "name": call.name,
        "input": given,
    }


def message_frames(plan: Plan) -> Iterator[Frame]:
    """Write the answer as events; usage stands in the first and, in full, in the last but one."""
    choice, numbers, padding = plan.choices[0], count(), plan.ask.seed % 12

    def event(name: str, content: Json, output: int = 0, reasoning: int = 0) -> Frame:
        return Frame(event_frame(name, {"type": name} | content, padding), output, reasoning)

    yield event("message_start", {"message": _write_start(plan)})
    for block in _write_blocks(plan, choice):
        index = next(numbers)
        yield event("content_block_start", {"index": index, "content_block": _empty(block)})
        if index == 0:
            yield Frame(event_frame("ping", {"type": "ping"}))
        for delta, output, reasoning in _deltas(plan, choice, block):
            yield event("content_block_delta", {"index": index, "delta": delta}, output, reasoning)
        yield event("content_block_stop", {"index": index})
    delta = {"stop_reason": _stop_reason(choice), "stop_sequence": None}
    usage = {} if plan.hides_usage else {"usage": write_delta_usage(plan)}
    yield event("message_delta", {"delta": delta} | usage)
    yield event("message_stop", {})


def _write_start(plan: Plan) -> Json:
    message = write_message(plan) | {"content": [], "stop_reason": None}
    return message if plan.hides_usage else message | {"usage": write_start_usage(plan)}


def _empty(block: Json) -> Json:
    """The block as it is announced, before its deltas."""
    blanks: dict[str, Json] = {
        "text": {"text": ""},
        "thinking": {"thinking": "", "signature": ""},
        "tool_use": {"input": {}},
        "compaction": {"content": ""},
    }
    return block | blanks.get(block["type"], {})


def _deltas(plan: Plan, choice: Choice, block: Json) -> Iterator[tuple[Json, int, int]]:
    """Cut a block into deltas: (delta, output tokens, reasoning tokens)."""
    size = plan.steering.chunk_tokens
    if block["type"] == "text":
        pieces = list(chunked(choice.text, size))
        for text, tokens in cycle(pieces) if plan.endless else pieces:
            yield {"type": "text_delta", "text": text}, tokens, 0
    elif block["type"] == "thinking":
        for text, tokens in chunked(choice.thoughts, size):
            yield {"type": "thinking_delta", "thinking": text}, 0, tokens
        yield {"type": "signature_delta", "signature": block["signature"]}, 0, 0
    elif block["type"] == "tool_use":
        yield from _input_deltas(choice.calls, block)
    elif block["type"] == "compaction":
        yield {"type": "compaction_delta", "content": block["content"]}, 0, 0


def _input_deltas(calls: tuple[FunctionCall, ...], block: Json) -> Iterator[tuple[Json, int, int]]:
    text = msgspec.json.encode(block["input"]).decode()
    tokens = next(call.tokens for call in calls if call.name == block["name"])
    yield {"type": "input_json_delta", "partial_json": ""}, tokens, 0
    for start in range(0, len(text), _PIECE):
        yield {"type": "input_json_delta", "partial_json": text[start : start + _PIECE]}, 0, 0


def error_body(status: int, message: str, _field: str | None) -> Json:
    """Write an error in Anthropic's envelope."""
    error = {"type": _ERRORS.get(status, "api_error"), "message": message}
    return {"type": "error", "error": error, "request_id": "req_emulator"}


def error_frame() -> bytes:
    """Write the error that ends a stream after a 200."""
    return event_frame("error", error_body(529, "Overloaded", None))


def headers(plan: Plan) -> dict[str, str]:
    """Write the headers that come with every answer."""
    return {
        "anthropic-organization-id": "emulator",
        "anthropic-ratelimit-input-tokens-limit": "2000000",
        "anthropic-ratelimit-input-tokens-remaining": "1999000",
        "anthropic-ratelimit-requests-limit": "4000",
        "anthropic-ratelimit-requests-remaining": "3999",
        "anthropic-ratelimit-requests-reset": "2026-11-20T12:00:00Z",
        "request-id": f"req_{plan.call_id}",
    }


MESSAGES = WireFormat(
    read_messages, write_message, message_frames, error_body, error_frame, headers
)
