"""What a Responses body says about its cost and about input that is elsewhere."""

from typing import Any

import pytest

from tests.wire.calls import COUNT_INPUT, RESPONSES, call_of, refused


def response(**fields: Any) -> dict[str, Any]:
    return {"model": "gpt-5", "input": "hello", **fields}


def test_a_plain_call_is_bounded() -> None:
    call = call_of(RESPONSES, response(max_output_tokens=50, stream=True, service_tier="priority"))
    assert (call.shape.output_limit, call.stream, call.shape.service_tier) == (50, True, "priority")
    assert (call.shape.message_count, call.shape.by_reference, call.shape.unbounded) == (1, (), ())


@pytest.mark.parametrize(
    ("fields", "reference"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": {"id": "conv_1"}}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "item_reference"),
    ],
)
def test_stored_input_is_named(fields: dict[str, Any], reference: str) -> None:
    assert call_of(RESPONSES, response(**fields)).shape.by_reference == (reference,)


@pytest.mark.parametrize(
    ("part", "images", "documents", "reference"),
    [
        ({"type": "input_image", "image_url": "data:image/png;base64,AAAA"}, 1, 0, ()),
        ({"type": "input_image", "image_url": "https://a/b.png"}, 1, 0, ("image_url",)),
        ({"type": "input_image", "file_id": "file-1"}, 0, 0, ("file_id",)),
        ({"type": "input_file", "file_url": "https://a/b.pdf"}, 0, 0, ("file_url",)),
        ({"type": "input_file", "file_id": "file-1"}, 0, 0, ("file_id",)),
        ({"type": "input_file", "file_data": "data:application/pdf;base64,AAAA"}, 0, 3, ()),
        ({"type": "input_file", "file_data": "data:image/png;base64,AAAA"}, 1, 0, ()),
    ],
)
def test_parts_of_messages_and_of_tool_results_are_counted_alike(
    part: dict[str, Any], images: int, documents: int, reference: tuple[str, ...]
) -> None:
    message = {"role": "user", "content": [part]}
    result = {"type": "function_call_output", "call_id": "c", "output": [part]}
    for item in (message, result):
        shape = call_of(RESPONSES, response(input=[item])).shape
        assert (shape.image_count, shape.document_bytes) == (images, documents)
        assert shape.by_reference == reference


def test_a_screenshot_is_an_image() -> None:
    output = {"type": "computer_screenshot", "image_url": "data:image/png;base64,AAAA"}
    item = {"type": "computer_call_output", "output": output}
    assert call_of(RESPONSES, response(input=[item])).shape.image_count == 1


@pytest.mark.parametrize(
    ("tool", "names"),
    [
        ({"type": "function", "name": "f"}, ()),
        ({"type": "custom", "name": "f"}, ()),
        ({"type": "local_shell"}, ()),
        ({"type": "apply_patch"}, ()),
        ({"type": "tool_search", "execution": "client"}, ()),
        ({"type": "tool_search"}, ("tools.tool_search",)),
        ({"type": "shell", "environment": {"type": "local"}}, ()),
        ({"type": "shell", "environment": {"type": "container_auto"}}, ("tools.shell",)),
        ({"type": "shell"}, ("tools.shell",)),
        ({"type": "namespace", "tools": [{"type": "function"}]}, ()),
        ({"type": "namespace", "tools": [{"type": "web_search"}]}, ("tools.web_search",)),
        ({"type": "web_search"}, ("tools.web_search",)),
        ({"type": "web_search_preview_2025_03_11"}, ("tools.web_search_preview_2025_03_11",)),
        ({"type": "file_search", "vector_store_ids": ["v"]}, ("tools.file_search",)),
        ({"type": "code_interpreter"}, ("tools.code_interpreter",)),
        ({"type": "computer_use_preview"}, ("tools.computer_use_preview",)),
        ({"type": "image_generation"}, ("tools.image_generation",)),
        ({"type": "mcp", "server_url": "https://a"}, ("tools.mcp",)),
        ({"type": "something_new"}, ("tools.something_new",)),
    ],
)
def test_tools_that_are_not_known_to_run_at_the_caller_make_the_cost_open(
    tool: dict[str, Any], names: tuple[str, ...]
) -> None:
    call = call_of(RESPONSES, response(tools=[tool]))
    assert call.shape.unbounded == names
    assert call.has_tools


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"background": True}, ("background",)),
        ({"background": False}, ()),
        ({"context_management": [{"type": "compaction"}]}, ("context_management",)),
        ({"context_management": []}, ()),
    ],
)
def test_later_work_and_more_passes_make_the_cost_open(
    fields: dict[str, Any], names: tuple[str, ...]
) -> None:
    call = call_of(RESPONSES, response(**fields))
    assert call.shape.unbounded == names
    assert call.background is (names == ("background",))


def test_a_stored_prompt_may_bring_the_model() -> None:
    call = call_of(RESPONSES, {"prompt": {"id": "pmpt_1"}})
    assert call.model is None


def test_counting_input_can_do_without_a_model() -> None:
    assert call_of(COUNT_INPUT, {"input": "x"}).model is None
    assert refused(RESPONSES, {"input": "x"}).field == "model"


def test_codex_names_its_session_in_the_prompt_cache_key() -> None:
    call = call_of(RESPONSES, response(prompt_cache_key="thread-1", safety_identifier="u"))
    assert (call.codex_session, call.end_user) == ("thread-1", "u")
