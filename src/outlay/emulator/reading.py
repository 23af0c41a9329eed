"""Reads what every request has: a JSON body, a model in body or path, steering."""

from dataclasses import dataclass

import msgspec

from outlay.emulator.connection import Request
from outlay.emulator.routes import Endpoint, Route
from outlay.emulator.steering import HEADER, Steering, read_steering, split_model
from outlay.emulator.stored_responses import StoredResponses
from outlay.emulator.wire_format import BadAsk, Json, Target


@dataclass(frozen=True, slots=True)
class Order:
    """A request read: its body without steering, what the path adds, and how to answer."""

    body: Json
    target: Target
    steering: Steering

    @property
    def is_stream(self) -> bool:
        """Whether a stream is asked for."""
        return self.target.stream or bool(self.body.get("stream"))


def read_order(request: Request, route: Route, default: Steering, stored: StoredResponses) -> Order:
    """Read a request with a body.

    Raises:
        BadAsk: the body is not a JSON object.
        SteeringError: it is steered by what does not exist.
    """
    try:
        body = msgspec.json.decode(request.body)
    except msgspec.DecodeError as error:
        raise BadAsk(f"We could not parse the JSON body of your request: {error}") from error
    if not isinstance(body, dict):
        raise BadAsk("The request body must be a JSON object.")
    named, suffix = split_model(route.name or str(body.get("model") or ""))
    if suffix and not route.name:
        body["model"] = named
    target = Target(
        model=named,
        stream=route.endpoint is Endpoint.STREAM_GENERATE,
        hides_reasoning=route.is_google_openai,
        history=stored.history(body.get("previous_response_id")),
    )
    return Order(
        body, target, read_steering(request.header(HEADER), read_steering(suffix, default))
    )
