"""Our own response headers (product.md 3) beside what the provider sent."""

from outlay.gateway.admit import Planned
from outlay.kernel.money import usd_text
from outlay.ledger.facts import UsageEvent
from outlay.providers.headers import answer_headers
from outlay.transport.upstream import Headers

_WARNINGS_LIMIT_BYTES = 1_024


def our_headers(planned: Planned) -> Headers:
    """Return what every answer to this call carries."""
    headers = [(b"x-cost-request-id", planned.request_id.encode())]
    if planned.target.model:
        headers.append((b"x-cost-model", _ascii(planned.target.model)))
    warnings = "; ".join(planned.attribution.warnings)
    if warnings:
        headers.append((b"x-cost-warning", _ascii(warnings)[:_WARNINGS_LIMIT_BYTES]))
    return headers


def streamed_head(planned: Planned, upstream: Headers, *, body_changes: bool) -> Headers:
    """Return the head of a streamed answer: the provider's, then ours."""
    return answer_headers(upstream, body_changes=body_changes) + our_headers(planned)


def whole_head(planned: Planned, upstream: Headers, event: UsageEvent | None, size: int) -> Headers:
    """Return the head of an answer sent in one piece, with what it cost."""
    headers = answer_headers(upstream, body_changes=True) + our_headers(planned)
    headers.append((b"content-length", b"%d" % size))
    if event is not None:
        headers.append((b"x-cost-usd", _cost_text(event).encode()))
    return headers


def _cost_text(event: UsageEvent) -> str:
    nanos = event.cost.cost_nanos
    return "unpriced" if nanos is None else usd_text(nanos)


def _ascii(text: str) -> bytes:
    """Make text safe in a header: everything else is shown as an escape."""
    return "".join(c if " " <= c <= "~" else f"\\u{ord(c):04x}" for c in text).encode()
