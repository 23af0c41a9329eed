"""Anthropic messages, as asked: `POST /v1/messages` and `/v1/messages/count_tokens`.

Source: Anthropic API reference, messages and tools (read 2026-11).
"""

import msgspec

from outlay.kernel.errors import Refused
from outlay.wire.anthropic_user_id import split_user_id
from outlay.wire.call import Call
from outlay.wire.call_fields import Request, is_zero, read_model, read_stream
from outlay.wire.contents import Contents, Media, members
from outlay.wire.strict_json import ABSENT, Field, read_object

CLIENT_TOOLS = ("custom", "bash_", "text_editor_", "computer_", "memory_")
"""How the types of tools begin that the caller runs; one without a type is the caller's own."""
FREE_EDITS = ("clear_",)
"""How the types of context edits begin that drop text and need no pass of a model."""
FAST = "fast"


class MessagesBody(msgspec.Struct, gc=False):
    """The fields of a messages body that are read."""

    model: Field = ABSENT
    messages: Field = ABSENT
    system: Field = ABSENT
    max_tokens: Field = ABSENT
    stream: Field = ABSENT
    temperature: Field = ABSENT
    service_tier: Field = ABSENT
    speed: Field = ABSENT
    tools: Field = ABSENT
    mcp_servers: Field = ABSENT
    container: Field = ABSENT
    context_management: Field = ABSENT
    metadata: Field = ABSENT


def read_messages(request: Request) -> Call | Refused:
    """Read a call that creates or counts a message."""
    asked = read_object(request.body, MessagesBody)
    if isinstance(asked, Refused):
        return asked
    model, stream = read_model(asked.model.value), read_stream(asked.stream)
    if isinstance(model, Refused):
        return model
    if isinstance(stream, Refused):
        return stream
    user, session = split_user_id(Field(asked.metadata.member("user_id")).text())
    return Call(
        *request,
        model=model,
        stream=stream,
        shape=_count(asked).shape(
            request.body,
            output_limit=asked.max_tokens.whole(),
            service_tier=FAST if asked.speed.value == FAST else asked.service_tier.text(),
            unbounded=_unbounded(asked),
        ),
        end_user=user,
        session=session,
        temperature_zero=is_zero(asked.temperature.value),
        has_tools=bool(asked.tools.value),
    )


def _count(asked: MessagesBody) -> Contents:
    tools = members(asked.tools.value)
    provided = sum(tool.get("type") not in (None, "custom") for tool in tools)
    contents = Contents(messages=len(tools), provided_tools=provided)
    _add_blocks(contents, asked.system.value)
    for message in members(asked.messages.value):
        contents.messages += 1
        _add_blocks(contents, message.get("content"))
    return contents


def _add_blocks(contents: Contents, blocks: object) -> None:
    """Count media in content blocks, those within tool results too."""
    if not isinstance(blocks, list):
        return
    for block in members(blocks):
        match block.get("type"):
            case "image":
                _add_source(contents, Media.IMAGE, Field(block.get("source")))
            case "document":
                _add_source(contents, Media.DOCUMENT, Field(block.get("source")))
            case "container_upload":
                contents.refer("file_id")
            case _:
                _add_blocks(contents, block.get("content"))


def _add_source(contents: Contents, media: Media, source: Field) -> None:
    match source.member("type"):
        case "base64":
            contents.add_base64(media, source.member("data"))
        case "url":
            contents.add_url(media, source.member("url"), "source.url")
        case "file":
            contents.images += media is Media.IMAGE
            contents.refer("file_id")
        case "content":
            _add_blocks(contents, source.member("content"))
        case _:
            pass  # plain text


def _unbounded(asked: MessagesBody) -> tuple[str, ...]:
    """Name what makes the cost open: tools at the provider, and more passes than one."""
    fields = ("mcp_servers", "container")
    named = [name for name in fields if getattr(asked, name).value]
    for edit in members(asked.context_management.member("edits")):
        kind = str(edit.get("type"))
        if not kind.startswith(FREE_EDITS):
            named.append(f"context_management.{kind}")
    for tool in members(asked.tools.value):
        kind = str(tool.get("type") or "custom")
        if not kind.startswith(CLIENT_TOOLS):
            named.append(f"tools.{kind}")
    return tuple(named)
