"""What OpenAI's wire formats share: content parts, functions, limits, headers, errors."""

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from outlay.emulator.ask import Segment, Tool, media_segment, text_segment
from outlay.emulator.planning import Plan
from outlay.emulator.wire_format import BadAsk, Json

AUDIO_BASE64 = base64.b64encode(bytes(range(256)) * 2).decode()
"""The sound of every spoken answer."""
_ERRORS = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}
_TEXT_KEYS = ("text", "refusal", "input_text")


def as_json(content: Any) -> str:
    """Write any JSON value compactly."""
    return msgspec.json.encode(content).decode()


def read_content(content: Any) -> Iterator[Segment]:
    """Read a message's content: a text, or parts of text, image, sound and file."""
    if isinstance(content, str):
        yield text_segment(content)
    for part in content if isinstance(content, list) else ():
        yield _read_part(part)


def _read_part(part: Json) -> Segment:
    kind = part.get("type", "")
    if "image" in kind:
        address = part.get("image_url") or ""
        return media_segment(
            "image", address.get("url", "") if isinstance(address, dict) else address
        )
    if kind == "input_audio":
        return media_segment("audio", part["input_audio"].get("data", ""))
    if "file" in kind:
        file = part.get("file", part)
        return media_segment("document", file.get("file_data") or file.get("file_id") or "")
    return text_segment(next((part[key] for key in _TEXT_KEYS if part.get(key)), ""))


def last_text(segments: list[Segment]) -> str:
    """Return the last text of a turn."""
    return next((s.text for s in reversed(segments) if s.modality == "text"), "")


def read_tools(tools: Any) -> tuple[Tool, ...]:
    """Read function definitions of either shape (`function: {…}` or flat)."""
    functions = [t.get("function", t) for t in tools or () if t.get("type") == "function"]
    return tuple(Tool(f["name"], f.get("parameters") or {}) for f in functions)


def read_tool_choice(choice: Any) -> str:
    """Read `auto`, `none`, `required` or a named function."""
    if isinstance(choice, dict):
        named = choice.get("function", choice).get("name")
        return str(named or "any")
    return "any" if choice == "required" else str(choice or "auto")


def read_limit(body: Mapping[str, Any], *names: str) -> int | None:
    """Read the first limit given; a limit below 1 is refused as the provider does."""
    for name in names:
        limit = body.get(name)
        if limit is not None:
            if not isinstance(limit, int) or limit < 1:
                raise BadAsk(f"Invalid value for '{name}': expected a positive integer.", name)
            return limit
    return None


def read_reasoning(effort: Any) -> int | None:
    """Read the effort: none at all, or by the model."""
    return 0 if effort in {"none", "minimal"} else None


def require(body: Mapping[str, Any], *names: str) -> None:
    """Refuse a body that lacks a field, in the provider's words."""
    for name in names:
        if body.get(name) in (None, ""):
            raise BadAsk(f"Missing required parameter: '{name}'.", name)


def error_body(status: int, message: str, field: str | None) -> Json:
    """Write an error in OpenAI's envelope."""
    kind, code = _ERRORS.get(status, ("server_error", None))
    return {"error": {"message": message, "type": kind, "param": field, "code": code}}


def headers(plan: Plan) -> dict[str, str]:
    """Write the headers that come with every answer."""
    return {
        "openai-organization": "emulator",
        "openai-processing-ms": str(20 + plan.ask.seed % 400),
        "openai-version": "2020-10-01",
        "x-ratelimit-limit-requests": "10000",
        "x-ratelimit-limit-tokens": "2000000",
        "x-ratelimit-remaining-requests": "9999",
        "x-ratelimit-remaining-tokens": "1999000",
        "x-ratelimit-reset-requests": "6ms",
        "x-ratelimit-reset-tokens": "30ms",
        "x-request-id": f"req_{plan.call_id}",
    }
