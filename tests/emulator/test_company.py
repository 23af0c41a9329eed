"""The simulated company's history: the same for the same seed, and such as a company's would be."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from outlay.attribution.values import Rules
from outlay.emulator.company import history
from outlay.emulator.prices import price_table
from outlay.intake.call_row import RowRules, parse_call_row
from outlay.kernel.clock import parse_instant, to_us

END = datetime(2026, 11, 21, 15, 7, tzinfo=UTC)
CALLS = 6_000


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return list(history(7, to_us(END), calls=CALLS))


@pytest.fixture(scope="module")
def sessions(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    by_id = defaultdict(list)
    for row in rows:
        if row["session"]:
            by_id[row["session"]].append(row)
    return by_id


def test_the_same_seed_tells_the_same_history(rows: list[dict[str, Any]]) -> None:
    assert list(history(7, to_us(END), calls=CALLS)) == rows


def test_another_seed_tells_another_history(rows: list[dict[str, Any]]) -> None:
    other = history(8, to_us(END), calls=CALLS)
    assert next(other)["request_id"] != rows[0]["request_id"]


def test_calls_come_in_order_within_thirty_days(rows: list[dict[str, Any]]) -> None:
    instants = [parse_instant(row["at"]) for row in rows]

    assert all(one <= next_one for one, next_one in pairwise(instants))
    assert END - timedelta(days=30, hours=1) <= instants[0]
    assert instants[-1] < END


def test_there_are_about_as_many_calls_as_asked_for(rows: list[dict[str, Any]]) -> None:
    assert abs(len(rows) - CALLS) < CALLS // 10


def test_every_call_has_an_id_of_its_own(rows: list[dict[str, Any]]) -> None:
    assert len({row["request_id"] for row in rows}) == len(rows)


def test_the_importer_takes_every_row(rows: list[dict[str, Any]]) -> None:
    rules = RowRules(Rules(hash_value=str.upper), to_us(END))
    for row in rows:
        parse_call_row(row, rules)


def test_every_call_can_be_priced(rows: list[dict[str, Any]]) -> None:
    table = price_table()
    charges = [
        table.charge([(row.get("model_returned") or row["model"], row["usage"])]) for row in rows
    ]
    assert None not in charges


def test_nights_and_weekends_are_quieter(rows: list[dict[str, Any]]) -> None:
    days = Counter(parse_instant(row["at"]).weekday() for row in rows)
    reviews = [r for r in rows if r["feature"] == "code-reviewer"]
    hours = Counter(parse_instant(row["at"]).hour for row in reviews)

    assert max(days[5], days[6]) < min(days[day] for day in range(5))
    assert hours[3] < hours[10]


def test_a_night_batch_ran_away_once(rows: list[dict[str, Any]]) -> None:
    batch = Counter(row["at"][:10] for row in rows if row["feature"] == "invoice-extractor")
    (_, most), *others = batch.most_common()
    typical = sorted(count for _, count in others)[len(others) // 2]
    assert most > 3 * typical


def test_some_sessions_fail_and_only_successes_are_tagged(
    sessions: dict[str, list[dict[str, Any]]],
) -> None:
    tickets = [calls for name, calls in sessions.items() if name.startswith("ticket_")]
    succeeded = [calls for calls in tickets if any(call.get("outcome") for call in calls)]

    assert 0.5 < len(succeeded) / len(tickets) < 0.8
    assert {calls[-1]["outcome"] for calls in succeeded} == {"ticket-resolved"}
    assert all(not call.get("outcome") for calls in succeeded for call in calls[:-1])


def test_the_second_prompt_does_better(sessions: dict[str, list[dict[str, Any]]]) -> None:
    wins: Counter[str] = Counter()
    tries: Counter[str] = Counter()
    for name, calls in sessions.items():
        if name.startswith("ticket_"):
            tries[calls[0]["variant"]] += 1
            wins[calls[0]["variant"]] += any(call.get("outcome") for call in calls)
    assert wins["prompt-b"] / tries["prompt-b"] > wins["prompt-a"] / tries["prompt-a"]


def test_a_session_keeps_its_user_feature_and_model(
    sessions: dict[str, list[dict[str, Any]]],
) -> None:
    for calls in sessions.values():
        assert len({(c["user"], c["feature"], c["model"], c["variant"]) for c in calls}) == 1


def test_failed_calls_cost_nothing_and_are_tried_again(
    rows: list[dict[str, Any]], sessions: dict[str, list[dict[str, Any]]]
) -> None:
    failed = [row for row in rows if row["status"] != 200]
    ended_by_failure = sum(calls[-1]["status"] != 200 for calls in sessions.values())

    assert 0.005 < len(failed) / len(rows) < 0.04
    assert {row["status"] for row in failed} == {429, 500, 529}
    assert all(row["usage"] == {} for row in failed)
    # The very last sessions may be cut off by the end of the history.
    assert ended_by_failure < 3


def test_caches_work_as_the_providers_do(rows: list[dict[str, Any]]) -> None:
    openai = [r["usage"] for r in rows if r["provider"] == "openai" and r["usage"]]
    anthropic = [r["usage"] for r in rows if r["provider"] == "anthropic" and r["usage"]]

    assert all(usage.get("cache_read", 0) % 128 == 0 for usage in openai)
    assert all("cache_write_5m" not in usage for usage in openai)
    assert any(usage.get("cache_write_5m") and usage.get("cache_read") for usage in anthropic)
    assert all(n > 0 for usage in openai + anthropic for n in usage.values())


def test_many_users_and_a_few_heavy_ones(rows: list[dict[str, Any]]) -> None:
    calls = Counter(row["user"] for row in rows if row["user"])
    heavy = sum(count for _, count in calls.most_common(len(calls) // 10))

    assert len(calls) > 800
    assert heavy > sum(calls.values()) // 4


def test_little_is_untagged(rows: list[dict[str, Any]]) -> None:
    untagged = [row for row in rows if row["feature"] is None]
    assert 0 < len(untagged) < len(rows) // 50
    assert {(row["user"], row["department"], row["session"]) for row in untagged} == {
        (None, None, None)
    }
