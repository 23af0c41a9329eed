"""How a background response is asked for and settled: the retrieval route, without a caller."""

from dataclasses import dataclass
from http import HTTPStatus

from outlay.gateway.finish import Ended, Made, make_event
from outlay.gateway.rooms import Configuration, Hashes
from outlay.gateway.site_map import RESPONSES, RESPONSES_RETRIEVE
from outlay.kernel.clock import Clock
from outlay.ledger.facts import DeferredCall, Ending, UsageEvent
from outlay.providers.request import build_request
from outlay.routing.provider import Provider, Target
from outlay.transport.upstream import Limits, UpstreamRequest
from outlay.usage.answer import Answer
from outlay.wire.answers import open_reader
from outlay.wire.call import Call


@dataclass(frozen=True, slots=True)
class ResponsesPolling:
    """Polls OpenAI's background responses; fulfils `jobs.poll_deferred.Polling`."""

    clock: Clock
    configuration: Configuration
    hashes: Hashes
    price_at_us: int | None

    def request(self, provider: Provider, response_id: str, limits: Limits) -> UpstreamRequest:
        """Build the request that retrieves a response."""
        call = Call(RESPONSES_RETRIEVE, "GET", f"/v1/responses/{response_id}", "", b"")
        return build_request(call, Target(provider, None), [], body=b"", limits=limits)

    def read(self, body: bytes) -> Answer:
        """Read a retrieved response as the answer that the call did not get."""
        reader = open_reader(_call(), status=HTTPStatus.OK, content_type="application/json")
        reader.feed(body)
        return reader.finish()

    def event(
        self, call: DeferredCall, provider: Provider, ending: Ending, answer: Answer
    ) -> UsageEvent:
        """Meter and price a call that has ended, dated at its admission.

        One that was cancelled states no usage, and its request is not here any more to estimate by:
        it is settled at its bound.
        """
        if answer.raw_usage is None and not answer.failed:
            ending, answer = Ending.CUT, Answer(finish_reason=answer.finish_reason)
        age_us = self.clock.now_us() - call.intent.requested_at_us
        made = Made(_call(), provider, call.intent, self.clock.monotonic_us() - age_us)
        return make_event(made, Ended(ending, HTTPStatus.OK, answer), self)


def _call() -> Call:
    """Describe the call that was deferred, as far as reading its answer needs it."""
    return Call(RESPONSES, "POST", "/v1/responses", "", b"")
