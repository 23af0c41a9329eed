"""Plays recorded exchanges: the recording is chosen by a header, its bytes are sent as they were.

A recording is a line of a JSONL file: `id`, `status`, `response_headers`, `response_body` and
`response_body_encoding` (`utf-8` or `base64`), `stream`. A body that came in chunks goes out in
chunks, cut at random places that depend on the id and on `x-replay-seed` only.
"""

import random
from base64 import b64decode
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from outlay.emulator.connection import Exchange

_LONGEST_PIECE = 400
_MOST_REMEMBERED = 10_000
_FRAMING = frozenset({"transfer-encoding", "content-length", "content-encoding", "connection"})


class _Key(msgspec.Struct):
    id: str


class Recording(msgspec.Struct):
    """One recorded answer."""

    id: str
    path: str
    status: int
    stream: bool
    response_headers: dict[str, str]
    response_body: str
    request_body: Any = None
    response_body_encoding: str = "utf-8"

    @property
    def body(self) -> bytes:
        """The answer's bytes."""
        if self.response_body_encoding == "base64":
            return b64decode(self.response_body)
        return self.response_body.encode()


class Recordings:
    """The recordings of a file, found by their id and read when they are played."""

    def __init__(self, path: Path) -> None:
        """Find where each recording begins."""
        self._path = path
        self._places = dict(_find_places(path))
        self.played: deque[dict[str, Any]] = deque(maxlen=_MOST_REMEMBERED)

    def read(self, recording_id: str) -> Recording | None:
        """Read a recording."""
        if recording_id not in self._places:
            return None
        with self._path.open("rb") as file:
            file.seek(self._places[recording_id])
            return msgspec.json.decode(file.readline(), type=Recording)

    async def replay(self, exchange: Exchange) -> None:
        """Answer with the recording that `x-replay-id` names."""
        request = exchange.request
        recording = self.read(request.header("x-replay-id"))
        if recording is None:
            exchange.answer(404, {"content-type": "text/plain"}, b"no such recording")
            return
        self.played.append(
            {
                "id": recording.id,
                "path": request.target.decode("latin-1"),
                "is_same_body": is_same_body(request.body, recording.request_body),
            }
        )
        headers = {k: v for k, v in recording.response_headers.items() if k not in _FRAMING}
        body = recording.body
        if (
            recording.response_headers.get("transfer-encoding") != "chunked"
            and not recording.stream
        ):
            exchange.answer(recording.status, headers, body)
            return
        seed = f"{recording.id}/{request.header('x-replay-seed')}"
        exchange.begin(recording.status, headers)
        for piece in slice_randomly(body, seed):
            await exchange.send(piece, alone=True)
        exchange.end()


def slice_randomly(body: bytes, seed: str) -> Iterator[bytes]:
    """Cut bytes at random places: short pieces and long ones, the same for the same seed."""
    dice = random.Random(seed)  # noqa: S311 - places to cut, no secret
    start = 0
    while start < len(body):
        size = dice.choice((1, 2, 3, 7, dice.randint(1, _LONGEST_PIECE)))
        if len(body) > _LONGEST_PIECE * _LONGEST_PIECE:
            size *= 16
        yield body[start : start + size]
        start += size


def is_same_body(sent: bytes, recorded: Any) -> bool:
    """Tell whether a request's body says the same as the recorded one."""
    if not sent:
        return recorded is None
    if isinstance(recorded, str):
        return sent == recorded.encode()
    try:
        return bool(msgspec.json.decode(sent) == recorded)
    except msgspec.DecodeError:
        return False


def _find_places(path: Path) -> Iterator[tuple[str, int]]:
    decoder, start = msgspec.json.Decoder(_Key), 0
    with path.open("rb") as file:
        for line in file:
            yield decoder.decode(line).id, start
            start += len(line)
