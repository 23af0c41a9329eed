"""The facts of the ledger. Each is written once under its id and never edited.

Instants are microseconds since the epoch, UTC; money is nano-USD; None means unknown.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from outlay.attribution.dimensions import UNATTRIBUTED, Attribution
from outlay.budgets.hold import Hold, HoldClass
from outlay.kernel.ids import BootId, KeyId, RequestId
from outlay.pricing.cost import NO_COST, Cost
from outlay.usage.usage import NO_USAGE, Usage, UsageSource


class Ending(StrEnum):
    """How a call ended (architecture.md 2)."""

    COMPLETE = "complete"
    CALLER_GONE = "caller_gone"
    NEVER_SENT = "never_sent"
    NO_ANSWER = "no_answer"
    PROVIDER_ERROR = "provider_error"
    BROKEN_STREAM = "broken_stream"
    CUT = "cut"
    SWEPT = "swept"
    IMPORTED = "imported"


class Intent(msgspec.Struct, frozen=True, gc=False):
    """A call about to be sent: durable before the provider sees a byte of it.

    Attributes:
        requested_at_us: the admission instant; the call belongs to it in every period.
        bound_nanos: upper bound of the cost by `hold_class`; None when nothing bounds it.
        likely_nanos: what a call of this shape usually costs, for the sweep; None when unpriced.
        request_hash: keyed hash (HMAC) of the body, for duplicate detection; None without a body.
        attempt: 1 for the first attempt of this request.
        degraded_from: the model asked for when a budget chose another one.
        deferred: the work goes on after the answer; the sweep leaves it to the poller.
    """

    request_id: RequestId
    boot_id: BootId
    requested_at_us: int
    key_id: KeyId
    provider: str
    wire: str
    operation: str
    stream: bool
    model_requested: str | None
    model_served: str | None
    attribution: Attribution = UNATTRIBUTED
    hold_class: HoldClass = HoldClass.OPEN
    hold_reasons: tuple[str, ...] = ()
    bound_nanos: int | None = None
    likely_nanos: int | None = None
    holds: tuple[Hold, ...] = ()
    service_tier: str | None = None
    output_limit: int | None = None
    temperature_zero: bool = False
    has_tools: bool = False
    unmetered: bool = False
    deferred: bool = False
    attempt: int = 1
    degraded_from: str | None = None
    request_hash: str | None = None
    request_bytes: int = 0


class UsageEvent(msgspec.Struct, frozen=True, gc=False):
    """What became of a call: exactly one for each intent, written with the settlement of its holds.

    Attributes:
        status: the HTTP status the caller was answered with; None when nobody was left to answer.
        likely_cost_nanos: for swept calls only, what reports show instead of the bound that
            budgets keep.
        raw_usage: the provider's own usage object.
        cut_reason: for `Ending.CUT`, which of our limits ended it.
        response_id_hash: keyed hash of the provider's id of the answer.
    """

    request_id: RequestId
    finished_at_us: int
    ending: Ending
    status: int | None
    usage: Usage = NO_USAGE
    usage_source: UsageSource = UsageSource.NONE
    raw_usage: Mapping[str, Any] | None = None
    cost: Cost = NO_COST
    likely_cost_nanos: int | None = None
    model_returned: str | None = None
    service_tier: str | None = None
    finish_reason: str | None = None
    response_id_hash: str | None = None
    first_byte_us: int | None = None
    latency_us: int | None = None
    response_bytes: int = 0
    cut_reason: str | None = None
    findings: tuple[str, ...] = ()


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """A call of a known key that was declined before it was sent."""

    request_id: RequestId
    refused_at_us: int
    key_id: KeyId
    code: str
    wire: str
    operation: str
    model_requested: str | None
    attribution: Attribution = UNATTRIBUTED


class Correction(msgspec.Struct, frozen=True, gc=False):
    """A reversal of what an event cost together with its replacement, booked with a reason.

    The event stays as it was. `previous_cost_nanos` is what counted before, `cost` and `usage`
    are what count from now on. `raw_usage`, `ending` and `status` are what was learned late; None
    leaves what the event says.
    """

    correction_id: str
    request_id: RequestId
    booked_at_us: int
    reason: str
    previous_cost_nanos: int | None
    cost: Cost
    usage: Usage
    usage_source: UsageSource
    raw_usage: Mapping[str, Any] | None = None
    ending: Ending | None = None
    status: int | None = None


class DeferredCall(msgspec.Struct, frozen=True, gc=False):
    """A call whose work goes on at the provider after its answer, and the provider's id of it."""

    intent: Intent
    provider_response_id: str


class ProviderObject(msgspec.Struct, frozen=True, gc=False):
    """Who made an id that a provider keeps, so that by-id calls go back to the same provider.

    `object_hash` is the keyed hash of the provider's id; `key_id` and `department` may use it.
    """

    object_hash: str
    provider: str
    key_id: KeyId
    department: str | None
    request_id: RequestId
    created_at_us: int
