"""The address of a call at its provider: host as configured, path and query from the call."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote, unquote_plus, urlsplit

from outlay.routing.provider import Target
from outlay.wire.call import Call

_DEFAULT_PORTS = {"http": 80, "https": 443}
_VERSION_AT_END = re.compile(r"/v\d+(?:(?:alpha|beta)\d*)?$")
_MODEL_IN_PATH = re.compile(r"(/v\d+(?:beta)?(?:/openai)?/models/)([^:]+)(:\w+)?")
_CREDENTIALS = frozenset((
    "key", "api_key", "apikey", "api-key", "access_token", "oauth_token", "bearer_token",
    "userproject",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Origin:
    """What a base URL names: scheme, host, port, and the path before every operation's."""

    scheme: str
    host: str
    port: int
    path: str


@lru_cache(maxsize=256)
def read_origin(base_url: str) -> Origin:
    """Take a configured base URL apart; a version at its end is left to the call's own path.

    Raises:
        ValueError: it is not an absolute http or https URL.
    """
    parts = urlsplit(base_url)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError("a provider's base URL is absolute: https://host/path")
    path = _VERSION_AT_END.sub("", parts.path.rstrip("/"))
    return Origin(parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS[parts.scheme], path)


def write_target(call: Call, target: Target, origin: Origin) -> str:
    """Write the request target: path and query as they came, the model's name in the path ours."""
    path = origin.path + _upstream_path(call, target)
    query = strip_credentials(call.query) if call.query else ""
    return f"{path}?{query}" if query else path


def strip_credentials(query: str) -> str:
    """Take out of a query what authenticates or chooses an account, however its name is spelt."""
    return "&".join([part for part in query.split("&") if not _is_credential(part)])


def _upstream_path(call: Call, target: Target) -> str:
    path = call.path
    if target.model is not None and call.model is not None and target.model != call.model:
        path = _with_model(path, call.model, target.model)
    return target.provider.upstream_path(path)


def _with_model(path: str, called: str, served: str) -> str:
    match = _MODEL_IN_PATH.fullmatch(path)
    if match is None or unquote(match[2]) != called:
        return path
    # A slash within a model's name: OpenAI-style listings write it plain, Gemini's verbs may not.
    return match[1] + quote(served, safe="" if match[3] else "/") + (match[3] or "")


def _is_credential(part: str) -> bool:
    name = unquote_plus(part.partition("=")[0]).strip().lower().lstrip("$")
    return name in _CREDENTIALS
