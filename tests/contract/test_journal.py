"""What every Journal promises, on every engine."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import select

from outlay.budgets.hold import Hold
from outlay.kernel.clock import SystemClock
from outlay.kernel.errors import InvariantBroken
from outlay.kernel.ids import BootId, KeyId, RequestId
from outlay.ledger.endings import swept_event
from outlay.ledger.facts import (
    Correction,
    Ending,
    Intent,
    ProviderObject,
    UsageEvent,
)
from outlay.ledger.journal import Journal
from outlay.pricing.cost import Cost, CostBasis
from outlay.stores.ledger.connection import Ledger
from outlay.stores.ledger.journal import SqlJournal
from outlay.stores.ledger.objects import LedgerObjects
from outlay.stores.ledger.read import iterate_calls, list_deferred
from outlay.stores.ledger.rows import correction_from_row, intent_from_row
from outlay.stores.ledger.schema import corrections, intents, quarantine
from outlay.usage.usage import UsageSource
from tests.ledgers import (
    ATTRIBUTION,
    COST,
    NOON_US,
    USAGE,
    count,
    make_event,
    make_intent,
    make_refusal,
)


def _fail(reason: str) -> None:
    raise AssertionError(reason)


@pytest.fixture
async def journal(ledger: Ledger) -> AsyncIterator[Journal]:
    """A running journal of the boot `boot_1`."""
    started = SqlJournal.start(ledger, BootId("boot_1"), SystemClock(), on_fatal=_fail)
    yield started
    await started.close()


async def test_a_recorded_call_is_read_back_as_it_was(ledger: Ledger, journal: Journal) -> None:
    intent = make_intent(holds=(Hold("bud_a", 9_000_000), Hold("bud_b", 9_000_000)))
    event = make_event(intent.request_id, findings=("cache_tokens_above_input",))
    await journal.record_intent(intent)
    await journal.record_event(event)
    [call] = iterate_calls(ledger)
    assert intent == call.intent
    assert event == call.event
    assert call.correction is None


async def test_an_intent_stands_before_its_call_is_sent(ledger: Ledger, journal: Journal) -> None:
    intent = make_intent(model_served=None, attribution=ATTRIBUTION, stream=False)
    await journal.record_intent(intent)
    with ledger.read() as connection:
        row = connection.execute(select(intents)).mappings().one()
    assert intent == intent_from_row(row)


async def test_an_intent_with_a_bad_hold_is_not_recorded_at_all(
    ledger: Ledger, journal: Journal
) -> None:
    intent = make_intent(holds=(Hold("bud_a", 1), Hold("bud_a", 1)))
    with pytest.raises(InvariantBroken):
        await journal.record_intent(intent)
    assert count(ledger, "intents") == 0
    assert count(ledger, "holds") == 0


async def test_the_same_facts_again_have_no_effect(ledger: Ledger, journal: Journal) -> None:
    intent = make_intent(holds=(Hold("bud_a", 1),))
    for _ in range(3):
        await journal.record_intent(intent)
    for _ in range(3):
        await journal.record_event(make_event(intent.request_id))
    assert count(ledger, "intents") == 1
    assert count(ledger, "usage_events") == 1
    assert count(ledger, "quarantine") == 0


async def test_a_different_event_under_the_same_id_is_refused_and_visible(
    ledger: Ledger, journal: Journal
) -> None:
    intent = make_intent()
    event = make_event(intent.request_id)
    await journal.record_intent(intent)
    await journal.record_event(event)
    with pytest.raises(InvariantBroken, match="another event"):
        await journal.record_event(replace(event, response_bytes=901))
    assert [event] == [call.event for call in iterate_calls(ledger)]
    with ledger.read() as connection:
        row = connection.execute(select(quarantine)).mappings().one()
    assert (row["kind"], row["request_id"]) == ("UsageEvent", intent.request_id)


async def test_a_different_intent_under_the_same_id_is_refused(
    ledger: Ledger, journal: Journal
) -> None:
    intent = make_intent(holds=(Hold("bud_a", 1),))
    await journal.record_intent(intent)
    for other in (replace(intent, provider="anthropic"), replace(intent, holds=())):
        with pytest.raises(InvariantBroken, match="another intent"):
            await journal.record_intent(other)
    assert count(ledger, "intents") == 1


async def test_an_event_without_an_intent_is_refused(ledger: Ledger, journal: Journal) -> None:
    with pytest.raises(InvariantBroken, match="no intent"):
        await journal.record_event(make_event("req_unknown"))
    assert count(ledger, "usage_events") == 0


async def test_one_bad_row_does_not_sink_its_neighbours(ledger: Ledger, journal: Journal) -> None:
    calls = [make_intent() for _ in range(20)]
    await asyncio.gather(*[journal.record_intent(intent) for intent in calls])
    events = [make_event(intent.request_id) for intent in calls]
    events[7] = replace(events[7], response_bytes=2**70)
    results = await asyncio.gather(
        *[journal.record_event(event) for event in events], return_exceptions=True
    )
    assert [7] == [i for i, result in enumerate(results) if isinstance(result, InvariantBroken)]
    assert count(ledger, "usage_events") == 19
    assert count(ledger, "quarantine") == 1


async def test_text_that_a_database_refuses_is_kept_visible(
    ledger: Ledger, journal: Journal
) -> None:
    intent = make_intent()
    await journal.record_intent(intent)
    odd = make_event(
        intent.request_id,
        model_returned="gpt\0-5\ud800",
        raw_usage={"note": "a\0b", "lone": "\udfff", "large": 2**70},
    )
    await journal.record_event(odd)
    [call] = iterate_calls(ledger)
    assert call.event.model_returned == "gpt�-5?"
    assert odd.raw_usage == call.event.raw_usage


async def test_an_event_after_the_sweep_becomes_a_correction_once(
    ledger: Ledger, journal: Journal
) -> None:
    intent = make_intent()
    await journal.record_intent(intent)
    await journal.record_event(swept_event(intent, NOON_US))
    late = make_event(intent.request_id)
    for _ in range(2):
        await journal.record_event(late)
    [call] = iterate_calls(ledger)
    assert call.event.ending is Ending.SWEPT
    assert call.correction is not None
    assert call.correction.previous_cost_nanos == intent.bound_nanos
    assert (call.correction.cost, call.correction.usage) == (COST, USAGE)
    assert (call.correction.ending, call.correction.status) == (Ending.COMPLETE, 200)
    assert count(ledger, "corrections") == 1


async def test_two_different_late_events_are_refused(ledger: Ledger, journal: Journal) -> None:
    intent = make_intent()
    await journal.record_intent(intent)
    await journal.record_event(swept_event(intent, NOON_US))
    await journal.record_event(make_event(intent.request_id))
    with pytest.raises(InvariantBroken, match="another late event"):
        await journal.record_event(make_event(intent.request_id, status=500))


def _correction(event: UsageEvent, number: int, before: int | None, after: int) -> Correction:
    return Correction(
        correction_id=f"cor_{number}",
        request_id=event.request_id,
        booked_at_us=NOON_US + number,
        reason="a price arrived",
        previous_cost_nanos=before,
        cost=Cost(after, CostBasis.LIST, after, tool_cost_nanos=0),
        usage=event.usage,
        usage_source=UsageSource.REPORTED,
    )


async def test_corrections_follow_one_another(ledger: Ledger, journal: Journal) -> None:
    intent = make_intent()
    event = make_event(intent.request_id)
    await journal.record_intent(intent)
    await journal.record_event(event)
    first = _correction(event, 1, COST.cost_nanos, 10)
    second = _correction(event, 2, 10, 20)
    await journal.record_corrections([first, second])
    await journal.record_corrections([first])
    with ledger.read() as connection:
        rows = connection.execute(select(corrections).order_by(corrections.c.seq)).mappings()
        assert [first, second] == [correction_from_row(row) for row in rows]


async def test_corrections_are_recorded_together_or_not_at_all(
    ledger: Ledger, journal: Journal
) -> None:
    intent = make_intent()
    event = make_event(intent.request_id)
    await journal.record_intent(intent)
    await journal.record_event(event)
    stale = _correction(event, 2, COST.cost_nanos, 20)
    with pytest.raises(InvariantBroken, match="by now"):
        await journal.record_corrections([_correction(event, 1, COST.cost_nanos, 10), stale])
    assert count(ledger, "corrections") == 0


async def test_a_deferred_call_is_listed_until_it_has_its_event(
    ledger: Ledger, journal: Journal
) -> None:
    intent = make_intent(deferred=True)
    await journal.record_intent(intent)
    for _ in range(2):
        await journal.record_deferred(intent.request_id, "resp_1")
    [found] = list_deferred(ledger)
    assert (found.intent, found.provider_response_id) == (intent, "resp_1")
    await journal.record_event(make_event(intent.request_id))
    assert list_deferred(ledger) == []


async def test_a_call_is_deferred_under_one_id_only(ledger: Ledger, journal: Journal) -> None:
    intent = make_intent()
    await journal.record_intent(intent)
    await journal.record_deferred(intent.request_id, "resp_1")
    with pytest.raises(InvariantBroken, match="another id"):
        await journal.record_deferred(intent.request_id, "resp_2")
    with pytest.raises(InvariantBroken, match="no intent"):
        await journal.record_deferred(RequestId("req_unknown"), "resp_3")


async def test_refusals_and_objects_are_written_without_waiting(ledger: Ledger) -> None:
    journal = SqlJournal.start(ledger, BootId("boot_1"), SystemClock(), on_fatal=_fail)
    refusal = make_refusal()
    made = ProviderObject("hash", "openai", KeyId("key_1"), None, RequestId("req_1"), NOON_US)
    for _ in range(2):
        journal.record_refusal(refusal)
        journal.record_object(made)
    journal.record_object(replace(made, provider="anthropic"))
    await journal.close()
    assert count(ledger, "refusals") == 1
    assert made == await LedgerObjects(ledger).find_owner("hash")
    assert await LedgerObjects(ledger).find_owner("other") is None


async def test_closing_ends_the_boot_unless_a_call_is_open(ledger: Ledger) -> None:
    for boot_id, ends in (("boot_1", True), ("boot_2", False)):
        journal = SqlJournal.start(ledger, BootId(boot_id), SystemClock(), on_fatal=_fail)
        intent = make_intent(boot_id)
        await journal.record_intent(intent)
        if ends:
            await journal.record_event(make_event(intent.request_id))
        await journal.close()
    with ledger.read() as connection:
        ended = connection.exec_driver_sql(
            "SELECT boot_id FROM boots WHERE ended_at_us IS NOT NULL"
        )
        assert ended.scalars().all() == ["boot_1"]


async def test_a_cancelled_intent_is_closed_as_never_sent(ledger: Ledger, journal: Journal) -> None:
    intent = make_intent()
    waiting = asyncio.create_task(journal.record_intent(intent))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await journal.record_intent(make_intent())  # whatever came before it is written now
    await journal.close()
    ended = [(call.intent, call.event.ending) for call in iterate_calls(ledger)]
    assert ended in ([], [(intent, Ending.NEVER_SENT)])
    assert count(ledger, "intents") == len(ended) + 1


async def test_many_callers_share_a_transaction(ledger: Ledger) -> None:
    journal = SqlJournal.start(ledger, BootId("boot_1"), SystemClock(), on_fatal=_fail)
    calls = [make_intent() for _ in range(500)]
    await asyncio.gather(*[journal.record_intent(intent) for intent in calls])
    await asyncio.gather(*[journal.record_event(make_event(one.request_id)) for one in calls])
    await journal.close()
    assert count(ledger, "usage_events") == 500
    assert journal.counts.groups < 100


_ACTIONS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ies")), max_size=25)


@settings(
    max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(actions=_ACTIONS)
async def test_any_order_of_repeats_leaves_one_intent_and_one_event(
    ledger: Ledger, actions: list[tuple[int, str]]
) -> None:
    """Record, repeat and sweep four calls in any order: each ends with one intent and one event."""
    boot = BootId(f"boot_{count(ledger, 'boots')}")
    journal = SqlJournal.start(ledger, boot, SystemClock(), on_fatal=_fail)
    calls: list[Intent] = [make_intent(boot) for _ in range(4)]
    before = count(ledger, "usage_events")
    sent, ended = set[int](), set[int]()
    for number, action in actions:
        intent = calls[number]
        if action == "i" or number not in sent:
            await journal.record_intent(intent)
            sent.add(number)
        elif action == "e":
            await journal.record_event(make_event(intent.request_id))
            ended.add(number)
        elif number not in ended:
            await journal.record_event(swept_event(intent, NOON_US))
            ended.add(number)
    await journal.close()
    assert count(ledger, "usage_events") - before == len(ended)
    assert count(ledger, "quarantine") == 0
