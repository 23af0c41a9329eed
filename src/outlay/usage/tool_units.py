"""Hosted tools: which uses have a fee, and on which meter they count."""

from collections.abc import Mapping

from outlay.usage.meters import Meter

FREE = frozenset(
    {
        "web_fetch_requests",  # Anthropic: the tokens fetched are all it costs
        "mcp_call",  # OpenAI: the tokens exchanged are all it costs
        "computer_call",  # OpenAI: runs at the caller
    }
)
_METERS = {
    "web_search_call": Meter.WEB_SEARCH,
    "web_search_requests": Meter.WEB_SEARCH,
    "file_search_call": Meter.FILE_SEARCH,
    "image_generation_call": Meter.IMAGE_GENERATION,
}
_RUN_CODE = frozenset({"code_interpreter_call", "code_execution", "shell_call"})
CONTAINER = "container:"
"""How the entries begin that name a container; each counts once, however often it ran."""
GOOGLE_SEARCH = "google_search"


def read_tool_units(
    units: Mapping[str, int], *, search_by_query: bool, images_in_tokens: bool
) -> dict[Meter, int]:
    """Turn uses of hosted tools, by the provider's own names, into meters.

    Args:
        units: as gathered in an `Answer`.
        search_by_query: Google Search is billed for each query rather than for the prompt.
        images_in_tokens: generated images are stated in tokens, so that they have no unit besides.
    """
    quantities: dict[Meter, int] = {}
    containers = sum(name.startswith(CONTAINER) for name in units)
    for name, count in units.items():
        if count <= 0 or name in FREE or name.startswith(CONTAINER):
            continue
        if name in _RUN_CODE:
            quantities[Meter.CODE_EXECUTION] = max(containers, 1)
        elif name == GOOGLE_SEARCH:
            meter = Meter.GROUNDED_QUERY if search_by_query else Meter.GROUNDED_PROMPT
            quantities[meter] = count if search_by_query else 1
        elif not (images_in_tokens and name == "image_generation_call"):
            meter = _METERS.get(name, Meter.OTHER_TOOL)
            quantities[meter] = quantities.get(meter, 0) + count
    return quantities
