"""OpenAI responses: write the answer whole, as events, or as a compaction."""

from collections.abc import Callable, Iterator
from itertools import count, cycle
from typing import Any

from outlay.emulator.counting import input_total
from outlay.emulator.openai_parts import error_body, headers
from outlay.emulator.planning import Plan
from outlay.emulator.responses_reading import read_compact, read_response
from outlay.emulator.saying import FunctionCall
from outlay.emulator.sse import chunked, event_frame
from outlay.emulator.wire_format import Frame, Json, WireFormat

_PIECE = 16
"""Characters of arguments in one delta."""
_ECHOED: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
"""What a response repeats of its request, and what it says when the request did not."""


def write_usage(plan: Plan) -> Json:
    """Write usage: cached and written tokens within the input, reasoning within the output."""
    q = plan.quantities
    total_input, output = input_total(q), q["output"] + q["reasoning"]
    cached = {"cached_tokens": q["cache_read"]}
    written = {"cache_write_tokens": q["cache_write"]} if q["cache_write"] else {}
    return {
        "input_tokens": total_input,
        "input_tokens_details": cached | written,
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": q["reasoning"]},
        "total_tokens": total_input + output,
    }


def write_response(plan: Plan) -> Json:
    """Write the finished answer in one piece."""
    choice = plan.choices[0]
    status = "incomplete" if choice.is_cut else "completed"
    response = write_unfinished(plan, status) | {"output": list(_items(plan))}
    if choice.is_cut:
        response["incomplete_details"] = {"reason": "max_output_tokens"}
    if plan.quantities["web_search"]:
        searches = {"num_requests": plan.quantities["web_search"]}
        response["tool_usage"] = {"web_search": searches}
    if plan.hides_usage:
        return response
    return response | {"usage": write_usage(plan), "completed_at": plan.created_s + 1}


def write_unfinished(plan: Plan, status: str) -> Json:
    """Write an answer that is on its way: no output, no usage."""
    body = plan.ask.body
    echoed = {name: body.get(name) or value for name, value in _ECHOED.items()}
    finished = status in {"completed", "incomplete"}
    return {
        "id": plan.answer_id,
        "object": "response",
        "created_at": plan.created_s,
        "status": status,
        "background": bool(body.get("background")),
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "model": plan.model,
        "output": [],
        "service_tier": plan.tier if finished else body.get("service_tier") or "auto",
        "usage": None,
        "billing": {"payer": "developer"},
        **echoed,
    }


def _items(plan: Plan) -> Iterator[Json]:
    choice = plan.choices[0]
    if choice.thoughts:
        yield {"id": f"rs_{plan.call_id}", "type": "reasoning", "summary": []}
    for kind, number in _server_calls(plan):
        yield _server_call(plan, kind, number)
    if choice.text or not choice.calls:
        yield _message(plan, "".join(choice.text))
    for number, call in enumerate(choice.calls):
        yield _function_call(plan, call, number)


def _server_calls(plan: Plan) -> Iterator[tuple[str, int]]:
    for kind in ("web_search", "file_search"):
        for number in range(plan.quantities[kind]):
            yield kind, number


def _server_call(plan: Plan, kind: str, number: int) -> Json:
    call = {
        "id": f"{kind[:2]}_{plan.call_id}{number}",
        "type": f"{kind}_call",
        "status": "completed",
    }
    if kind == "web_search":
        return call | {"action": {"type": "search", "query": f"query {number + 1}"}}
    return call | {"queries": [f"query {number + 1}"], "results": None}


def _message(plan: Plan, text: str) -> Json:
    return {
        "id": f"msg_{plan.call_id}",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [_text_part(text)],
    }


def _text_part(text: str) -> Json:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _function_call(plan: Plan, call: FunctionCall, number: int) -> Json:
    return {
        "id": f"fc_{plan.call_id}{number}",
        "type": "function_call",
        "call_id": f"call_{plan.call_id}{number}",
        "name": call.name,
        "arguments": call.arguments,
        "status": "completed",
    }


Event = Callable[..., Frame]


