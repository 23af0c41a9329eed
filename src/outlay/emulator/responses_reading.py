"""OpenAI responses: read a request to answer, to count or to compact."""

from collections.abc import Iterator
from typing import Any

from outlay.emulator.ask import Ask, Format, Segment, text_segment
from outlay.emulator.openai_parts import (
    as_json,
    last_text,
    read_content,
    read_limit,
    read_reasoning,
    read_tool_choice,
    read_tools,
    require,
)
from outlay.emulator.wire_format import Json, Target

_TOKENS_PER_ITEM = 3


def read_response(body: Json, target: Target) -> Ask:
    """Read a request.

    Raises:
        BadAsk: a required field is missing, or a limit makes no sense.
    """
    require(body, "model")
    items = [list(_read_item(item)) for item in _as_items(body.get("input"))]
    tools = body.get("tools") or []
    wanted = (body.get("text") or {}).get("format") or {}
    schema = wanted.get("schema") if wanted.get("type") == "json_schema" else None
    return Ask(
        format=Format.RESPONSES,
        model=body["model"],
        body=body,
        segments=(*_read_preamble(body, schema), *target.history, *(s for i in items for s in i)),
        framing_tokens=_TOKENS_PER_ITEM * (len(items) + 1),
        stream=bool(body.get("stream")),
        max_output=read_limit(body, "max_output_tokens"),
        reasoning_budget=read_reasoning((body.get("reasoning") or {}).get("effort")),
        tools=read_tools(tools),
        tool_choice=read_tool_choice(body.get("tool_choice")),
        last_text=last_text(items[-1]) if items else "",
        after_tool=_ends_with_result(body.get("input")),
        schema=schema,
        json_mode=wanted.get("type") in {"json_schema", "json_object"},
        tier=body.get("service_tier"),
        searches=sum(1 for t in tools if t.get("type", "").startswith("web_search")),
        file_searches=sum(1 for t in tools if t.get("type") == "file_search"),
    )


def read_compact(body: Json, target: Target) -> Ask:
    """Read a request to compact a conversation."""
    require(body, "model")
    items = [segment for item in _as_items(body.get("input")) for segment in _read_item(item)]
    segments = (*_read_preamble(body, None), *target.history, *items)
    return Ask(Format.COMPACT, body["model"], body, segments=segments, reasoning_budget=0)


def _read_preamble(body: Json, schema: Json | None) -> Iterator[Segment]:
    """What comes before the input: instructions, tools, the schema of the answer."""
    if isinstance(body.get("instructions"), str):
        yield text_segment(body["instructions"])
    for definition in (body.get("tools"), schema):
        if definition:
            yield text_segment(as_json(definition))


def _as_items(given: Any) -> list[Any]:
    return [given] if isinstance(given, str) else list(given or ())


def _read_item(item: Any) -> Iterator[Segment]:
    if isinstance(item, str):
        yield text_segment(item)
    elif "content" in item:
        yield from read_content(item["content"])
    else:
        yield text_segment(as_json(item))


def _ends_with_result(given: Any) -> bool:
    last = given[-1] if isinstance(given, list) and given else {}
    return isinstance(last, dict) and str(last.get("type", "")).endswith("_output")
