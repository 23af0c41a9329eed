"""How an answer in one piece goes out: at once, slowly, torn, or broken.

The work is done before the first byte, so it is billed in full before the first byte.
"""

import asyncio
import gzip
from collections.abc import Iterable, Iterator
from functools import cache

from outlay.emulator.billed_call import BilledCall
from outlay.emulator.connection import Exchange
from outlay.emulator.steering import Fault, Steering

_SLOW_DELAY_MS = 2_000
_TRICKLE_GAP_S = 0.001
_PIECE_BYTES = 1 << 16
WRONG_CONTENT_TYPE = "application/octet-stream"


async def wait_first_byte(steering: Steering) -> None:
    """Wait as long as the first byte is to take."""
    delay_ms = steering.delay_ms
    if delay_ms is None and steering.fault is Fault.SLOW:
        delay_ms = _SLOW_DELAY_MS
    if delay_ms:
        await asyncio.sleep(delay_ms / 1_000)


async def deliver_whole(
    exchange: Exchange, call: BilledCall, body: bytes, headers: dict[str, str]
) -> None:
    """Send an answer in one piece, or fail as steered."""
    steering = call.plan.steering
    try:
        await wait_first_byte(steering)
        if steering.fault is Fault.SILENCE:
            await exchange.until_gone()
        call.complete()
        await _send_whole(exchange, call, body, headers)
    finally:
        call.abort()


async def _send_whole(  # noqa: C901 - one case for each fault
    exchange: Exchange, call: BilledCall, body: bytes, headers: dict[str, str]
) -> None:
    steering, half = call.plan.steering, body[: len(body) // 2]
    match steering.fault:
        case Fault.RESET_BEFORE_ANSWER:
            exchange.reset()
        case Fault.RESET | Fault.CUT_MID_STREAM | Fault.BAD_FRAMING:
            await _break_off(exchange, steering.fault, half, headers, len(body))
        case Fault.END_EARLY | Fault.BAD_JSON:
            exchange.answer(200, headers, half)
        case Fault.WRONG_CONTENT_TYPE:
            exchange.answer(200, headers | {"content-type": WRONG_CONTENT_TYPE}, body)
        case Fault.GZIP_BOMB:
            exchange.answer(200, headers | {"content-encoding": "gzip"}, bomb(steering.size_bytes))
        case Fault.TRICKLE:
            gap_s = _TRICKLE_GAP_S if steering.gap_ms is None else steering.gap_ms / 1_000
            await _send_pieces(exchange, slices(body, 1), headers, gap_s)
        case Fault.LONG_LINE:
            await _send_pieces(exchange, _padded(body, steering.size_bytes), headers)
        case Fault.ENDLESS_STREAM:
            await _send_pieces(exchange, _endless(body), headers)
        case Fault.CLOSE_DELIMITED:
            exchange.begin_unframed(200, headers)
            await exchange.send(body)
            exchange.end()
        case _ if steering.torn or steering.fault is Fault.TORN_UTF8:
            await _send_pieces(exchange, tear(body, call.plan.ask.seed), headers)
        case _:
            exchange.answer(200, headers, body)


async def _break_off(
    exchange: Exchange, fault: Fault, half: bytes, headers: dict[str, str], length: int
) -> None:
    exchange.begin(200, headers, length=None if fault is Fault.BAD_FRAMING else length)
    await exchange.send(half)
    break_off(exchange, fault)


def break_off(exchange: Exchange, fault: Fault) -> None:
    """End the connection in the middle of an answer."""
    if fault is Fault.RESET:
        exchange.reset()
    elif fault is Fault.BAD_FRAMING:
        exchange.break_framing()
    else:
        exchange.close()


async def _send_pieces(
    exchange: Exchange, pieces: Iterable[bytes], headers: dict[str, str], gap_s: float = 0
) -> None:
    exchange.begin(200, headers)
    for piece in pieces:
        await exchange.send(piece, alone=True)
        if gap_s:
            await asyncio.sleep(gap_s)
    exchange.end()


def slices(content: bytes, size: int) -> Iterator[bytes]:
    """Cut bytes into pieces of one size."""
    for start in range(0, len(content), size):
        yield content[start : start + size]


def tear(content: bytes, seed: int) -> Iterator[bytes]:
    """Cut bytes into pieces of one to seven, wherever that may fall."""
    start = 0
    while start < len(content):
        seed = (seed * 1_103_515_245 + 12_345) & 0x7FFFFFFF
        size = 1 + (seed >> 16) % 7
        yield content[start : start + size]
        start += size


def padding(size_bytes: int, filler: bytes) -> Iterator[bytes]:
    """Yield so many bytes of filler, piece by piece."""
    for start in range(0, size_bytes, _PIECE_BYTES):
        yield filler * min(_PIECE_BYTES, size_bytes - start)


def _padded(body: bytes, size_bytes: int) -> Iterator[bytes]:
    yield body[:-1]
    yield from padding(size_bytes, b" ")
    yield body[-1:]


def _endless(body: bytes) -> Iterator[bytes]:
    yield body[:-1]
    while True:
        yield b" " * _PIECE_BYTES


@cache
def bomb(size_bytes: int) -> bytes:
    """Compress a JSON text that is almost all blanks."""
    return gzip.compress(b"{" + b" " * size_bytes + b"}", compresslevel=9, mtime=0)
