"""The registry of meters: everything that can be consumed, as disjoint quantities.

No two meters count the same token: `input` is fresh text input only, `output` is text output
without reasoning. A total over inputs or outputs is the sum of its meters. Media meters are tokens
unless the name says otherwise. Tool units are counted apart, since they are fees and not tokens.
"""

from enum import StrEnum


class Meter(StrEnum):
    """One disjoint quantity of a call."""

    INPUT = "input"
    INPUT_AUDIO = "input_audio"
    INPUT_IMAGE = "input_image"
    INPUT_VIDEO = "input_video"
    CACHE_READ = "cache_read"
    CACHE_READ_AUDIO = "cache_read_audio"
    CACHE_READ_IMAGE = "cache_read_image"
    CACHE_READ_VIDEO = "cache_read_video"
    CACHE_WRITE = "cache_write"
    CACHE_WRITE_5M = "cache_write_5m"
    CACHE_WRITE_1H = "cache_write_1h"
    OUTPUT = "output"
    REASONING = "reasoning"
    OUTPUT_AUDIO = "output_audio"
    OUTPUT_IMAGE = "output_image"
    WEB_SEARCH = "web_search"
    FILE_SEARCH = "file_search"
    CODE_EXECUTION = "code_execution"
    IMAGE_GENERATION = "image_generation"
    GROUNDED_PROMPT = "grounded_prompt"
    GROUNDED_QUERY = "grounded_query"
    OTHER_TOOL = "other_tool"


INPUT_METERS = frozenset(m for m in Meter if m.startswith(("input", "cache_")))
"""Token meters that add up to a call's input."""
OUTPUT_METERS = frozenset({Meter.OUTPUT, Meter.REASONING, Meter.OUTPUT_AUDIO, Meter.OUTPUT_IMAGE})
"""Token meters that add up to a call's output."""
TOKEN_METERS = INPUT_METERS | OUTPUT_METERS
TOOL_METERS = frozenset(Meter) - TOKEN_METERS
"""Units billed beside tokens."""
