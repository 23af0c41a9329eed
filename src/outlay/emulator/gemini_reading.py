"""Gemini: read a request to generate, to count or to embed."""

from collections.abc import Iterator
from typing import Any

from outlay.emulator.ask import Ask, Format, Modality, Segment, Tool, media_segment, text_segment
from outlay.emulator.openai_parts import as_json
from outlay.emulator.wire_format import BadAsk, Json, Target

_SEARCH_TOOLS = (
    "google_search",
    "googleSearch",
    "google_search_retrieval",
    "googleSearchRetrieval",
)
_CONTEXT_TOOLS = (
    "url_context",
    "urlContext",
    "code_execution",
    "codeExecution",
    "file_search",
    "fileSearch",
)
_TOOL_PROMPT_TOKENS = 430
"""What url context, code execution or file search bring in, on top of the prompt."""
_MODALITIES: dict[str, Modality] = {"image": "image", "audio": "audio", "video": "video"}


def read_generate(body: Json, target: Target) -> Ask:
    """Read a request to generate.

    Raises:
        BadAsk: it has no contents.
    """
    if not body.get("contents"):
        raise BadAsk("GenerateContentRequest.contents: contents is not specified", "contents")
    turns = [list(read_parts(content)) for content in _as_list(body["contents"])]
    config = _either(body, "generationConfig", "generation_config") or {}
    tools = body.get("tools") or []
    last = _as_list(body["contents"])[-1]
    schema = _read_schema(config)
    return Ask(
        format=Format.GENERATE,
        model=target.model,
        body=body,
        segments=(*_read_preamble(body, tools), *(s for turn in turns for s in turn)),
        stream=target.stream,
        max_output=_either(config, "maxOutputTokens", "max_output_tokens"),
        choices=_either(config, "candidateCount", "candidate_count") or 1,
        reasoning_budget=_read_budget(config),
        tools=_read_tools(tools),
        tool_choice=_read_tool_choice(body),
        last_text=next((s.text for s in reversed(turns[-1]) if s.modality == "text"), ""),
        after_tool=any("functionResponse" in p or "function_response" in p for p in last["parts"]),
        schema=schema,
        json_mode="json" in (_either(config, "responseMimeType", "response_mime_type") or ""),
        tier=_read_tier(body),
        queries=sum(1 for tool in tools if _has_any(tool, _SEARCH_TOOLS)),
        tool_prompt_tokens=_TOOL_PROMPT_TOKENS
        * sum(_has_any(tool, _CONTEXT_TOOLS) for tool in tools),
        stop=tuple(_either(config, "stopSequences", "stop_sequences") or ()),
    )


def _as_list(contents: Any) -> list[Json]:
    return contents if isinstance(contents, list) else [contents]


def _either(body: Json, camel: str, snake: str) -> Any:
    """Gemini takes both spellings of every field."""
    return body.get(camel, body.get(snake))


def _has_any(tool: Json, names: tuple[str, ...]) -> bool:
    return any(name in tool for name in names)


def _read_preamble(body: Json, tools: list[Json]) -> Iterator[Segment]:
    system = _either(body, "systemInstruction", "system_instruction")
    if system:
        yield from read_parts(system)
    if tools:
        yield text_segment(as_json(tools))


def read_parts(content: Any) -> Iterator[Segment]:
    """Read the parts of a content: text, inline media, files, calls and results of functions."""
    parts = content.get("parts") or () if isinstance(content, dict) else ()
    for part in parts:
        blob = _either(part, "inlineData", "inline_data") or _either(part, "fileData", "file_data")
        if "text" in part:
            yield text_segment(part["text"])
        elif blob:
            kind = (_either(blob, "mimeType", "mime_type") or "").partition("/")[0]
            content_text = blob.get("data") or _either(blob, "fileUri", "file_uri") or ""
            yield media_segment(_MODALITIES.get(kind, "document"), content_text)
        else:
            yield text_segment(as_json(part))


def _read_schema(config: Json) -> Json | None:
    schema: Json | None = _either(config, "responseJsonSchema", "response_json_schema")
    return schema or _either(config, "responseSchema", "response_schema")


def _read_budget(config: Json) -> int | None:
    thinking = _either(config, "thinkingConfig", "thinking_config") or {}
    budget = _either(thinking, "thinkingBudget", "thinking_budget")
    return None if budget == -1 else budget


def _read_tools(tools: list[Json]) -> tuple[Tool, ...]:
    declared = [
        function
        for tool in tools
        for function in _either(tool, "functionDeclarations", "function_declarations") or ()
    ]
    return tuple(
        Tool(
            f["name"],
            _either(f, "parametersJsonSchema", "parameters_json_schema")
            or f.get("parameters")
            or {},
        )
        for f in declared
    )


def _read_tool_choice(body: Json) -> str:
    config = _either(body, "toolConfig", "tool_config") or {}
    calling = _either(config, "functionCallingConfig", "function_calling_config") or {}
    allowed = _either(calling, "allowedFunctionNames", "allowed_function_names") or []
    mode = (calling.get("mode") or "AUTO").lower()
    return str(allowed[0]) if mode == "any" and len(allowed) == 1 else mode


def _read_tier(body: Json) -> str | None:
    tier = _either(body, "serviceTier", "service_tier")
    return tier.lower() if isinstance(tier, str) else None


def read_embed(body: Json, target: Target) -> Ask:
    """Read `embedContent`, or `batchEmbedContents` with its `requests`."""
    requests = body.get("requests") or [body]
    contents = [request.get("content") or {} for request in requests]
    segments = tuple(s for content in contents for s in read_parts(content))
    return Ask(Format.EMBED_CONTENT, target.model, body, segments=segments, choices=0)


def read_count(body: Json, target: Target) -> Ask:
    """Read `countTokens`: bare contents, or a whole request to generate."""
    inner = _either(body, "generateContentRequest", "generate_content_request") or body
    return read_generate(inner, target)
