"""OpenAI's older and smaller endpoints: completions, embeddings, moderations."""

import base64
import struct
from collections.abc import Iterator
from itertools import cycle
from typing import Any

from outlay.emulator.ask import Ask, Format, Segment, text_segment
from outlay.emulator.counting import input_total
from outlay.emulator.openai_chat import error_frame, write_usage
from outlay.emulator.openai_parts import error_body, headers, read_limit, require
from outlay.emulator.planning import Plan
from outlay.emulator.saying import Choice
from outlay.emulator.sse import DONE, chunked, data_frame
from outlay.emulator.wire_format import Frame, Json, Target, WireFormat

_DIMENSIONS = 64
_CATEGORIES = ("harassment", "hate", "illicit", "self-harm", "sexual", "violence")


def _read_inputs(given: Any) -> tuple[Segment, ...]:
    """Read a text, texts, token ids, or lists of token ids."""
    if isinstance(given, str):
        return (text_segment(given),)
    if given and isinstance(given[0], int):
        return (Segment(str(given), len(given)),)
    return tuple(
        text_segment(one) if isinstance(one, str) else Segment(str(one), len(one)) for one in given
    )


def read_completion(body: Json, _target: Target) -> Ask:
    """Read a completions request.

    Raises:
        BadAsk: a required field is missing, or a limit makes no sense.
    """
    require(body, "model", "prompt")
    stop = body.get("stop")
    return Ask(
        format=Format.COMPLETIONS,
        model=body["model"],
        body=body,
        segments=_read_inputs(body["prompt"]),
        stream=bool(body.get("stream")),
        max_output=read_limit(body, "max_tokens") or 16,
        choices=body.get("n") or 1,
        reasoning_budget=0,
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
    )


def write_completion(plan: Plan) -> Json:
    """Write a completion in one piece."""
    choices = [_write_choice(i, "".join(c.text), _finish(c)) for i, c in enumerate(plan.choices)]
    usage = {} if plan.hides_usage else {"usage": write_usage(plan)}
    return _completion_head(plan) | {"choices": choices} | usage


def _completion_head(plan: Plan) -> Json:
    return {
        "id": plan.answer_id,
        "object": "text_completion",
        "created": plan.created_s,
        "model": plan.model,
    }


def _write_choice(index: int, text: str, finish: str | None) -> Json:
    return {"text": text, "index": index, "logprobs": None, "finish_reason": finish}


def _finish(choice: Choice) -> str:
    return "length" if choice.is_cut else "stop"


def completion_frames(plan: Plan) -> Iterator[Frame]:
    """Write a completion as a stream; usage only if it was asked for."""
    head = _completion_head(plan)
    for index, choice in enumerate(plan.choices):
        pieces = list(chunked(choice.text, plan.steering.chunk_tokens))
        for text, tokens in cycle(pieces) if plan.endless and pieces else pieces:
            chunk = head | {"choices": [_write_choice(index, text, None)]}
            yield Frame(data_frame(chunk), output=tokens)
        yield Frame(data_frame(head | {"choices": [_write_choice(index, "", _finish(choice))]}))
    if (plan.ask.body.get("stream_options") or {}).get("include_usage") and not plan.hides_usage:
        yield Frame(data_frame(head | {"choices": [], "usage": write_usage(plan)}))
    yield Frame(DONE)


def read_embeddings(body: Json, _target: Target) -> Ask:
    """Read an embeddings request.

    Raises:
        BadAsk: a required field is missing.
    """
    require(body, "model", "input")
    inputs = _read_inputs(body["input"])
    return Ask(Format.EMBEDDINGS, body["model"], body, segments=inputs, choices=0)


def write_embeddings(plan: Plan) -> Json:
    """Write one vector for each input, as numbers or base64 as asked."""
    body = plan.ask.body
    as_base64 = body.get("encoding_format") == "base64"
    vectors = [make_vector(s.text, body.get("dimensions")) for s in plan.ask.segments]
    tokens = input_total(plan.quantities)
    usage = {"usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": i, "embedding": _pack(v) if as_base64 else v}
            for i, v in enumerate(vectors)
        ],
        "model": plan.model,
        **({} if plan.hides_usage else usage),
    }


def make_vector(text: str, dimensions: int | None) -> list[float]:
    """Make a vector that depends on the text only."""
    seed = sum(text.encode()) + len(text)
    return [
        ((seed * (i + 3) * 7_919) % 2_001 - 1_000) / 8_192 for i in range(dimensions or _DIMENSIONS)
    ]


def _pack(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def write_moderation(body: Json, call_id: str) -> Json:
    """Find nothing wrong with anything; moderations are free."""
    inputs = body.get("input")
    count = len(inputs) if isinstance(inputs, list) else 1
    verdict = {
        "flagged": False,
        "categories": dict.fromkeys(_CATEGORIES, False),
        "category_scores": dict.fromkeys(_CATEGORIES, 0.0001),
        "category_applied_input_types": {name: ["text"] for name in _CATEGORIES},
    }
    model = body.get("model") or "omni-moderation-latest"
    return {"id": f"modr-{call_id}", "model": model, "results": [verdict] * count}


def _no_frames(plan: Plan) -> Iterator[Frame]:
    raise NotImplementedError("embeddings are not streamed")


COMPLETIONS = WireFormat(
    read_completion, write_completion, completion_frames, error_body, error_frame, headers
)
EMBEDDINGS = WireFormat(
    read_embeddings, write_embeddings, _no_frames, error_body, error_frame, headers
)
