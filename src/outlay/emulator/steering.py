"""Steering: what the caller wants to see happen, told in a header or behind the model's name.

`x-emulate: fault=429; times=2` or model `gpt-4o-mini@fault=reset,at=3`. The header passes through a
gateway, the suffix through anything. An unknown key is an error: a test that steers nothing by a
slip of the pen would pass for the wrong reason.
"""

import re
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from functools import lru_cache

HEADER = "x-emulate"
_SUFFIX = re.compile(r"(.+?)@((?:[a-z_]+=[^,;@]*[,;]?)+)")
_STATUS = re.compile(r"[45]\d\d")


class Fault(StrEnum):
    """What goes wrong. `fault=429` and other error statuses are written as numbers."""

    SLOW = "slow"
    SILENCE = "silence"
    RESET_BEFORE_ANSWER = "reset-before-answer"
    RESET = "reset"
    CUT_MID_STREAM = "cut-mid-stream"
    END_EARLY = "end-early"
    TORN_UTF8 = "torn-utf8"
    BAD_JSON = "bad-json"
    BAD_FRAMING = "bad-framing"
    MISSING_USAGE = "missing-usage"
    ENDLESS_STREAM = "endless-stream"
    WRONG_CONTENT_TYPE = "wrong-content-type"
    HTML_ERROR = "html-error"
    GZIP_BOMB = "gzip-bomb"
    TRICKLE = "trickle"
    ERROR_EVENT = "error-event"
    LONG_LINE = "long-line"
    CLOSE_DELIMITED = "close-delimited"


class OnAbort(StrEnum):
    """What is billed of an answer that is not delivered to its end."""

    PRODUCED = "produced"
    FULL = "full"
    NOTHING = "nothing"


class SteeringError(ValueError):
    """The steering text says nothing that the emulator understands."""


@dataclass(frozen=True, slots=True)
class Steering:
    """How one answer is to be made. None: by the emulator's own rules.

    Attributes:
        fault / status: what goes wrong, or the error status to answer with.
        at: the chunk (counted from 0) before which a mid-stream fault strikes.
        times: only this many calls with the same `x-emulate-id` (or content) meet the fault.
        delay_ms / gap_ms: before the first byte / between chunks.
        tokens_per_second: pace of a stream; 0 is as fast as it goes.
        input_tokens: all text input; cached_tokens, cache_write_tokens lie within it.
        output_tokens / reasoning_tokens: tokens said in each choice, and thought before.
        tool_prompt_tokens: Gemini's input of its own tools, on top of the prompt.
        tier: the service tier served.
        searches, file_searches, queries: server-side tool calls; Gemini's search queries.
        tool_calls: how many of the request's functions to call.
        compaction: 1 makes Anthropic compact the context first.
        background_ms: how long a background response takes.
        chunk_tokens: tokens in a chunk of a stream.
        size_bytes: size of a gzip bomb or of a long line.
        crlf, comments, extra: 1 for CR LF line ends, comment lines, fields nobody knows.
        torn: 1 writes a stream in pieces of one to seven bytes.
        model: the model name the answer carries.
    """

    fault: Fault | None = None
    status: int | None = None
    at: int = 3
    times: int | None = None
    delay_ms: int | None = None
    gap_ms: int | None = None
    tokens_per_second: int | None = None
    retry_after_s: int | None = None
    input_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    input_audio_tokens: int | None = None
    output_tokens: int | None = None
    output_audio_tokens: int | None = None
    reasoning_tokens: int | None = None
    tool_prompt_tokens: int | None = None
    searches: int | None = None
    file_searches: int | None = None
    queries: int | None = None
    tool_calls: int | None = None
    compaction: int = 0
    background_ms: int = 200
    chunk_tokens: int = 1
    size_bytes: int = 64 << 20
    crlf: int = 0
    comments: int = 0
    extra: int = 0
    torn: int = 0
    tier: str | None = None
    model: str | None = None
    bill_on_abort: OnAbort = OnAbort.PRODUCED


UNSTEERED = Steering()
_NUMBERS = frozenset(f.name for f in fields(Steering) if f.type in (int, int | None)) - {"status"}
_WORDS = frozenset({"tier", "model"})


@lru_cache(maxsize=256)
def read_steering(text: str, default: Steering = UNSTEERED) -> Steering:
    """Read `key=value; key=value` (or with commas) on top of a default.

    Raises:
        SteeringError: an unknown key, or a value the key does not take.
    """
    if not text:
        return default
    changes: dict[str, object] = {}
    for part in re.split(r"[;,]", text):
        if part.strip():
            key, _, value = part.partition("=")
            changes |= _read_pair(key.strip(), value.strip())
    return replace(default, **changes)  # type: ignore[arg-type]


def _read_pair(key: str, value: str) -> dict[str, object]:
    try:
        if key == "fault":
            return _read_fault(value)
        if key == "bill_on_abort":
            return {key: OnAbort(value)}
        if key in _NUMBERS:
            return {key: _read_count(value)}
    except ValueError as error:
        raise SteeringError(f"{HEADER}: {value!r} is no value for {key!r}") from error
    if key in _WORDS and value:
        return {key: value}
    raise SteeringError(f"{HEADER}: unknown key {key!r}; see docs/guide/emulator.md")


def _read_count(value: str) -> int:
    if not value.isdecimal():
        raise ValueError("not a count")
    return int(value)


def _read_fault(value: str) -> dict[str, object]:
    if _STATUS.fullmatch(value):
        return {"status": int(value)}
    return {"fault": Fault(value)}


def split_model(model: str) -> tuple[str, str]:
    """Split a model's name from the steering behind it."""
    match = _SUFFIX.fullmatch(model)
    return (match[1], match[2]) if match else (model, "")
