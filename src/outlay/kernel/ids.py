"""Ids of our own: a prefix that names the kind, then 26 characters that sort by time.

The layout is ULID's (48 bits of milliseconds, 80 random bits, Crockford base32, lower case). An id
is made once, before the work it names, so that doing the work again under it is harmless.
"""

import random
from functools import lru_cache
from typing import NewType

RequestId = NewType("RequestId", str)
"""`req_…`: one call of a client; also the id of its intent and of its usage event."""
BootId = NewType("BootId", str)
"""`boot_…`: one life of one worker process."""
KeyId = NewType("KeyId", str)
"""`key_…`: one API key (never the secret)."""

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_DIGIT_OF_BYTE = _CROCKFORD.encode() * 8
"""A digit for each byte: 256 is eight times 32, so every digit is equally likely."""
_TIME_DIGITS = 10
_RANDOM_DIGITS = 16


def new_id(prefix: str, now_us: int) -> str:
    """Make an id of the kind `prefix` at the instant `now_us`.

    An id is a name and no secret. That is why the process's own generator is enough, which the
    system seeds, and a call of the system for each id is not needed.
    """
    tail = random.randbytes(_RANDOM_DIGITS)  # noqa: S311
    return prefix + "_" + _time_text(now_us // 1000) + tail.translate(_DIGIT_OF_BYTE).decode()


@lru_cache(maxsize=16)
def _time_text(now_ms: int) -> str:
    """Write 48 bits of milliseconds as ten digits."""
    shifts = range(5 * (_TIME_DIGITS - 1), -1, -5)
    return "".join([_CROCKFORD[now_ms >> shift & 31] for shift in shifts])


def new_request_id(now_us: int) -> RequestId:
    """Make the id of a call."""
    return RequestId(new_id("req", now_us))


def new_boot_id(now_us: int) -> BootId:
    """Make the id of a worker's life."""
    return BootId(new_id("boot", now_us))


def new_key_id(now_us: int) -> KeyId:
    """Make the id of an API key."""
    return KeyId(new_id("key", now_us))
