"""What every wire format's answer reader is made of: tolerant decoding, and counting text."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol, TypeVar

import msgspec

from outlay.kernel.findings import Finding
from outlay.usage.answer import Answer
from outlay.usage.tokens import utf8_bytes

DONE = b"[DONE]"
"""The payload that ends an OpenAI chat stream."""
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""All that decoding hostile bytes may raise."""
UNREADABLE_EVENT = "answer.unreadable_event"
MAX_STATED_USD = 1_000_000
"""A stated charge of one call above this is taken for nonsense."""

_TEXT_KEYS = ("text", "content", "thinking", "arguments", "function", "code", "name")
_NANOS = Decimal(1_000_000_000)
_TICKS_PER_NANO = 10
"""xAI states costs in ticks of 1e-10 USD (metering_pitfalls, against the real bill)."""

_Shape = TypeVar("_Shape")


class AnswerFormat(Protocol):
    """Reads the answers of one wire format into an `Answer`. Never raises, whatever it is fed."""

    answer: Answer

    def read_event(self, payload: bytes) -> None:
        """Read one event of a stream."""
        ...

    def read_whole(self, body: bytes) -> None:
        """Read an answer that came in one piece."""
        ...


def count_text(answer: Answer, text: object) -> None:
    """Count a piece of text as it passes, or all text within a JSON value; none of it is kept."""
    answer.text_bytes_seen += utf8_bytes(text) if isinstance(text, str) else text_bytes(text)


def text_bytes(value: object, depth: int = 0) -> int:
    """Count the bytes of the text in a JSON value: strings under the keys that carry text."""
    if isinstance(value, str):
        return utf8_bytes(value)
    if depth > 8:  # noqa: PLR2004  # no format nests its text deeper
        return 0
    inner: Iterable[object] = ()
    if isinstance(value, list):
        inner = value
    elif isinstance(value, dict):
        inner = (value[key] for key in _TEXT_KEYS if key in value)
    return sum(text_bytes(one, depth + 1) for one in inner)


def decode_object(payload: bytes) -> dict[str, Any] | None:
    """Decode a JSON object; None when it is something else or not to be read."""
    try:
        value = msgspec.json.decode(payload)
    except UNREADABLE:
        return None
    return value if isinstance(value, dict) else None


def decode_as(decoder: msgspec.json.Decoder[_Shape], payload: bytes) -> _Shape | None:
    """Decode with a typed decoder; None when it does not fit."""
    try:
        return decoder.decode(payload)
    except UNREADABLE:
        return None


def note_unreadable(answer: Answer) -> None:
    """Record, once, that an event of the stream could not be read."""
    if not any(finding.code == UNREADABLE_EVENT for finding in answer.findings):
        answer.findings.append(
            Finding(
                UNREADABLE_EVENT, "wire", "an event of the stream is no JSON that fits its wire"
            )
        )


def text_or_none(value: object) -> str | None:
    """Return a value that is a string with something in it, else None."""
    return value if isinstance(value, str) and value else None


def member(value: object, *names: str) -> Any:
    """Follow member names into nested JSON objects; None where one is missing."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def stated_nanos(usage: dict[str, Any]) -> int | None:
    """Read a charge that a usage object states, rounded half to even to a nano-dollar.

    OpenRouter: `cost` in USD, unless the caller brought a key of their own (then it is zero and the
    charge comes from elsewhere). xAI: `cost_in_usd_ticks`. JSON numbers are written with the digits
    they have, so the decimal text of the number is exact.
    """
    ticks = usage.get("cost_in_usd_ticks")
    if type(ticks) is int and 0 <= ticks <= MAX_STATED_USD * 10**10:
        return round(Decimal(ticks) / _TICKS_PER_NANO)
    if usage.get("is_byok") is not False:
        return None
    cost = usage.get("cost")
    if isinstance(cost, bool) or not isinstance(cost, int | float):
        return None
    try:
        amount = Decimal(str(cost))
        return round(amount * _NANOS) if 0 <= amount <= MAX_STATED_USD else None
    except (InvalidOperation, ValueError, OverflowError):
        return None
