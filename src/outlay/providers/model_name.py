"""Puts the provider's name of a model where the caller wrote another: the only change to a body.

The new name is spliced into the text, so everything else stays byte for byte as it came. Where a
value begins and ends is told by the standard library's JSON scanner.
"""

import json
import re
from collections.abc import Iterator

Place = tuple[str, ...]
"""A way to a value: member names, and `*` for each element of an array."""

TOP_LEVEL: tuple[Place, ...] = (("model",),)
"""Where OpenAI's and Anthropic's formats name the model."""
GEMINI: tuple[Place, ...] = (
    ("model",),
    ("requests", "*", "model"),
    ("generateContentRequest", "model"),
    ("generate_content_request", "model"),
)
"""Where Gemini's bodies repeat the model of the path; both must agree."""

_BLANKS = re.compile(r"[ \t\n\r]*")
_PREFIX = "models/"


def rename_model(body: bytes, called: str, served: str, places: tuple[Place, ...]) -> bytes:
    """Write `served` wherever one of the places holds `called` (or `models/` and `called`).

    `body` is a JSON object in UTF-8.

    Raises:
        ValueError: it is not.
    """
    text = body.decode()
    start = _skip_blanks(text, 0)
    if not text.startswith("{", start):
        raise ValueError("the body is not a JSON object")
    try:
        spans = sorted(span for place in places for span in _find_values(text, start, place))
    except (IndexError, RecursionError) as error:
        raise ValueError("the body is not a JSON object") from error
    pieces, written = [], 0
    for begin, end in spans:
        name = _new_name(text[begin:end], called, served)
        if name is not None:
            pieces += [text[written:begin], json.dumps(name, ensure_ascii=False)]
            written = end
    return "".join([*pieces, text[written:]]).encode()


def _new_name(value: str, called: str, served: str) -> str | None:
    name = json.loads(value) if value.startswith('"') else None
    if name == called:
        return served
    return _PREFIX + served if name == _PREFIX + called else None


def _find_values(text: str, at: int, place: Place) -> Iterator[tuple[int, int]]:
    """Yield begin and end of every value at `place` within the container that begins at `at`."""
    for name, begin, end in _children(text, at):
        if name == place[0] and len(place) == 1:
            yield begin, end
        elif name == place[0] and text[begin] in "{[":
            yield from _find_values(text, begin, place[1:])


def _children(text: str, at: int) -> Iterator[tuple[str, int, int]]:
    """Yield name (`*` in an array), begin and end of each child of the container at `at`."""
    is_object = text[at] == "{"
    scanner = json.JSONDecoder(parse_int=len, parse_float=len)  # numbers only have to be passed
    at = _skip_blanks(text, at + 1)
    while text[at] not in "}]":
        name = "*"
        if is_object:
            name, at = scanner.raw_decode(text, at)
            at = _skip_blanks(text, _skip_blanks(text, at) + len(":"))
        _, end = scanner.raw_decode(text, at)
        yield name, at, end
        at = _skip_blanks(text, end)
        if text[at] == ",":
            at = _skip_blanks(text, at + 1)


def _skip_blanks(text: str, at: int) -> int:
    match = _BLANKS.match(text, at)
    return match.end() if match else at
