"""Responses that OpenAI keeps: found again by id, worked on in the background, deleted.

A background response is done when its time has come; nobody needs to ask. It is billed then, or
when it is cancelled.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace

from outlay.emulator.ask import Segment, text_segment
from outlay.emulator.billed_call import BilledCall
from outlay.emulator.openai_responses import response_frames, write_response, write_unfinished
from outlay.emulator.steering import UNSTEERED
from outlay.emulator.wire_format import Json

_MAX_KEPT = 10_000


@dataclass(slots=True)
class StoredResponse:
    """A response and how far it has come."""

    call: BilledCall
    status: str
    ended: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    timer: asyncio.TimerHandle | None = field(default=None, repr=False)

    def as_json(self) -> Json:
        """Write the response as it stands now."""
        if self.status == "done":
            return write_response(self.call.plan)
        return write_unfinished(self.call.plan, self.status)


class StoredResponses:
    """All kept responses; the oldest are forgotten."""

    def __init__(self) -> None:
        """Start empty."""
        self._by_id: OrderedDict[str, StoredResponse] = OrderedDict()

    def keep(self, call: BilledCall) -> None:
        """Keep a response that is or will soon be answered."""
        stored = StoredResponse(call, "done")
        stored.ended.set()
        self._add(stored)

    def start(self, call: BilledCall) -> StoredResponse:
        """Begin work in the background; it is done after `background_ms`."""
        call.start()
        stored = StoredResponse(call, "queued")
        delay_s = call.plan.steering.background_ms / 1_000
        stored.timer = asyncio.get_running_loop().call_later(delay_s, self._finish, stored)
        self._add(stored)
        return stored

    def find(self, wanted: str) -> StoredResponse | None:
        """Find a response by its id."""
        stored = self._by_id.get(wanted)
        if stored is not None and stored.status == "queued":
            # Asked for before it was done: the work is seen to be under way.
            stored.status = "in_progress"
        return stored

    def cancel(self, stored: StoredResponse) -> None:
        """Stop work that is not done; what was read is billed."""
        if stored.timer is not None and stored.status != "done":
            stored.timer.cancel()
            stored.status = "cancelled"
            stored.call.abort()
            stored.ended.set()

    def delete(self, wanted: str) -> bool:
        """Forget a response; say whether there was one. Work in the background is cancelled."""
        stored = self._by_id.pop(wanted, None)
        if stored is not None:
            self.cancel(stored)
        return stored is not None

    def history(self, previous: str | None) -> tuple[Segment, ...]:
        """Return everything that a follow-up to a response brings in again."""
        stored = self._by_id.get(previous or "")
        if stored is None:
            return ()
        plan = stored.call.plan
        said = (text_segment("".join(choice.text)) for choice in plan.choices)
        return (*plan.ask.segments, *said)

    def stop(self) -> None:
        """Cancel all work, as a server that shuts down does."""
        for stored in self._by_id.values():
            self.cancel(stored)

    def _finish(self, stored: StoredResponse) -> None:
        stored.status = "done"
        stored.call.complete()
        stored.ended.set()

    def _add(self, stored: StoredResponse) -> None:
        self._by_id[stored.call.plan.answer_id] = stored
        if len(self._by_id) > _MAX_KEPT:
            self._by_id.popitem(last=False)


async def replay_events(stored: StoredResponse, after: int) -> AsyncIterator[bytes]:
    """Tell the events of a response again, once it has ended, from the one after `after`."""
    await stored.ended.wait()
    plan = replace(stored.call.plan, steering=UNSTEERED)
    for number, frame in enumerate(response_frames(plan)):
        if number > after:
            yield frame.content


def input_items(stored: StoredResponse) -> Iterator[Json]:
    """List the input of a response as items."""
    given = stored.call.plan.ask.body.get("input") or []
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    for number, item in enumerate(items):
        content = item.get("content")
        if isinstance(content, str):
            content = [{"type": "input_text", "text": content}]
        yield {"type": "message", **item, "id": f"msg_in{number}", "content": content or []}
