"""Callers who leave in the middle of something, each at a moment of its own."""

import asyncio
import json
import random
import socket
import struct
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any
from urllib.parse import urlsplit

from tests.flow.running import Gateway

_RESET = struct.pack("ii", 1, 0)
_MOST_CHUNKS = 12


class Moment(Enum):
    """When a caller leaves."""

    MID_STREAM = auto()
    BEFORE_FIRST_CHUNK = auto()
    BEFORE_WHOLE_ANSWER = auto()
    IN_WHOLE_ANSWER = auto()
    ENDLESS_STREAM = auto()
    UPLOAD = auto()


_STEERING = {
    Moment.MID_STREAM: "gap_ms=30; output_tokens=25",
    Moment.BEFORE_FIRST_CHUNK: "delay_ms=1200; gap_ms=5; output_tokens=20",
    Moment.BEFORE_WHOLE_ANSWER: "delay_ms=1800; output_tokens=20",
    Moment.IN_WHOLE_ANSWER: "output_tokens=20",
    Moment.ENDLESS_STREAM: "fault=endless-stream; gap_ms=60",
    Moment.UPLOAD: "",
}
_WHOLE = frozenset({Moment.BEFORE_WHOLE_ANSWER, Moment.IN_WHOLE_ANSWER})


@dataclass(frozen=True, slots=True)
class Leaver:
    """A caller: when it leaves, after how many chunks, and how (a reset, or a plain close)."""

    session: str
    moment: Moment
    wire: int
    chunks: int
    resets: bool

    async def call(self, gateway: Gateway, all_sent: asyncio.Barrier) -> None:
        """Call and leave. Who leaves before a byte came waits until all have sent."""
        address = urlsplit(gateway.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        request = self._request(gateway.key)
        try:
            writer.write(request if self.moment is not Moment.UPLOAD else request[:-20])
            await writer.drain()
            await all_sent.wait()
            await self._read(reader)
        finally:
            self._leave(writer)

    def _leave(self, writer: asyncio.StreamWriter) -> None:
        if self.resets:
            known = writer.get_extra_info("socket")
            known.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.transport.abort()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        match self.moment:
            case Moment.MID_STREAM | Moment.ENDLESS_STREAM:
                await reader.readuntil(b"\r\n\r\n")
                for _ in range(self.chunks):
                    await reader.readuntil(b"data:")
            case Moment.IN_WHOLE_ANSWER:
                await reader.readline()
            case Moment.BEFORE_FIRST_CHUNK | Moment.BEFORE_WHOLE_ANSWER | Moment.UPLOAD:
                return

    def _request(self, key: str) -> bytes:
        path, body = self._asked()
        text = json.dumps(body).encode()
        fields = {
            "host": "gateway",
            "authorization": f"Bearer {key}",
            "content-type": "application/json",
            "content-length": str(len(text)),
            "x-cost-session": self.session,
            "x-emulate-id": self.session,
            "x-emulate": f"reasoning_tokens=0; {_STEERING[self.moment]}",
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + text

    def _asked(self) -> tuple[str, dict[str, Any]]:
        streams = self.moment not in _WHOLE
        asked = {"stream": streams, "messages": [{"role": "user", "content": self.session}]}
        match self.wire:
            case 0:
                return "/v1/chat/completions", {"model": "gpt-4o-mini", "max_tokens": 90, **asked}
            case 1:
                return "/v1/messages", {"model": "claude-sonnet-4-5", "max_tokens": 90, **asked}
            case _:
                verb = "streamGenerateContent?alt=sse" if streams else "generateContent"
                return f"/v1beta/models/gemini-2.5-flash:{verb}", {
                    "contents": [{"role": "user", "parts": [{"text": self.session}]}],
                    "generationConfig": {"maxOutputTokens": 90},
                }


def leavers(count: int, moments: dict[Moment, int], dice: random.Random) -> list[Leaver]:
    """Make `count` callers; `moments` says how many of each kind, the rest leaves mid-stream."""
    kinds = [moment for moment, number in moments.items() for _ in range(number)]
    kinds += [Moment.MID_STREAM] * (count - len(kinds))
    return [
        Leaver(
            session=f"left-{number}",
            moment=moment,
            wire=number % 3,
            chunks=dice.randint(0, _MOST_CHUNKS),
            resets=dice.random() < 0.5,
        )
        for number, moment in enumerate(kinds)
    ]
