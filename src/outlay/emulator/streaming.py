"""How a stream goes out: paced, in the provider's own mannerisms, torn, or broken off.

The bill is settled before the last frame; when the caller leaves or the stream breaks, at what was
said so far.
"""

import asyncio
from collections.abc import Iterator
from itertools import chain

from outlay.emulator.billed_call import BilledCall
from outlay.emulator.connection import Exchange
from outlay.emulator.delivery import (
    WRONG_CONTENT_TYPE,
    bomb,
    break_off,
    padding,
    slices,
    tear,
    wait_first_byte,
)
from outlay.emulator.sse import PING
from outlay.emulator.steering import Fault, Steering
from outlay.emulator.wire_format import Frame

_SLOW_GAP_S = 0.2
_TRICKLE_GAP_S = 0.001
_PING_EVERY = 5
_EXTRA_LINES = b"id: 7\nretry: 3000\n"
_BROKEN_JSON = b'data: {"choices":[{"index":0,"delta":{"content":"half\n\n'
_BREAKS = frozenset({Fault.RESET, Fault.CUT_MID_STREAM, Fault.BAD_FRAMING})
_STRIKES = _BREAKS | {Fault.END_EARLY, Fault.SILENCE, Fault.ERROR_EVENT}
"""Faults after which nothing more of the answer follows."""
_INSERTS = frozenset({Fault.BAD_JSON, Fault.LONG_LINE})
"""Faults that put something between two frames."""


async def deliver_stream(
    exchange: Exchange,
    call: BilledCall,
    frames: Iterator[Frame],
    headers: dict[str, str],
    error_frame: bytes,
) -> None:
    """Send a stream, or fail as steered."""
    steering = call.plan.steering
    call.start()
    try:
        await wait_first_byte(steering)
        if steering.fault is Fault.SILENCE and steering.at == 0:
            await exchange.until_gone()
        elif steering.fault is Fault.RESET_BEFORE_ANSWER:
            call.complete()
            exchange.reset()
        elif steering.fault is Fault.GZIP_BOMB:
            call.complete()
            exchange.answer(200, headers | {"content-encoding": "gzip"}, bomb(steering.size_bytes))
        else:
            _begin(exchange, steering, headers)
            await _send_frames(exchange, call, frames, error_frame)
    finally:
        call.abort()


def _begin(exchange: Exchange, steering: Steering, headers: dict[str, str]) -> None:
    if steering.fault is Fault.WRONG_CONTENT_TYPE:
        headers = headers | {"content-type": WRONG_CONTENT_TYPE}
    if steering.fault is Fault.CLOSE_DELIMITED:
        exchange.begin_unframed(200, headers)
    else:
        exchange.begin(200, headers)


async def _send_frames(
    exchange: Exchange, call: BilledCall, frames: Iterator[Frame], error_frame: bytes
) -> None:
    """Send frames, looking one ahead: the last is sent after the bill is settled."""
    steering = call.plan.steering
    waiting = next(frames)
    for number, frame in enumerate(chain(frames, [None])):
        # A stream shorter than `at` is struck before its last frame, so a fault never stays away.
        is_struck = number == steering.at or (frame is None and number < steering.at)
        if is_struck and steering.fault in _STRIKES:
            await _strike(exchange, steering.fault, error_frame)
            return
        if is_struck and steering.fault in _INSERTS:
            await _insert(exchange, steering)
        call.count(waiting)
        if frame is None:
            call.complete()
        await _send(exchange, call, waiting, number)
        if frame is not None:
            await _pace(steering, waiting)
            waiting = frame
    exchange.end()


async def _strike(exchange: Exchange, fault: Fault | None, error_frame: bytes) -> None:
    if fault is Fault.SILENCE:
        await exchange.until_gone()
    if fault is Fault.ERROR_EVENT:
        await exchange.send(error_frame)
    if fault in _BREAKS:
        break_off(exchange, fault)
    else:
        exchange.end()


async def _insert(exchange: Exchange, steering: Steering) -> None:
    if steering.fault is Fault.BAD_JSON:
        await exchange.send(_BROKEN_JSON)
        return
    for piece in chain([b": "], padding(steering.size_bytes, b"x"), [b"\n\n"]):
        await exchange.send(piece)


async def _send(exchange: Exchange, call: BilledCall, frame: Frame, number: int) -> None:
    steering = call.plan.steering
    content = _decorate(frame.content, steering, number)
    if steering.torn or steering.fault is Fault.TORN_UTF8:
        for piece in tear(content, call.plan.ask.seed + number):
            await exchange.send(piece, alone=True)
    elif steering.fault is Fault.TRICKLE:
        for piece in slices(content, 1):
            await exchange.send(piece, alone=True)
            await asyncio.sleep(_gap_s(steering, _TRICKLE_GAP_S))
    else:
        await exchange.send(content)


def _decorate(content: bytes, steering: Steering, number: int) -> bytes:
    is_sse = content.startswith((b"data:", b"event:"))
    if is_sse and steering.extra:
        content = _EXTRA_LINES + content
    if is_sse and steering.comments and number % _PING_EVERY == 0:
        content = PING + content
    if is_sse and steering.crlf:
        content = content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return content


def _gap_s(steering: Steering, otherwise_s: float) -> float:
    return otherwise_s if steering.gap_ms is None else steering.gap_ms / 1_000


async def _pace(steering: Steering, frame: Frame) -> None:
    if steering.gap_ms is not None or steering.fault is Fault.SLOW:
        await asyncio.sleep(_gap_s(steering, _SLOW_GAP_S))
    elif steering.tokens_per_second and frame.output:
        await asyncio.sleep(frame.output / steering.tokens_per_second)
