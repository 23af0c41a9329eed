"""Step 6 of a call, first half: turns a call and its target into the request for the provider."""

from outlay.providers.address import read_origin, write_target
from outlay.providers.credentials import credential_headers
from outlay.providers.headers import request_headers
from outlay.providers.model_name import GEMINI, TOP_LEVEL, rename_model
from outlay.routing.provider import Target
from outlay.transport.upstream import Headers, Limits, UpstreamRequest
from outlay.wire.call import Call, Wire


def build_request(
    call: Call, target: Target, client_headers: Headers, *, body: bytes, limits: Limits
) -> UpstreamRequest:
    """Address a call to its target with the provider's credential.

    Nothing in the call can choose host, scheme, port or credential: these come from the provider's
    configuration alone.

    Args:
        call: as read from the request.
        target: the provider, and the model name to send there.
        client_headers: the request's headers as they came.
        body: the bytes to send: `call.body`, or that with usage asked for.
        limits: of the exchange.
    """
    origin = read_origin(target.provider.base_url)
    headers = request_headers(client_headers)
    headers += credential_headers(target.provider, call.route.wire)
    return UpstreamRequest(
        method=call.method,
        scheme=origin.scheme,
        host=origin.host,
        port=origin.port,
        target=write_target(call, target, origin),
        headers=headers,
        body=_name_model(call, target, body),
        limits=limits,
    )


def _name_model(call: Call, target: Target, body: bytes) -> bytes:
    if not body or call.model is None or target.model is None or target.model == call.model:
        return body
    places = GEMINI if call.route.wire is Wire.GEMINI else TOP_LEVEL
    return rename_model(body, call.model, target.model, places)
