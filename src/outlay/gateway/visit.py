"""Steps 1 to 5 of a call, as steps: each gives a value or a refusal, none knows the order."""

from functools import lru_cache

from msgspec.structs import replace

from outlay.attribution.attribute import attribute
from outlay.attribution.dimensions import UNATTRIBUTED, Attribution
from outlay.gateway.admit import Planned
from outlay.gateway.caller_socket import CallerSocket
from outlay.gateway.refusals import refuse
from outlay.gateway.relay import Relay
from outlay.gateway.rooms import Rooms
from outlay.gateway.site_map import Nowhere, Place, find_place
from outlay.identity.caller import Caller
from outlay.identity.keyring import UnknownKey
from outlay.kernel.errors import Category, LedgerUnavailable, Refused
from outlay.kernel.ids import new_request_id
from outlay.ledger.facts import Intent, ProviderObject, Refusal
from outlay.providers.request import build_request
from outlay.routing.provider import ProviderKind, Target
from outlay.routing.resolve import resolve_target
from outlay.transport.upstream import Limits, UpstreamRequest
from outlay.wire.ask_usage import UsageHider, ask_for_usage
from outlay.wire.call import Call, Envelope, Wire
from outlay.wire.requests import read_call

_KIND_OF = {
    Wire.OPENAI_CHAT: ProviderKind.OPENAI,
    Wire.OPENAI_RESPONSES: ProviderKind.OPENAI,
    Wire.OPENAI_EMBEDDINGS: ProviderKind.OPENAI,
    Wire.OPENAI_MODELS: ProviderKind.OPENAI,
    Wire.ANTHROPIC_MESSAGES: ProviderKind.ANTHROPIC,
    Wire.ANTHROPIC_MODELS: ProviderKind.ANTHROPIC,
    Wire.GEMINI: ProviderKind.GEMINI,
}

_GOOGLE_HEADERS = (b"x-goog-api-key", b"x-goog-api-client")


class Visit:
    """One request on its way through the steps, and what is known of it so far."""

    def __init__(self, socket: CallerSocket, rooms: Rooms) -> None:
        """Begin a visit: from now on the call has its id and its instant."""
        self.socket = socket
        self.rooms = rooms
        self.started_us = rooms.clock.monotonic_us()
        self.requested_at_us = rooms.clock.now_us()
        self.request_id = new_request_id(self.requested_at_us)
        self._envelope = Envelope.OPENAI
        self._caller: Caller | None = None
        self._call: Call | None = None
        self._attribution = UNATTRIBUTED

    def find_place(self) -> Place | Refused:
        """Find the request on the site map."""
        socket = self.socket
        place = find_place(
            socket.method,
            socket.path,
            speaks_anthropic=socket.header(b"anthropic-version") is not None,
            speaks_gemini=socket.path.startswith("/v1/models") and _comes_from_google_sdk(socket),
        )
        if isinstance(place, Place):
            self._envelope = place.route.envelope
            return place
        self._envelope = place.envelope
        return _not_on_the_map(socket, place)

    async def authenticate(self) -> Caller | Refused:
        """Find out whose key it is; a key made a moment ago is looked for once more."""
        configuration, socket = self.rooms.configuration, self.socket
        query = socket.query.encode("latin-1") if self._envelope is Envelope.GOOGLE else b""
        caller = configuration.keyring.authenticate(socket.headers, query)
        if isinstance(caller, UnknownKey):
            await configuration.refresh()
            caller = configuration.keyring.authenticate(socket.headers, query)
        if isinstance(caller, Caller):
            self._caller = caller
        return caller

    async def read(self, place: Place) -> Call | Refused:
        """Read what is asked. Raises `CallerGone` when the body never completes."""
        socket = self.socket
        encoding = socket.header(b"content-encoding")
        if encoding is not None and encoding.strip().lower() != "identity":
            return _encoded(encoding)
        body = await socket.read_body(self.rooms.limits.body_bytes)
        if isinstance(body, Refused):
            return body
        call = read_call(
            place.route,
            method=socket.method,
            path=socket.path,
            query=socket.query,
            body=body,
            path_model=place.path_model,
            object_id=place.object_id,
        )
        if isinstance(call, Call):
            self._call = call
        return call

    def attribute(self, caller: Caller, call: Call) -> Attribution | Refused:
        """Find out what the call is for."""
        attribution = attribute(
            caller,
            self.socket.headers,
            body_user=call.end_user,
            body_session=call.session,
            codex_session=call.codex_session,
            hash_value=self.rooms.hashes.of_value,
            known_secret=self.rooms.configuration.providers.is_secret,
        )
        if isinstance(attribution, Attribution):
            self._attribution = attribution
        return attribution

    async def route(self, caller: Caller, call: Call) -> Target | Refused:
        """Choose the provider: by the object a path names, else by the model."""
        try:
            if call.object_id is not None:
                return await self._route_to_owner(caller, call.object_id)
            if call.previous_response_id is not None:
                # All keys share one account there: the id alone would open another's conversation.
                owner = await self._owner_of(call.previous_response_id)
                if owner is not None and not _may_use(caller, owner):
                    return _no_such_object(call.previous_response_id)
        except LedgerUnavailable as error:
            return _unknown_owner(error)
        return resolve_target(
            call.model,
            wire_kind=_wire_kind(call),
            caller=caller,
            providers=self.rooms.configuration.providers,
        )

    async def _route_to_owner(self, caller: Caller, object_id: str) -> Target | Refused:
        owner = await self._owner_of(object_id)
        if owner is None or not _may_use(caller, owner):
            return _no_such_object(object_id)
        provider = self.rooms.configuration.providers.by_name.get(owner.provider)
        return _no_such_object(object_id) if provider is None else Target(provider, None)

    async def _owner_of(self, object_id: str) -> ProviderObject | None:
        return await self.rooms.objects.find_owner(self.rooms.hashes.of_response_id(object_id))

    def plan(self, caller: Caller, call: Call, attribution: Attribution, target: Target) -> Planned:
        """Put together what is known of the call."""
        return Planned(
            request_id=self.request_id,
            requested_at_us=self.requested_at_us,
            started_us=self.started_us,
            caller=caller,
            call=call,
            attribution=attribution,
            target=target,
        )

    async def relay(self, planned: Planned, intent: Intent | None) -> None:
        """Send the call and relay its answer."""
        call, target = planned.call, planned.target
        hides_usage = (
            call.route.wire is Wire.OPENAI_CHAT
            and call.stream
            and not call.asks_usage
            and target.provider.request_usage
        )

        def build() -> UpstreamRequest:
            return build_request(
                call,
                target,
                self.socket.headers,
                body=ask_for_usage(call) if hides_usage else call.body,
                limits=_limits(planned, self.rooms.limits.upstream),
            )

        relay = Relay(planned, intent, self.socket, self.rooms)
        await relay.run(build, UsageHider() if hides_usage else None)

    async def turn_away(self, refused: Refused) -> None:
        """Answer with a refusal; one of a known key is recorded, others are counted only."""
        self.rooms.metrics.refusals.labels(refused.code).inc()
        if self._caller is not None:
            self.rooms.journal.record_refusal(self._refusal(self._caller, refused))
        await refuse(self.socket, self._envelope, refused, self.request_id)

    async def fail(self, refused: Refused) -> None:
        """Answer a call that failed inside the gateway; what was sent of it has its event."""
        self.rooms.metrics.refusals.labels(refused.code).inc()
        await refuse(self.socket, self._envelope, refused, self.request_id)

    def _refusal(self, caller: Caller, refused: Refused) -> Refusal:
        call = self._call
        return Refusal(
            request_id=self.request_id,
            refused_at_us=self.requested_at_us,
            key_id=caller.key_id,
            code=refused.code,
            wire=call.route.wire if call else "",
            operation=call.route.operation if call else "",
            model_requested=call.model if call else None,
            attribution=self._attribution,
        )


