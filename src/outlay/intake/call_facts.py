"""A row of an import as the facts of the ledger: an intent and its usage event."""

from collections.abc import Callable, Mapping

from outlay.intake.call_row import CallRow
from outlay.kernel.ids import BootId, KeyId
from outlay.ledger.facts import Ending, Intent, UsageEvent
from outlay.ledger.imports import ImportedCall
from outlay.pricing.book import PriceBook
from outlay.pricing.cost import Cost, CostBasis
from outlay.usage.usage import NO_USAGE, Pass, Usage

IMPORT_KEY = KeyId("import")
"""Stands for the API key of calls that never passed through the gateway."""

Pricer = Callable[[CallRow], Cost]
"""Prices a row at its own instant; a cost that the row states is kept as stated."""


def pricer(
    book: PriceBook, price_providers: Mapping[str, str], *, price_at_us: int | None = None
) -> Pricer:
    """Price rows by a price book.

    Args:
        book: the prices.
        price_providers: whose prices a provider has (`gemini`: `google`); others have their own.
        price_at_us: the instant whose prices apply to every row; None for each row's own.
    """

    def price(row: CallRow) -> Cost:
        if row.quantities is None:
            return stated_cost(row)
        return book.price(
            provider=price_providers.get(row.provider, row.provider),
            model_requested=row.model_requested,
            model_served=row.model,
            model_returned=row.model_returned,
            usage=usage_of(row),
            at_us=row.at_us if price_at_us is None else price_at_us,
            service_tier=row.service_tier,
            stated_cost_nanos=row.cost_nanos,
        )

    return price


def to_facts(line: int, row: CallRow, *, import_id: str, cost: Cost) -> ImportedCall:
    """Turn a row into facts that belong to an import."""
    intent = Intent(
        request_id=row.request_id,
        boot_id=BootId(import_id),
        requested_at_us=row.at_us,
        key_id=IMPORT_KEY,
        provider=row.provider,
        wire=row.wire,
        operation=row.operation,
        stream=row.stream,
        model_requested=row.model_requested,
        model_served=row.model,
        attribution=row.attribution,
        hold_reasons=("imported",),
        service_tier=row.service_tier,
    )
    return ImportedCall(line, intent, _event(row, cost))


def usage_of(row: CallRow) -> Usage:
    """Return what a row consumed, as one pass; no usage when it states none."""
    return Usage((Pass(None, row.quantities),)) if row.quantities else NO_USAGE


def stated_cost(row: CallRow) -> Cost:
    """Return the cost that a row states, without looking up any price.

    A row with neither cost nor usage is an export of a call whose cost nobody knew: unpriced.
    """
    if row.cost_nanos is None:
        return Cost(None, CostBasis.NONE, unpriced=("usage",))
    return Cost(row.cost_nanos, CostBasis.STATED, stated_cost_nanos=row.cost_nanos)


def _event(row: CallRow, cost: Cost) -> UsageEvent:
    return UsageEvent(
        request_id=row.request_id,
        finished_at_us=row.at_us + (row.latency_us or 0),
        ending=Ending.IMPORTED,
        status=row.status,
        usage=usage_of(row),
        usage_source=row.usage_source,
        cost=cost,
        model_returned=row.model_returned,
        service_tier=row.service_tier,
        finish_reason=row.finish_reason,
        first_byte_us=row.first_byte_us,
        latency_us=row.latency_us,
    )
