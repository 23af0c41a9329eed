"""Steering says exactly what it says, or is refused."""

import pytest

from outlay.emulator.steering import (
    UNSTEERED,
    Fault,
    OnAbort,
    Steering,
    SteeringError,
    read_steering,
    split_model,
)


def test_no_steering_changes_nothing() -> None:
    assert read_steering("") == UNSTEERED


def test_pairs_are_separated_by_semicolons_or_commas() -> None:
    expected = Steering(fault=Fault.RESET, at=2, delay_ms=5)
    assert read_steering("fault=reset; at=2;delay_ms=5") == expected
    assert read_steering("fault=reset,at=2 , delay_ms = 5") == expected


def test_an_error_status_is_a_fault_by_number() -> None:
    assert read_steering("fault=529") == Steering(status=529)


def test_steering_goes_on_top_of_a_default() -> None:
    default = Steering(gap_ms=7, tier="flex")
    assert read_steering("gap_ms=1", default) == Steering(gap_ms=1, tier="flex")


def test_what_an_abort_bills_can_be_chosen() -> None:
    assert read_steering("bill_on_abort=full").bill_on_abort is OnAbort.FULL


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_is_written_by_its_name(fault: Fault) -> None:
    assert read_steering(f"fault={fault.value}").fault is fault


@pytest.mark.parametrize(
    "text",
    [
        "fault=unheard-of",
        "fault=200",
        "speed=3",
        "at=soon",
        "fault",
        "tier=",
        "status=429",
        "at=-1",
    ],
)
def test_what_nobody_understands_is_refused(text: str) -> None:
    """A test steered by a slip of the pen would pass for the wrong reason."""
    with pytest.raises(SteeringError):
        read_steering(text)


@pytest.mark.parametrize(
    ("model", "parts"),
    [
        ("gpt-4o", ("gpt-4o", "")),
        ("gpt-4o@fault=reset,at=2", ("gpt-4o", "fault=reset,at=2")),
        ("gpt-4o@fault=429;times=2", ("gpt-4o", "fault=429;times=2")),
        ("claude-3@20240101", ("claude-3@20240101", "")),
    ],
)
def test_steering_behind_a_model_is_split_from_its_name(model: str, parts: tuple[str, str]) -> None:
    assert split_model(model) == parts
