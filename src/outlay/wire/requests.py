"""Reading a request: which call it is, and everything in it that the gateway needs to know.

The bytes stay as they came; each wire format has a file of its own.
"""

from collections.abc import Callable

from outlay.kernel.errors import Refused
from outlay.wire.anthropic_messages import read_messages
from outlay.wire.call import Call, Route, Wire
from outlay.wire.call_fields import Request, read_model
from outlay.wire.gemini import read_gemini
from outlay.wire.openai_chat import read_chat
from outlay.wire.openai_completions import read_completion, read_moderation
from outlay.wire.openai_embeddings import read_embedding
from outlay.wire.openai_responses import read_responses

_CREDENTIALS = ("key=", "access_token=")
"""Query parameters that carry a credential on Gemini paths; they never go on."""


_READERS: dict[tuple[Wire, str], Callable[[Request], Call | Refused]] = {
    (Wire.OPENAI_CHAT, "chat"): read_chat,
    (Wire.OPENAI_CHAT, "completions"): read_completion,
    (Wire.OPENAI_CHAT, "moderations"): read_moderation,
    (Wire.OPENAI_EMBEDDINGS, "embeddings"): read_embedding,
    (Wire.OPENAI_RESPONSES, "responses"): read_responses,
    (Wire.OPENAI_RESPONSES, "responses.compact"): read_responses,
    (Wire.OPENAI_RESPONSES, "responses.input_tokens"): read_responses,
    (Wire.ANTHROPIC_MESSAGES, "messages"): read_messages,
    (Wire.ANTHROPIC_MESSAGES, "count_tokens"): read_messages,
}
"""The operations that have a body to read; of all others only the path counts."""


def read_call(
    route: Route,
    *,
    method: str,
    path: str,
    query: str,
    body: bytes,
    path_model: str | None = None,
    object_id: str | None = None,
) -> Call | Refused:
    """Read a request of the given route, or say what is wrong with it.

    `path_model` and `object_id` are what the path names, percent-decoded. The body of the `Call` is
    the very object that was given.
    """
    is_gemini = route.wire is Wire.GEMINI
    request = Request(
        route, method, path, _without_credentials(query) if is_gemini else query, body
    )
    if is_gemini and method == "POST":
        return read_gemini(request, path_model)
    reader = _READERS.get((route.wire, route.operation))
    if reader is not None:
        return reader(request)
    return _read_path(request, path_model, object_id)


def _read_path(request: Request, path_model: str | None, object_id: str | None) -> Call | Refused:
    """Read a call that its path says everything about."""
    model = None if path_model is None else read_model(path_model)
    if isinstance(model, Refused):
        return model
    return Call(
        *request,
        model=model,
        stream="stream=true" in request.query.split("&"),
        object_id=object_id,
    )


def _without_credentials(query: str) -> str:
    """Take credentials out of a query string and leave the rest of it as it is."""
    if not query:
        return query
    return "&".join(one for one in query.split("&") if not one.lower().startswith(_CREDENTIALS))
