"""Recorded calls cost what two price libraries, or an adjudication, say: all of them."""

from pathlib import Path

import pytest

from outlay.budgets.bound import bound_call
from outlay.budgets.hold import HoldClass
from outlay.pricing.cost import Cost
from tests.pricing.books import at, seed_book
from tests.real.recordings import Recording, read_recordings

pytestmark = pytest.mark.real

_CERTAIN = ("both_oracles", "adjudicated")


@pytest.fixture(scope="module")
def recordings(real_dir: Path) -> list[Recording]:
    return list(read_recordings(real_dir))


def _cost(one: Recording) -> Cost:
    return seed_book().price(
        provider=one.provider.price_provider,
        model_requested=one.call.model,
        model_served=one.call.model,
        model_returned=one.answer.model_returned,
        usage=one.metered.usage,
        at_us=at(),
        service_tier=one.answer.service_tier,
    )


def test_every_certain_cost_is_met_to_the_nano(recordings: list[Recording]) -> None:
    certain = [one for one in recordings if one.expected["basis"] in _CERTAIN]
    wrong = {
        one.id: (one.expected_nanos, cost.list_token_cost_nanos, cost.unpriced)
        for one in certain
        if (cost := _cost(one)).list_token_cost_nanos != one.expected_nanos
    }
    assert len(certain) > 600
    assert wrong == {}


def test_costs_known_to_one_library_are_met_too(recordings: list[Recording]) -> None:
    """Mostly retired models, which the other library no longer prices."""
    single = [one for one in recordings if one.expected["basis"] == "single_oracle"]
    assert single
    assert [
        one.id for one in single if _cost(one).list_token_cost_nanos != one.expected_nanos
    ] == []


def test_no_bounded_call_cost_more_than_its_bound(recordings: list[Recording]) -> None:
    """The promise, on real traffic: framing, tools and media included."""
    above, bounded = {}, 0
    for one in recordings:
        bound = bound_call(
            seed_book(),
            provider=one.provider,
            model=one.call.model,
            wire=one.call.route.wire,
            operation=one.call.route.operation,
            shape=one.call.shape,
            at_us=at(),
        )
        cost = _cost(one).cost_nanos
        if bound.hold_class is HoldClass.OPEN or cost is None:
            continue
        bounded += 1
        if bound.bound_nanos is None or cost > bound.bound_nanos:
            above[one.id] = (one.call.model, cost, bound)
    assert above == {}
    assert bounded > 400
