"""Where the sweep must begin: below it no intent of this boot is open."""

from hypothesis import given
from hypothesis import strategies as st

from outlay.kernel.errors import InvariantBroken
from outlay.stores.ledger.entries import Deferral, Entry, Withdrawal
from outlay.stores.ledger.open_calls import OpenCalls
from tests.ledgers import NOON_US, make_event, make_intent, make_refusal


def test_nothing_open_means_everything_is_closed() -> None:
    calls = OpenCalls(5)
    calls.note([Entry(make_refusal())])
    assert (9, 0) == (calls.low_water_seq(9), len(calls))


def test_the_oldest_open_call_holds_the_mark() -> None:
    calls = OpenCalls(5)
    first, second = make_intent(), make_intent()
    calls.note([Entry(first)])
    assert calls.low_water_seq(8) == 5
    calls.note([Entry(second)])
    calls.note([Entry(make_event(first.request_id))])
    assert calls.low_water_seq(9) == 8
    calls.note([Entry(Withdrawal(second.request_id, NOON_US))])
    assert calls.low_water_seq(12) == 12


def test_a_deferred_call_is_no_longer_the_sweeps() -> None:
    calls = OpenCalls(5)
    intent = make_intent()
    calls.note([Entry(intent), Entry(Deferral(intent.request_id, "resp_1", NOON_US))])
    assert calls.low_water_seq(9) == 9


def test_what_could_not_be_written_counts_for_nothing() -> None:
    calls = OpenCalls(5)
    calls.note([Entry(make_intent(), error=InvariantBroken("bad"))])
    assert len(calls) == 0


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans())))
def test_the_mark_is_never_above_an_open_call(steps: list[tuple[int, bool]]) -> None:
    calls, intents = OpenCalls(0), [make_intent() for _ in range(6)]
    opened: dict[int, int] = {}
    seq = 0
    for number, tick in steps:
        intent = intents[number]
        if number in opened:
            calls.note([Entry(make_event(intent.request_id))])
            del opened[number]
        else:
            seq += 1
            calls.note([Entry(intent)])
            opened[number] = seq
        if tick:
            assert calls.low_water_seq(seq) < min(opened.values(), default=seq + 1)
