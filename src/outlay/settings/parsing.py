"""How the text of a setting becomes its value; each failure says what to write instead."""

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from outlay.kernel.clock import parse_instant

Parser = Callable[[str], object]
"""Turns text into a value, or raises ValueError that goes on after the setting's name."""

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})
_SIZE = re.compile(r"(\d{1,15})\s*(|B|KiB|MiB|GiB|kB|KB|MB|GB)", re.ASCII)
_BYTES_PER = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30} | {
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
}


def parse_flag(text: str) -> bool:
    """Read a yes or no."""
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError("must be true or false")


def parse_text(text: str) -> str:
    """Take a text as it is."""
    return text


def parse_path(text: str) -> Path:
    """Read a path; `~` is the home directory."""
    return Path(text).expanduser()


def parse_when(text: str) -> datetime:
    """Read an instant."""
    try:
        return parse_instant(text)
    except ValueError as error:
        raise ValueError(
            "must be an instant with its offset; write it like 2026-11-20T12:00:00Z"
        ) from error


def parse_host(text: str) -> str:
    """Read an address to listen on."""
    if not re.fullmatch(r"[0-9A-Za-z.:_-]{1,253}", text):
        raise ValueError("must be a host name or an IP address without a port, such as 127.0.0.1")
    return text


def whole(least: int, most: int) -> Parser:
    """Make the parser of a whole number between two bounds."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"\d{1,18}", text, re.ASCII) or not least <= int(text) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(text)

    return parse


def size(least_bytes: int, most_bytes: int) -> Parser:
    """Make the parser of a number of bytes: `33554432`, `32MiB`."""

    def parse(text: str) -> int:
        match = _SIZE.fullmatch(text)
        number = int(match[1]) * _BYTES_PER[match[2]] if match else -1
        if not least_bytes <= number <= most_bytes:
            raise ValueError(
                f"must be a number of bytes from {least_bytes} to {most_bytes}; write it like 32MiB"
            )
        return number

    return parse


def seconds(least: float, most: float) -> Parser:
    """Make the parser of a duration in seconds: `5`, `0.5`."""

    def parse(text: str) -> float:
        number = float(text) if re.fullmatch(r"\d{1,9}(\.\d{1,6})?", text, re.ASCII) else -1.0
        if not least <= number <= most:
            raise ValueError(f"must be seconds from {least:g} to {most:g}, such as {most / 2:g}")
        return number

    return parse


def one_of(*choices: str) -> Parser:
    """Make the parser of a closed choice."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"must be one of: {', '.join(choices)}")
        return text

    return parse
