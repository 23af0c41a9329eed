"""The emulator's tokenizer, and the words it speaks.

A token is a run of at most seven ASCII letters or three digits, with the blank before it, or else a
single character. It is therefore never shorter than a byte, so byte bounds of a call hold here as
they do with the providers' own tokenizers.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import islice

_TOKEN = re.compile(r" ?[A-Za-z]{1,7}| ?[0-9]{1,3}|.", re.DOTALL)

_VOCABULARY = """
the a this each one same next first open new late small large team order ticket account
report answer result change user day week price total plan page line step note part case
was is has made kept sent found moved read shows needs helps and so then with from about
before after because while under over still again once also now here clear exact quick
"""
_MARKS = (".", ",", "é", ";", "—", ".", "雪", ",", "😀", "ü")
"""Some of more than one byte: a stream cut between two bytes of them must survive."""


def split_tokens(text: str) -> list[str]:
    """Cut a text into its tokens; joined again they are the text."""
    return _TOKEN.findall(text)


@lru_cache(maxsize=512)
def count_tokens(text: str) -> int:
    """Count the tokens of a text."""
    return len(_TOKEN.findall(text))


def speak(seed: int, count: int) -> list[str]:
    """Say exactly `count` tokens, always the same ones for the same seed."""
    tape = _tape()
    start = seed % len(tape)
    spoken = tape[start : start + count]
    while len(spoken) < count:
        spoken += tape[: count - len(spoken)]
    if spoken:
        spoken[0] = "Noted"
    return spoken


@cache
def _tape() -> list[str]:
    return list(islice(_endless_tokens(), 4_093))


def _endless_tokens() -> Iterator[str]:
    words, state = _VOCABULARY.split(), 2_463_534_242
    while True:
        # Xorshift: a few lines that give the same words on every machine and Python.
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        yield " " + words[state % len(words)]
        if state % 9 == 0:
            yield _MARKS[(state >> 8) % len(_MARKS)]
