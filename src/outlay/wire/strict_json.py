"""Reading a request body so that nobody can read it differently: strict JSON, each field once.

What is refused here would be read one way by us and another way by some provider: bytes that are
not UTF-8, NaN, half of a surrogate pair, a field given twice, nesting without end. The body itself
is never changed.
"""

import re
from itertools import accumulate
from typing import TypeVar

import msgspec

from outlay.kernel.errors import Category, Refused

MAX_DEPTH = 256
"""Nested arrays and objects (product.md 14)."""
MAX_CONTAINERS = 250_000
"""Arrays and objects of one body. A 32 MiB body of `{}` would decode to gigabytes; a conversation
of a million tokens has some ten thousand."""

_NOT_STRUCTURE = bytes(set(range(256)) - set(b'"[]{}'))
_STRINGS = re.compile(rb'"[^"]*"')
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_SURROGATES = re.compile(
    rb"\\\\"  # an escaped backslash: what follows is text
    rb"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"  # half of one
)


class Field:
    """The value of a field that was read; `value` is None for an absent field as for a null one.

    Being a type of its own makes msgspec hand over each occurrence of a field, which is how a field
    that is given twice is noticed without a second pass over the body.
    """

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value

    def whole(self, least: int = 1) -> int | None:
        """Return the value if it is an integer of at least `least`, else None."""
        value = self.value
        return value if type(value) is int and value >= least else None

    def text(self) -> str | None:
        """Return the value if it is a string that is not empty, else None."""
        value = self.value
        return value if isinstance(value, str) and value else None

    def member(self, name: str) -> object:
        """Return a member of the value if it is an object, else None."""
        return self.value.get(name) if isinstance(self.value, dict) else None


ABSENT = Field(None)
"""A field that the body does not have."""

_Body = TypeVar("_Body", bound=msgspec.Struct)


def read_object(body: bytes, shape: type[_Body]) -> _Body | Refused:
    """Read the fields of `shape`, a Struct of `Field`s, from the JSON object that `body` is."""
    try:
        str(body, "utf-8")
    except UnicodeDecodeError as error:
        return _invalid(f"it is not valid UTF-8 at byte {error.start}. Send JSON as UTF-8")
    return _find_too_much(body) or _decode(body, shape)


def refuse_field(field: str, message: str) -> Refused:
    """Refuse a call for one field of its body; `message` says what is wrong and what to do."""
    return Refused("invalid_request", Category.INVALID, message, field=field)


def _decode(body: bytes, shape: type[_Body]) -> _Body | Refused:
    seen = 0

    def count(_kind: type, value: object) -> Field:
        nonlocal seen
        seen += 1
        return Field(value)

    try:
        read = msgspec.json.decode(body, type=shape, dec_hook=count)
    except msgspec.ValidationError as error:
        return _invalid(_unfit(body, error))
    except msgspec.DecodeError as error:
        return _invalid(_malformed(body, error))
    fields = msgspec.structs.astuple(read)
    return read if seen == len(fields) - fields.count(ABSENT) else _invalid(_twice(shape))


def _find_too_much(body: bytes) -> Refused | None:
    """Refuse nesting or counts beyond the limits; cheap when there are few brackets at all."""
    openers = body.count(b"[") + body.count(b"{")
    if openers <= MAX_DEPTH:
        return None
    if _depth(body) > MAX_DEPTH:
        return _invalid(f"it nests arrays and objects deeper than {MAX_DEPTH} levels. Flatten it")
    if openers > MAX_CONTAINERS:
        return _invalid(f"it has more than {MAX_CONTAINERS} arrays and objects. Split the call")
    return None


def _depth(body: bytes) -> int:
    """Find the deepest nesting, brackets within strings left out.

    Two quotes with no bracket between them go first: dropping them leaves in and out of strings as
    it was, and takes nearly all of the text away at once.
    """
    if b"\\" in body:
        body = body.replace(rb"\\", b"").replace(rb"\"", b"")
    quoted = body.translate(None, _NOT_STRUCTURE).replace(b'""', b"")
    plain = _STRINGS.sub(b"", quoted).replace(b'"', b"")
    return max(accumulate(memoryview(plain.translate(_STEPS)).cast("b")), default=0)


def _unfit(body: bytes, error: msgspec.ValidationError) -> str:
    if body.lstrip(b" \t\r\n")[:1] != b"{":
        return "it is not a JSON object. Send one object with the call's parameters"
    return f"{str(error)[:200]}. Numbers must fit a 64-bit integer or float"


def _malformed(body: bytes, error: msgspec.DecodeError) -> str:
    for match in _SURROGATES.finditer(body):
        if match[1]:
            return (
                f"it has half of a surrogate pair at byte {match.start()}, which is no character. "
                "Send text that encodes as UTF-8"
            )
    if not body.strip():
        return "it is empty. Send one JSON object with the call's parameters"
    return f"it is not valid JSON ({str(error)[:200]}). Correct it and send the call again"


def _twice(shape: type[msgspec.Struct]) -> str:
    names = ", ".join(shape.__struct_encode_fields__)
    return f"it gives a field twice, and readers differ in which one counts. Once each: {names}"


def _invalid(what: str) -> Refused:
    return Refused("invalid_request", Category.INVALID, f"The request body cannot be read: {what}.")
