"""OpenAI chat completions: read a request, write the answer whole or in chunks."""

from collections.abc import Iterator
from itertools import cycle, zip_longest
from typing import Any

from outlay.emulator.ask import Ask, Format, Segment, text_segment
from outlay.emulator.counting import Quantities, input_total
from outlay.emulator.openai_parts import (
    AUDIO_BASE64,
    as_json,
    error_body,
    headers,
    last_text,
    read_content,
    read_limit,
    read_reasoning,
    read_tool_choice,
    read_tools,
    require,
)
from outlay.emulator.planning import Plan
from outlay.emulator.saying import Choice
from outlay.emulator.sse import DONE, chunked, data_frame
from outlay.emulator.wire_format import BadAsk, Frame, Json, Target, WireFormat

_TOKENS_PER_MESSAGE = 3
"""Source: OpenAI's cookbook on counting chat tokens: 3 for each message, and 3 for the reply."""


def read_chat(body: Json, target: Target) -> Ask:
    """Read a request.

    Raises:
        BadAsk: a required field is missing, or a limit makes no sense.
    """
    require(body, "model", "messages")
    messages = body["messages"]
    turns = [list(_read_message(message)) for message in messages]
    stream_options = body.get("stream_options")
    if stream_options is not None and not body.get("stream"):
        raise BadAsk("The 'stream_options' parameter is only allowed when 'stream' is enabled.")
    schema, json_mode = _read_response_format(body.get("response_format"))
    definitions = [text_segment(as_json(x)) for x in (body.get("tools"), schema) if x]
    return Ask(
        format=Format.CHAT,
        model=body["model"],
        body=body,
        segments=(*definitions, *(segment for turn in turns for segment in turn)),
        framing_tokens=_TOKENS_PER_MESSAGE * (len(messages) + 1),
        stream=bool(body.get("stream")),
        max_output=read_limit(body, "max_completion_tokens", "max_tokens"),
        choices=body.get("n") or 1,
        reasoning_budget=read_reasoning(body.get("reasoning_effort")),
        tools=read_tools(body.get("tools")),
        tool_choice=read_tool_choice(body.get("tool_choice")),
        last_text=last_text(turns[-1]),
        after_tool=messages[-1].get("role") == "tool",
        schema=schema,
        json_mode=json_mode,
        tier=body.get("service_tier"),
        audio_answer="audio" in (body.get("modalities") or ()),
        hides_reasoning=target.hides_reasoning,
        stop=_as_tuple(body.get("stop")),
    )


def _read_message(message: Json) -> Iterator[Segment]:
    yield from read_content(message.get("content"))
    for call in message.get("tool_calls") or ():
        yield text_segment(as_json(call.get("function") or {}))


def _read_response_format(wanted: Any) -> tuple[Json | None, bool]:
    kind = (wanted or {}).get("type")
    if kind == "json_schema":
        return wanted["json_schema"].get("schema") or {}, True
    return None, kind == "json_object"


def _as_tuple(stop: Any) -> tuple[str, ...]:
    return (stop,) if isinstance(stop, str) else tuple(stop or ())


