"""The rules of a key, as an operator writes them: wrong ones are refused with what to write."""

import pytest

from outlay.attribution.dimensions import Dimension
from outlay.attribution.key_rules import KeyRules, parse_key_rules
from outlay.kernel.errors import SettingsError


def test_rules_are_read_as_written() -> None:
    rules = parse_key_rules(
        defaults=["feature=chat", "gl-account=6100"],
        pins=["department=customer success"],
        required=["user", "Session"],
        allowed=["environment=prod,staging", "environment=dev"],
    )
    assert rules == KeyRules(
        defaults={"feature": "chat", "gl_account": "6100"},
        pins={"department": "customer success"},
        required=frozenset({"user", "session"}),
        allowed={"environment": frozenset({"prod", "staging", "dev"})},
    )


@pytest.mark.parametrize("name", ["user", "session", "outcome"])
@pytest.mark.parametrize("option", ["defaults", "pins"])
def test_what_differs_from_call_to_call_cannot_be_set_by_a_key(name: str, option: str) -> None:
    with pytest.raises(SettingsError, match="differs from call to call"):
        parse_key_rules(**{option: [f"{name}=x"]})


@pytest.mark.parametrize("name", [d.value for d in Dimension])
def test_every_dimension_can_be_required_and_restricted(name: str) -> None:
    rules = parse_key_rules(required=[name], allowed=[f"{name}=x"])
    assert rules.required == {name}
    assert rules.allowed == {name: {"x"}}


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"defaults": ["feature"]}, "write it like feature=ticket-resolver"),
        ({"defaults": ["featur=x"]}, "no such dimension"),
        ({"defaults": ["feature="]}, "empty"),
        ({"defaults": ["feature=" + "x" * 257]}, "the limit is 256"),
        ({"defaults": ["feature=a\u200bb"]}, r"U\+200B"),
        ({"pins": ["project=sk-ant-api03-abcdefghijklmnop"]}, "looks like a secret"),
        ({"defaults": ["feature=a", "feature=b"]}, "given twice"),
        ({"defaults": ["feature=a"], "pins": ["feature=b"]}, "both defaulted and pinned"),
        ({"pins": ["feature=a"], "allowed": ["feature=b"]}, "not among the values"),
        ({"allowed": ["feature=a,,b"]}, "empty"),
        ({"required": ["everything"]}, "no such dimension"),
    ],
)
def test_a_rule_that_cannot_hold_is_refused(rules: dict[str, list[str]], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        parse_key_rules(**rules)
