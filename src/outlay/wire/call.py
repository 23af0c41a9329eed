"""A parsed call: what the gateway needs to know of a request, in no particular provider's words."""

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from outlay.usage.shape import CallShape


class Wire(StrEnum):
    """A wire format: what the bytes of request and answer mean."""

    OPENAI_CHAT = "openai_chat"
    OPENAI_RESPONSES = "openai_responses"
    OPENAI_EMBEDDINGS = "openai_embeddings"
    OPENAI_MODELS = "openai_models"
    ANTHROPIC_MESSAGES = "anthropic_messages"
    ANTHROPIC_MODELS = "anthropic_models"
    GEMINI = "gemini"


class Envelope(StrEnum):
    """In which format an error is written to the caller."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GOOGLE = "google"
    PROBLEM = "problem"


class Billing(StrEnum):
    """Whether a route's calls cost money, and whether we can know how much."""

    METERED = "metered"
    FREE = "free"
    UNMETERED = "unmetered"


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the site map: which wire format and operation a path is.

    `operation` is a short name such as `chat`, `responses`, `responses.retrieve`, `embeddings`,
    `messages`, `count_tokens`, `models`, `generate_content`, `embed_content`.
    """

    wire: Wire
    operation: str
    billing: Billing
    envelope: Envelope


class Call(msgspec.Struct, frozen=True, gc=False):
    """A call as read from a request.

    Attributes:
        path: the path to ask upstream, percent-encoded as it came, beginning with its API version.
        query: the query string as it came, without anything of ours and without credentials.
        model: as the caller named it (None where the operation has none).
        end_user / session: attribution fall-backs found in the body.
        codex_session: `prompt_cache_key`: a session when the client is Codex, else often the mark
            of a prefix that many calls share, so never a session by itself.
        asks_usage: the caller itself asked for usage on a stream.
        background: the work is to go on after the answer.
        object_id: the provider's id that a by-id route names.
        previous_response_id: the stored response whose conversation the call goes on with.
    """

    route: Route
    method: str
    path: str
    query: str
    body: bytes
    model: str | None = None
    stream: bool = False
    shape: CallShape = msgspec.field(default_factory=CallShape)
    end_user: str | None = None
    session: str | None = None
    temperature_zero: bool = False
    has_tools: bool = False
    asks_usage: bool = False
    background: bool = False
    object_id: str | None = None
    codex_session: str | None = None
    previous_response_id: str | None = None
