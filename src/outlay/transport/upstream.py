"""The upstream client's interface: send a request, get an answer whose body is still coming."""

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from outlay.kernel.errors import Category, OutlayError

Headers = list[tuple[bytes, bytes]]
"""Header fields in wire order, names as they came."""


class Limits(msgspec.Struct, frozen=True, gc=False):
    """How long each part of an exchange may take, in seconds (product.md 14)."""

    connect_timeout_s: float = 5
    first_byte_timeout_s: float = 120
    idle_timeout_s: float = 120
    total_timeout_s: float = 600


class UpstreamRequest(msgspec.Struct, frozen=True, gc=False):
    """One request to a provider; `headers` lack only Host, Content-Length and Connection."""

    method: str
    scheme: str
    host: str
    port: int
    target: str
    headers: Headers
    body: bytes
    limits: Limits


class UpstreamAnswer(Protocol):
    """An answer whose head has arrived."""

    status: int
    headers: Headers

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives, unframed; one iteration only, which `close` ends early.

        Raises:
            AnswerBroken: the connection ended or the framing broke before the body was complete.
            AnswerTimedOut: nothing came for `idle_timeout_s`, or `total_timeout_s` has passed.
        """
        ...

    async def close(self) -> None:
        """Give the connection back if the body is complete, else close it. Harmless twice."""
        ...


class Transport(Protocol):
    """Sends requests upstream."""

    async def send(self, request: UpstreamRequest) -> UpstreamAnswer:
        """Send a request and wait for the head of its answer.

        Raises:
            NotSent: no byte of the request can have reached the provider.
            AnswerBroken: the request was (perhaps partly) sent and no head came.
            AnswerTimedOut: the request was sent and no head came in time.
        """
        ...

    async def close(self) -> None:
        """Close all idle connections."""
        ...


class UpstreamError(OutlayError):
    """The exchange failed; the text is for the log: host and cause, no secret and no body.

    `told` is for the caller: what happened, and what to do next.
    """

    code = "provider_error"
    category = Category.UPSTREAM
    told = "The exchange with the provider failed. Send the call again if that is safe."


class NotSent(UpstreamError):
    """The provider never saw the request: it cannot have billed it."""

    told = (
        "The provider could not be reached; nothing was sent and nothing is billed. Send the call "
        "again; if it keeps failing, tell whoever runs the gateway."
    )


class Unsendable(NotSent):
    """The request itself must not be sent; the text says why, and nothing of its values."""

    def __init__(self, flaw: str) -> None:
        """Name the flaw, as a clause."""
        super().__init__(flaw)
        self.told = f"The call cannot be sent: {flaw}. Correct it and send the call again."


class AnswerBroken(UpstreamError):
    """The provider saw the request and its answer is missing or incomplete."""

    told = (
        "The connection to the provider ended before its answer was complete; it may have done the "
        "work and may bill it. Send the call again if that is safe."
    )


class AnswerUnreadable(AnswerBroken):
    """The provider saw the request and answered with what is no HTTP answer."""

    told = (
        "The provider's answer could not be read; it may have done the work and may bill it. Send "
        "the call again if that is safe."
    )


class AnswerTimedOut(UpstreamError):
    """The provider saw the request and did not answer in time."""

    code = "provider_timeout"
    category = Category.UPSTREAM_TIMEOUT
    told = (
        "The provider did not complete its answer in time; it may have done the work and may bill "
        "it. Send the call again if that is safe, or ask for a shorter answer."
    )
