"""A credential in the wrong place is recognised; ordinary names are left alone."""

import pytest

from outlay.identity.api_key import make_key
from outlay.identity.credential_shapes import find_owner, has_secret, is_jwt, mask

_TAIL = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6"
_JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlLW9mLWFkYQ"

SECRETS = [
    ("Anthropic", f"sk-ant-api03-{_TAIL}"),
    ("OpenRouter", f"sk-or-v1-{_TAIL}"),
    ("OpenAI", f"sk-proj-{_TAIL}"),
    ("OpenAI", f"sk-{_TAIL}"),
    ("Google", f"AIza{_TAIL}xyz"),
    ("Groq", f"gsk_{_TAIL}"),
    ("xAI", f"xai-{_TAIL}"),
    ("Hugging Face", f"hf_{_TAIL}"),
    ("AWS", "AKIAIOSFODNN7EXAMPLE"),
    ("GitHub", f"ghp_{_TAIL}"),
]
NAMES = [
    "sk-learn-recommendation-engine",
    "skill-matching-for-candidates-2026",
    "task-gsk_report",
    "ticket-resolver",
    "user_8f2a3c91-aaaa-bbbb-cccc-000000000000",
    "1f3e9f60-1d4c-4bb8-8d55-7ec1a9a5b7c2",
    "a-very-long-feature-name-that-goes-on-and-on",
]


@pytest.mark.parametrize(("owner", "secret"), SECRETS)
def test_a_secret_is_recognised_with_its_owner(owner: str, secret: str) -> None:
    assert owner == find_owner(secret)
    assert has_secret(secret)
    assert has_secret(f"user={secret} and more")


def test_our_own_key_is_recognised() -> None:
    assert find_owner(make_key()) == "Outlay"
    assert has_secret(make_key())


@pytest.mark.parametrize("name", NAMES)
def test_an_ordinary_name_is_no_secret(name: str) -> None:
    assert not has_secret(name)
    assert find_owner(name) is None
    assert mask(name) == name


@pytest.mark.parametrize("secret", [secret for _, secret in SECRETS])
def test_masking_leaves_nothing_of_a_secret_but_its_public_prefix(secret: str) -> None:
    shown = mask(f"failed with key={secret}, try again")
    assert "try again" in shown
    assert secret[8:] not in shown
    assert _TAIL[:6] not in shown


def test_a_token_is_masked_but_can_be_told_from_another() -> None:
    shown = mask(f"user {_JWT} asked")
    assert shown == f"user eyJ…{_JWT[-4:]} asked"


def test_an_authorization_header_is_masked() -> None:
    assert mask("Authorization: Bearer abcdefghijklmnop") == "Authorization: Bearer …"


def test_only_a_whole_token_is_a_jwt() -> None:
    assert is_jwt(_JWT)
    assert not is_jwt("eyJ")
    assert not is_jwt(f"{_JWT} more")
    assert not is_jwt("usr_8f2a3c91")
