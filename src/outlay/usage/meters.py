"""The registry of meters: everything that can be consumed, as disjoint quantities.

No two meters count the same token: `input` is fresh text input only, `output` is text output
without reasoning. A total over inputs or outputs is the sum of its meters. Media meters are tokens
unless the name says otherwise. Tool units are counted apart, since they are fees and not tokens.

Where a price list has no rate of its own for a token meter, the provider bills it as the plainer
one: `reasoning` and output media as `output`, input media as `input`, cached media as `cache_read`,
`cache_write` (its lifetime is not stated) as `cache_write_5m`. What one tool unit is:

* `web_search`: one search (an OpenAI search action, an Anthropic web search).
* `file_search`: one call of hosted file search.
* `code_execution`: one container that ran code, however many runs it made.
* `image_generation`: one generated image whose tokens are not stated.
* `grounded_prompt`: one prompt answered with Google Search (Gemini up to 2.5).
* `grounded_query`: one distinct Google Search query (Gemini from 3 on).
* `other_tool`: one use of a hosted tool that has a fee and no meter of its own.
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
