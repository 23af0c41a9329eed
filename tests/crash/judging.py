"""The judge: the provider's own bill, held against the ledger call by call."""

import json
import urllib.request
from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.crash.server import Server, wait_for

_OPEN = "SELECT count(*) FROM intents WHERE request_id NOT IN (SELECT request_id FROM usage_events)"
_EVENTS = """
    SELECT i.session, e.ending, e.usage_source, e.cost_nanos, i.hold_class
    FROM usage_events e JOIN intents i USING (request_id)
"""


@dataclass(frozen=True, slots=True)
class Event:
    """What the ledger says of a call."""

    session: str
    ending: str
    usage_source: str
    cost_nanos: int
    hold_class: str


def bill_of(provider_url: str) -> list[dict[str, Any]]:
    """Return the emulated provider's own bill, call by call."""
    with urllib.request.urlopen(f"{provider_url}/__emulator__/bill", timeout=120) as answer:
        return list(json.load(answer)["calls"])


def wait_until_swept(server: Server) -> None:
    """Wait until the sweep has closed every call that the dead left open."""
    wait_for(lambda: server.ledger_rows(_OPEN) == [(0,)], "every intent closed")


def events_of(server: Server) -> list[Event]:
    """Read every event of the ledger."""
    return [Event(*row) for row in server.ledger_rows(_EVENTS)]


def faults(bill: list[dict[str, Any]], events: list[Event]) -> list[str]:
    """Say what is wrong with the ledger, compared with the provider's bill; nothing is a pass."""
    counts = Counter(event.session for event in events)
    found = [f"{session}: {n} events" for session, n in counts.items() if n > 1]
    by_session = {event.session: event for event in events}
    for call in bill:
        event = by_session.get(call["emulate_id"])
        wrong = "no event" if event is None else _wrong(call, event)
        if wrong:
            found.append(f"{call['emulate_id']}: {wrong}; billed {call['cost_nanos']} {event}")
    return found


def _wrong(call: dict[str, Any], event: Event) -> str:
    if event.usage_source == "reported":
        return "" if call["cost_nanos"] == event.cost_nanos else "reported, not as billed"
    if (event.ending, event.usage_source) != ("swept", "estimated"):
        return "neither reported nor swept"
    if event.hold_class != "bounded":
        return "a bounded call is not recorded as one"
    return "" if call["cost_nanos"] <= event.cost_nanos else "swept below the bill"
