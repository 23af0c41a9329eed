"""The providers' prompt cache, emulated: which part of a prompt was seen before.

A prompt leaves marks: one after each 128 tokens of a text and one after each segment. A mark is the
hash of everything before it, so a later prompt with the same beginning meets the same marks. What
is cached stays for its time to live, counted from its last use.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate

from outlay.emulator.ask import Segment
from outlay.emulator.tokens import split_tokens
from outlay.kernel.clock import Clock

MIN_TOKENS = 1024
"""Shorter prompts are never cached (OpenAI, Anthropic and Gemini: 1,024 for most models)."""
BLOCK_TOKENS = 128
"""OpenAI caches in steps of 128 tokens."""
_MAX_MARKS = 200_000
_TTL_US = {"5m": 300_000_000, "1h": 3_600_000_000}


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a prompt: after `tokens` tokens, everything before hashing to `digest`."""

    tokens: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Split:
    """What the cache did with a prompt; `write` names no time to live. The rest is plain input."""

    read: int = 0
    write_5m: int = 0
    write_1h: int = 0
    write: int = 0


class PromptCache:
    """Marks of prompts seen, with the instant at which each is forgotten."""

    def __init__(self, clock: Clock) -> None:
        """Start empty."""
        self._clock = clock
        self._expires_us: OrderedDict[bytes, int] = OrderedDict()

    def split_automatically(self, model: str, segments: Sequence[Segment]) -> Split:
        """Split a prompt without breakpoints, and remember it (OpenAI, Gemini).

        Whole blocks of 128 tokens only, never the last token of the prompt.
        """
        total = sum(segment.tokens for segment in segments)
        if total < MIN_TOKENS:
            return Split()
        marks = list(_marks(model, segments))
        read = self._longest(marks[:-1]) // BLOCK_TOKENS * BLOCK_TOKENS
        for mark in marks:
            self._remember(mark, "5m")
        return Split(read, write=(total - read) // BLOCK_TOKENS * BLOCK_TOKENS)

    def split_at_breakpoints(self, model: str, segments: Sequence[Segment]) -> Split:
        """Split a prompt at its breakpoints into what is read and what is written (Anthropic)."""
        ends = list(accumulate(segment.tokens for segment in segments))
        ttl_at = {
            end: segment.write_ttl
            for end, segment in zip(ends, segments, strict=True)
            if segment.write_ttl and end >= MIN_TOKENS
        }
        if not ttl_at:
            return Split()
        marks = {mark.tokens: mark for mark in _marks(model, segments) if mark.tokens in ttl_at}
        read = self._longest(list(marks.values()))
        long_end = max((end for end, ttl in ttl_at.items() if ttl == "1h"), default=0)
        for end, ttl in ttl_at.items():
            self._remember(marks[end], ttl)
        write_1h = max(0, long_end - read)
        return Split(read, max(ttl_at) - read - write_1h, write_1h)

    def _longest(self, marks: Sequence[Mark]) -> int:
        now_us = self._clock.monotonic_us()
        for mark in reversed(marks):
            if self._expires_us.get(mark.digest, -1) > now_us:
                return mark.tokens
        return 0

    def _remember(self, mark: Mark, ttl: str) -> None:
        self._expires_us[mark.digest] = self._clock.monotonic_us() + _TTL_US[ttl]
        self._expires_us.move_to_end(mark.digest)
        if len(self._expires_us) > _MAX_MARKS:
            self._expires_us.popitem(last=False)


def _marks(model: str, segments: Sequence[Segment]) -> Iterator[Mark]:
    digest = blake2b(model.encode(), digest_size=16)
    tokens = 0
    for segment in segments:
        if segment.modality == "text":
            spoken = split_tokens(segment.text)
            for start in range(0, len(spoken), BLOCK_TOKENS):
                block = spoken[start : start + BLOCK_TOKENS]
                digest.update("".join(block).encode())
                tokens += len(block)
                yield Mark(tokens, digest.digest())
        else:
            digest.update(segment.text.encode())
            tokens += segment.tokens
            yield Mark(tokens, digest.digest())
        digest.update(b"\0")
