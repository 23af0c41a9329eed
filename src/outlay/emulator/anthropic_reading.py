"""Anthropic messages: read a request."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from outlay.emulator.ask import Ask, Format, Modality, Segment, Tool, media_segment, text_segment
from outlay.emulator.openai_parts import as_json
from outlay.emulator.wire_format import BadAsk, Json, Target

_TOKENS_PER_MESSAGE = 4
_COMPACT_BY_DEFAULT = 150_000
"""Anthropic's own trigger when the request names none, in input tokens."""
_MEDIA = frozenset({"image", "document", "file"})


def read_messages(body: Json, _target: Target) -> Ask:
    """Read a request.

    Raises:
        BadAsk: a required field is missing or makes no sense.
    """
    for name in ("model", "messages", "max_tokens"):
        if body.get(name) in (None, "", []):
            raise BadAsk(f"{name}: Field required", name)
    messages, tools = body["messages"], body.get("tools") or []
    turns = [list(_read_blocks(message.get("content"))) for message in messages]
    schema = _read_schema(body)
    return Ask(
        format=Format.MESSAGES,
        model=body["model"],
        body=body,
        segments=tuple(_mark_last(body, [*_read_preamble(body, tools), *chain(*turns)])),
        framing_tokens=_TOKENS_PER_MESSAGE * len(messages) + 3,
        stream=bool(body.get("stream")),
        max_output=body["max_tokens"],
        reasoning_budget=_read_thinking(body.get("thinking") or {}),
        tools=_read_tools(tools),
        tool_choice=_read_tool_choice(body.get("tool_choice") or {}),
        last_text=next((s.text for s in reversed(turns[-1]) if s.modality == "text"), ""),
        after_tool=_has_tool_result(messages[-1].get("content")),
        schema=schema,
        json_mode=schema is not None,
        tier="fast" if body.get("speed") == "fast" else None,
        searches=_count_kind(tools, "web_search_"),
        compact_above=_read_compaction(body),
        advisor=next((t["model"] for t in tools if _kind(t).startswith("advisor_")), None),
        stop=tuple(body.get("stop_sequences") or ()),
    )


def _kind(tool: Json) -> str:
    return tool.get("type") or "custom"


def _count_kind(tools: list[Json], prefix: str) -> int:
    return sum(1 for tool in tools if _kind(tool).startswith(prefix))


def _read_preamble(body: Json, tools: list[Json]) -> Iterator[Segment]:
    """Tools come first, then the system prompt: the order in which Anthropic caches."""
    for tool in tools:
        yield text_segment(as_json(tool), _ttl(tool))
    yield from _read_blocks(body.get("system"))


def _read_blocks(content: Any) -> Iterator[Segment]:
    if isinstance(content, str):
        yield text_segment(content)
    for block in content if isinstance(content, list) else ():
        yield from _read_block(block)


def _read_block(block: Json) -> Iterator[Segment]:
    kind = block.get("type", "text")
    if kind in _MEDIA:
        source = block.get("source") or {}
        content = source.get("data") or source.get("url") or source.get("file_id") or ""
        modality: Modality = "image" if kind == "image" else "document"
        yield media_segment(modality, content, _ttl(block))
    elif kind == "text":
        yield text_segment(block.get("text", ""), _ttl(block))
    elif kind == "tool_result":
        yield from _read_blocks(block.get("content"))
        yield text_segment("", _ttl(block))
    else:
        bare = {name: value for name, value in block.items() if name != "cache_control"}
        yield text_segment(as_json(bare), _ttl(block))


def _ttl(block: Json) -> str | None:
    control = block.get("cache_control")
    return (control.get("ttl") or "5m") if control else None


def _mark_last(body: Json, segments: list[Segment]) -> list[Segment]:
    """A `cache_control` of the request itself puts the breakpoint behind everything."""
    ttl = _ttl(body)
    return [*segments, Segment("", 0, write_ttl=ttl)] if ttl else segments


def _read_schema(body: Json) -> Json | None:
    wanted = body.get("output_format") or (body.get("output_config") or {}).get("format") or {}
    return wanted.get("schema") if wanted.get("type") == "json_schema" else None


def _read_thinking(thinking: Json) -> int:
    if thinking.get("type") == "enabled":
        return int(thinking.get("budget_tokens") or 1024)
    return 1024 if thinking.get("type") == "adaptive" else 0


def _read_tools(tools: list[Json]) -> tuple[Tool, ...]:
    own = [tool for tool in tools if _kind(tool) == "custom"]
    return tuple(Tool(tool["name"], tool.get("input_schema") or {}) for tool in own)


def _read_tool_choice(choice: Json) -> str:
    kind = choice.get("type", "auto")
    return str(choice["name"]) if kind == "tool" else str(kind)


def _has_tool_result(content: Any) -> bool:
    blocks = content if isinstance(content, list) else ()
    return any(block.get("type") == "tool_result" for block in blocks)


def _read_compaction(body: Json) -> int | None:
    for edit in (body.get("context_management") or {}).get("edits") or ():
        if edit.get("type", "").startswith("compact_"):
            return int((edit.get("trigger") or {}).get("value") or _COMPACT_BY_DEFAULT)
    return None
