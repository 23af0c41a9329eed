"""Usage: the disjoint quantities that one call consumed, and where they came from."""

from collections.abc import Mapping, Set
from enum import StrEnum

import msgspec

from outlay.kernel.findings import Finding
from outlay.usage.meters import INPUT_METERS, OUTPUT_METERS, Meter


class UsageSource(StrEnum):
    """Who says how much was consumed."""

    REPORTED = "reported"
    ESTIMATED = "estimated"
    NONE = "none"


class Pass(msgspec.Struct, frozen=True, gc=False):
    """One billed pass of a model within a call.

    `model` is the model that ran it, or None for the model of the call. `quantities` has no zero
    and no negative entry; a meter that is absent was reported as zero or not at all.
    """

    model: str | None
    quantities: Mapping[Meter, int]


class Usage(msgspec.Struct, frozen=True, gc=False):
    """All passes of one call; nearly always one."""

    passes: tuple[Pass, ...]

    def quantities(self) -> dict[Meter, int]:
        """Add up the passes, meter by meter."""
        if len(self.passes) == 1:
            return dict(self.passes[0].quantities)
        total: dict[Meter, int] = {}
        for one in self.passes:
            for meter, quantity in one.quantities.items():
                total[meter] = total.get(meter, 0) + quantity
        return total

    def tokens_of(self, meters: Set[Meter]) -> int:
        """Count what the given meters measured, over all passes."""
        return sum(q for one in self.passes for m, q in one.quantities.items() if m in meters)

    @property
    def input_tokens(self) -> int:
        """All input tokens, cached ones and media included."""
        return self.tokens_of(INPUT_METERS)

    @property
    def output_tokens(self) -> int:
        """All output tokens, reasoning and media included."""
        return self.tokens_of(OUTPUT_METERS)


NO_USAGE = Usage(passes=())


class Metered(msgspec.Struct, frozen=True, gc=False):
    """What was metered of one call: the usage, who says so, and what was odd about it.

    `stated_cost_nanos` is the provider's own charge, where it states one that counts (None: it does
    not).
    """

    usage: Usage
    source: UsageSource
    findings: tuple[Finding, ...] = ()
    stated_cost_nanos: int | None = None
