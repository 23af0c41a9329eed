"""What a wire format's reader learned from an answer, before it is turned into usage."""

from typing import Any

import msgspec

from outlay.kernel.findings import Finding
from outlay.usage.tokens import tokens_in_bytes


class Answer(msgspec.Struct, gc=False):
    """Facts of one answer, gathered while its bytes pass. Holds no text of the answer.

    Attributes:
        raw_usage: the provider's own usage object, merged over a stream by the provider's rules
            (None: not stated).
        usage_running: `raw_usage` is the count of a stream that goes on, not the final one.
        tool_units: uses of hosted tools, by the provider's own names.
        text_bytes_seen: of the text that passed, in UTF-8.
        stated_cost_nanos: a cost that the answer states. Whether this provider's word counts is
            decided in `wire/metering.py`: price with `Metered.stated_cost_nanos`.
        terminal: the wire's own end marker was read.
        failed: the provider answered with an error, as a status or inside a 2xx stream.
        deferred: the work goes on in the background and has no usage yet.
        findings: what could not be read.
    """

    raw_usage: dict[str, Any] | None = None
    usage_running: bool = False
    model_returned: str | None = None
    response_id: str | None = None
    finish_reason: str | None = None
    service_tier: str | None = None
    tool_units: dict[str, int] = msgspec.field(default_factory=dict)
    text_bytes_seen: int = 0
    stated_cost_nanos: int | None = None
    terminal: bool = False
    failed: bool = False
    deferred: bool = False
    findings: list[Finding] = msgspec.field(default_factory=list)

    @property
    def output_tokens_seen(self) -> int:
        """Estimate the output from the text that passed.

        Only used when the provider states nothing, or stopped half way.
        """
        return tokens_in_bytes(self.text_bytes_seen)
