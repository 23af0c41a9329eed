"""Step 3 of a call: whom and what it is for. Pinned > header > body or client header > key default.

The one place where that order stands. Source: product.md 2; docs/adr/0010-attribution.md.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from outlay.attribution import hints
from outlay.attribution.dimensions import (
    HEADERS,
    RUN_BUDGET_HEADER,
    Attribution,
    Dimension,
    Source,
    Value,
)
from outlay.attribution.fallbacks import CLIENT_HEADERS, find_fallbacks
from outlay.attribution.values import BadValue, Rules, normalise, parse_value, read_value
from outlay.identity.caller import Caller
from outlay.identity.credential_shapes import mask
from outlay.kernel.errors import Category, Refused
from outlay.kernel.money import parse_usd

MAX_LISTED_VALUES = 10
"""How many allowed values a refusal lists."""

_OURS = b"x-cost-"
_RUN_BUDGET = RUN_BUDGET_HEADER.lower().encode()
_DIMENSION_OF = {header.lower().encode(): dimension for dimension, header in HEADERS.items()}
_HEADER = Source.HEADER
_BY_NAME = {dimension.value: dimension for dimension in Dimension}


class _Sent(msgspec.Struct, gc=False):
    """What the client's headers say, before the key's rules."""

    values: dict[Dimension, Value] = msgspec.field(default_factory=dict)
    client: dict[bytes, bytes] = msgspec.field(default_factory=dict)
    run_budget_nanos: int | None = None
    hints: list[str] = msgspec.field(default_factory=list)


def attribute(
    caller: Caller,
    headers: Sequence[tuple[bytes, bytes]],
    *,
    body_user: str | None,
    body_session: str | None,
    codex_session: str | None,
    hash_value: Callable[[str], str],
    known_secret: Callable[[str], bool] | None = None,
) -> Attribution | Refused:
    """Attribute a call, or say which header cannot be accepted and why.

    Args:
        caller: the key, whose pins, defaults, required dimensions and allow-lists apply.
        headers: lower-case names, as ASGI gives them; others than ours are looked through.
        body_user: the end user that the wire format found in the body.
        body_session: the session that it found there.
        codex_session: the body's `prompt_cache_key`; used when the client is Codex.
        hash_value: keyed hash for what may not be kept verbatim.
        known_secret: tells whether a text is one of our configured provider secrets.
    """
    rules = Rules(hash_value, known_secret)
    sent = _read_headers(headers, rules)
    if isinstance(sent, Refused):
        return sent
    values = sent.values
    if body_user or body_session or codex_session or sent.client:
        found = find_fallbacks(
            sent.client,
            body_user=body_user,
            body_session=body_session,
            codex_session=codex_session,
        )
        _fill(values, found, sent.hints, rules)
    if caller.pins or caller.defaults:
        _apply_key(values, caller, sent.hints)
    refused = _check_key_rules(values, caller) if caller.required or caller.allowed else None
    return refused or _attribution(sent)


def _read_headers(headers: Sequence[tuple[bytes, bytes]], rules: Rules) -> _Sent | Refused:
    sent = _Sent()
    seen: set[bytes] = set()
    for name, raw in headers:
        if name[:7] != _OURS:
            if name in CLIENT_HEADERS:
                sent.client.setdefault(name, raw)
            continue
        if name in seen:
            return _sent_twice(name)
        seen.add(name)
        try:
            dimension = _DIMENSION_OF.get(name)
            if dimension is None:
                _read_other(name, raw, sent)
            elif (value := read_value(raw, dimension, _HEADER, rules)) is not None:
                sent.values[dimension] = value
        except ValueError as error:
            return _bad_header(name, error)
    return sent


def _read_other(name: bytes, raw: bytes, sent: _Sent) -> None:
    """Take in a header of ours that is no dimension; raises BadValue."""
    if name == _RUN_BUDGET:
        sent.run_budget_nanos = _read_run_budget(raw)
    elif len(sent.hints) < hints.MAX_HINTS:
        sent.hints.append(hints.hint_for_unknown_header(name))


def _read_run_budget(raw: bytes) -> int | None:
    text = normalise(raw.decode("utf-8", "replace"))
    if not text:
        return None
    try:
        nanos = parse_usd(text)
    except ValueError as error:
        raise BadValue(f"{error}; write it like 2.50") from error
    if nanos <= 0:
        raise BadValue("a run budget must be above 0 USD; write it like 2.50")
    return nanos


def _fill(
    values: dict[Dimension, Value],
    found: Sequence[tuple[Dimension, Source, str, str | bytes]],
    told: list[str],
    rules: Rules,
) -> None:
    """Take the first good fall-back of each dimension that no header named.

    A bad one is left out and told rather than refused: the field belongs to the provider's format,
    and the call worked before we were in its way.
    """
    for dimension, source, where, raw in found:
        if dimension in values:
            continue
        try:
            value = (
                read_value(raw, dimension, source, rules)
                if isinstance(raw, bytes)
                else parse_value(raw, dimension, source, rules)
            )
        except BadValue as error:
            told.append(hints.hint_for_dropped(dimension, where, str(error)))
            continue
        if value is not None:
            values[dimension] = value


def _apply_key(values: dict[Dimension, Value], caller: Caller, told: list[str]) -> None:
    for name, text in caller.defaults.items():
        dimension = _BY_NAME[name]
        if dimension not in values:
            values[dimension] = Value(text, Source.KEY_DEFAULT)
    for name, text in caller.pins.items():
        dimension = _BY_NAME[name]
        other = values.get(dimension)
        if other is not None and other.text != text and other.source is Source.HEADER:
            told.append(hints.hint_for_pinned(dimension))
        values[dimension] = Value(text, Source.PINNED)


def _check_key_rules(values: Mapping[Dimension, Value], caller: Caller) -> Refused | None:
    for name in sorted(caller.required):
        if _BY_NAME[name] not in values:
            return _missing_header(_BY_NAME[name], caller)
    for name, allowed in caller.allowed.items():
        value = values.get(_BY_NAME[name])
        if value is not None and value.text not in allowed:
            return _not_allowed(_BY_NAME[name], value, allowed)
    return None


def _attribution(sent: _Sent) -> Attribution:
    told = sent.hints
    for dimension, value in sent.values.items():
        hint = hints.hint_for(dimension, value)
        if hint is not None:
            told.append(hint)
    if sent.run_budget_nanos is not None and Dimension.RUN_ID not in sent.values:
        told.append(hints.hint_for_run_budget_without_run())
    return Attribution(sent.values, sent.run_budget_nanos, hints.bounded(told) if told else ())


def _header_name(name: bytes) -> str:
    """Spell a header as people write it; a foreign one is quoted as it came."""
    dimension = _DIMENSION_OF.get(name)
    if dimension is not None:
        return HEADERS[dimension]
    return RUN_BUDGET_HEADER if name == _RUN_BUDGET else name[:64].decode("ascii", "replace")


def _bad_header(name: bytes, error: ValueError) -> Refused:
    header = _header_name(name)
    return Refused(
        "invalid_header",
        Category.INVALID,
        f"{header} cannot be accepted: {mask(str(error))}. Nothing was sent to the provider.",
        header,
    )


def _sent_twice(name: bytes) -> Refused:
    header = _header_name(name)
    return Refused(
        "invalid_header",
        Category.INVALID,
        f"{header} was sent more than once; the limit is one. Send it once, with one value.",
        header,
    )


def _missing_header(dimension: Dimension, caller: Caller) -> Refused:
    header = HEADERS[dimension]
    return Refused(
        "missing_header",
        Category.INVALID,
        f"The API key {caller.name!r} requires {header} on every call. Send it with the "
        f"{dimension.value.replace('_', ' ')} this call is for.",
        header,
    )


def _not_allowed(dimension: Dimension, value: Value, allowed: frozenset[str]) -> Refused:
    header = HEADERS[dimension]
    listed = ", ".join(repr(text) for text in sorted(allowed)[:MAX_LISTED_VALUES])
    more = (
        f" and {len(allowed) - MAX_LISTED_VALUES} more" if len(allowed) > MAX_LISTED_VALUES else ""
    )
    return Refused(
        "invalid_header",
        Category.INVALID,
        f"{header}: {mask(value.text)!r} is not a value that this API key accepts. Accepted: "
        f"{listed}{more}.",
        header,
    )
