"""One attribution value: from the bytes that were sent to the text recorded, or the reason why not.

Values are compared exactly as recorded: strict UTF-8, normalised to NFC, without leading and
trailing blanks; nothing is cut. Source: docs/adr/0010-attribution.md.
"""

import unicodedata
from collections.abc import Callable

import msgspec

from outlay.attribution.dimensions import ID_DIMENSIONS, Dimension, Source, Value
from outlay.identity.credential_shapes import MIN_SECRET_CHARS, has_secret

MAX_NAME_BYTES = 256
"""The longest name (feature, department, project …)."""
MAX_VERBATIM_ID_BYTES = 1_024
"""The longest id (user, session, run) that is recorded as it was sent."""
MAX_ID_BYTES = 8_192
"""The longest id accepted; above `MAX_VERBATIM_ID_BYTES` only its keyed hash is recorded."""

_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
"""Letters and marks that show as nothing although Unicode does not call them format characters."""


class Rules(msgspec.Struct, frozen=True, gc=False):
    """How values become recorded ones: the keyed hash, and whether a text is a secret of ours."""

    hash_value: Callable[[str], str]
    is_known_secret: Callable[[str], bool] | None = None


class BadValue(ValueError):
    """A value that may not be recorded; the text says what is wrong with it and the limit."""


def read_value(raw: bytes, dimension: Dimension, source: Source, rules: Rules) -> Value | None:
    """Read a value as sent in a header; None when it is empty or blank.

    Raises:
        BadValue: too long, not UTF-8, or with a character that cannot be seen.
    """
    if len(raw) <= MAX_NAME_BYTES and raw.isascii():
        text = raw.decode("ascii").strip(" \t")
        if text.isprintable():  # nearly every value: no control characters, nothing to normalise
            return _to_value(text, source, rules) if text else None
    return parse_value(_decode(raw), dimension, source, rules)


def parse_value(text: str, dimension: Dimension, source: Source, rules: Rules) -> Value | None:
    """Read a value as found in a body, a configuration or an import; None when it is blank.

    Raises:
        BadValue: as `read_value`.
    """
    text = normalise(text)
    if not text:
        return None
    size_bytes = len(text.encode())
    max_bytes = MAX_ID_BYTES if dimension in ID_DIMENSIONS else MAX_NAME_BYTES
    if size_bytes > max_bytes:
        raise BadValue(f"it has {size_bytes} bytes, the limit is {max_bytes}")
    if size_bytes > MAX_VERBATIM_ID_BYTES:
        return Value(rules.hash_value(text), source, hashed=True)
    return _to_value(text, source, rules)


def normalise(text: str) -> str:
    """Bring a text to the form values are compared in: NFC, without leading and trailing blanks.

    Raises:
        BadValue: a control, line-separator, bidi-control or zero-width character stands in it.
    """
    text = text.strip(" \t")
    if text.isascii() and text.isprintable():
        return text
    for character in text:
        if unicodedata.category(character) in _FORBIDDEN_CATEGORIES or character in _INVISIBLE:
            raise BadValue(
                f"it contains the invisible character U+{ord(character):04X}; control, bidi and "
                "zero-width characters are not accepted"
            )
    return unicodedata.normalize("NFC", text).strip()


def _decode(raw: bytes) -> str:
    if len(raw) > MAX_ID_BYTES:
        raise BadValue(f"it has {len(raw)} bytes, the limit is {MAX_ID_BYTES}")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadValue(f"byte {error.start + 1} is not valid UTF-8") from error


def _to_value(text: str, source: Source, rules: Rules) -> Value:
    """Keep a text verbatim, unless it is a credential that somebody put in the wrong place."""
    if len(text) < MIN_SECRET_CHARS:
        return Value(text, source)
    known = rules.is_known_secret
    if has_secret(text) or (known is not None and known(text)):
        return Value(rules.hash_value(text), source, hashed=True)
    return Value(text, source)
