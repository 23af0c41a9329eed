"""Readers of one value of a row: each returns it in our units or says what to write instead.

A value is JSON (text, whole number, exact decimal, true/false) or the text of a CSV cell.
"""

import re
from decimal import Decimal

from outlay.intake.problems import FieldError
from outlay.kernel.clock import parse_instant, to_us
from outlay.kernel.money import parse_usd
from outlay.usage.usage import UsageSource

MAX_ID_BYTES = 255
MAX_NAME_BYTES = 256
MAX_DURATION_US = 7 * 24 * 3600 * 1_000_000

_ID = re.compile(r"[\x21-\x7e]+")
_PROVIDER = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
_MILLISECONDS = re.compile(r"(\d{1,12})(?:\.(\d{1,9}))?", re.ASCII)
_MAX_EXPONENT = 20
_MAX_INTEGER_BITS = 63


def read_text(field: str, value: object) -> str:
    """Read text as it stands."""
    if not isinstance(value, str):
        raise FieldError(field, "must be text")
    return value


def read_id(field: str, value: object) -> str:
    """Read an id: visible ASCII, so that it can be typed, logged and put into a URL."""
    text = read_text(field, value)
    if len(text) > MAX_ID_BYTES or not _ID.fullmatch(text):
        raise FieldError(field, f"must be 1 to {MAX_ID_BYTES} visible ASCII characters")
    return text


def read_name(field: str, value: object) -> str:
    """Read a short name such as a model's."""
    text = read_text(field, value)
    too_long = len(text.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES
    if too_long or not text.strip() or _INVISIBLE.search(text):
        raise FieldError(field, f"must be 1 to {MAX_NAME_BYTES} bytes of visible text")
    return text


def read_provider(field: str, value: object) -> str:
    """Read a provider's name as the settings spell it."""
    text = read_text(field, value)
    if not _PROVIDER.fullmatch(text):
        raise FieldError(field, "must be a provider's name such as openai, in lower case")
    return text


def read_instant_us(field: str, value: object) -> int:
    """Read an RFC 3339 instant as microseconds since the epoch."""
    text = read_text(field, value)
    try:
        at_us = to_us(parse_instant(text))
    except (ValueError, OverflowError) as error:
        raise FieldError(field, "must be an instant such as 2026-11-20T12:00:00Z") from error
    if at_us < 0:
        raise FieldError(field, "must lie after 1970")
    return at_us


def read_cost_nanos(field: str, value: object) -> int:
    """Read decimal USD as nanos; exact, never rounded."""
    try:
        nanos = parse_usd(_decimal_text(field, value))
    except ValueError as error:
        reason = error.problem.message if isinstance(error, FieldError) else str(error)
        raise FieldError(field, reason) from error
    if nanos < 0:
        raise FieldError(field, "must not be negative")
    return nanos


def read_status(field: str, value: object) -> int:
    """Read an HTTP status."""
    text = str(value)
    if isinstance(value, bool) or not re.fullmatch(r"[1-5]\d\d", text, re.ASCII):
        raise FieldError(field, "must be an HTTP status from 100 to 599")
    return int(text)


def read_usage_source(field: str, value: object) -> UsageSource:
    """Read who says how much was consumed."""
    text = read_text(field, value)
    if text not in UsageSource.__members__.values():
        raise FieldError(field, f"must be one of {', '.join(UsageSource)}")
    return UsageSource(text)


def read_truth(field: str, value: object) -> bool:
    """Read true or false."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise FieldError(field, "must be true or false")


def read_milliseconds_us(field: str, value: object) -> int:
    """Read a duration in milliseconds as microseconds; finer parts are left out."""
    match = _MILLISECONDS.fullmatch(_decimal_text(field, value).strip())
    if match is None:
        raise FieldError(field, "must be milliseconds, such as 787 or 787.125")
    duration_us = int(match[1]) * 1000 + int((match[2] or "").ljust(3, "0")[:3])
    if duration_us > MAX_DURATION_US:
        raise FieldError(field, "must not be longer than a week")
    return duration_us


def _decimal_text(field: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal) and abs(value.adjusted()) <= _MAX_EXPONENT:
        return f"{value:f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if value.bit_length() <= _MAX_INTEGER_BITS else ""
    raise FieldError(field, "must be a decimal number, such as 0.00673")
