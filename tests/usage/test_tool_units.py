"""Which uses of hosted tools have a fee, and on which meter they count."""

import pytest

from outlay.usage.meters import Meter
from outlay.usage.tool_units import read_tool_units


@pytest.mark.parametrize(
    ("units", "quantities"),
    [
        ({"web_search_call": 2}, {Meter.WEB_SEARCH: 2}),
        ({"web_search_requests": 2}, {Meter.WEB_SEARCH: 2}),
        ({"file_search_call": 3}, {Meter.FILE_SEARCH: 3}),
        ({"image_generation_call": 1}, {Meter.IMAGE_GENERATION: 1}),
        ({"code_execution": 4}, {Meter.CODE_EXECUTION: 1}),
        ({"code_interpreter_call": 3, "container:a": 1}, {Meter.CODE_EXECUTION: 1}),
        (
            {"code_interpreter_call": 3, "container:a": 1, "container:b": 1},
            {Meter.CODE_EXECUTION: 2},
        ),
        ({"web_fetch_requests": 9, "mcp_call": 9, "computer_call": 9}, {}),
        ({"google_search": 3}, {Meter.GROUNDED_QUERY: 3}),
        ({"google_maps": 1, "something_new_call": 2}, {Meter.OTHER_TOOL: 3}),
        ({"web_search_call": 0}, {}),
    ],
)
def test_each_use_counts_on_its_meter(units: dict[str, int], quantities: dict[Meter, int]) -> None:
    assert read_tool_units(units, search_by_query=True, images_in_tokens=False) == quantities


def test_up_to_gemini_2_the_prompt_is_billed_and_not_its_queries() -> None:
    units = read_tool_units({"google_search": 3}, search_by_query=False, images_in_tokens=False)
    assert units == {Meter.GROUNDED_PROMPT: 1}


def test_an_image_whose_tokens_are_stated_is_no_unit_besides() -> None:
    units = {"image_generation_call": 1}
    assert read_tool_units(units, search_by_query=True, images_in_tokens=True) == {}
