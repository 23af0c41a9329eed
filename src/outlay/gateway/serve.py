"""The flow of one call, first byte to event. This is the one place that knows the order.

1. authenticate   whose key is it                         `identity`
2. read           what is asked, of which wire format      `wire`
3. attribute      what is it for                           `attribution`
4. route          which provider and model                 `routing`
5. admit          how much can it cost; the intent         `gateway/admit`
6. dispatch       send it                                  `gateway/relay`, `transport`
7. forward        the answer as it comes                   `gateway/relay`
8. finish         meter, price, one event                  `gateway/finish`
"""

from outlay.gateway.admit import admit
from outlay.gateway.visit import Visit
from outlay.kernel.errors import Refused


async def serve(visit: Visit) -> None:  # noqa: PLR0911 a return a step
    """Serve one call from its head to its event."""
    place = visit.find_place()
    if isinstance(place, Refused):
        return await visit.turn_away(place)
    caller = await visit.authenticate()
    if isinstance(caller, Refused):
        return await visit.turn_away(caller)
    call = await visit.read(place)
    if isinstance(call, Refused):
        return await visit.turn_away(call)
    attribution = visit.attribute(caller, call)
    if isinstance(attribution, Refused):
        return await visit.turn_away(attribution)
    target = await visit.route(caller, call)
    if isinstance(target, Refused):
        return await visit.turn_away(target)
    planned = visit.plan(caller, call, attribution, target)
    intent = await admit(planned, visit.rooms)
    if isinstance(intent, Refused):
        return await visit.turn_away(intent)
    await visit.relay(planned, intent)
    return None
