"""The front desk: finds out what a request wants, and hands it to who answers that."""

import logging
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import msgspec

from outlay.emulator.anthropic_messages import MESSAGES
from outlay.emulator.billed_call import BilledCall
from outlay.emulator.connection import Exchange, Request
from outlay.emulator.delivery import deliver_whole, wait_first_byte
from outlay.emulator.errors import answer_error, answer_steered_error, steered_status
from outlay.emulator.free_answers import (
    COUNTED,
    answer_listing,
    answer_order,
    answer_stored,
    find_stored,
)
from outlay.emulator.gemini import GENERATE, as_json_array
from outlay.emulator.observation import Observation, credentials_of
from outlay.emulator.openai_chat import CHAT
from outlay.emulator.opening import FORMATS, CallOpener
from outlay.emulator.reading import Order, read_order
from outlay.emulator.replay import Recordings
from outlay.emulator.routes import Endpoint, Route, Style, find_route
from outlay.emulator.steering import Steering, SteeringError
from outlay.emulator.stored_responses import StoredResponses, replay_events
from outlay.emulator.streaming import deliver_stream
from outlay.emulator.wire_format import BadAsk, Json, WireFormat

_log = logging.getLogger(__name__)

_MANNERS = {"openai": CHAT, "anthropic": MESSAGES, "google": GENERATE}
_JSON = {"content-type": "application/json"}
_SSE = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
_LISTED = frozenset({Endpoint.MODELS, Endpoint.MODEL})