def write_usage(plan: Plan) -> Json:
    """Write usage: cached within the prompt tokens, reasoning within the completion tokens."""
    q = plan.quantities
    prompt, said, thought = input_total(q), q["output"] + q["output_audio"], q["reasoning"]
    if plan.ask.hides_reasoning:
        total = prompt + said + thought
        return {"completion_tokens": said, "prompt_tokens": prompt, "total_tokens": total}
    return {
        "prompt_tokens": prompt,
        "completion_tokens": said + thought,
        "total_tokens": prompt + said + thought,
        "prompt_tokens_details": _prompt_details(q),
        "completion_tokens_details": {
            "reasoning_tokens": thought,
            "audio_tokens": q["output_audio"],
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _prompt_details(q: Quantities) -> Json:
    details = {"cached_tokens": q["cache_read"], "audio_tokens": q.get("input_audio", 0)}
    return details | ({"cache_write_tokens": q["cache_write"]} if q["cache_write"] else {})


def write_chat(plan: Plan) -> Json:
    """Write the answer in one piece."""
    return {
        "id": plan.answer_id,
        "object": "chat.completion",
        "created": plan.created_s,
        "model": plan.model,
        "choices": [_write_choice(plan, i, choice) for i, choice in enumerate(plan.choices)],
        **({} if plan.hides_usage else {"usage": write_usage(plan)}),
        "service_tier": plan.tier,
        "system_fingerprint": "fp_emulator",
    }


def _write_choice(plan: Plan, index: int, choice: Choice) -> Json:
    message: Json = {
        "role": "assistant",
        "content": "".join(choice.text) if choice.text or not choice.calls else None,
        "refusal": None,
        "annotations": [],
    }
    if choice.calls:
        message["tool_calls"] = [
            _write_call(plan, index, n, choice) for n in range(len(choice.calls))
        ]
    if plan.ask.audio_answer:
        message["content"] = None
        message["audio"] = {
            "id": f"audio_{plan.call_id}",
            "data": AUDIO_BASE64,
            "expires_at": plan.created_s + 3600,
            "transcript": "".join(choice.text),
        }
    return {"index": index, "message": message, "logprobs": None, "finish_reason": _finish(choice)}


def _write_call(plan: Plan, index: int, number: int, choice: Choice) -> Json:
    call = choice.calls[number]
    return {
        "id": f"call_{plan.call_id}{index}{number}",
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


def _finish(choice: Choice) -> str:
    if choice.is_cut:
        return "length"
    return "tool_calls" if choice.calls else "stop"


def chat_frames(plan: Plan) -> Iterator[Frame]:
    """Write the answer as a stream: choices take turns, usage comes last if it was asked for."""
    asked = bool((plan.ask.body.get("stream_options") or {}).get("include_usage"))
    head = _chunk_head(plan, usage_asked=asked)
    speakers = [_choice_frames(plan, head, i, choice) for i, choice in enumerate(plan.choices)]
    for round_of_frames in zip_longest(*speakers):
        yield from (frame for frame in round_of_frames if frame is not None)
    if asked and not plan.hides_usage:
        yield Frame(data_frame(head | {"choices": [], "usage": write_usage(plan)}))
    yield Frame(DONE)


def _chunk_head(plan: Plan, *, usage_asked: bool) -> Json:
    head: Json = {
        "id": plan.answer_id,
        "object": "chat.completion.chunk",
        "created": plan.created_s,
        "model": plan.model,
        "service_tier": plan.tier,
        "system_fingerprint": "fp_emulator",
    }
    return head | ({"usage": None} if usage_asked else {})


def _choice_frames(plan: Plan, head: Json, index: int, choice: Choice) -> Iterator[Frame]:
    def frame(delta: Json, finish: str | None = None, output: int = 0, reasoning: int = 0) -> Frame:
        one = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
        # OpenAI pads chunks against traffic analysis; nobody knows this field.
        chunk = head | {"choices": [one], "obfuscation": "x" * ((plan.created_s + output) % 12)}
        return Frame(data_frame(chunk), output, reasoning)

    opening = {"role": "assistant", "content": None if choice.calls else "", "refusal": None}
    yield frame(opening, reasoning=choice.reasoning_tokens)
    for number, call in enumerate(choice.calls):
        yield from _call_frames(
            frame, _write_call(plan, index, number, choice), number, call.tokens
        )
    pieces = list(chunked(choice.text, plan.steering.chunk_tokens))
    for text, tokens in cycle(pieces) if plan.endless and pieces else pieces:
        yield frame({"content": text}, output=tokens)
    yield frame({}, _finish(choice))


def _call_frames(frame: Any, call: Json, number: int, tokens: int) -> Iterator[Frame]:
    arguments = call["function"]["arguments"]
    empty = call | {"index": number, "function": call["function"] | {"arguments": ""}}
    yield frame({"tool_calls": [empty]}, output=tokens)
    for start in range(0, len(arguments), 8):
        piece = {"index": number, "function": {"arguments": arguments[start : start + 8]}}
        yield frame({"tool_calls": [piece]})


def error_frame() -> bytes:
    """Write the error that ends a stream after a 200."""
    return data_frame(
        error_body(500, "The server had an error while processing your request.", None)
    )


CHAT = WireFormat(read_chat, write_chat, chat_frames, error_body, error_frame, headers)
