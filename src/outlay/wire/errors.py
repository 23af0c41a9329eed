"""Writing our own errors the way each caller's SDK reads errors, so that it raises its own types.

The SDKs choose the exception by status; `type` and `code` are for people and for programs that look
closer. A provider's own error never comes here: it passes unchanged.
"""

from typing import Any

import msgspec

from outlay.wire.call import Call, Envelope, Wire

JSON = "application/json"
PROBLEM_JSON = "application/problem+json"

_SERVER_ERROR = 500
_OPENAI_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
}
_ANTHROPIC_TYPES = {**_OPENAI_TYPES, 504: "timeout_error", 503: "overloaded_error"}
_GOOGLE_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "RESOURCE_EXHAUSTED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_OWN_TYPES = frozenset({"budget_exceeded", "run_budget_exceeded", "velocity_exceeded"})
"""Codes that are told as `type` too (product.md 7)."""
_TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    429: "Refused",
    500: "Internal error",
    502: "Provider error",
    503: "Unavailable",
    504: "Provider timeout",
}
_STREAM_STATUS = {"provider_timeout": 504, "provider_error": 502, "budget_exceeded": 429}
_ENDED = 503
"""The status that stands in an error event when a stream was ended for another reason."""


def write_error(
    envelope: Envelope,
    *,
    status: int,
    code: str,
    message: str,
    request_id: str,
    field: str | None = None,
) -> tuple[str, bytes]:
    """Write an error; returns its content type and its body.

    `field` names the header or JSON field at fault.
    """
    match envelope:
        case Envelope.OPENAI:
            return JSON, _encode(_openai(status, code, message, request_id, field))
        case Envelope.ANTHROPIC:
            return JSON, _encode(_anthropic(status, code, message, request_id, field))
        case Envelope.GOOGLE:
            return JSON, _encode(_google(status, code, message, request_id, field))
        case Envelope.PROBLEM:
            return PROBLEM_JSON, _encode(_problem(status, code, message, request_id, field))


def write_stream_error(call: Call, *, code: str, message: str, request_id: str) -> bytes:
    """Write the event that ends a stream of the call's wire with an error.

    It begins with a blank line, so that it is an event of its own even when the one before it was
    cut in the middle.
    """
    status = _STREAM_STATUS.get(code, _ENDED)
    match call.route.wire:
        case Wire.ANTHROPIC_MESSAGES | Wire.ANTHROPIC_MODELS:
            return _event(_anthropic(status, code, message, request_id, None), name="error")
        case Wire.OPENAI_RESPONSES:
            return _event(_responses_error(code, message, request_id), name="error")
        case Wire.GEMINI if "alt=sse" not in call.query.split("&"):
            return b",\r\n" + _encode(_google(status, code, message, request_id, None)) + b"\r\n]"
        case Wire.GEMINI:
            return _event(_google(status, code, message, request_id, None))
        case Wire.OPENAI_CHAT | Wire.OPENAI_EMBEDDINGS | Wire.OPENAI_MODELS:
            return _event(_openai(status, code, message, request_id, None))


def _event(value: dict[str, Any], name: str | None = None) -> bytes:
    head = f"event: {name}\n".encode() if name else b""
    return b"\n\n" + head + b"data: " + _encode(value) + b"\n\n"


def _openai(
    status: int, code: str, message: str, request_id: str, field: str | None
) -> dict[str, Any]:
    return {
        "error": {
            "message": message,
            "type": _type(_OPENAI_TYPES, status, code),
            "param": field,
            "code": code,
            "request_id": request_id,
        }
    }


def _responses_error(code: str, message: str, request_id: str) -> dict[str, Any]:
    """Write the `error` event of the Responses API; `error` within is what its SDKs look for."""
    error = {"message": message, "type": "server_error", "param": None, "code": code}
    return {
        "type": "error",
        "code": code,
        "message": message,
        "param": None,
        "sequence_number": 0,
        "error": {**error, "request_id": request_id},
    }


def _anthropic(
    status: int, code: str, message: str, request_id: str, field: str | None
) -> dict[str, Any]:
    error = {"type": _type(_ANTHROPIC_TYPES, status, code), "message": message, "code": code}
    if field is not None:
        error["param"] = field
    return {"type": "error", "error": error, "request_id": request_id}


def _google(
    status: int, code: str, message: str, request_id: str, field: str | None
) -> dict[str, Any]:
    metadata = {"request_id": request_id} | ({} if field is None else {"field": field})
    reason = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": code.upper(),
        "domain": "outlay",
        "metadata": metadata,
    }
    return {
        "error": {
            "code": status,
            "message": message,
            "status": _GOOGLE_STATUS.get(status, "UNKNOWN"),
            "details": [reason],
        }
    }


def _problem(
    status: int, code: str, message: str, request_id: str, field: str | None
) -> dict[str, Any]:
    """Write RFC 9457 problem details."""
    problem: dict[str, Any] = {
        "type": "about:blank",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": message,
        "code": code,
        "request_id": request_id,
    }
    if field is not None:
        problem["errors"] = [{"field": field, "message": message}]
    return problem


def _type(types: dict[int, str], status: int, code: str) -> str:
    if code in _OWN_TYPES:
        return code
    return types.get(status, "api_error" if status >= _SERVER_ERROR else "invalid_request_error")


def _encode(value: dict[str, Any]) -> bytes:
    return msgspec.json.encode(value)
