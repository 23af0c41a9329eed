"""What a wire format's reader learned from an answer, before it is turned into usage."""

from dataclasses import dataclass, field
from typing import Any

from outlay.kernel.findings import Finding


@dataclass(slots=True)
class Answer:
    """Facts of one answer, gathered while its bytes pass. Holds no text of the answer.

    `raw_usage` is the provider's own usage object as its rules merge it over a stream (None: not
    stated). `output_tokens_seen` is a tokenizer's count of the text that passed, only used when
    the provider states nothing. `terminal` is true once the wire's own end marker was read.
    `failed` is true when the provider reported an error inside a 2xx stream. `deferred` is true
    when the answer says that the work goes on in the background and has no usage yet.
    """

    raw_usage: dict[str, Any] | None = None
    usage_running: bool = False
    model_returned: str | None = None
    response_id: str | None = None
    finish_reason: str | None = None
    service_tier: str | None = None
    tool_units: dict[str, int] = field(default_factory=dict)
    output_tokens_seen: int = 0
    stated_cost_nanos: int | None = None
    terminal: bool = False
    failed: bool = False
    deferred: bool = False
    findings: list[Finding] = field(default_factory=list)
