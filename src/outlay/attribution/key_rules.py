"""The attribution rules of an API key, as an operator writes them: `feature=ticket-resolver`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from outlay.attribution.dimensions import KEY_DIMENSIONS, Dimension, Source
from outlay.attribution.values import BadValue, Rules, parse_value
from outlay.kernel.errors import SettingsError

MAX_ALLOWED_VALUES = 1_000


@dataclass(frozen=True, slots=True)
class KeyRules:
    """What a key brings to each of its calls, by dimension name; as in `Caller`."""

    defaults: Mapping[str, str] = field(default_factory=dict)
    pins: Mapping[str, str] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    allowed: Mapping[str, frozenset[str]] = field(default_factory=dict)


def parse_key_rules(
    *,
    defaults: Iterable[str] = (),
    pins: Iterable[str] = (),
    required: Iterable[str] = (),
    allowed: Iterable[str] = (),
) -> KeyRules:
    """Read `dimension=value` (defaults, pins), `dimension` (required), `dimension=a,b` (allowed).

    Raises:
        SettingsError: an unknown dimension, one that a key cannot set, a value that no header
            could carry, or rules that contradict each other.
    """
    rules = KeyRules(
        _parse_values(defaults, "default"),
        _parse_values(pins, "pin"),
        frozenset(_parse_dimension(name, "require").value for name in required),
        _parse_allowed(allowed),
    )
    _refuse_contradictions(rules)
    return rules


def _parse_values(pairs: Iterable[str], option: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for pair in pairs:
        dimension, text = _parse_pair(pair, option)
        if dimension not in KEY_DIMENSIONS:
            raise SettingsError(
                f"--{option} {pair}: {dimension.value} differs from call to call, so a key cannot "
                f"set it; send it as a header. A key can set: {_listed(KEY_DIMENSIONS)}"
            )
        if dimension.value in values:
            raise SettingsError(f"--{option} {dimension.value} was given twice; give it once")
        values[dimension.value] = _parse_text(text, dimension, f"--{option} {pair}")
    return values


def _parse_allowed(pairs: Iterable[str]) -> dict[str, frozenset[str]]:
    allowed: dict[str, frozenset[str]] = {}
    for pair in pairs:
        dimension, text = _parse_pair(pair, "allow")
        listed = frozenset(
            _parse_text(each, dimension, f"--allow {pair}") for each in text.split(",")
        )
        allowed[dimension.value] = allowed.get(dimension.value, frozenset()) | listed
        if len(allowed[dimension.value]) > MAX_ALLOWED_VALUES:
            raise SettingsError(
                f"--allow {dimension.value}: a key lists at most {MAX_ALLOWED_VALUES} values"
            )
    return allowed


def _parse_pair(pair: str, option: str) -> tuple[Dimension, str]:
    name, equals, text = pair.partition("=")
    if not equals:
        raise SettingsError(f"--{option} {pair}: write it like feature=ticket-resolver")
    return _parse_dimension(name, option), text


def _parse_dimension(name: str, option: str) -> Dimension:
    try:
        return Dimension(name.strip().lower().replace("-", "_"))
    except ValueError as error:
        raise SettingsError(
            f"--{option} {name}: there is no such dimension; there are {_listed(Dimension)}"
        ) from error


def _parse_text(text: str, dimension: Dimension, where: str) -> str:
    try:
        value = parse_value(text, dimension, Source.KEY_DEFAULT, Rules(hash_value=lambda _: ""))
    except BadValue as error:
        raise SettingsError(f"{where}: the value cannot be used: {error}") from error
    if value is None:
        raise SettingsError(f"{where}: the value is empty")
    if value.hashed:
        raise SettingsError(f"{where}: the value is too long or looks like a secret")
    return value.text


def _refuse_contradictions(rules: KeyRules) -> None:
    for name in sorted(rules.defaults.keys() & rules.pins.keys()):
        raise SettingsError(f"{name} is both defaulted and pinned: a pin alone is enough")
    for name, text in (*rules.defaults.items(), *rules.pins.items()):
        if name in rules.allowed and text not in rules.allowed[name]:
            raise SettingsError(f"{name}={text} is not among the values that --allow {name} lists")


def _listed(dimensions: Iterable[Dimension]) -> str:
    return ", ".join(sorted(dimension.value for dimension in dimensions))
