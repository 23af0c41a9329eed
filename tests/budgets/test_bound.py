"""The promise: a bounded call never costs more than its bound, at the price in force."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.budgets.bound import LIKELY_OUTPUT_TOKENS, Bound, bound_call
from outlay.budgets.hold import HoldClass
from outlay.pricing.book import PriceBook
from outlay.routing.facts import facts_of, window_bound
from outlay.routing.provider import Provider, ProviderKind
from outlay.usage.meters import Meter
from outlay.usage.shape import CallShape
from outlay.usage.usage import Pass, Usage
from tests.pricing.books import at, own_price, seed_book

_PROVIDERS = {
    name: Provider(name, kind, "https://example.com", price_provider=prices)
    for name, kind, prices in (
        ("openai", ProviderKind.OPENAI, "openai"),
        ("anthropic", ProviderKind.ANTHROPIC, "anthropic"),
        ("gemini", ProviderKind.GEMINI, "google"),
        ("groq", ProviderKind.COMPATIBLE, "groq"),
    )
}
_WIRES = {
    "openai": "openai_chat",
    "anthropic": "anthropic_messages",
    "gemini": "gemini",
    "groq": "openai_chat",
}
_MODELS = [
    ("openai", "gpt-4o"),
    ("openai", "gpt-5"),
    ("openai", "gpt-5.5"),
    ("openai", "gpt-6-sol"),
    ("openai", "gpt-audio"),
    ("openai", "text-embedding-3-small"),
    ("anthropic", "claude-haiku-5-5"),
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-opus-4-8"),
    ("gemini", "gemini-2.5-pro"),
    ("gemini", "gemini-2.5-flash"),
    ("gemini", "gemini-2.5-flash-image"),
    ("groq", "llama-3.3-70b-versatile"),
]


def _bound(
    name: str, model: str | None, shape: CallShape, *, book: PriceBook | None = None
) -> Bound:
    return bound_call(
        book or seed_book(),
        provider=_PROVIDERS[name],
        model=model,
        wire=_WIRES[name],
        operation="chat",
        shape=shape,
        at_us=at(),
    )


def test_a_plain_call_is_bounded_by_bytes_and_limit_at_the_dearest_rate() -> None:
    shape = CallShape(input_bytes=1_000, message_count=2, output_limit=100)
    bound = _bound("openai", "gpt-5.6-sol", shape)
    facts = facts_of("openai", "gpt-5.6-sol")
    tokens = 1_000 + facts.per_call + 2 * facts.per_item
    assert (bound.hold_class, bound.reasons) == (HoldClass.BOUNDED, ())
    assert bound.bound_nanos == tokens * 5_000 + 100 * 20_000  # cache writes are the dearest


def test_an_hour_of_cache_is_the_dearest_input_of_anthropic() -> None:
    bound = _bound("anthropic", "claude-sonnet-4-6", CallShape(input_bytes=0, output_limit=1))
    assert bound.bound_nanos == facts_of("anthropic", "claude-sonnet-4-6").per_call * 6_000 + 15_000


def test_the_bound_itself_decides_the_bracket() -> None:
    short = _bound("gemini", "gemini-2.5-pro", CallShape(input_bytes=190_000, output_limit=10))
    long = _bound("gemini", "gemini-2.5-pro", CallShape(input_bytes=200_000, output_limit=10))
    per_call = facts_of("google", "gemini-2.5-pro").per_call
    assert short.bound_nanos == (190_000 + per_call) * 1_250 + 10 * 10_000
    assert long.bound_nanos == (200_000 + per_call) * 2_500 + 10 * 15_000


def test_every_choice_may_use_the_whole_limit() -> None:
    one = _bound("openai", "gpt-4o", CallShape(output_limit=100))
    five = _bound("openai", "gpt-4o", CallShape(output_limit=100, choices=5))
    assert one.bound_nanos is not None
    assert five.bound_nanos == one.bound_nanos + 4 * 100 * 10_000


@pytest.mark.parametrize(
    ("named", "account", "rate"),
    [
        (None, "standard", 10_000),
        ("auto", "standard", 10_000),
        ("flex", "standard", 10_000),
        ("priority", "standard", 20_000),
        (None, "priority", 20_000),
        ("flex", "priority", 20_000),
    ],
)
def test_the_dearest_of_the_named_tier_and_the_accounts_own_counts(
    named: str | None, account: str, rate: int
) -> None:
    provider = Provider(
        "openai", ProviderKind.OPENAI, "https://example.com", default_service_tier=account
    )
    bounds = [
        bound_call(
            seed_book(),
            provider=provider,
            model="gpt-5",
            wire="openai_chat",
            operation="chat",
            shape=CallShape(output_limit=limit, service_tier=named),
            at_us=at(),
        ).bound_nanos
        for limit in (0, 100)
    ]
    assert None not in bounds
    assert (bounds[1] or 0) - (bounds[0] or 0) == 100 * rate


def test_without_a_limit_the_models_own_maximum_counts() -> None:
    bound = _bound("openai", "gpt-4o", CallShape())
    limited = _bound("openai", "gpt-4o", CallShape(output_limit=16_384))
    assert (bound.hold_class, bound.bound_nanos) == (HoldClass.BOUNDED, limited.bound_nanos)


def test_without_a_known_maximum_the_context_window_counts() -> None:
    bound = _bound("openai", "gpt-6-sol", CallShape())
    limited = _bound("openai", "gpt-6-sol", CallShape(output_limit=1_050_000))
    assert (bound.hold_class, bound.bound_nanos) == (HoldClass.BOUNDED, limited.bound_nanos)


def test_without_any_known_limit_the_call_is_open() -> None:
    own = [own_price("groq", "mine", meter, 10**9) for meter in ("input", "output")]
    book = seed_book().with_overlays(own, 1)
    bound = _bound("groq", "mine", CallShape(), book=book)
    assert (bound.hold_class, bound.bound_nanos) == (HoldClass.OPEN, None)
    assert bound.reasons[0].startswith("max_completion_tokens, max_tokens: not given")
    assert bound.likely_nanos is not None
    assert _bound("groq", "mine", CallShape(output_limit=5), book=book).hold_class == "bounded"


def test_input_by_reference_is_held_at_the_context_window() -> None:
    shape = CallShape(input_bytes=10, output_limit=1, by_reference=("previous_response_id",))
    bound = _bound("openai", "gpt-4o", shape)
    assert (bound.hold_class, bound.reasons) == (
        HoldClass.WINDOW_BOUNDED,
        ("previous_response_id",),
    )
    assert bound.bound_nanos == window_bound(128_000) * 2_500 + 10_000


@pytest.mark.parametrize("media", ["document_bytes", "video_bytes"])
def test_a_document_or_video_is_held_at_the_context_window(media: str) -> None:
    shape = CallShape(output_limit=1, **{media: 10})  # type: ignore[arg-type]
    bound = _bound("gemini", "gemini-2.5-flash", shape)
    assert bound.hold_class is HoldClass.WINDOW_BOUNDED
    assert bound.reasons == (f"inline {media.removesuffix('_bytes')}",)


def test_a_window_that_is_not_known_leaves_the_call_open() -> None:
    shape = CallShape(output_limit=1, by_reference=("file_id",))
    bound = _bound("openai", "chatgpt-image-latest", shape)
    assert bound.hold_class is HoldClass.OPEN
    assert bound.reasons == ("file_id: the model's context window is not known",)


def test_what_the_provider_does_on_its_own_leaves_the_call_open() -> None:
    shape = CallShape(input_bytes=10, output_limit=1, unbounded=("tools[0].type: web_search",))
    bound = _bound("openai", "gpt-4o", shape)
    plain = _bound("openai", "gpt-4o", CallShape(input_bytes=10, output_limit=1))
    assert (bound.hold_class, bound.reasons) == (HoldClass.OPEN, shape.unbounded)
    assert bound.bound_nanos == plain.bound_nanos


def test_a_model_without_a_price_is_open_and_has_no_amounts() -> None:
    bound = _bound("openai", "gpt-99", CallShape(output_limit=1))
    assert bound.hold_class is HoldClass.OPEN
    assert "no price for gpt-99/input" in bound.reasons
    assert (bound.bound_nanos, bound.likely_nanos) == (None, None)


def test_audio_without_an_audio_price_is_open() -> None:
    bound = _bound("openai", "gpt-4o", CallShape(output_limit=1, audio_bytes=1_000))
    assert (bound.hold_class, bound.reasons) == (
        HoldClass.OPEN,
        ("no price for gpt-4o/input_audio",),
    )


def test_a_tier_without_a_price_is_open() -> None:
    bound = _bound("openai", "gpt-4o", CallShape(output_limit=1, service_tier="turbo"))
    assert "no price for gpt-4o@turbo/input" in bound.reasons


def test_a_call_without_a_model_is_open() -> None:
    bound = _bound("openai", None, CallShape())
    assert (bound.hold_class, bound.reasons) == (HoldClass.OPEN, ("chat: no model",))


def test_a_limit_beyond_all_money_is_open_and_not_an_overflow() -> None:
    bound = _bound("openai", "gpt-4o", CallShape(output_limit=10**30))
    assert (bound.hold_class, bound.bound_nanos) == (HoldClass.OPEN, None)
    assert bound.likely_nanos is not None


def test_an_embedding_has_no_output() -> None:
    shape = CallShape(input_bytes=1_000_000 - 1_024, output_limit=0)
    bound = _bound("openai", "text-embedding-3-small", shape)
    assert (bound.hold_class, bound.bound_nanos) == (HoldClass.BOUNDED, 20_000_000)


def test_what_is_likely_is_a_quarter_of_the_bytes_and_some_output() -> None:
    likely = _bound("openai", "gpt-4o", CallShape(input_bytes=4_000)).likely_nanos
    assert likely == 1_000 * 2_500 + LIKELY_OUTPUT_TOKENS * 10_000


_shapes = st.builds(
    CallShape,
    input_bytes=st.integers(0, 600_000),
    message_count=st.integers(0, 50),
    provided_tools=st.integers(0, 3),
    image_count=st.integers(0, 5),
    audio_bytes=st.sampled_from([0, 0, 5_000, 2_000_000]),
    document_bytes=st.sampled_from([0, 0, 50_000]),
    output_limit=st.none() | st.integers(0, 200_000),
    choices=st.integers(1, 4),
    service_tier=st.sampled_from([None, "auto", "flex", "priority", "fast"]),
    by_reference=st.sampled_from([(), (), ("previous_response_id",)]),
)


@given(chosen=st.sampled_from(_MODELS), shape=_shapes, data=st.data())
def test_no_usage_within_the_declared_limits_costs_more_than_the_bound(
    chosen: tuple[str, str], shape: CallShape, data: st.DataObject
) -> None:
    """Any split of the input over fresh, read and written cache; any tier that may be served."""
    name, model = chosen
    provider = _PROVIDERS[name]
    bound = _bound(name, model, shape)
    if bound.hold_class is HoldClass.OPEN:
        return
    usage = Usage((Pass(None, data.draw(_quantities(provider, model, shape))),))
    tier = data.draw(st.sampled_from([None, shape.service_tier]))
    cost = seed_book().price(
        provider=provider.price_provider,
        model_requested=model,
        model_served=model,
        model_returned=model,
        usage=usage,
        at_us=at(),
        service_tier=tier,
    )
    assert bound.bound_nanos is not None
    assert cost.cost_nanos is None or cost.cost_nanos <= bound.bound_nanos


@st.composite
def _quantities(
    draw: st.DrawFn, provider: Provider, model: str, shape: CallShape
) -> dict[Meter, int]:
    """What a provider that keeps its limits may report."""
    facts = facts_of(provider.price_provider, model)
    price = seed_book().find_price(provider.price_provider, model, at_us=at())
    text = shape.input_bytes + facts.per_call + facts.per_item * shape.message_count
    text += facts.per_provided_tool * shape.provided_tools
    image = facts.per_image * shape.image_count
    audio = -(-shape.audio_bytes // facts.bytes_per_audio_token)
    if shape.by_reference or shape.document_bytes:
        text = window_bound(price.context_window or 0)
        image = audio = 0
    limit = shape.output_limit
    if limit is None:
        limit = facts.max_output or price.context_window or 0
    quantities = {}
    for most, meters in (
        (text, ("input", "cache_read", "cache_write", "cache_write_5m", "cache_write_1h")),
        (image, ("input_image", "cache_read_image")),
        (audio, ("input_audio", "cache_read_audio")),
        (limit * shape.choices, ("output", "reasoning", "output_audio", "output_image")),
    ):
        left = draw(st.sampled_from([most, most // 2]))
        for meter in draw(st.permutations(meters)):
            priced = meter in price.listed[0]
            taken = draw(st.sampled_from([left, left // 2, 0])) if priced else 0
            left -= taken
            quantities[Meter(meter)] = taken
    return {meter: count for meter, count in quantities.items() if count}
