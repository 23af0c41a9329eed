"""Errors as the providers answer them: their envelope, their headers, or a proxy's page."""

from http import HTTPStatus

import msgspec

from outlay.emulator.connection import Exchange
from outlay.emulator.reading import Order
from outlay.emulator.steering import Fault, Steering
from outlay.emulator.wire_format import WireFormat

_HTML = b"<html><head><title>502 Bad Gateway</title></head><body>cloud edge</body></html>\n"
_TEXTS = {
    400: "Your request was malformed.",
    401: "Incorrect API key provided.",
    403: "Your account may not use this model.",
    404: "The model does not exist or you do not have access to it.",
    429: "Rate limit reached. Please try again later.",
    503: "The model is overloaded. Please try again later.",
    529: "Overloaded",
}
_SERVER_ERROR = "The server had an error while processing your request."


def steered_status(order: Order) -> int | None:
    """Return the error status that the steering asks for, or None for an answer."""
    steering = order.steering
    if steering.fault is Fault.HTML_ERROR:
        return steering.status or 502
    if steering.fault is Fault.ERROR_EVENT and not order.is_stream:
        return 500
    return steering.status


def answer_steered_error(
    exchange: Exchange, manners: WireFormat, steering: Steering, status: int
) -> None:
    """Answer an error on purpose; 429 says when to come back."""
    headers = {"x-request-id": "req_emulated_error"}
    if status == HTTPStatus.TOO_MANY_REQUESTS or steering.retry_after_s is not None:
        headers["retry-after"] = str(steering.retry_after_s or 1)
    if steering.fault is Fault.HTML_ERROR:
        exchange.answer(status, headers | {"content-type": "text/html"}, _HTML)
        return
    text = _TEXTS.get(status, _SERVER_ERROR)
    answer_error(exchange, manners, status, text, headers=headers)


def answer_error(
    exchange: Exchange,
    manners: WireFormat,
    status: int,
    text: str,
    field: str | None = None,
    *,
    headers: dict[str, str] | None = None,
) -> None:
    """Answer an error in the provider's envelope. After a stream has begun, only break off."""
    if exchange.is_streaming:
        exchange.close()
        return
    body = msgspec.json.encode(manners.error(status, text, field))
    exchange.answer(status, {"content-type": "application/json"} | (headers or {}), body)