class Desk:
    """Answers every request that the emulator gets."""

    def __init__(
        self,
        opener: CallOpener,
        state: Callable[[], Json],
        *,
        default: Steering,
        accepted_key: str | None = None,
        recordings: Recordings | None = None,
    ) -> None:
        """Steer by `default` what the caller does not; accept one credential only, if given."""
        self.stored = StoredResponses()
        self.seen = Observation()
        self._opener = opener
        self._state = state
        self._default = default
        self._accepted_key = accepted_key
        self._recordings = recordings
        self._met_fault: Counter[str] = Counter()

    async def answer(self, exchange: Exchange) -> None:
        """Answer a request; whatever goes wrong here is a 500 and a line in the log."""
        request = exchange.request
        route = find_route(request.method, request.path, _spoken_by(request))
        if route is None or not route.is_own:
            self.seen.note(request)
        manners = _MANNERS[route.style if route else "openai"]
        try:
            await self._dispatch(exchange, route, manners)
        except BadAsk as refused:
            answer_error(exchange, manners, refused.status, str(refused), refused.field)
        except SteeringError as error:
            answer_error(exchange, manners, 400, str(error))
        except Exception:  # noqa: BLE001 - the outermost boundary of a request
            _log.exception("the emulator failed on %s %s", request.method, request.path)
            answer_error(exchange, manners, 500, "the emulator itself failed")

    async def _dispatch(self, exchange: Exchange, route: Route | None, manners: WireFormat) -> None:
        request = exchange.request
        if self._recordings is not None and request.header("x-replay-id"):
            await self._recordings.replay(exchange)
        elif route is None:
            raise BadAsk(f"Unknown request URL: {request.method} {request.path}.", status=404)
        elif route.is_own:
            exchange.answer(200, _JSON, msgspec.json.encode(self._answer_own(route)))
        elif self._accepted_key and self._accepted_key not in credentials_of(request):
            raise BadAsk("Incorrect API key provided.", status=401)
        elif route.endpoint in FORMATS:
            await self._answer_billed(exchange, route, manners)
        elif route.endpoint is Endpoint.RESPONSE and request.query.get("stream") == "true":
            await self._stream_stored(exchange, route)
        else:
            exchange.answer(200, _JSON, msgspec.json.encode(self._answer_free(request, route)))

    def _answer_own(self, route: Route) -> Json:
        """Answer about the emulator itself."""
        if route.endpoint is Endpoint.RESET_BILL:
            self._opener.bill.reset()
        if route.endpoint is Endpoint.RESET_STATE:
            self.seen = Observation()
        if route.endpoint in {Endpoint.BILL, Endpoint.RESET_BILL}:
            return self._opener.bill.as_json()
        return self._state()

    def _answer_free(self, request: Request, route: Route) -> Json:
        if route.endpoint in COUNTED or route.endpoint is Endpoint.MODERATIONS:
            order = read_order(request, route, self._default, self.stored)
            return answer_order(route, order, self._opener)
        if route.endpoint in _LISTED:
            return answer_listing(route, self._opener)
        return answer_stored(route, self.stored)

    async def _answer_billed(self, exchange: Exchange, route: Route, manners: WireFormat) -> None:
        request, wire = exchange.request, FORMATS[route.endpoint]
        order = self._spare(read_order(request, route, self._default, self.stored), request)
        status = steered_status(order)
        if status is not None:
            self.seen.note_error(status)
            await wait_first_byte(order.steering)
            answer_steered_error(exchange, manners, order.steering, status)
            return
        call = self._opener.open(wire, order, request)
        if route.endpoint is Endpoint.RESPONSES:
            await self._answer_response(exchange, wire, call)
        elif order.is_stream:
            is_sse = route.style != "google" or request.query.get("alt") == "sse"
            await _stream(exchange, wire, call, is_sse=is_sse)
        else:
            await _send_whole(exchange, wire, call)

    async def _answer_response(
        self, exchange: Exchange, wire: WireFormat, call: BilledCall
    ) -> None:
        """Answer and keep a response; in the background, work and answer go separate ways."""
        body = call.plan.ask.body
        if body.get("background"):
            stored = self.stored.start(call)
            if body.get("stream"):
                await _stream(exchange, wire, replace(call, is_settled=True))
            else:
                exchange.answer(200, _headers(wire, call), msgspec.json.encode(stored.as_json()))
            return
        if body.get("store") is not False:
            self.stored.keep(call)
        await (_stream if body.get("stream") else _send_whole)(exchange, wire, call)

    async def _stream_stored(self, exchange: Exchange, route: Route) -> None:
        """Tell a stored response's events again; they were billed when they were made."""
        after = exchange.request.query.get("starting_after", "-1")
        events = replay_events(find_stored(route, self.stored), int(after))
        exchange.begin(200, _SSE)
        async for content in events:
            await exchange.send(content)
        exchange.end()

    def _spare(self, order: Order, request: Request) -> Order:
        """Take the fault away from a request that has met it `times` times."""
        if order.steering.times is None:
            return order
        key = request.header("x-emulate-id") or str(zlib.crc32(request.body))
        self._met_fault[key] += 1
        if self._met_fault[key] <= order.steering.times:
            return order
        return replace(order, steering=replace(order.steering, fault=None, status=None))


def _spoken_by(request: Request) -> Style:
    """Tell by the headers whose client this is: `/v1/models` belongs to all three."""
    if request.header("anthropic-version"):
        return "anthropic"
    return "google" if request.header("x-goog-api-key") else "openai"


def _headers(wire: WireFormat, call: BilledCall) -> dict[str, str]:
    return _JSON | wire.headers(call.plan) | {"x-emulate-call": call.plan.call_id}


async def _send_whole(exchange: Exchange, wire: WireFormat, call: BilledCall) -> None:
    body = msgspec.json.encode(wire.whole(call.plan))
    await deliver_whole(exchange, call, body, _headers(wire, call))


async def _stream(
    exchange: Exchange, wire: WireFormat, call: BilledCall, *, is_sse: bool = True
) -> None:
    frames = wire.frames(call.plan)
    headers = _headers(wire, call)
    if is_sse:
        headers |= _SSE
    else:
        frames = as_json_array(frames)
    await deliver_stream(exchange, call, frames, headers, wire.error_frame())
