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


class GenerateBody(msgspec.Struct, gc=False):
    """The fields of a body, for generating, counting and embedding alike."""

    contents: Field = ABSENT
    content: Field = ABSENT
    requests: Field = ABSENT
    tools: Field = ABSENT
    system_instruction: Field = ABSENT
    generation_config: Field = ABSENT
    cached_content: Field = ABSENT
    service_tier: Field = ABSENT
    camel_system_instruction: Field = msgspec.field(default=ABSENT, name="systemInstruction")
    camel_generation_config: Field = msgspec.field(default=ABSENT, name="generationConfig")
    camel_cached_content: Field = msgspec.field(default=ABSENT, name="cachedContent")
    camel_service_tier: Field = msgspec.field(default=ABSENT, name="serviceTier")


_SPELLED_TWICE = ("system_instruction", "generation_config", "cached_content", "service_tier")


def read_gemini(request: Request, path_model: str | None) -> Call | Refused:
    """Read a call of a Gemini verb; the model is in the path."""
    model = read_model(path_model)
    if isinstance(model, Refused):
        return model
    asked = _read_body(request.body)
    if isinstance(asked, Refused):
        return asked
    config = Config(asked.generation_config)
    choices = read_choices(config.choices, "candidateCount")
    if isinstance(choices, Refused):
        return choices
    embeds = request.route.operation in EMBED_VERBS
    return Call(
        *request,
        model=model,
        stream=request.route.operation == STREAM_VERB,
        shape=_count(asked).shape(
            request.body,
            output_limit=0 if embeds else config.output_limit,
            choices=choices,
            service_tier=asked.service_tier.text(),
            unbounded=_unbounded(asked, config),
        ),
        temperature_zero=is_zero(config.temperature),
        has_tools=bool(asked.tools.value),
    )


class Config:
    """The generation config, whose members may be in camel or in snake case."""

    __slots__ = ("_members",)

    def __init__(self, config: Field) -> None:
        self._members = config.value if isinstance(config.value, dict) else {}

    def get(self, camel: str, snake: str) -> Field:
        """Return a member by its two spellings; where both are given, the one that bounds less."""
        one, other = self._members.get(camel), self._members.get(snake)
        if type(one) is int and type(other) is int:
            return Field(max(one, other))
        return Field(other if one is None else one)

    @property
    def choices(self) -> Field:
        """How many answers are asked for."""
        return self.get("candidateCount", "candidate_count")

    @property
    def output_limit(self) -> int | None:
        """The caller's limit on output tokens."""
        return self.get("maxOutputTokens", "max_output_tokens").whole()

    @property
    def temperature(self) -> object:
        """The temperature, whose two spellings are one."""
        return self._members.get("temperature")

    @property
    def modalities(self) -> object:
        """What the answer may consist of."""
        return self.get("responseModalities", "response_modalities").value


def _read_body(body: bytes) -> GenerateBody | Refused:
    """Read a body and put what is spelled in camel case where snake case has it."""
    asked = read_object(body, GenerateBody)
    if isinstance(asked, Refused):
        return asked
    for name in _SPELLED_TWICE:
        camel = getattr(asked, f"camel_{name}")
        if camel is ABSENT:
            continue
        if getattr(asked, name) is not ABSENT:
            return refuse_field(
                name, f"The body gives `{name}` in two spellings. Send one of them."
            )
        setattr(asked, name, camel)
    return asked


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
    modalities = config.modalities
    if isinstance(modalities, list) and any(str(one).upper() != "TEXT" for one in modalities):
        names.append("generationConfig.responseModalities")
    return tuple(name if "." in name else f"tools.{name}" for name in names)
