"""What every wire format offers: reading a request, writing answers and errors."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from outlay.emulator.ask import Ask, Segment
from outlay.emulator.planning import Plan

Json = dict[str, Any]


class Frame(NamedTuple):
    """A piece of a stream as it goes out, and the tokens that were made for it."""

    content: bytes
    output: int = 0
    reasoning: int = 0


class BadAsk(Exception):
    """The request cannot be served; the text is the provider's kind of message."""

    def __init__(self, message: str, field: str | None = None, *, status: int = 400) -> None:
        """Say what is wrong, in which field, and with which status it is answered."""
        super().__init__(message)
        self.field = field
        self.status = status


@contextmanager
def wrong_shapes_refused() -> Iterator[None]:
    """Turn what reading a body of the wrong shape raises into the provider's 400.

    Raises:
        BadAsk: something in the body is not what its field takes.
    """
    try:
        yield
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise BadAsk(f"The request body has the wrong shape: {error!r}") from error


@dataclass(frozen=True, slots=True)
class Target:
    """What is known of a request beside its body.

    Attributes:
        model / stream: as the path says (Gemini).
        hides_reasoning: Google's OpenAI format.
        history: what a stored response brings in that the body refers to.
    """

    model: str = ""
    stream: bool = False
    hides_reasoning: bool = False
    history: tuple[Segment, ...] = ()


@dataclass(frozen=True, slots=True)
class WireFormat:
    """One wire format as functions; see openai_chat for the plainest of them."""

    read: Callable[[Json, Target], Ask]
    whole: Callable[[Plan], Json]
    frames: Callable[[Plan], Iterator[Frame]]
    error: Callable[[int, str, str | None], Json]
    error_frame: Callable[[], bytes]
    headers: Callable[[Plan], dict[str, str]]
