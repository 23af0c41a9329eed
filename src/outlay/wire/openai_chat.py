"""OpenAI chat completions, as asked: `POST /v1/chat/completions`, also of compatible providers.

Source: OpenAI API reference, chat completions (read 2026-11); OpenRouter and xAI add the fields
that are marked.
"""

from typing import NamedTuple

import msgspec

from outlay.kernel.errors import Refused
from outlay.wire.call import Call
from outlay.wire.call_fields import (
    Request,
    given,
    is_zero,
    read_choices,
    read_model,
    read_stream,
)
from outlay.wire.contents import Contents, Media, members
from outlay.wire.strict_json import ABSENT, Field, read_object

CLIENT_TOOLS = frozenset({"function", "custom"})
"""Tools that the caller runs; every other type runs at the provider, in passes we cannot bound."""
_OPEN_FIELDS = (
    "web_search_options",
    "prediction",
    "plugins",
    "models",
    "search_parameters",
    "deferred",
)


class ChatBody(msgspec.Struct, gc=False):
    """The fields of a chat body that are read."""

    model: Field = ABSENT
    messages: Field = ABSENT
    stream: Field = ABSENT
    stream_options: Field = ABSENT
    max_tokens: Field = ABSENT
    max_completion_tokens: Field = ABSENT
    n: Field = ABSENT
    temperature: Field = ABSENT
    service_tier: Field = ABSENT
    tools: Field = ABSENT
    functions: Field = ABSENT
    modalities: Field = ABSENT
    prediction: Field = ABSENT
    web_search_options: Field = ABSENT
    plugins: Field = ABSENT  # OpenRouter: web search, file parsing
    models: Field = ABSENT  # OpenRouter: other models that may answer instead
    search_parameters: Field = ABSENT  # xAI: live search
    deferred: Field = ABSENT  # xAI: the answer is fetched later
    user: Field = ABSENT
    safety_identifier: Field = ABSENT
    metadata: Field = ABSENT
    prompt_cache_key: Field = ABSENT


def read_chat(request: Request) -> Call | Refused:
    """Read a chat completion call."""
    chat = read_object(request.body, ChatBody)
    if isinstance(chat, Refused):
        return chat
    model, stream = read_model(chat.model.value), read_stream(chat.stream)
    choices = read_choices(chat.n, "n")
    if isinstance(model, Refused):
        return model
    if isinstance(stream, Refused):
        return stream
    if isinstance(choices, Refused):
        return choices
    contents = Contents()
    add_messages(contents, chat.messages.value)
    contents.messages += len(members(chat.tools.value)) + len(members(chat.functions.value))
    end_user = read_end_user(chat.safety_identifier, chat.user, chat.metadata)
    return Call(
        *request,
        model=model,
        stream=stream,
        shape=contents.shape(
            request.body,
            output_limit=larger(chat.max_tokens, chat.max_completion_tokens),
            choices=choices,
            service_tier=chat.service_tier.text(),
            unbounded=_unbounded(chat, model),
        ),
        end_user=end_user.user,
        session=end_user.session,
        codex_session=chat.prompt_cache_key.text(),
        temperature_zero=is_zero(chat.temperature.value),
        has_tools=bool(chat.tools.value or chat.functions.value),
        asks_usage=chat.stream_options.member("include_usage") is True,
        background=chat.deferred.value is True,
    )


class EndUser(NamedTuple):
    """Whom a body names as its end user and session."""

    user: str | None
    session: str | None


def read_end_user(safety_identifier: Field, user: Field, metadata: Field) -> EndUser:
    """Read the fall-backs for user and session (product.md 2)."""
    stated = safety_identifier.text() or user.text()
    if metadata is ABSENT:
        return EndUser(stated, None)
    of_metadata = Field(metadata.member("user_id")).text()
    return EndUser(stated or of_metadata, Field(metadata.member("session_id")).text())


def larger(one: Field, other: Field) -> int | None:
    """Return the larger of two limits.

    A provider that knows only one of the two names goes by that one.
    """
    return max(one.whole() or 0, other.whole() or 0) or None


def add_messages(contents: Contents, messages: object) -> None:
    """Count messages and the media in them."""
    for message in members(messages):
        contents.messages += 1
        content = message.get("content")
        if isinstance(content, list):
            for part in members(content):
                _add_part(contents, part)


def _add_part(contents: Contents, part: dict[str, object]) -> None:
    match part.get("type"):
        case "image_url":
            contents.add_url(Media.IMAGE, _url(part.get("image_url")), "image_url")
        case "video_url":  # OpenRouter and others
            contents.add_url(Media.VIDEO, _url(part.get("video_url")), "video_url")
        case "input_audio":
            contents.add_base64(Media.AUDIO, Field(part.get("input_audio")).member("data"))
        case "file":
            file = Field(part.get("file"))
            contents.add_url(Media.DOCUMENT, file.member("file_data"), "file_data")
            if file.member("file_id"):
                contents.refer("file_id")
        case _:
            pass  # text, refusals, and what providers add: all of it counts as text


def _url(image: object) -> object:
    return image if isinstance(image, str) else Field(image).member("url")


def _unbounded(chat: ChatBody, model: str) -> tuple[str, ...]:
    """Name what makes the cost open: tools and searches at the provider, output without a limit."""
    named = given(chat, _OPEN_FIELDS)
    if _beyond_text(chat.modalities.value):
        named.append("modalities")
    if "-search-" in model:
        named.append("model")
    return (*named, *server_tools(chat.tools.value, CLIENT_TOOLS))


def _beyond_text(modalities: object) -> bool:
    return isinstance(modalities, list) and any(one != "text" for one in modalities)


def server_tools(tools: object, client_tools: frozenset[str]) -> list[str]:
    """Name the tools whose type is not known to run at the caller."""
    return [
        f"tools.{kind}"
        for tool in members(tools)
        if (kind := str(tool.get("type"))) not in client_tools
    ]
