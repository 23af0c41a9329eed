"""Users and tags on both engines: what counts, what does not, and that rows add up."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from outlay.attribution.dimensions import Attribution, Dimension, Source, Value
from outlay.kernel.periods import Period
from outlay.ledger.facts import Correction, Ending, Intent, UsageEvent
from outlay.pricing.cost import NO_COST, Cost, CostBasis
from outlay.reports.query import ReportQuery
from outlay.reports.registry import REPORTS, ReportNotFound, get_report
from outlay.reports.table import ReportTable
from outlay.stores.ledger.connection import Ledger
from outlay.stores.ledger.imports import LedgerImports
from outlay.usage.usage import NO_USAGE, UsageSource
from tests.ledgers import NOON_US, make_event, make_intent
from tests.reports.recording import record

DAY_US = 86_400_000_000
PERIOD = Period(NOON_US, NOON_US + DAY_US)
UNPRICED = Cost(None, CostBasis.NONE, unpriced=("m/input",))

Pair = tuple[Intent, UsageEvent | None]


def cost(nanos: int, basis: CostBasis = CostBasis.LIST) -> Cost:
    return Cost(nanos, basis)


def call(at_us: int = NOON_US, event: dict[str, Any] | None = None, **dimensions: str) -> Pair:
    """Make a call that ended, of 1,000 nanos unless `event` says otherwise."""
    values = {Dimension(name): Value(text, Source.HEADER) for name, text in dimensions.items()}
    intent = make_intent(requested_at_us=at_us, attribution=Attribution(values))
    return intent, make_event(intent.request_id, **{"cost": cost(1_000), **(event or {})})


def answer(ledger: Ledger, name: str, period: Period = PERIOD) -> ReportTable:
    with ledger.read() as connection:
        return get_report(name).answer(connection, ReportQuery(period, NOON_US + DAY_US))


def rows(table: ReportTable) -> list[dict[str, Any]]:
    names = [column.name for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


def totals(table: ReportTable) -> dict[str, Any]:
    names = [column.name for column in table.columns]
    return dict(zip(names, table.totals, strict=True))


def test_users_are_sorted_by_spend_and_calls_without_one_are_a_row(ledger: Ledger) -> None:
    record(
        ledger,
        [
            call(user="ada", session="s1"),
            call(user="ada", session="s1", at_us=NOON_US + 7),
            call(user="ben", session="s1", event={"cost": cost(5_000)}),
            call(session="s2"),
            call(),
        ],
    )
    table = answer(ledger, "users")
    assert rows(table) == [
        {
            "user": user,
            "total_spend_usd": spend,
            "calls": calls,
            "avg_cost_per_call_usd": average,
            "sessions": sessions,
            "last_active": last,
            "unpriced_calls": 0,
            "estimated_spend_usd": 0,
        }
        for user, spend, calls, average, sessions, last in [
            ("ben", 5_000, 1, 5_000, 1, NOON_US),
            ("ada", 2_000, 2, 1_000, 1, NOON_US + 7),
            (None, 2_000, 2, 1_000, 1, NOON_US),
        ]
    ]
    assert totals(table)["sessions"] == 2
    assert totals(table)["total_spend_usd"] == 9_000
    assert totals(table)["avg_cost_per_call_usd"] == 1_800
    assert totals(table)["last_active"] == NOON_US + 7


def test_tags_show_the_cost_of_a_call_for_each_outcome_value(ledger: Ledger) -> None:
    record(
        ledger,
        [
            call(outcome="ticket-resolved", event={"cost": cost(2)}),
            call(outcome="ticket-resolved", event={"cost": cost(3)}),
            call(outcome="Ticket Resolved"),
            call(),
        ],
    )
    shown = [
        (row["outcome"], row["calls"], row["spend_usd"], row["cost_per_call_usd"])
        for row in rows(answer(ledger, "tags"))
    ]
    assert shown == [
        ("Ticket Resolved", 1, 1_000, 1_000),
        (None, 1, 1_000, 1_000),
        ("ticket-resolved", 2, 5, 2),
    ]


def test_a_period_takes_its_start_in_and_leaves_its_end_out(ledger: Ledger) -> None:
    before, after = call(at_us=NOON_US - 1), call(at_us=NOON_US + DAY_US)
    record(ledger, [before, call(at_us=NOON_US), call(at_us=NOON_US + DAY_US - 1), after])
    assert totals(answer(ledger, "tags"))["calls"] == 2


def test_last_active_is_the_newest_call_of_all_time(ledger: Ledger) -> None:
    record(ledger, [call(user="ada"), call(user="ada", at_us=NOON_US + 3 * DAY_US)])
    assert rows(answer(ledger, "users"))[0]["last_active"] == NOON_US + 3 * DAY_US


def test_unpriced_calls_are_counted_but_no_part_of_spend_and_averages(ledger: Ledger) -> None:
    record(ledger, [call(user="ada"), call(user="ada", event={"cost": UNPRICED}), call(user="ada")])
    table = answer(ledger, "users")
    (ada,) = rows(table)
    assert (ada["calls"], ada["unpriced_calls"]) == (3, 1)
    assert (ada["total_spend_usd"], ada["avg_cost_per_call_usd"]) == (2_000, 1_000)
    assert table.notes == ("+ 1 unpriced call: counted, but no part of spend and averages",)


def test_an_average_of_unpriced_calls_alone_does_not_exist(ledger: Ledger) -> None:
    record(ledger, [call(user="ada", event={"cost": UNPRICED})])
    (ada,) = rows(answer(ledger, "users"))
    assert (ada["total_spend_usd"], ada["avg_cost_per_call_usd"]) == (0, None)


def test_calls_neither_answered_nor_billed_are_told_beside_the_rows(ledger: Ledger) -> None:
    unbilled = {"status": 429, "ending": Ending.PROVIDER_ERROR, "cost": NO_COST}
    billed = {"status": 500, "ending": Ending.PROVIDER_ERROR, "cost": cost(7)}
    gone = {"status": None, "ending": Ending.NEVER_SENT, "cost": NO_COST, "usage": NO_USAGE}
    unknown = {"status": 502, "cost": UNPRICED}
    pairs = [call(event=event) for event in (unbilled, billed, gone, unknown)]
    record(ledger, [*pairs, (make_intent(), None)])
    table = answer(ledger, "users")
    assert totals(table)["calls"] == 2
    assert totals(table)["total_spend_usd"] == 7
    assert "+ 1 open call: not settled yet, not counted" in table.notes
    assert (
        "+ 2 unbilled calls: ended without an answer and without cost, not counted" in table.notes
    )


def test_a_free_call_that_was_answered_counts(ledger: Ledger) -> None:
    record(ledger, [call(event={"cost": cost(0)})])
    assert totals(answer(ledger, "tags"))["calls"] == 1


@pytest.mark.parametrize("ending", [Ending.SWEPT, Ending.NO_ANSWER])
def test_a_call_at_its_bound_counts_at_its_likely_cost_and_as_an_estimate(
    ledger: Ledger, ending: Ending
) -> None:
    swept = {
        "ending": ending,
        "status": None,
        "usage": NO_USAGE,
        "usage_source": UsageSource.ESTIMATED,
        "cost": cost(9_000, CostBasis.BOUND),
        "likely_cost_nanos": 4_000,
    }
    record(ledger, [call(event=swept), call()])
    table = answer(ledger, "tags")
    assert totals(table)["spend_usd"] == 5_000
    assert totals(table)["estimated_spend_usd"] == 4_000
    assert table.notes == ("0.000004 USD of the spend (80.0 %) is estimated",)


def test_estimated_usage_is_told(ledger: Ledger) -> None:
    record(ledger, [call(event={"usage_source": UsageSource.ESTIMATED}), call(), call()])
    assert totals(answer(ledger, "tags"))["estimated_spend_usd"] == 1_000
    assert "(33.3 %)" in answer(ledger, "tags").notes[0]


def corrected(pair: Pair, number: int, to: Cost, **changes: Any) -> Correction:
    event = pair[1]
    assert event is not None
    usual = Correction(
        correction_id=f"cor_{number}",
        request_id=event.request_id,
        booked_at_us=NOON_US + number,
        reason="restated",
        previous_cost_nanos=event.cost.cost_nanos,
        cost=to,
        usage=event.usage,
        usage_source=UsageSource.REPORTED,
    )
    return replace(usual, **changes)


def test_the_newest_correction_counts_on_the_day_of_the_call(ledger: Ledger) -> None:
    healed, swept, voided = call(event={"cost": UNPRICED}), call(), call()
    record(
        ledger,
        [healed, swept, voided],
        [
            corrected(healed, 1, cost(70)),
            corrected(healed, 2, cost(50)),
            corrected(swept, 3, cost(20)),
            corrected(voided, 4, UNPRICED),
        ],
    )
    table = answer(ledger, "tags")
    assert totals(table)["spend_usd"] == 70
    assert totals(table)["calls"] == 3
    assert totals(table)["unpriced_calls"] == 1


def test_a_late_event_of_a_swept_call_is_no_estimate_any_more(ledger: Ledger) -> None:
    swept = call(event={"ending": Ending.SWEPT, "status": None, "likely_cost_nanos": 4})
    late = corrected(swept, 1, NO_COST, ending=Ending.PROVIDER_ERROR, status=503)
    record(ledger, [swept], [late])
    table = answer(ledger, "tags")
    assert totals(table)["calls"] == 0
    assert "1 unbilled call" in table.notes[0]


def test_calls_of_an_import_appear_when_it_is_published(ledger: Ledger) -> None:
    store = LedgerImports(ledger)
    begun = store.begin("calls.jsonl", "ab" * 32)
    intent, event = call(user="ada")
    record(ledger, [(replace(intent, boot_id=begun.import_id), event)])
    assert rows(answer(ledger, "users")) == []
    assert answer(ledger, "users").notes == ()
    store.publish(begun)
    assert totals(answer(ledger, "users"))["calls"] == 1


def test_a_report_of_nothing_has_no_rows_and_zero_totals(ledger: Ledger) -> None:
    table = answer(ledger, "users")
    assert table.rows == ()
    assert totals(table)["total_spend_usd"] == 0
    assert totals(table)["avg_cost_per_call_usd"] is None
    assert totals(table)["last_active"] is None


CALLS = st.lists(
    st.tuples(
        st.sampled_from([None, "ada", "ben", "Ada", "ä", "="]),
        st.sampled_from([None, "s1", "s2", "s3"]),
        st.one_of(st.none(), st.just(0), st.integers(1, 10**15)),
        st.sampled_from([200, 429, None]),
        st.sampled_from(UsageSource),
        st.integers(-2, 2),
        st.one_of(st.just("keep"), st.none(), st.integers(0, 10**12)),
    ),
    max_size=12,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CALLS)
def test_rows_add_up_to_the_totals_and_days_to_the_period(
    sqlite_ledger: Ledger, drawn: list[tuple[Any, ...]]
) -> None:
    """For any calls and corrections: additive columns add up over rows and over days."""
    _empty(sqlite_ledger)
    pairs, fixes = [], []
    for number, (user, session, nanos, status, source, day, fix) in enumerate(drawn):
        named = {"user": user, "session": session}
        price = UNPRICED if nanos is None else cost(nanos)
        pair = call(
            at_us=NOON_US + day * DAY_US,
            event={"cost": price, "status": status, "usage_source": source},
            **{name: text for name, text in named.items() if text is not None},
        )
        pairs.append(pair)
        if fix != "keep":
            fixes.append(corrected(pair, number, UNPRICED if fix is None else cost(fix)))
    record(sqlite_ledger, pairs, fixes)
    whole = Period(NOON_US - 2 * DAY_US, NOON_US + 3 * DAY_US)
    days = [Period(start, start + DAY_US) for start in range(whole.start_us, whole.end_us, DAY_US)]
    for name in ("users", "tags"):
        table = answer(sqlite_ledger, name, whole)
        by_day = [answer(sqlite_ledger, name, day) for day in days]
        for n, column in enumerate(table.columns):
            if column.additive:
                assert table.totals[n] == sum(row[n] for row in table.rows)  # type: ignore[misc]
                assert table.totals[n] == sum(day.totals[n] for day in by_day)  # type: ignore[misc]
        assert len({row[0] for row in table.rows}) == len(table.rows)
    _check_against_python(totals(answer(sqlite_ledger, "users", whole)), drawn)


def _check_against_python(total: dict[str, Any], drawn: list[tuple[Any, ...]]) -> None:
    """Add the same calls up without SQL."""
    costs = []
    sessions = set()
    for _, session, nanos, status, _, _, fix in drawn:
        now = nanos if fix == "keep" else fix
        if status == 200 or now is None or now != 0:
            costs.append(now)
            sessions.add(session)
    priced = [nanos for nanos in costs if nanos is not None]
    assert total["calls"] == len(costs)
    assert total["total_spend_usd"] == sum(priced)
    assert total["unpriced_calls"] == len(costs) - len(priced)
    assert total["sessions"] == len(sessions - {None})
    average = round(Fraction(sum(priced), len(priced))) if priced else None
    assert total["avg_cost_per_call_usd"] == average


def _empty(ledger: Ledger) -> None:
    with ledger.write() as connection:
        for table in ("corrections", "usage_events", "intents"):
            connection.exec_driver_sql(f"DELETE FROM {table}")


def test_a_report_sees_one_state_of_the_ledger_while_calls_arrive(ledger: Ledger) -> None:
    """Rows and notes are several queries: a call in between must be in all of them or in none."""
    record(ledger, [call(user="ada")])
    with ledger.read() as connection:
        query = ReportQuery(PERIOD, NOON_US)
        before = get_report("users").answer(connection, query)
        record(ledger, [call(user="ada"), (make_intent(), None)])
        assert get_report("users").answer(connection, query) == before
    assert answer(ledger, "users") != before


@pytest.mark.postgres
def test_both_engines_give_the_same_report(sqlite_ledger: Ledger, postgres_ledger: Ledger) -> None:
    pairs = [
        call(user=user, session=f"s{n % 2}", event={"cost": cost(n * 10**17 // 3)})
        for n, user in enumerate(["ä", "a", "B", "=x", "a"])
    ]
    for ledger in (sqlite_ledger, postgres_ledger):
        record(ledger, pairs)
    for one in REPORTS:
        assert answer(sqlite_ledger, one.name) == answer(postgres_ledger, one.name)


def test_an_unknown_report_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ReportNotFound, match="users, tags"):
        get_report("user")


def test_columns_and_totals_fit_together() -> None:
    for one in REPORTS:
        names = [column.name for column in one.columns]
        assert len(set(names)) == len(names)
        assert all(column.meaning for column in one.columns)
