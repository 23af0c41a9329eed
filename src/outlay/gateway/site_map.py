"""The site map: every path of the gateway, which wire format it is, and whether it costs money.

Only what stands here exists; anything else is a 404 in the caller's error format (product.md 4).
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

import msgspec

from outlay.wire.call import Billing, Envelope, Route, Wire

_METERED, _FREE = Billing.METERED, Billing.FREE


def _openai(wire: Wire, operation: str, billing: Billing = _METERED) -> Route:
    return Route(wire, operation, billing, Envelope.OPENAI)


def _anthropic(wire: Wire, operation: str, billing: Billing = _METERED) -> Route:
    return Route(wire, operation, billing, Envelope.ANTHROPIC)


def _gemini(operation: str, billing: Billing = _METERED) -> Route:
    return Route(Wire.GEMINI, operation, billing, Envelope.GOOGLE)


CHAT = _openai(Wire.OPENAI_CHAT, "chat")
EMBEDDINGS = _openai(Wire.OPENAI_EMBEDDINGS, "embeddings")
RESPONSES = _openai(Wire.OPENAI_RESPONSES, "responses")
RESPONSES_RETRIEVE = _openai(Wire.OPENAI_RESPONSES, "responses.retrieve", _FREE)
OPENAI_MODEL = _openai(Wire.OPENAI_MODELS, "models", _FREE)
ANTHROPIC_MODEL = _anthropic(Wire.ANTHROPIC_MODELS, "models", _FREE)
GEMINI_MODEL = _gemini("models", _FREE)

_EXACT: dict[tuple[str, str], Route] = {
    # OpenAI and every OpenAI-compatible provider
    ("POST", "/v1/chat/completions"): CHAT,
    ("POST", "/v1/completions"): _openai(Wire.OPENAI_CHAT, "completions"),
    ("POST", "/v1/responses"): RESPONSES,
    ("POST", "/v1/responses/input_tokens"): _openai(
        Wire.OPENAI_RESPONSES, "responses.input_tokens", _FREE
    ),
    ("POST", "/v1/responses/compact"): _openai(Wire.OPENAI_RESPONSES, "responses.compact"),
    ("POST", "/v1/embeddings"): EMBEDDINGS,
    ("POST", "/v1/moderations"): _openai(Wire.OPENAI_CHAT, "moderations", _FREE),
    ("GET", "/v1/models"): OPENAI_MODEL,
    # Anthropic
    ("POST", "/v1/messages"): _anthropic(Wire.ANTHROPIC_MESSAGES, "messages"),
    ("POST", "/v1/messages/count_tokens"): _anthropic(
        Wire.ANTHROPIC_MESSAGES, "count_tokens", _FREE
    ),
    # OpenAI's format on the Gemini API
    ("POST", "/v1beta/openai/chat/completions"): CHAT,
    ("POST", "/v1beta/openai/embeddings"): EMBEDDINGS,
    ("GET", "/v1beta/openai/models"): OPENAI_MODEL,
    # Gemini
    ("GET", "/v1beta/models"): GEMINI_MODEL,
}

_GEMINI_VERBS: dict[str, Route] = {
    "generateContent": _gemini("generate_content"),
    "streamGenerateContent": _gemini("stream_generate_content"),
    "countTokens": _gemini("count_tokens", _FREE),
    "embedContent": _gemini("embed_content"),
    "batchEmbedContents": _gemini("batch_embed_contents"),
}

_STORED_RESPONSE: dict[tuple[str, str], Route] = {
    ("GET", ""): RESPONSES_RETRIEVE,
    ("DELETE", ""): _openai(Wire.OPENAI_RESPONSES, "responses.delete", _FREE),
    ("POST", "/cancel"): _openai(Wire.OPENAI_RESPONSES, "responses.cancel", _FREE),
    ("GET", "/input_items"): _openai(Wire.OPENAI_RESPONSES, "responses.input_items", _FREE),
}

_GEMINI_CALL = re.compile(r"/(?:v1|v1beta)/models/([^/:]+):(\w+)")
_STORED_RESPONSE_PATH = re.compile(r"/v1/responses/([\w-]+)(/cancel|/input_items)?")
_ONE_MODEL = re.compile(r"/(?:v1|v1beta|v1beta/openai)/models/([^/]+(?:/[^/]+)?)")


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where a request is on the site map, with what its path names."""

    route: Route
    path_model: str | None = None
    object_id: str | None = None


@dataclass(frozen=True, slots=True)
class Nowhere:
    """A request that is on no line of the site map; `allowed` names the methods its path has."""

    envelope: Envelope
    allowed: tuple[str, ...] = ()


def find_place(
    method: str, path: str, *, speaks_anthropic: bool, speaks_gemini: bool = False
) -> Place | Nowhere:
    """Find a request on the site map.

    `path` is as sent, percent-encoded, without query. Three providers list their models under
    `/v1/models`: `speaks_anthropic` tells by the `anthropic-version` header, `speaks_gemini` by
    Google's own headers, whose list is asked for.
    """
    route = _EXACT.get((method, path))
    if route is not None and route is not OPENAI_MODEL:
        return Place(route)
    models = _models_of(path, speaks_anthropic=speaks_anthropic, speaks_gemini=speaks_gemini)
    if route is OPENAI_MODEL:
        return Place(models)
    return (
        _find_gemini_call(method, path)
        or _find_stored_response(method, path)
        or _find_one_model(method, path, models)
        or Nowhere(envelope_of(path), tuple(sorted(m for m, p in _EXACT if p == path)))
    )


def _find_gemini_call(method: str, path: str) -> Place | Nowhere | None:
    match = _GEMINI_CALL.fullmatch(path)
    route = match and _GEMINI_VERBS.get(match[2])
    if match is None or route is None:
        return None
    if method != "POST":
        return Nowhere(Envelope.GOOGLE, ("POST",))
    return Place(route, path_model=unquote(match[1]))


def _find_stored_response(method: str, path: str) -> Place | None:
    match = _STORED_RESPONSE_PATH.fullmatch(path)
    route = match and _STORED_RESPONSE.get((method, match[2] or ""))
    return Place(route, object_id=match[1]) if match and route else None


def _find_one_model(method: str, path: str, models: Route) -> Place | None:
    match = _ONE_MODEL.fullmatch(path)
    if match is None or method != "GET":
        return None
    return Place(models, path_model=unquote(match[1]))


def _models_of(path: str, *, speaks_anthropic: bool, speaks_gemini: bool) -> Route:
    """Say whose models a path under `models` means; OpenAI's where nothing tells otherwise."""
    if path.startswith("/v1beta/"):
        return OPENAI_MODEL if path.startswith("/v1beta/openai/") else GEMINI_MODEL
    if speaks_anthropic:
        return ANTHROPIC_MODEL
    return GEMINI_MODEL if speaks_gemini else OPENAI_MODEL


def envelope_of(path: str) -> Envelope:
    """Guess in which format the caller of a path reads errors, on the site map or not."""
    if path.startswith("/api/"):
        return Envelope.PROBLEM
    if path.startswith("/v1/messages"):
        return Envelope.ANTHROPIC
    if path.startswith("/v1beta/") and not path.startswith("/v1beta/openai/"):
        return Envelope.GOOGLE
    if path.startswith("/v1/models/") and ":" in path:
        return Envelope.GOOGLE
    return Envelope.OPENAI
