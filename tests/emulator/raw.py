"""A client that shows an answer as it came over the wire, broken ones too."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import httptools

from outlay.emulator.server import Emulator

CHAT = "/v1/chat/completions"


@dataclass(slots=True)
class Raw:
    """An answer: what of it arrived, and how it ended."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    is_complete: bool = False
    is_reset: bool = False
    is_bad_framing: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    def json(self) -> Any:
        return json.loads(self.body)

    def events(self) -> list[Any]:
        """The JSON of all `data:` lines but `[DONE]`."""
        lines = self.body.decode().replace("\r\n", "\n").split("\n")
        texts = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        return [json.loads(text) for text in texts if text != "[DONE]"]

    def on_status(self, status: bytes) -> None:
        """Part of the parser's protocol."""

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode().lower(), value.decode()))

    def on_body(self, body: bytes) -> None:
        self.pieces.append(body)

    def on_message_complete(self) -> None:
        self.is_complete = True


def chat(text: str = "hello", model: str = "gpt-4o-mini", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


async def ask(
    emulator: Emulator,
    path: str,
    body: Any = None,
    *,
    method: str = "POST",
    enough: int | None = None,
    **headers: str,
) -> Raw:
    """Send one request and read the answer to its end, or until `enough` bytes of body came.

    Headers are written with underscores: `x_emulate="fault=429"`.
    """
    host, _, port = emulator.base_url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    content = body if isinstance(body, bytes) else json.dumps(body).encode() if body else b""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{method} {path} HTTP/1.1", "host: emulator", f"content-length: {len(content)}"]
    lines += [f"{name}: {value}" for name, value in named.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + content)
    try:
        return await _read(reader, enough)
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def _read(reader: asyncio.StreamReader, enough: int | None) -> Raw:
    raw = Raw()
    parser = httptools.HttpResponseParser(raw)
    while not raw.is_complete and (enough is None or len(raw.body) < enough):
        try:
            arrived = await reader.read(1 << 16)
            if not arrived:
                break
            parser.feed_data(arrived)
        except ConnectionResetError:
            raw.is_reset = True
            break
        except httptools.HttpParserError:
            raw.is_bad_framing = True
            break
    raw.status = parser.get_status_code() if raw.headers else 0
    return raw
