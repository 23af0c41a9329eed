"""A file of calls, line by line: JSON lines, or CSV with one row to a line.

Nothing here knows what the fields mean. A line that cannot be read is given out with its problem,
so that the lines after it are still checked.
"""

import csv
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, BinaryIO

import msgspec

from outlay.intake.problems import FieldError, Problem

MAX_LINE_BYTES = 1024 * 1024
"""The longest line that is read; a call without its texts has a few hundred bytes."""

_USAGE = "usage."
"""How CSV names the quantities of a usage: `usage.input_tokens`."""
_BOM = b"\xef\xbb\xbf"


class Format(StrEnum):
    """How the rows of a file are written."""

    JSONL = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file: its number (from 1), its bytes, and its fields or what is wrong with it.

    `row` is None when there is a problem.
    """

    number: int
    raw: bytes
    row: Mapping[str, object] | None
    problem: Problem | None = None


class Fingerprint:
    """The SHA-256 of a file, taken while it is read."""

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._digest = hashlib.sha256()

    def watch(self, file: BinaryIO) -> Iterator[bytes]:
        """Give out the raw lines of a file; one that is too long comes in pieces."""
        while piece := file.readline(MAX_LINE_BYTES + 1):
            self._digest.update(piece)
            yield piece

    def hexdigest(self) -> str:
        """Return the hash of everything given out so far."""
        return self._digest.hexdigest()


def read_lines(pieces: Iterable[bytes], file_format: Format) -> Iterator[Line]:
    """Read the rows of a file; blank lines are left out but counted.

    Args:
        pieces: raw lines as `Fingerprint.watch` gives them out.
        file_format: how the rows are written; CSV begins with a line of field names.
    """
    numbered = _numbered(pieces)
    return _json_lines(numbered) if file_format is Format.JSONL else _csv_lines(numbered)


def _numbered(pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Number the lines, join the pieces of one that is too long into a stub, leave blanks out."""
    number, continued = 1, False
    for piece in pieces:
        ended = piece.endswith(b"\n")
        raw = piece.removeprefix(_BOM) if number == 1 and not continued else piece
        if not continued and raw.strip():
            yield number, raw
        continued = not ended
        number += ended


def _read(number: int, raw: bytes, parse: Callable[[bytes], Mapping[str, object]]) -> Line:
    if len(raw) > MAX_LINE_BYTES:
        too_long = Problem("", f"the line is longer than {MAX_LINE_BYTES} bytes")
        return Line(number, raw, None, too_long)
    try:
        return Line(number, raw, parse(raw))
    except FieldError as error:
        return Line(number, raw, None, error.problem)


def _json_lines(numbered: Iterable[tuple[int, bytes]]) -> Iterator[Line]:
    decoder = msgspec.json.Decoder(float_hook=Decimal)
    for number, raw in numbered:
        yield _read(number, raw, lambda text: _json_object(decoder, text))


def _json_object(decoder: msgspec.json.Decoder[Any], raw: bytes) -> Mapping[str, object]:
    try:
        row = decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FieldError("", f"the line is not JSON: {error}") from error
    except RecursionError as error:
        raise FieldError("", "the line is not JSON: it is nested too deep") from error
    if not isinstance(row, dict):
        raise FieldError("", "the line must be one JSON object")
    return row


def _csv_lines(numbered: Iterator[tuple[int, bytes]]) -> Iterator[Line]:
    """Read CSV; when the line of field names cannot be used, nothing after it is read."""
    number, raw = next(numbered, (1, b""))
    names: list[str] = []
    header = _read(number, raw, lambda text: _csv_header(text, names))
    if header.problem is not None:
        yield header
        return
    for number, raw in numbered:
        yield _read(number, raw, lambda text: _csv_row(text, names))


def _csv_header(raw: bytes, names: list[str]) -> Mapping[str, object]:
    names.extend(cell.strip() for cell in _cells(raw))
    if not all(names) or len(set(names)) != len(names):
        raise FieldError("", "the first line must name each field once")
    return {}


def _csv_row(raw: bytes, names: list[str]) -> Mapping[str, object]:
    cells = _cells(raw)
    if len(cells) != len(names):
        raise FieldError("", f"the line has {len(cells)} cells, the first line {len(names)}")
    row: dict[str, object] = {name: cell for name, cell in zip(names, cells, strict=True) if cell}
    usage = {name: row.pop(name) for name in names if name.startswith(_USAGE) and name in row}
    if usage:
        row["usage"] = {name.removeprefix(_USAGE): cell for name, cell in usage.items()}
    elif "usage" in row:
        row["usage"] = _json_cell(str(row["usage"]))
    return row


def _json_cell(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise FieldError("usage", f"must be a JSON object of quantities: {error}") from error


def _cells(raw: bytes) -> list[str]:
    try:
        return next(csv.reader([raw.decode("utf-8").rstrip("\r\n")], strict=True), [])
    except UnicodeDecodeError as error:
        raise FieldError("", f"byte {error.start + 1} of the line is not UTF-8") from error
    except csv.Error as error:
        raise FieldError("", f"the line is not CSV with one row to a line: {error}") from error