def _comes_from_google_sdk(socket: CallerSocket) -> bool:
    return any(socket.header(name) is not None for name in _GOOGLE_HEADERS)


def _limits(planned: Planned, limits: Limits) -> Limits:
    """Fit the limits to the call: a whole answer may take all of its time before the first byte."""
    if not planned.call.stream:
        return _for_whole_answers(limits)
    idle_s = planned.target.provider.idle_timeout_s.get(planned.target.model or "")
    return limits if idle_s is None else replace(limits, idle_timeout_s=idle_s)


@lru_cache(maxsize=16)
def _for_whole_answers(limits: Limits) -> Limits:
    return replace(limits, first_byte_timeout_s=limits.total_timeout_s)


def _wire_kind(call: Call) -> ProviderKind:
    """Say whose wire format the call is in; OpenAI's under /v1beta/openai is the Gemini API's."""
    if call.path.startswith("/v1beta/openai/"):
        return ProviderKind.GEMINI
    return _KIND_OF[call.route.wire]


def _not_on_the_map(socket: CallerSocket, nowhere: Nowhere) -> Refused:
    if nowhere.allowed:
        return Refused(
            "method_not_allowed",
            Category.NOT_ALLOWED,
            f"This path takes {' or '.join(nowhere.allowed)}, not {socket.method[:20]}.",
        )
    return Refused(
        "not_found",
        Category.NOT_FOUND,
        "This gateway has no such path. Check the base URL: OpenAI clients take the address with "
        "/v1, Anthropic and Gemini clients without.",
    )


def _encoded(encoding: str) -> Refused:
    return Refused(
        "unsupported_encoding",
        Category.UNSUPPORTED,
        f"The body is encoded as {encoding[:40]!r}. Send it without Content-Encoding.",
        field="content-encoding",
    )


def _may_use(caller: Caller, owner: ProviderObject) -> bool:
    """Tell whether a key made an object, or is pinned to the department that did."""
    department = caller.pins.get("department")
    return owner.key_id == caller.key_id or (
        department is not None and owner.department == department
    )


def _unknown_owner(error: LedgerUnavailable) -> Refused:
    return Refused(
        error.code,
        error.category,
        "The ledger cannot be read now, so nobody knows whose response this is. Try again shortly.",
    )


def _no_such_object(object_id: str) -> Refused:
    return Refused(
        "not_found",
        Category.NOT_FOUND,
        f"There is no {object_id[:80]!r} that this key or its department made through here.",
    )