def response_frames(plan: Plan) -> Iterator[Frame]:
    """Write the answer as events; usage stands in the last, and nothing comes after it."""
    numbers = count()

    def event(name: str, content: Json, output: int = 0, reasoning: int = 0) -> Frame:
        body = {"type": f"response.{name}"} | content | {"sequence_number": next(numbers)}
        return Frame(event_frame(f"response.{name}", body), output, reasoning)

    first = "queued" if plan.ask.body.get("background") else "in_progress"
    opening = "queued" if first == "queued" else "created"
    yield event(opening, {"response": write_unfinished(plan, first)})
    yield event("in_progress", {"response": write_unfinished(plan, "in_progress")})
    for index, item in enumerate(_items(plan)):
        yield from _item_frames(plan, event, index, item)
    whole = write_response(plan)
    yield event(whole["status"], {"response": whole})


def _item_frames(plan: Plan, event: Event, index: int, item: Json) -> Iterator[Frame]:
    kind, where = item["type"], {"output_index": index, "item_id": item["id"]}
    thoughts = plan.choices[0].reasoning_tokens if kind == "reasoning" else 0
    announced = {"output_index": index, "item": _announce(item)}
    yield event("output_item.added", announced, reasoning=thoughts)
    if kind == "message":
        yield from _text_frames(plan, event, where)
    elif kind == "function_call":
        yield from _argument_frames(plan, event, where, item)
    elif kind.endswith("_search_call"):
        for step in ("in_progress", "searching", "completed"):
            yield event(f"{kind}.{step}", where)
    yield event("output_item.done", {"output_index": index, "item": item})


def _announce(item: Json) -> Json:
    """The item before anything of it was said."""
    blanks: dict[str, Json] = {
        "message": {"content": [], "status": "in_progress"},
        "function_call": {"arguments": "", "status": "in_progress"},
        "reasoning": {},
    }
    return item | blanks.get(item["type"], {"status": "in_progress"})


def _text_frames(plan: Plan, event: Event, where: Json) -> Iterator[Frame]:
    choice, place = plan.choices[0], where | {"content_index": 0}
    yield event("content_part.added", place | {"part": _text_part("")})
    pieces = list(chunked(choice.text, plan.steering.chunk_tokens))
    for text, tokens in cycle(pieces) if plan.endless and pieces else pieces:
        yield event("output_text.delta", place | {"delta": text, "logprobs": []}, tokens)
    text = "".join(choice.text)
    yield event("output_text.done", place | {"text": text, "logprobs": []})
    yield event("content_part.done", place | {"part": _text_part(text)})


def _argument_frames(plan: Plan, event: Event, where: Json, item: Json) -> Iterator[Frame]:
    arguments, name = item["arguments"], item["name"]
    tokens = next(call.tokens for call in plan.choices[0].calls if call.name == name)
    for start in range(0, len(arguments), _PIECE):
        delta = where | {"delta": arguments[start : start + _PIECE]}
        yield event("function_call_arguments.delta", delta, tokens)
        tokens = 0
    done = where | {"name": name, "arguments": arguments}
    yield event("function_call_arguments.done", done)


def write_compaction(plan: Plan) -> Json:
    """Write a compacted conversation; it names no model, and it is billed."""
    content = {"id": f"cmp_{plan.call_id}", "type": "compaction", "encrypted_content": "ZW11"}
    return {
        "id": plan.answer_id,
        "object": "response.compaction",
        "created_at": plan.created_s,
        "output": [content],
        "usage": write_usage(plan),
    }


def error_frame() -> bytes:
    """Write the event that ends a stream after a 200."""
    error = {"type": "error", "code": "server_error", "message": "Our servers are overloaded."}
    return event_frame("error", error | {"param": None, "sequence_number": 99})


def _no_frames(plan: Plan) -> Iterator[Frame]:
    raise NotImplementedError("compaction is not streamed")


RESPONSES = WireFormat(
    read_response, write_response, response_frames, error_body, error_frame, headers
)
COMPACT = WireFormat(read_compact, write_compaction, _no_frames, error_body, error_frame, headers)
