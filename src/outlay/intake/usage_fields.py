"""The three ways a row may state what a call consumed, read as disjoint quantities.

- `usage` by meter, as `outlay calls` prints it: `{"input": 10, "cache_read": 90, "output": 5}`.
  The quantities are disjoint already.
- `usage` in tokens: `{"input_tokens": 10, "cache_read_tokens": 90, "output_tokens": 5}`.
  `input_tokens` is all fresh input: cache reads and writes stand beside it, audio and images are
  within it. `output_tokens` is all output: reasoning, audio and images are within it.
- `input_tokens`, `cached_input_tokens`, `output_tokens`, `reasoning_tokens` as fields of the row,
  without a `usage`: totals, each part within its total. Next to a `usage` they must agree with it.
"""

import re
from collections.abc import Mapping

from outlay.intake.problems import FieldError
from outlay.usage.meters import INPUT_METERS, OUTPUT_METERS, TOKEN_METERS, TOOL_METERS, Meter

MAX_QUANTITY = 10**12
"""More tokens in one call than any provider sells; a larger number is a mistake."""

TOTAL_FIELDS = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens")
"""Fields of a row that state usage without a `usage` object."""

_WHOLE_NUMBER = re.compile(r"\s*\d{1,15}\s*", re.ASCII)
_BY_METER = {meter.value: meter for meter in TOKEN_METERS}
_IN_TOKENS = {f"{meter.value}_tokens": meter for meter in TOKEN_METERS}
_TOOL_UNITS = {meter.value: meter for meter in TOOL_METERS}
_WITHIN_INPUT = (Meter.INPUT_AUDIO, Meter.INPUT_IMAGE, Meter.INPUT_VIDEO)
_WITHIN_OUTPUT = (Meter.REASONING, Meter.OUTPUT_AUDIO, Meter.OUTPUT_IMAGE)

Quantities = dict[Meter, int]


def read_usage(row: Mapping[str, object]) -> Quantities | None:
    """Read what a call consumed from a row's fields; None when the row does not say.

    Raises:
        FieldError: a quantity is not a whole number, an unknown meter, parts above their total, or
            two statements that do not agree.
    """
    stated = row.get("usage")
    given = [name for name in TOTAL_FIELDS if row.get(name) is not None]
    totals = {name: _quantity(name, row[name]) for name in given}
    if stated is None:
        return _of_totals(totals) if totals else None
    if not isinstance(stated, Mapping):
        raise FieldError("usage", 'must be an object of quantities, such as {"input_tokens": 10}')
    quantities = _of_object(stated)
    _check_totals(quantities, totals)
    return quantities


def _of_object(stated: Mapping[str, object]) -> Quantities:
    by_meter: Quantities = {}
    in_tokens: Quantities = {}
    for name, value in stated.items():
        if value is None:
            continue
        if name in _IN_TOKENS:
            in_tokens[_IN_TOKENS[name]] = _quantity(f"usage.{name}", value)
        elif (meter := _BY_METER.get(name) or _TOOL_UNITS.get(name)) is not None:
            by_meter[meter] = _quantity(f"usage.{name}", value)
        else:
            raise FieldError(f"usage.{name}", f"is not a quantity we know; known are {_known()}")
    if in_tokens.keys() and by_meter.keys() & TOKEN_METERS:
        raise FieldError("usage", "mixes meters (input) with tokens (input_tokens); use one form")
    return _without_zeros({**by_meter, **_disjoint(in_tokens)})


def _disjoint(in_tokens: Quantities) -> Quantities:
    disjoint = dict(in_tokens)
    _take_parts("usage.input_tokens", disjoint, Meter.INPUT, _WITHIN_INPUT)
    _take_parts("usage.output_tokens", disjoint, Meter.OUTPUT, _WITHIN_OUTPUT)
    return disjoint


def _of_totals(totals: Mapping[str, int]) -> Quantities:
    quantities = {
        Meter.CACHE_READ: totals.get("cached_input_tokens", 0),
        Meter.INPUT: totals.get("input_tokens", 0),
        Meter.REASONING: totals.get("reasoning_tokens", 0),
        Meter.OUTPUT: totals.get("output_tokens", 0),
    }
    _take_parts("input_tokens", quantities, Meter.INPUT, (Meter.CACHE_READ,))
    _take_parts("output_tokens", quantities, Meter.OUTPUT, (Meter.REASONING,))
    return _without_zeros(quantities)


def _take_parts(field: str, quantities: Quantities, whole: Meter, parts: tuple[Meter, ...]) -> None:
    stated = [quantities[part] for part in parts if part in quantities]
    if not stated:
        return
    within = sum(stated)
    total = quantities.get(whole, 0)
    if within > total:
        raise FieldError(field, f"is {total}, less than the {within} tokens stated as parts of it")
    quantities[whole] = total - within


def _check_totals(quantities: Quantities, totals: Mapping[str, int]) -> None:
    if not totals:
        return
    metered = {
        "input_tokens": sum(q for meter, q in quantities.items() if meter in INPUT_METERS),
        "output_tokens": sum(q for meter, q in quantities.items() if meter in OUTPUT_METERS),
        "reasoning_tokens": quantities.get(Meter.REASONING, 0),
        "cached_input_tokens": quantities.get(Meter.CACHE_READ, 0),
    }
    for name, total in totals.items():
        if metered[name] != total:
            raise FieldError(name, f"is {total}, but usage adds up to {metered[name]}")


def _quantity(field: str, value: object) -> int:
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise FieldError(field, "must be a whole number")
    if not 0 <= value <= MAX_QUANTITY:
        raise FieldError(field, f"must be between 0 and {MAX_QUANTITY}")
    return value


def _without_zeros(quantities: Quantities) -> Quantities:
    return {meter: quantity for meter, quantity in quantities.items() if quantity}


def _known() -> str:
    return ", ".join(sorted({*_BY_METER, *_IN_TOKENS, *_TOOL_UNITS}))
