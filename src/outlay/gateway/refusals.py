"""How a refusal is told: status, headers, and the error format of the caller's wire."""

from http import HTTPStatus

from outlay.gateway.caller_socket import CallerSocket
from outlay.kernel.errors import Category, Refused
from outlay.kernel.ids import RequestId
from outlay.transport.upstream import Headers
from outlay.wire.call import Envelope
from outlay.wire.errors import write_error

STATUS: dict[Category, int] = {
    Category.INVALID: 400,
    Category.UNAUTHENTICATED: 401,
    Category.FORBIDDEN: 403,
    Category.NOT_FOUND: 404,
    Category.NOT_ALLOWED: 405,
    Category.CONFLICT: 409,
    Category.TOO_LARGE: 413,
    Category.UNSUPPORTED: 415,
    Category.REFUSED: 429,
    Category.INTERNAL: 500,
    Category.UPSTREAM: 502,
    Category.UNAVAILABLE: 503,
    Category.UPSTREAM_TIMEOUT: 504,
}


async def refuse(
    socket: CallerSocket,
    envelope: Envelope,
    refused: Refused,
    request_id: RequestId,
    about_call: Headers | None = None,
) -> int:
    """Answer with a refusal and return its status; `about_call` is told beside the call's id.

    A refusal that waiting cannot cure says `x-should-retry: false`: without it the OpenAI and
    Anthropic SDKs repeat a 429 twice by default.
    """
    status = STATUS[refused.category]
    content_type, body = write_error(
        envelope,
        status=status,
        code=refused.code,
        message=refused.message,
        request_id=request_id,
        field=refused.field,
    )
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"x-cost-request-id", request_id.encode()),
        *(about_call or ()),
    ]
    if refused.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % refused.retry_after_s))
    elif status < HTTPStatus.INTERNAL_SERVER_ERROR:
        headers.append((b"x-should-retry", b"false"))
    await socket.start(status, headers)
    await socket.end(body)
    return status
