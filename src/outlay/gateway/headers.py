"""Our own response headers (product.md 3) beside what the provider sent."""

from outlay.gateway.admit import Planned
from outlay.kernel.money import usd_text
from outlay.ledger.facts import UsageEvent
from outlay.providers.headers import answer_headers
from outlay.transport.upstream import Headers

_WARNINGS_LIMIT_BYTES = 1_024
_CONTENT_TYPE_SIZE = len(b"content-type")


def content_type(headers: Headers) -> str:
    """Return the content type that a provider states, or nothing."""
    for name, value in headers:
        if len(name) == _CONTENT_TYPE_SIZE and name.lower() == b"content-type":
            return value.decode("latin-1")
    return ""


def our_headers(planned: Planned) -> Headers:
    """Return what every answer to this call carries."""
    return [(b"x-cost-request-id", planned.request_id.encode()), *_about(planned)]


def refused_head(planned: Planned, event: UsageEvent | None) -> Headers:
    """Return what a refusal of a call that was made says beside its id: it may have cost."""
    return _about(planned) + _cost(event)


def _about(planned: Planned) -> Headers:
    headers = []
    if planned.target.model:
        headers.append((b"x-cost-model", _ascii(planned.target.model)))
    if planned.attribution.warnings:
        warnings = "; ".join(planned.attribution.warnings)
        headers.append((b"x-cost-warning", _ascii(warnings)[:_WARNINGS_LIMIT_BYTES]))
    return headers


def streamed_head(planned: Planned, upstream: Headers, *, body_changes: bool) -> Headers:
    """Return the head of a streamed answer: the provider's, then ours."""
    return answer_headers(upstream, body_changes=body_changes) + our_headers(planned)


def whole_head(planned: Planned, upstream: Headers, event: UsageEvent | None, size: int) -> Headers:
    """Return the head of an answer sent in one piece, with what it cost."""
    headers = answer_headers(upstream, body_changes=True) + our_headers(planned)
    headers.append((b"content-length", b"%d" % size))
    return headers + _cost(event)


def _cost(event: UsageEvent | None) -> Headers:
    """Say what the call cost: nothing is said of a free one, or of one that still goes on."""
    if event is None:
        return []
    nanos = event.cost.cost_nanos
    return [(b"x-cost-usd", b"unpriced" if nanos is None else usd_text(nanos).encode())]


def _ascii(text: str) -> bytes:
    """Make text safe in a header: everything else is shown as an escape."""
    if not (text.isascii() and text.isprintable()):
        text = "".join(c if " " <= c <= "~" else f"\\u{ord(c):04x}" for c in text)
    return text.encode()
