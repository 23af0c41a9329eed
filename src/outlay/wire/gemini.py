"""Gemini, as asked: the verbs of `/v1/models/{model}:{verb}` and `/v1beta/…`.

The API reads protobuf JSON, which takes every field in camel case and in snake case; a body that
gives both spellings of one is refused, like any field given twice.

Source: Gemini API reference, generateContent and embeddings (read 2026-11).
"""

import msgspec

from outlay.kernel.errors import Refused
from outlay.wire.call import Call
from outlay.wire.call_fields import Request, is_zero, read_choices, read_model
from outlay.wire.contents import Contents, media_of, members
from outlay.wire.strict_json import ABSENT, Field, read_object, refuse_field

CLIENT_TOOLS = frozenset({"functionDeclarations", "function_declarations"})
"""Members of a tool that the caller runs; every other one runs at the provider."""
STREAM_VERB = "stream_generate_content"
EMBED_VERBS = frozenset({"embed_content", "batch_embed_contents"})


class GenerateBody(msgspec.Struct, rename="camel", gc=False):
    """The fields of a body in camel case, for generating, counting and embedding alike."""

    contents: Field = ABSENT
    content: Field = ABSENT
    requests: Field = ABSENT
    system_instruction: Field = ABSENT
    tools: Field = ABSENT
    generation_config: Field = ABSENT
    cached_content: Field = ABSENT
    service_tier: Field = ABSENT


class SnakeBody(msgspec.Struct, gc=False):
    """The same fields where snake case differs."""

    system_instruction: Field = ABSENT
    generation_config: Field = ABSENT
    cached_content: Field = ABSENT
    service_tier: Field = ABSENT


def read_gemini(request: Request, path_model: str | None) -> Call | Refused:
    """Read a call of a Gemini verb; the model is in the path."""
    model = read_model(path_model)
    if isinstance(model, Refused):
        return model
    asked = _read_body(request.body)
    if isinstance(asked, Refused):
        return asked
    config = Config(asked.generation_config)
    choices = read_choices(config.get("candidateCount"), "candidateCount")
    if isinstance(choices, Refused):
        return choices
    embeds = request.route.operation in EMBED_VERBS
    return Call(
        *request,
        model=model,
        stream=request.route.operation == STREAM_VERB,
        shape=_count(asked).shape(
            request.body,
            output_limit=0 if embeds else config.get("maxOutputTokens").whole(),
            choices=choices,
            service_tier=asked.service_tier.text(),
            unbounded=_unbounded(asked, config),
        ),
        temperature_zero=is_zero(config.get("temperature").value),
        has_tools=bool(asked.tools.value),
    )


class Config:
    """The generation config, whose members may be in camel or in snake case."""

    __slots__ = ("_members",)

    def __init__(self, config: Field) -> None:
        self._members = config.value if isinstance(config.value, dict) else {}

    def get(self, name: str) -> Field:
        """Return a member by its camel-case name; of two spellings, the one that bounds less."""
        values = [self._members.get(key) for key in (name, snake(name))]
        numbers = [value for value in values if type(value) is int]
        return Field(max(numbers)) if numbers else Field(values[0] or values[1])


def snake(name: str) -> str:
    """Spell a camel-case name in snake case."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _read_body(body: bytes) -> GenerateBody | Refused:
    camel = read_object(body, GenerateBody)
    if isinstance(camel, Refused) or b"_" not in body:
        return camel
    other = read_object(body, SnakeBody)
    if isinstance(other, Refused):
        return other
    for name in SnakeBody.__struct_fields__:
        if getattr(other, name) is ABSENT:
            continue
        if getattr(camel, name) is not ABSENT:
            return refuse_field(
                name, f"The body gives `{name}` in two spellings. Send one of them."
            )
        setattr(camel, name, getattr(other, name))
    return camel


def _count(asked: GenerateBody) -> Contents:
    contents = Contents(messages=len(members(asked.tools.value)))
    if asked.cached_content.value:
        contents.refer("cachedContent")
    _add_content(contents, asked.system_instruction.value)
    _add_content(contents, asked.content.value)
    for content in members(asked.contents.value):
        _add_content(contents, content)
    for request in members(asked.requests.value):
        _add_content(contents, request.get("content"))
    return contents


def _add_content(contents: Contents, content: object) -> None:
    if not isinstance(content, dict):
        return
    contents.messages += 1
    for part in members(content.get("parts")):
        _add_part(contents, part)


def _add_part(contents: Contents, part: dict[str, object]) -> None:
    inline = Field(part.get("inlineData") or part.get("inline_data"))
    if inline.value:
        mime_type = inline.member("mimeType") or inline.member("mime_type")
        contents.add_base64(media_of(mime_type), inline.member("data"))
    file = Field(part.get("fileData") or part.get("file_data"))
    if file.value:
        contents.refer("fileData")
    answer = part.get("functionResponse") or part.get("function_response")
    for nested in members(Field(answer).member("parts")):
        _add_part(contents, nested)


def _unbounded(asked: GenerateBody, config: Config) -> tuple[str, ...]:
    """Name what makes the cost open: tools at the provider, and output that is not text."""
    names = [key for tool in members(asked.tools.value) for key in tool if key not in CLIENT_TOOLS]
    modalities = config.get("responseModalities").value
    if isinstance(modalities, list) and any(str(one).upper() != "TEXT" for one in modalities):
        names.append("generationConfig.responseModalities")
    return tuple(name if "." in name else f"tools.{name}" for name in names)
