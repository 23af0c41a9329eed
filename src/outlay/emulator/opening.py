"""Opens a billed call: reads the request, plans the answer, gives it ids and a bill."""

import itertools
import secrets
from collections.abc import Iterator

from outlay.emulator.anthropic_messages import MESSAGES
from outlay.emulator.bill import Bill, CallFacts
from outlay.emulator.billed_call import BilledCall
from outlay.emulator.connection import Request
from outlay.emulator.gemini import EMBED_CONTENT, GENERATE
from outlay.emulator.openai_chat import CHAT
from outlay.emulator.openai_completions import COMPLETIONS, EMBEDDINGS
from outlay.emulator.openai_responses import COMPACT, RESPONSES
from outlay.emulator.planning import Plan, make_plan
from outlay.emulator.prices import PriceTable
from outlay.emulator.prompt_cache import PromptCache
from outlay.emulator.reading import Order
from outlay.emulator.routes import Endpoint
from outlay.emulator.wire_format import BadAsk, WireFormat, wrong_shapes_refused
from outlay.kernel.clock import Clock

FORMATS = {
    Endpoint.CHAT: CHAT,
    Endpoint.COMPLETIONS: COMPLETIONS,
    Endpoint.EMBEDDINGS: EMBEDDINGS,
    Endpoint.RESPONSES: RESPONSES,
    Endpoint.COMPACT: COMPACT,
    Endpoint.MESSAGES: MESSAGES,
    Endpoint.GENERATE: GENERATE,
    Endpoint.STREAM_GENERATE: GENERATE,
    Endpoint.EMBED_CONTENT: EMBED_CONTENT,
}
"""The endpoints that are billed, and their wire formats."""

_GATEWAY_IDS = ("x-cost-request-id", "x-request-id", "x-client-request-id")
_UNKNOWN_MODELS = ("no-such", "nonexistent", "unknown-model")


class CallOpener:
    """Everything a new call needs: prices, the prompt cache, the bill, the clock, fresh ids."""

    def __init__(self, table: PriceTable, bill: Bill, clock: Clock, run_id: str | None) -> None:
        """Make ids that begin with `run_id`; without one, ids no other run has."""
        self.bill = bill
        self.table = table
        self._clock = clock
        self._cache = PromptCache(clock)
        self._ids = _count_ids(run_id or secrets.token_hex(6))

    def next_id(self) -> str:
        """Make the id of a call, or of a free answer."""
        return next(self._ids)

    def open(self, wire: WireFormat, order: Order, request: Request) -> BilledCall:
        """Read and plan a call.

        Raises:
            BadAsk: the request cannot be served.
        """
        with wrong_shapes_refused():
            ask = wire.read(order.body, order.target)
            if ask.model.removeprefix("models/").startswith(_UNKNOWN_MODELS):
                raise BadAsk(f"The model '{ask.model}' does not exist.", "model", status=404)
            plan = make_plan(
                ask,
                order.steering,
                table=self.table,
                cache=self._cache,
                call_id=self.next_id(),
                now_s=self._clock.now_us() // 1_000_000,
            )
        return BilledCall(plan, self.bill, self._note_facts(plan, request))

    def _note_facts(self, plan: Plan, request: Request) -> CallFacts:
        gateway_ids = (request.header(name) for name in _GATEWAY_IDS)
        return CallFacts(
            call_id=plan.call_id,
            at_us=self._clock.now_us(),
            format=plan.ask.format,
            model=plan.ask.model,
            model_returned=plan.model,
            stream=plan.ask.stream,
            tier=plan.tier,
            rate_tier=plan.rate_tier,
            response_id=plan.answer_id,
            emulate_id=request.header("x-emulate-id") or None,
            gateway_id=next((value for value in gateway_ids if value), None),
        )


def _count_ids(run_id: str) -> Iterator[str]:
    for number in itertools.count(1):
        yield f"{run_id}{number:08d}"
