"""Ids of our own: a prefix that names the kind, then 26 characters that sort by time.

The layout is ULID's (48 bits of milliseconds, 80 random bits, Crockford base32, lower case). An id
is made once, before the work it names, so that doing the work again under it is harmless.
"""

import os
from typing import NewType

RequestId = NewType("RequestId", str)
"""`req_…`: one call of a client; also the id of its intent and of its usage event."""
BootId = NewType("BootId", str)
"""`boot_…`: one life of one worker process."""
KeyId = NewType("KeyId", str)
"""`key_…`: one API key (never the secret)."""

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [a + b for a in _CROCKFORD for b in _CROCKFORD]


def new_id(prefix: str, now_us: int) -> str:
    """Make an id of the kind `prefix` at the instant `now_us`."""
    number = (now_us // 1000) << 80 | int.from_bytes(os.urandom(10))
    return prefix + "_" + "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])


def new_request_id(now_us: int) -> RequestId:
    """Make the id of a call."""
    return RequestId(new_id("req", now_us))


def new_boot_id(now_us: int) -> BootId:
    """Make the id of a worker's life."""
    return BootId(new_id("boot", now_us))


def new_key_id(now_us: int) -> KeyId:
    """Make the id of an API key."""
    return KeyId(new_id("key", now_us))
