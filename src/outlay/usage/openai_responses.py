"""OpenAI's Responses usage: cached tokens lie within input, reasoning within output.

Tokens of generated images are stated beside the usage (`tool_usage.image_gen`); they were spent by
an image model and are a pass of their own.
"""

from collections.abc import Mapping
from typing import Any

from outlay.usage.meters import Meter
from outlay.usage.reading import Reading, Tally

IMAGE_MODEL = "gpt-image-1"
"""Who draws when the tool names no model. Source: OpenAI guide, image generation tool (2025-04)."""


def read_responses_usage(usage: Mapping[str, Any]) -> Reading | None:
    """Read a Responses usage object; None when it states neither input nor output tokens."""
    tally = Tally("openai_responses")
    given = tally.find(usage, "input_tokens")
    produced = tally.find(usage, "output_tokens")
    if given is None and produced is None:
        return None
    details = usage.get("input_tokens_details")
    tally.divide(
        given or 0,
        Meter.INPUT,
        (
            (Meter.CACHE_READ, tally.count(details, "cached_tokens")),
            (Meter.CACHE_WRITE, tally.count(details, "cache_write_tokens")),
        ),
    )
    reasoning = tally.count(usage.get("output_tokens_details"), "reasoning_tokens")
    tally.divide(produced or 0, Meter.OUTPUT, ((Meter.REASONING, reasoning),))
    text, drawing = tally.reading(), _read_drawing(usage)
    if drawing is None:
        return text
    return Reading(text.passes + drawing.passes, text.findings + drawing.findings)


def _read_drawing(usage: Mapping[str, Any]) -> Reading | None:
    tool_usage = usage.get("tool_usage")
    images = tool_usage.get("image_gen") if isinstance(tool_usage, dict) else None
    if not isinstance(images, dict):
        return None
    tally = Tally("openai_responses/image_generation")
    for name, text, image in (
        ("input", Meter.INPUT, Meter.INPUT_IMAGE),
        ("output", Meter.OUTPUT, Meter.OUTPUT_IMAGE),
    ):
        of_images = tally.count(images.get(f"{name}_tokens_details"), "image_tokens")
        tally.divide(tally.count(images, f"{name}_tokens"), text, ((image, of_images),))
    return tally.reading(str(images.get("model") or IMAGE_MODEL)) if tally.quantities else None
