"""A token is never shorter than a byte, and what is spoken counts as what was asked for."""

from hypothesis import given
from hypothesis import strategies as st

from outlay.emulator.tokens import count_tokens, speak, split_tokens

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT)
def test_tokens_joined_again_are_the_text(text: str) -> None:
    assert "".join(split_tokens(text)) == text


@given(TEXT)
def test_there_are_never_more_tokens_than_bytes(text: str) -> None:
    assert count_tokens(text) <= len(text.encode())


@given(st.integers(0, 2**40), st.integers(0, 6_000))
def test_what_is_spoken_has_exactly_the_tokens_asked_for(seed: int, count: int) -> None:
    spoken = speak(seed, count)

    assert len(spoken) == count
    assert split_tokens("".join(spoken)) == spoken


def test_the_same_seed_speaks_the_same() -> None:
    assert speak(7, 50) == speak(7, 50)
    assert speak(7, 50) != speak(8, 50)


def test_characters_of_several_bytes_are_spoken() -> None:
    """Otherwise no stream could be torn within one."""
    assert not "".join(speak(0, 200)).isascii()


def test_a_hand_counted_text() -> None:
    assert split_tokens("Hello world, 12345 é") == ["Hello", " world", ",", " 123", "45", " ", "é"]
