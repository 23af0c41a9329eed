"""What a messages body says about its cost and about input that is elsewhere."""

from typing import Any

import pytest

from tests.wire.calls import MESSAGES, call_of

DATA = {"type": "base64", "media_type": "image/png", "data": "A" * 400}


def messages(*blocks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    content: object = [*blocks] or "hello"
    message = {"role": "user", "content": content}
    return {"model": "claude-sonnet-5", "max_tokens": 100, "messages": [message], **fields}


def test_a_plain_call_is_bounded() -> None:
    call = call_of(MESSAGES, messages(metadata={"user_id": "u"}, temperature=0))
    assert (call.shape.output_limit, call.shape.message_count) == (100, 1)
    assert (call.end_user, call.temperature_zero, call.shape.unbounded) == ("u", True, ())


def test_media_count_within_tool_results_and_documents_too() -> None:
    image = {"type": "image", "source": DATA}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [image]}
    content = {"type": "document", "source": {"type": "content", "content": [image]}}
    pdf = {"type": "document", "source": {**DATA, "media_type": "application/pdf"}}
    call = call_of(MESSAGES, messages(image, result, content, pdf))
    assert (call.shape.image_count, call.shape.document_bytes) == (3, 300)
    assert call.shape.input_bytes == len(call.body) - 4 * 400


def test_a_document_of_plain_text_counts_as_text() -> None:
    text = {"type": "document", "source": {"type": "text", "data": "A" * 400}}
    call = call_of(MESSAGES, messages(text))
    assert call.shape.input_bytes == len(call.body)


@pytest.mark.parametrize(
    ("block", "reference"),
    [
        ({"type": "image", "source": {"type": "url", "url": "https://a/b"}}, "source.url"),
        ({"type": "document", "source": {"type": "file", "file_id": "file_1"}}, "file_id"),
        ({"type": "container_upload", "file_id": "file_1"}, "file_id"),
    ],
)
def test_input_from_elsewhere_is_named(block: dict[str, Any], reference: str) -> None:
    assert call_of(MESSAGES, messages(block)).shape.by_reference == (reference,)


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"tools": [{"name": "f", "input_schema": {}}]}, ()),
        ({"tools": [{"type": "custom", "name": "f"}]}, ()),
        ({"tools": [{"type": "bash_20250124"}, {"type": "text_editor_20250728"}]}, ()),
        ({"tools": [{"type": "computer_20250124"}, {"type": "memory_20250818"}]}, ()),
        ({"tools": [{"type": "web_search_20250305"}]}, ("tools.web_search_20250305",)),
        ({"tools": [{"type": "web_fetch_20250910"}]}, ("tools.web_fetch_20250910",)),
        ({"tools": [{"type": "code_execution_20250825"}]}, ("tools.code_execution_20250825",)),
        ({"tools": [{"type": "advisor_20260301"}]}, ("tools.advisor_20260301",)),
        ({"tools": [{"type": "mcp_toolset"}]}, ("tools.mcp_toolset",)),
        ({"mcp_servers": [{"url": "https://a"}]}, ("mcp_servers",)),
        ({"mcp_servers": []}, ()),
        ({"container": "container_1"}, ("container",)),
        (
            {"context_management": {"edits": [{"type": "compact_20260112"}]}},
            ("context_management.compact_20260112",),
        ),
        ({"context_management": {"edits": [{"type": "clear_thinking_20251015"}]}}, ()),
        ({"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}}, ()),
    ],
)
def test_what_makes_the_cost_open_is_named(fields: dict[str, Any], names: tuple[str, ...]) -> None:
    assert call_of(MESSAGES, messages(**fields)).shape.unbounded == names


def test_fast_mode_is_a_tier_of_its_own() -> None:
    call = call_of(MESSAGES, messages(speed="fast", service_tier="auto"))
    assert call.shape.service_tier == "fast"
