"""Gemini: write the answer whole or as a stream of partial answers, each with usage so far."""

from collections.abc import Iterator
from itertools import cycle
from typing import Any

import msgspec

from outlay.emulator.counting import Quantities
from outlay.emulator.gemini_reading import read_embed, read_generate, read_parts
from outlay.emulator.openai_completions import make_vector
from outlay.emulator.planning import Plan
from outlay.emulator.saying import Choice
from outlay.emulator.sse import chunked, data_frame
from outlay.emulator.wire_format import Frame, Json, WireFormat

_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_MODALITIES = ("text", "image", "audio", "video")


def write_generated(plan: Plan) -> Json:
    """Write the answer in one piece."""
    candidates = [
        _write_candidate(plan, i, _write_parts(choice), _finish(choice))
        for i, choice in enumerate(plan.choices)
    ]
    return _envelope(plan, candidates, write_usage(plan))


def _envelope(plan: Plan, candidates: list[Json], usage: Json) -> Json:
    answer: Json = {"candidates": candidates}
    if not plan.hides_usage:
        answer["usageMetadata"] = usage
    return answer | {"modelVersion": plan.model, "responseId": plan.answer_id}


def _write_candidate(plan: Plan, index: int, parts: list[Json], finish: str | None) -> Json:
    candidate: Json = {"content": {"parts": parts, "role": "model"}, "index": index}
    if finish:
        candidate["finishReason"] = finish
        queries = plan.quantities["grounded_query"] or plan.steering.queries or plan.ask.queries
        if queries:
            asked = [f"query {n + 1}" for n in range(queries)]
            candidate["groundingMetadata"] = {"webSearchQueries": asked}
    return candidate


def _write_parts(choice: Choice) -> list[Json]:
    text: list[Json] = [{"text": "".join(choice.text)}] if choice.text else []
    return text + _write_calls(choice)


def _write_calls(choice: Choice) -> list[Json]:
    return [
        {"functionCall": {"name": call.name, "args": msgspec.json.decode(call.arguments)}}
        for call in choice.calls
    ]


def _finish(choice: Choice) -> str:
    return "MAX_TOKENS" if choice.is_cut else "STOP"


def write_usage(plan: Plan) -> Json:
    """Write usage as Gemini does: cached within the prompt, thoughts and tool prompts beside."""
    q, tool_prompt = plan.quantities, plan.tool_prompt_tokens
    prompt = _by_modality(q, ("input", "cache_read"))
    prompt["text"] -= tool_prompt
    cached = _by_modality(q, ("cache_read",))
    usage: Json = {
        "promptTokenCount": sum(prompt.values()),
        "candidatesTokenCount": q["output"],
        "totalTokenCount": sum(prompt.values()) + tool_prompt + q["output"] + q["reasoning"],
        "promptTokensDetails": _details(prompt),
    }
    if any(cached.values()):
        usage["cachedContentTokenCount"] = sum(cached.values())
        usage["cacheTokensDetails"] = _details(cached)
    if tool_prompt:
        usage["toolUsePromptTokenCount"] = tool_prompt
        usage["toolUsePromptTokensDetails"] = _details({"text": tool_prompt})
    if q["reasoning"]:
        usage["thoughtsTokenCount"] = q["reasoning"]
    return usage | {"serviceTier": plan.tier}


def _by_modality(q: Quantities, kinds: tuple[str, ...]) -> dict[str, int]:
    suffixes = {modality: "" if modality == "text" else "_" + modality for modality in _MODALITIES}
    return {m: sum(q.get(kind + suffix, 0) for kind in kinds) for m, suffix in suffixes.items()}


def _details(by_modality: dict[str, int]) -> list[Json]:
    return [{"modality": m.upper(), "tokenCount": n} for m, n in by_modality.items() if n]


def generated_frames(plan: Plan) -> Iterator[Frame]:
    """Write the answer as partial answers; Gemini separates events by CR LF."""
    whole = write_usage(plan)
    said = 0
    for index, choice in enumerate(plan.choices):
        for parts, tokens, thoughts, finish in _pieces(plan, choice):
            said += tokens
            sofar = whole | {
                "candidatesTokenCount": said,
                "totalTokenCount": whole["totalTokenCount"] - whole["candidatesTokenCount"] + said,
            }
            candidate = _write_candidate(plan, index, parts, finish)
            yield Frame(_crlf_frame(_envelope(plan, [candidate], sofar)), tokens, thoughts)


def _pieces(plan: Plan, choice: Choice) -> Iterator[tuple[list[Json], int, int, str | None]]:
    """Cut a choice into (parts, output tokens, reasoning tokens, finish reason of the last)."""
    pieces = list(chunked(choice.text, plan.steering.chunk_tokens))
    thoughts = choice.reasoning_tokens
    for text, tokens in cycle(pieces) if plan.endless and pieces else pieces:
        yield [{"text": text}], tokens, thoughts, None
        thoughts = 0
    called = sum(call.tokens for call in choice.calls)
    yield _write_calls(choice) or [{"text": ""}], called, thoughts, _finish(choice)


def _crlf_frame(content: Any) -> bytes:
    return data_frame(content)[:-2] + b"\r\n\r\n"


def as_json_array(frames: Iterator[Frame]) -> Iterator[Frame]:
    """Write the same stream without SSE: one JSON array that grows (no `alt=sse`)."""
    opening = b"["
    for frame in frames:
        content = frame.content.removeprefix(b"data: ").rstrip()
        yield Frame(opening + content, frame.output, frame.reasoning)
        opening = b",\r\n"
    yield Frame(b"]")


def write_embedded(plan: Plan) -> Json:
    """Write one vector, or one for each request of a batch, with the tokens of all."""
    body = plan.ask.body
    requests = body.get("requests") or [body]
    vectors = [{"values": _embed(request)} for request in requests]
    tokens = _by_modality(plan.quantities, ("input",))
    usage = {"promptTokenCount": sum(tokens.values()), "promptTokenDetails": _details(tokens)}
    answer: Json = {"embeddings": vectors} if "requests" in body else {"embedding": vectors[0]}
    return answer if plan.hides_usage else answer | {"usageMetadata": usage}


def _embed(request: Json) -> list[float]:
    text = "".join(segment.text for segment in read_parts(request.get("content")))
    return make_vector(text, request.get("outputDimensionality"))


def _no_frames(plan: Plan) -> Iterator[Frame]:
    raise NotImplementedError("embeddings are not streamed")


def error_body(status: int, message: str, _field: str | None) -> Json:
    """Write an error in Google's envelope."""
    return {
        "error": {"code": status, "message": message, "status": _STATUSES.get(status, "UNKNOWN")}
    }


def error_frame() -> bytes:
    """Write the error that ends a stream after a 200."""
    return _crlf_frame(error_body(503, "The model is overloaded. Please try again later.", None))


def headers(plan: Plan) -> dict[str, str]:
    """Write the headers that come with every answer."""
    return {
        "server-timing": f"gfet4t7; dur={20 + plan.ask.seed % 400}",
        "vary": "Origin, X-Origin, Referer",
        "x-gemini-service-tier": plan.tier,
    }


GENERATE = WireFormat(
    read_generate, write_generated, generated_frames, error_body, error_frame, headers
)
EMBED_CONTENT = WireFormat(read_embed, write_embedded, _no_frames, error_body, error_frame, headers)
