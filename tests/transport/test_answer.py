"""The caller's end of an exchange."""

import asyncio

import pytest

from outlay.transport.answer import MAX_UNREAD_BYTES, Answer
from outlay.transport.upstream import AnswerBroken, AnswerTimedOut
from tests.transport.lines import StillLine


@pytest.fixture
def line() -> StillLine:
    return StillLine()


@pytest.fixture
def answer(line: StillLine) -> Answer:
    return Answer(line)


async def test_pieces_that_came_unread_are_given_as_one(answer: Answer) -> None:
    answer.take_head(200, [])
    answer.take_piece(b"a")
    answer.take_piece(b"b")
    pieces = answer.chunks()
    assert await anext(pieces) == b"ab"
    answer.take_piece(b"c")
    answer.finish()
    assert [piece async for piece in pieces] == [b"c"]


async def test_a_reader_waits_for_the_next_piece_and_no_longer(answer: Answer) -> None:
    answer.take_head(200, [])
    waiting = asyncio.ensure_future(anext(answer.chunks()))
    await asyncio.sleep(0)
    assert not waiting.done()
    answer.take_piece(b"a")
    answer.wake()
    assert await waiting == b"a"


async def test_the_head_is_waited_for(answer: Answer) -> None:
    waiting = asyncio.ensure_future(answer.wait_for_head())
    await asyncio.sleep(0)
    answer.wake()  # an early wake is no head
    await asyncio.sleep(0)
    assert not waiting.done()
    answer.take_head(200, [(b"a", b"b")])
    answer.wake()
    await waiting
    assert (answer.status, answer.headers) == (200, [(b"a", b"b")])


async def test_a_failure_before_the_head_is_raised(answer: Answer) -> None:
    waiting = asyncio.ensure_future(answer.wait_for_head())
    await asyncio.sleep(0)
    answer.fail(AnswerTimedOut("too slow"))
    with pytest.raises(AnswerTimedOut, match="too slow"):
        await waiting


async def test_a_failure_comes_after_what_had_arrived(answer: Answer) -> None:
    answer.take_head(200, [])
    answer.take_piece(b"a")
    answer.fail(AnswerBroken("cut"))
    await answer.wait_for_head()
    pieces = answer.chunks()
    assert await anext(pieces) == b"a"
    with pytest.raises(AnswerBroken, match="cut"):
        await anext(pieces)


async def test_too_much_unread_pauses_once_and_reading_resumes(
    answer: Answer, line: StillLine
) -> None:
    answer.take_head(200, [])
    answer.take_piece(b"a" * MAX_UNREAD_BYTES)
    assert line.asked == []
    answer.take_piece(b"b")
    answer.take_piece(b"c")
    assert line.asked == ["pause"]
    pieces = answer.chunks()
    assert len(await anext(pieces)) == MAX_UNREAD_BYTES + 2
    assert line.asked == ["pause", "resume"]
    answer.finish()


async def test_reading_does_not_resume_a_line_that_is_given_back(
    answer: Answer, line: StillLine
) -> None:
    answer.take_head(200, [])
    answer.take_piece(b"a" * (MAX_UNREAD_BYTES + 1))
    answer.finish()
    assert len([piece async for piece in answer.chunks()]) == 1
    assert line.asked == ["pause"]


async def test_closing_an_unfinished_answer_drops_the_line_once(
    answer: Answer, line: StillLine
) -> None:
    answer.take_head(200, [])
    await answer.close()
    await answer.close()
    assert line.asked == ["drop"]
    with pytest.raises(AnswerBroken, match="closed by us"):
        await anext(answer.chunks())


async def test_closing_a_complete_answer_leaves_the_line(answer: Answer, line: StillLine) -> None:
    answer.take_head(200, [])
    answer.finish()
    await answer.close()
    assert line.asked == []


async def test_a_cancelled_reader_drops_the_line(answer: Answer, line: StillLine) -> None:
    answer.take_head(200, [])
    reading = asyncio.ensure_future(anext(answer.chunks()))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert line.asked == ["drop"]


def test_an_answer_shows_how_far_it_is(answer: Answer) -> None:
    assert repr(answer) == "<Answer awaited open, 0 bytes unread>"
    answer.take_head(200, [])
    answer.take_piece(b"ab")
    answer.finish()
    assert repr(answer) == "<Answer 200 complete, 2 bytes unread>"
