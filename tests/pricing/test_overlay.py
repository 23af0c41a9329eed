"""Own prices: contract rates, discounts and own models, dated, checked, never guessed."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.pricing.overlay import (
    Overlay,
    OverlayKind,
    check,
    discounted,
    is_jump,
    price_usd,
)
from tests.pricing.books import at, cost_of, own_price, seed_book, used

_USD_A_MILLION = 10**12
_MILLION = 1_000_000


def _cost(*own: Overlay, model: str = "gpt-4o", **quantities: int) -> tuple[int | None, str]:
    book = seed_book().with_overlays(own, 1)
    cost = cost_of(used(**quantities), model, book=book)
    return cost.cost_nanos, cost.basis.value


def _discount(percent: str, meter: str = "*", model: str = "*", tier: str = "*") -> Overlay:
    kind = OverlayKind.DISCOUNT
    return check(Overlay("ovl", "openai", model, meter, kind, percent=Decimal(percent), tier=tier))


def test_a_contract_price_counts_for_its_meter_and_the_list_price_for_the_others() -> None:
    own = own_price("openai", "gpt-4o", "input", 2 * _USD_A_MILLION, "contract")
    assert _cost(own, input=_MILLION, output=_MILLION) == (12_000_000_000, "contract")


def test_a_contract_price_follows_all_names_of_a_model() -> None:
    own = own_price("openai", "gpt-4o", "input", 2 * _USD_A_MILLION, "contract")
    assert _cost(own, model="gpt-4o-2024-08-06", input=_MILLION) == (2_000_000_000, "contract")
    assert _cost(own, model="gpt-4o-mini", input=_MILLION) == (150_000_000, "list")


def test_a_prefix_names_many_models() -> None:
    own = own_price("openai", "gpt-4o*", "input", _USD_A_MILLION, "contract")
    assert _cost(own, model="gpt-4o-mini", input=_MILLION) == (1_000_000_000, "contract")


def test_a_contract_price_for_output_counts_for_reasoning_too() -> None:
    own = own_price("openai", "gpt-5", "output", _USD_A_MILLION, "contract")
    assert _cost(own, model="gpt-5", reasoning=_MILLION) == (1_000_000_000, "contract")


def test_a_discount_takes_its_percentage_off_everything() -> None:
    cost = _cost(_discount("12.5"), input=_MILLION, output=_MILLION, web_search=1)
    assert cost == ((2_500_000_000 + 10_000_000_000 + 10_000_000) * 7 // 8, "contract")


def test_a_discount_on_one_meter_wins_over_one_on_all() -> None:
    both = (_discount("10"), _discount("50", meter="output"))
    assert _cost(*both, input=_MILLION) == (2_250_000_000, "contract")
    assert _cost(*both, output=_MILLION) == (5_000_000_000, "contract")


def test_a_discount_on_a_meter_that_follows_another_is_its_own() -> None:
    own = (_discount("10"), _discount("50", meter="reasoning"))
    assert _cost(*own, model="gpt-5", reasoning=_MILLION) == (5_000_000_000, "contract")


def test_a_discount_applies_to_every_tier_and_bracket() -> None:
    book = seed_book().with_overlays([_discount("50")], 1)
    flex = cost_of(used(input=_MILLION), "gpt-5", book=book, tier="flex")
    long = cost_of(used(input=300_000), "gpt-5.5", book=book)
    assert (flex.cost_nanos, long.cost_nanos) == (312_500_000, 1_500_000_000)


def test_an_own_list_price_fills_a_gap() -> None:
    own = own_price("openai", "gpt-4o", "input_audio", 40 * _USD_A_MILLION)
    assert _cost(own, input_audio=_MILLION) == (40_000_000_000, "list")


def test_the_newest_price_counts_from_its_start_until_its_end() -> None:
    january, march = at("2026-01-01T00:00:00Z"), at("2026-03-01T00:00:00Z")
    later = own_price("openai", "gpt-4o", "input", 2 * 10**12, "contract", from_us=march)
    earlier = own_price(
        "openai", "gpt-4o", "input", 10**12, "contract", from_us=january, to_us=march + 1
    )
    own = [later, earlier]
    book = seed_book().with_overlays(own, 1)
    costs = [
        cost_of(used(input=_MILLION), "gpt-4o", book=book, when=when).cost_nanos
        for when in ("2025-12-31T00:00:00Z", "2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z")
    ]
    assert costs == [2_500_000_000, 1_000_000_000, 2_000_000_000]


def test_a_later_made_price_wins_at_the_same_start() -> None:
    own = [own_price("openai", "gpt-4o", "input", usd * 10**12, "contract") for usd in (1, 2)]
    assert _cost(*own, input=_MILLION) == (2_000_000_000, "contract")


def test_a_contract_can_price_what_the_list_does_not() -> None:
    own = own_price("openai", "gpt-4o", "input_audio", 40 * _USD_A_MILLION, "contract")
    book = seed_book().with_overlays([own], 1)
    cost = cost_of(used(input_audio=_MILLION), "gpt-4o", book=book)
    assert (cost.cost_nanos, cost.list_token_cost_nanos) == (40_000_000_000, None)
    assert cost.unpriced == ()


@pytest.mark.parametrize(
    ("overlay", "fault"),
    [
        (Overlay("", "p", "m", "inputs", OverlayKind.LIST, 1), "is no meter"),
        (Overlay("", "p", "m", "*", OverlayKind.LIST, 1), "is no meter"),
        (Overlay("", "p", "m", "input", OverlayKind.LIST), "amount of USD"),
        (Overlay("", "p", "m", "input", OverlayKind.CONTRACT, -1), "amount of USD"),
        (Overlay("", "p", "m", "*", OverlayKind.DISCOUNT, percent=Decimal(101)), "0 to 100"),
        (Overlay("", "p", "m", "*", OverlayKind.DISCOUNT), "0 to 100"),
        (Overlay("", "p", "m", "*", OverlayKind.DISCOUNT, percent=Decimal("0.00001")), "decimals"),
        (Overlay("", "", "m", "input", OverlayKind.LIST, 1), "a provider and a model"),
        (Overlay("", "p", "m", "input", OverlayKind.LIST, 1, from_us=5, to_us=5), "must end after"),
    ],
)
def test_a_price_that_cannot_be_meant_is_refused(overlay: Overlay, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        check(overlay)


@pytest.mark.parametrize(
    ("attos", "present", "expected"),
    [
        (100, 10, True),
        (1, 10, True),
        (99, 10, False),
        (2, 10, False),
        (5, None, False),
        (0, 0, False),
    ],
)
def test_ten_times_is_a_jump(attos: int, present: int | None, expected: bool) -> None:
    assert is_jump(attos, present) is expected


@given(attos=st.integers(0, 10**18), hundredths=st.integers(0, 10_000))
def test_a_discount_is_exact_to_the_atto(attos: int, hundredths: int) -> None:
    percent = Decimal(hundredths).scaleb(-2)
    exact = Decimal(attos) * (100 - percent) / 100
    assert discounted(attos, percent) == int(exact.to_integral_value())


@given(st.integers(0, 10**18))
def test_a_price_can_be_read_back(attos: int) -> None:
    assert price_usd(attos, _MILLION) * 10**18 == attos * _MILLION
