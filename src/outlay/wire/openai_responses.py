"""OpenAI Responses, as asked: create, compact and count (`/v1/responses…`).

Source: OpenAI API reference, responses (read 2026-11).
"""

import msgspec

from outlay.kernel.errors import Refused
from outlay.wire.call import Call, Route
from outlay.wire.call_fields import Request, given, is_zero, read_model, read_stream
from outlay.wire.contents import Contents, Media, members
from outlay.wire.openai_chat import read_end_user
from outlay.wire.strict_json import ABSENT, Field, read_object

CLIENT_TOOLS = frozenset({"function", "custom", "local_shell", "apply_patch"})
"""Tools that the caller runs and whose results come with the next call."""


class ResponsesBody(msgspec.Struct, gc=False):
    """The fields of a Responses body that are read."""

    model: Field = ABSENT
    input: Field = ABSENT
    stream: Field = ABSENT
    max_output_tokens: Field = ABSENT
    temperature: Field = ABSENT
    service_tier: Field = ABSENT
    tools: Field = ABSENT
    background: Field = ABSENT
    previous_response_id: Field = ABSENT
    conversation: Field = ABSENT
    prompt: Field = ABSENT
    context_management: Field = ABSENT
    plugins: Field = ABSENT  # OpenRouter
    models: Field = ABSENT  # OpenRouter
    user: Field = ABSENT
    safety_identifier: Field = ABSENT
    metadata: Field = ABSENT
    prompt_cache_key: Field = ABSENT


def read_responses(request: Request) -> Call | Refused:
    """Read a call that creates, compacts or counts a response."""
    asked = read_object(request.body, ResponsesBody)
    if isinstance(asked, Refused):
        return asked
    model = _read_model(asked, request.route)
    if isinstance(model, Refused):
        return model
    stream = read_stream(asked.stream)
    if isinstance(stream, Refused):
        return stream
    end_user = read_end_user(asked.safety_identifier, asked.user, asked.metadata)
    return Call(
        *request,
        model=model,
        stream=stream,
        shape=_count(asked).shape(
            request.body,
            output_limit=asked.max_output_tokens.whole(),
            service_tier=asked.service_tier.text(),
            unbounded=_unbounded(asked),
        ),
        end_user=end_user.user,
        session=end_user.session,
        codex_session=asked.prompt_cache_key.text(),
        temperature_zero=is_zero(asked.temperature.value),
        has_tools=bool(asked.tools.value),
        background=asked.background.value is True,
        previous_response_id=asked.previous_response_id.text(),
    )


def _read_model(asked: ResponsesBody, route: Route) -> str | Refused | None:
    """Read the model; a stored prompt may bring it, and counting can do without."""
    optional = asked.prompt.value is not None or route.operation == "responses.input_tokens"
    if asked.model.value is None and optional:
        return None
    return read_model(asked.model.value)


def _count(asked: ResponsesBody) -> Contents:
    contents = Contents(messages=len(members(asked.tools.value)))
    for name in ("previous_response_id", "conversation", "prompt"):
        if getattr(asked, name).value:
            contents.refer(name)
    if isinstance(asked.input.value, str):
        contents.messages += 1
    for item in members(asked.input.value):
        _add_item(contents, item)
    return contents


def _add_item(contents: Contents, item: dict[str, object]) -> None:
    """Count one item of `input`: a message, or the result of a tool."""
    contents.messages += 1
    if item.get("type") == "item_reference":
        contents.refer("item_reference")
    for content in (item.get("content"), item.get("output")):
        if isinstance(content, dict):
            _add_part(contents, content)
        elif isinstance(content, list):
            for part in members(content):
                _add_part(contents, part)


def _add_part(contents: Contents, part: dict[str, object]) -> None:
    match part.get("type"):
        case "input_image" | "computer_screenshot":
            contents.add_url(Media.IMAGE, part.get("image_url"), "image_url")
        case "input_file":
            contents.add_url(Media.DOCUMENT, part.get("file_data"), "file_data")
            contents.add_url(Media.DOCUMENT, part.get("file_url"), "file_url")
        case "input_audio":
            contents.add_base64(Media.AUDIO, Field(part.get("input_audio")).member("data"))
        case _:
            pass  # text, and what is added later: all of it counts as text
    if part.get("file_id"):
        contents.refer("file_id")


def _unbounded(asked: ResponsesBody) -> tuple[str, ...]:
    """Name what makes the cost open: work at the provider, more passes, work that goes on later."""
    named = given(asked, ("background", "context_management", "plugins", "models"))
    return (*named, *_server_tools(asked.tools.value))


def _server_tools(tools: object) -> list[str]:
    named = []
    for tool in members(tools):
        if tool.get("type") == "namespace":
            named += _server_tools(tool.get("tools"))
        elif not _runs_at_caller(tool):
            named.append(f"tools.{tool.get('type')}")
    return named


def _runs_at_caller(tool: dict[str, object]) -> bool:
    match tool.get("type"):
        case "tool_search":
            return tool.get("execution") == "client"
        case "shell":
            return Field(tool.get("environment")).member("type") == "local"
        case kind:
            return str(kind) in CLIENT_TOOLS
