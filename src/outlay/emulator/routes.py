"""Which endpoint a method and a path are."""

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

Style = Literal["openai", "anthropic", "google"]


class Endpoint(Enum):
    """What is served."""

    CHAT = auto()
    COMPLETIONS = auto()
    EMBEDDINGS = auto()
    MODERATIONS = auto()
    RESPONSES = auto()
    INPUT_TOKENS = auto()
    COMPACT = auto()
    RESPONSE = auto()
    CANCEL = auto()
    DELETE = auto()
    INPUT_ITEMS = auto()
    MESSAGES = auto()
    COUNT_MESSAGES = auto()
    GENERATE = auto()
    STREAM_GENERATE = auto()
    COUNT_TOKENS = auto()
    EMBED_CONTENT = auto()
    MODELS = auto()
    MODEL = auto()
    HEALTH = auto()
    BILL = auto()
    RESET_BILL = auto()
    STATE = auto()
    RESET_STATE = auto()


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint, whose manners it has, and what the path names: a model or a stored object."""

    endpoint: Endpoint
    style: Style
    name: str = ""
    is_google_openai: bool = False

    @property
    def is_own(self) -> bool:
        """Whether it is about the emulator itself."""
        return self.endpoint in _OWN.values()


_OWN = {
    ("GET", "/healthz"): Endpoint.HEALTH,
    ("GET", "/__emulator__/bill"): Endpoint.BILL,
    ("DELETE", "/__emulator__/bill"): Endpoint.RESET_BILL,
    ("GET", "/__emulator__/state"): Endpoint.STATE,
    ("DELETE", "/__emulator__/state"): Endpoint.RESET_STATE,
}
_OPENAI = {
    ("POST", "/chat/completions"): Endpoint.CHAT,
    ("POST", "/completions"): Endpoint.COMPLETIONS,
    ("POST", "/embeddings"): Endpoint.EMBEDDINGS,
    ("POST", "/moderations"): Endpoint.MODERATIONS,
    ("POST", "/responses"): Endpoint.RESPONSES,
    ("POST", "/responses/input_tokens"): Endpoint.INPUT_TOKENS,
    ("POST", "/responses/compact"): Endpoint.COMPACT,
    ("GET", "/models"): Endpoint.MODELS,
}
_ANTHROPIC = {
    ("POST", "/messages"): Endpoint.MESSAGES,
    ("POST", "/messages/count_tokens"): Endpoint.COUNT_MESSAGES,
}
_VERBS = {
    "generateContent": Endpoint.GENERATE,
    "streamGenerateContent": Endpoint.STREAM_GENERATE,
    "countTokens": Endpoint.COUNT_TOKENS,
    "embedContent": Endpoint.EMBED_CONTENT,
    "batchEmbedContents": Endpoint.EMBED_CONTENT,
}
_BY_ID = {
    ("GET", ""): Endpoint.RESPONSE,
    ("DELETE", ""): Endpoint.DELETE,
    ("POST", "/cancel"): Endpoint.CANCEL,
    ("GET", "/input_items"): Endpoint.INPUT_ITEMS,
}
_PREFIX = re.compile(r"(?:/v1beta/openai|/v1beta|/openai/v1|/v1)(?=/)")
_GEMINI = re.compile(r"/v1(?:beta|alpha)?/(?:models|tunedModels)/(.+):(\w+)")
_RESPONSE = re.compile(r"/responses/([^/]+)(/\w+)?")
_MODEL = re.compile(r"/models/(.+)")


def find_route(method: str, path: str, spoken: Style = "openai") -> Route | None:
    """Find what a request asks for; `spoken` is how its headers speak, where the path is shared."""
    if (method, path) in _OWN:
        return Route(_OWN[method, path], "openai")
    gemini = _GEMINI.fullmatch(path)
    if gemini is not None:
        endpoint = _VERBS.get(gemini[2]) if method == "POST" else None
        return Route(endpoint, "google", gemini[1]) if endpoint else None
    prefix = _PREFIX.match(path)
    rest = path[prefix.end() :] if prefix else path
    is_google_openai = path.startswith("/v1beta/openai/")
    is_google = path.startswith("/v1beta") and not is_google_openai
    style: Style = "google" if is_google else spoken
    return _find_plain(method, rest, style, is_google_openai=is_google_openai)


def _find_plain(method: str, rest: str, style: Style, *, is_google_openai: bool) -> Route | None:
    if (method, rest) in _ANTHROPIC:
        return Route(_ANTHROPIC[method, rest], "anthropic")
    if (method, rest) in _OPENAI:
        return Route(_OPENAI[method, rest], style, is_google_openai=is_google_openai)
    stored = _RESPONSE.fullmatch(rest)
    if stored is not None and (method, stored[2] or "") in _BY_ID:
        return Route(_BY_ID[method, stored[2] or ""], "openai", stored[1])
    model = _MODEL.fullmatch(rest)
    if model is not None and method == "GET":
        return Route(Endpoint.MODEL, style, model[1])
    return None
