"""What of a prompt is read from the cache, and what is written."""

from datetime import UTC, datetime, timedelta

import pytest

from outlay.emulator.ask import Segment, text_segment
from outlay.emulator.prompt_cache import PromptCache, Split
from outlay.emulator.tokens import speak
from outlay.kernel.clock import FrozenClock


def words(seed: int, tokens: int, write_ttl: str | None = None) -> Segment:
    return text_segment("".join(speak(seed, tokens)), write_ttl)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(datetime(2026, 11, 20, tzinfo=UTC))


@pytest.fixture
def cache(clock: FrozenClock) -> PromptCache:
    return PromptCache(clock)


def test_a_short_prompt_is_never_cached(cache: PromptCache) -> None:
    for _ in range(2):
        assert cache.split_automatically("m", [words(1, 1_023)]) == Split()


def test_a_repeated_prompt_is_read_in_whole_blocks(cache: PromptCache) -> None:
    """1,300 tokens: ten blocks of 128 are read, and the last block is always made anew."""
    prompt = [words(1, 1_300)]
    assert cache.split_automatically("m", prompt).read == 0
    assert cache.split_automatically("m", prompt).read == 1_280


def test_a_prompt_of_whole_blocks_is_not_read_to_its_end(cache: PromptCache) -> None:
    prompt = [words(1, 1_280)]
    cache.split_automatically("m", prompt)
    assert cache.split_automatically("m", prompt).read == 1_152


def test_the_next_turn_reads_what_the_last_one_left(cache: PromptCache) -> None:
    cache.split_automatically("m", [words(1, 1_024), words(2, 256)])

    split = cache.split_automatically("m", [words(1, 1_024), words(2, 256), words(3, 300)])

    assert split == Split(read=1_280, write=256)


def test_only_the_same_beginning_is_read(cache: PromptCache) -> None:
    cache.split_automatically("m", [words(1, 1_024), words(2, 512)])

    assert cache.split_automatically("m", [words(1, 1_024), words(9, 512)]).read == 1_024
    assert cache.split_automatically("m", [words(8, 1_024), words(2, 512)]).read == 0


def test_another_model_has_another_cache(cache: PromptCache) -> None:
    prompt = [words(1, 1_300)]
    cache.split_automatically("m", prompt)
    assert cache.split_automatically("n", prompt).read == 0


def test_what_is_cached_is_forgotten_after_its_time(cache: PromptCache, clock: FrozenClock) -> None:
    prompt = [words(1, 1_300)]
    cache.split_automatically("m", prompt)
    clock.advance(timedelta(minutes=5))
    assert cache.split_automatically("m", prompt).read == 0


def test_a_breakpoint_is_written_then_read(cache: PromptCache) -> None:
    prompt = [words(1, 2_000, "5m"), words(2, 30)]

    assert cache.split_at_breakpoints("m", prompt) == Split(write_5m=2_000)
    assert cache.split_at_breakpoints("m", prompt) == Split(read=2_000)


def test_long_and_short_lives_are_written_apart(cache: PromptCache) -> None:
    """1 h up to its last breakpoint, 5 min from there to the last of all."""
    prompt = [words(1, 1_500, "1h"), words(2, 500, "5m"), words(3, 30)]

    assert cache.split_at_breakpoints("m", prompt) == Split(write_1h=1_500, write_5m=500)


def test_the_long_life_outlives_the_short_one(cache: PromptCache, clock: FrozenClock) -> None:
    prompt = [words(1, 1_500, "1h"), words(2, 500, "5m")]
    cache.split_at_breakpoints("m", prompt)
    clock.advance(timedelta(minutes=6))

    assert cache.split_at_breakpoints("m", prompt) == Split(read=1_500, write_5m=500)


def test_reading_renews_the_life(cache: PromptCache, clock: FrozenClock) -> None:
    prompt = [words(1, 1_500, "5m")]
    for _ in range(3):
        cache.split_at_breakpoints("m", prompt)
        clock.advance(timedelta(minutes=4))
    assert cache.split_at_breakpoints("m", prompt).read == 1_500


def test_a_breakpoint_in_a_short_prompt_does_nothing(cache: PromptCache) -> None:
    assert cache.split_at_breakpoints("m", [words(1, 1_000, "5m")]) == Split()


def test_pictures_are_part_of_the_beginning(cache: PromptCache) -> None:
    one, other = Segment("aaaa", 258, "image"), Segment("bbbb", 258, "image")
    cache.split_automatically("m", [one, words(1, 1_300)])

    assert cache.split_automatically("m", [other, words(1, 1_300)]).read == 0
    assert cache.split_automatically("m", [one, words(1, 1_300)]).read > 0
