"""One value: recorded exactly as sent, or refused with the reason. Never cut, never guessed."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.attribution.dimensions import ID_DIMENSIONS, Dimension, Source, Value
from outlay.attribution.values import (
    MAX_ID_BYTES,
    MAX_NAME_BYTES,
    MAX_VERBATIM_ID_BYTES,
    BadValue,
    Rules,
    normalise,
    parse_value,
    read_value,
)

_RULES = Rules(hash_value=lambda text: f"hmac:{len(text)}")
_VISIBLE = st.text(
    st.characters(
        exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp", "Zs"),
        exclude_characters="\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0",
    ),
    min_size=1,
    max_size=60,
)


def _read(raw: bytes, dimension: Dimension = Dimension.FEATURE) -> Value | None:
    return read_value(raw, dimension, Source.HEADER, _RULES)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"ticket-resolver", "ticket-resolver"),
        (b"  ticket resolver \t", "ticket resolver"),
        (b"A/B_c.1:2", "A/B_c.1:2"),
        ("café".encode(), "café"),
        ("cafe\u0301".encode(), "café"),
        ("\u3000東京\u00a0".encode(), "東京"),
        ("👍🏽".encode(), "👍🏽"),
    ],
)
def test_a_value_is_trimmed_and_composed_and_nothing_else(raw: bytes, text: str) -> None:
    assert Value(text, Source.HEADER) == _read(raw)


@pytest.mark.parametrize("raw", [b"", b" ", b"\t \t", "\u00a0\u3000".encode()])
def test_a_blank_value_is_absent(raw: bytes) -> None:
    assert _read(raw) is None


@pytest.mark.parametrize("character", [
    "\x00", "\x1f", "\x7f", "\x85", "\n", "\u200b", "\u200d", "\u2060", "\ufeff", "\u202e",
    "\u2066", "\u061c", "\u00ad", "\u2028", "\u2029", "\u3164", "\u180e", "\U000e0041",
])  # fmt: skip
@pytest.mark.parametrize("pattern", ["a{}b", "{}b", "a{}"])
def test_a_character_that_cannot_be_seen_is_refused(character: str, pattern: str) -> None:
    """Two values that look alike would otherwise be two users, or one could hide as another."""
    with pytest.raises(BadValue, match=f"U\\+{ord(character):04X}"):
        _read(pattern.format(character).encode())


def test_a_tab_within_is_refused_and_at_the_ends_is_a_blank() -> None:
    assert _read(b"\tabc\t") == Value("abc", Source.HEADER)
    with pytest.raises(BadValue, match=r"U\+0009"):
        _read(b"a\tb")


@pytest.mark.parametrize("raw", [b"\xff", b"caf\xe9", b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf"])
def test_invalid_utf8_is_refused(raw: bytes) -> None:
    with pytest.raises(BadValue, match="not valid UTF-8"):
        _read(raw)


def test_a_name_has_at_most_256_bytes() -> None:
    assert _read(b"n" * MAX_NAME_BYTES) == Value("n" * MAX_NAME_BYTES, Source.HEADER)
    with pytest.raises(BadValue, match="257 bytes, the limit is 256"):
        _read(b"n" * (MAX_NAME_BYTES + 1))
    with pytest.raises(BadValue, match="the limit is 256"):
        _read(("é" * 129).encode())


def test_blanks_around_do_not_count() -> None:
    assert _read(b"  " + b"n" * MAX_NAME_BYTES + b"  ") is not None


@pytest.mark.parametrize("dimension", sorted(ID_DIMENSIONS))
def test_a_long_id_is_hashed_whole_and_a_huge_one_refused(dimension: Dimension) -> None:
    kept = _read(b"i" * MAX_VERBATIM_ID_BYTES, dimension)
    assert kept == Value("i" * MAX_VERBATIM_ID_BYTES, Source.HEADER)
    hashed = _read(b"i" * (MAX_VERBATIM_ID_BYTES + 1), dimension)
    assert hashed == Value("hmac:1025", Source.HEADER, hashed=True)
    assert _read(b"i" * MAX_ID_BYTES, dimension) == Value("hmac:8192", Source.HEADER, hashed=True)
    with pytest.raises(BadValue, match="8193 bytes, the limit is 8192"):
        _read(b"i" * (MAX_ID_BYTES + 1), dimension)


@pytest.mark.parametrize(
    "secret",
    [
        b"sk-outlay-abcdefghijklmnopqrstuvwxyz012345",
        b"sk-ant-api03-abcdefghijklmnop",
        b"AIzaSyA1234567890abcdefghijklmnopqrstuv",
        b"gsk_abcdefghijklmnopqrstuvwx",
    ],
)
@pytest.mark.parametrize("dimension", [Dimension.USER, Dimension.FEATURE])
def test_a_credential_is_never_recorded(secret: bytes, dimension: Dimension) -> None:
    value = _read(secret, dimension)
    assert value is not None
    assert value.hashed
    assert secret.decode() not in repr(value)


def test_a_secret_of_ours_is_never_recorded_whatever_its_shape() -> None:
    rules = Rules(_RULES.hash_value, is_known_secret=lambda text: text == "our own odd secret 1")
    value = read_value(b"our own odd secret 1", Dimension.USER, Source.HEADER, rules)
    assert value == Value("hmac:20", Source.HEADER, hashed=True)


def test_a_session_token_is_recorded_as_it_is() -> None:
    """Customers use tokens as user ids; they are opaque to us and only masked on screens."""
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlLW9mLWFkYQ"
    assert _read(token.encode(), Dimension.USER) == Value(token, Source.HEADER)


@given(_VISIBLE)
def test_any_visible_text_is_recorded_in_its_composed_form(text: str) -> None:
    value = parse_value(text, Dimension.USER, Source.BODY, _RULES)
    assert value is None or value.hashed or value.text == unicodedata.normalize("NFC", text).strip()


@given(st.binary(max_size=400))
def test_any_bytes_give_a_value_absence_or_a_reason(raw: bytes) -> None:
    try:
        value = _read(raw, Dimension.USER)
    except BadValue:
        return
    assert value is None or value.text == value.text.strip()
    assert value is None or value.text.encode()


@given(st.text(max_size=300))
def test_reading_bytes_and_parsing_text_agree(text: str) -> None:
    """The fast path for ASCII decides as the full one does."""
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        return
    assert _answer(lambda: _read(raw, Dimension.USER)) == _answer(
        lambda: parse_value(text, Dimension.USER, Source.HEADER, _RULES)
    )


@given(st.text(max_size=100))
def test_normalising_twice_changes_nothing(text: str) -> None:
    try:
        once = normalise(text)
    except BadValue:
        return
    assert once == normalise(once)


def _answer(read) -> object:  # type: ignore[no-untyped-def]
    try:
        return read()
    except BadValue:
        return BadValue
