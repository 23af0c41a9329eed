"""Ids of our own: a prefix that names the kind, then 26 characters that sort by time.

The layout is ULID's (48 bits of milliseconds, 80 random bits, Crockford base32, lower case). An id
is made once, before the work it names, so that doing the work again under it is harmless.
"""

import os
import random
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
_PAIRS = [a + b for a in _CROCKFORD for b in _CROCKFORD]
_TIME_SHIFTS = (40, 30, 20, 10, 0)
_RANDOM_DIGITS = 16
_random = random.Random()  # noqa: S311  an id is a name and no secret
os.register_at_fork(after_in_child=_random.seed)


def new_id(prefix: str, now_us: int) -> str:
    """Make an id of the kind `prefix` at the instant `now_us`.

    The generator is our own, so that nobody else's seed decides, and is seeded by the system once:
    to ask the system at every call would let go of the interpreter's lock each time.
    """
    tail = _random.randbytes(_RANDOM_DIGITS).translate(_DIGIT_OF_BYTE).decode()
    return f"{prefix}_{_time_text(now_us // 1000)}{tail}"


def _time_text(now_ms: int) -> str:
    """Write 48 bits of milliseconds as ten digits."""
    return "".join([_PAIRS[now_ms >> shift & 1023] for shift in _TIME_SHIFTS])


def new_request_id(now_us: int) -> RequestId:
    """Make the id of a call."""
    return RequestId(new_id("req", now_us))


def new_boot_id(now_us: int) -> BootId:
    """Make the id of a worker's life."""
    return BootId(new_id("boot", now_us))


def new_key_id(now_us: int) -> KeyId:
    """Make the id of an API key."""
    return KeyId(new_id("key", now_us))
