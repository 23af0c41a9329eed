"""Step 1: one credential, one caller; every other case is refused alike and echoes nothing.

The cast: Ada administers, Ben leads Search, Cleo is on Search, Dov may see nothing.
"""

import pytest

from outlay.identity.api_key import key_digest, make_key
from outlay.identity.caller import Caller, Permission
from outlay.identity.keyring import KeyRecord, KeyRing, UnknownKey, read_credential
from outlay.kernel.errors import Category, Refused
from outlay.kernel.ids import KeyId

_PEPPER = b"p" * 32
_SPEND = frozenset({Permission.SPEND, Permission.OUTCOMES})
_KEYS = {name: make_key() for name in ("ada", "ben", "cleo", "dov")}
_CALLERS = {
    "ada": Caller(KeyId("key_ada"), "ada", frozenset(Permission)),
    "ben": Caller(KeyId("key_ben"), "ben", frozenset({Permission.SPEND, Permission.READ})),
    "cleo": Caller(KeyId("key_cleo"), "cleo", _SPEND),
    "dov": Caller(KeyId("key_dov"), "dov", frozenset({Permission.OUTCOMES})),
}
_RING = KeyRing(
    _PEPPER,
    [KeyRecord(key_digest(_PEPPER, _KEYS[name].encode()), _CALLERS[name]) for name in _KEYS],
)


def _bearer(key: str) -> tuple[bytes, bytes]:
    return (b"authorization", b"Bearer " + key.encode())


@pytest.mark.parametrize(
    "header",
    [
        lambda key: (b"authorization", b"Bearer " + key),
        lambda key: (b"authorization", b"bearer   " + key),
        lambda key: (b"x-api-key", key),
        lambda key: (b"x-goog-api-key", b" " + key + b" "),
    ],
)
def test_a_key_counts_in_each_header_that_sdks_use(header) -> None:  # type: ignore[no-untyped-def]
    headers = [(b"host", b"h"), header(_KEYS["cleo"].encode())]
    assert _RING.authenticate(headers) is _CALLERS["cleo"]


@pytest.mark.parametrize("query", ["key={}", "alt=sse&key={}", "key={}&alt=sse", "key="])
def test_geminis_query_key_counts(query: str) -> None:
    headers = [] if "{}" in query else [_bearer(_KEYS["cleo"])]
    text = query.format(_KEYS["cleo"].replace("-", "%2D"))
    assert _RING.authenticate(headers, text.encode()) is _CALLERS["cleo"]


def test_the_same_key_in_two_places_is_one_credential() -> None:
    key = _KEYS["cleo"]
    headers = [_bearer(key), (b"x-api-key", key.encode())]
    assert _RING.authenticate(headers, b"key=" + key.encode()) is _CALLERS["cleo"]


def _two(first: str, second: str) -> list[tuple[list[tuple[bytes, bytes]], bytes]]:
    return [
        ([_bearer(first), (b"x-api-key", second.encode())], b""),
        ([(b"x-goog-api-key", second.encode()), _bearer(first)], b""),
        ([_bearer(first), _bearer(second)], b""),
        ([_bearer(first)], b"key=" + second.encode()),
        ([], b"key=" + first.encode() + b"&key=" + second.encode()),
    ]


@pytest.mark.parametrize(
    ("headers", "query"), _two(_KEYS["cleo"], _KEYS["ada"]), ids=lambda _: "sent"
)
def test_two_different_credentials_are_refused(
    headers: list[tuple[bytes, bytes]], query: bytes
) -> None:
    """Else checks made for one key could be passed with the other."""
    refused = _RING.authenticate(headers, query)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.category) == ("invalid_header", Category.INVALID)
    assert not any(key in refused.message for key in _KEYS.values())


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"authorization", b"")],
        [(b"authorization", b"Bearer ")],
        [(b"authorization", b"Bearer")],
        [(b"x-api-key", b"  ")],
        [(b"cookie", b"key=sk-outlay-x")],
    ],
)
def test_a_missing_key_says_how_to_send_one(headers: list[tuple[bytes, bytes]]) -> None:
    refused = _RING.authenticate(headers)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.category) == ("missing_api_key", Category.UNAUTHENTICATED)
    assert "Bearer" in refused.message
    assert "outlay keys create" in refused.message


def test_unknown_revoked_and_mistyped_keys_are_told_alike() -> None:
    """A different text would tell a thief which keys once existed."""
    mistyped = _KEYS["cleo"][:-1] + ("0" if _KEYS["cleo"][-1] != "0" else "1")
    told = {_message([_bearer(text)]) for text in (make_key(), mistyped, "nonsense", "é")}
    assert len(told) == 1


def _message(headers: list[tuple[bytes, bytes]]) -> str:
    refused = _RING.authenticate(headers)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.category) == ("invalid_proxy_key", Category.UNAUTHENTICATED)
    return refused.message


def test_only_a_whole_key_of_ours_is_worth_another_look_at_the_ledger() -> None:
    assert isinstance(_RING.authenticate([_bearer(make_key())]), UnknownKey)
    assert not isinstance(_RING.authenticate([_bearer("sk-outlay-nonsense")]), UnknownKey)


@pytest.mark.parametrize(
    ("secret", "owner"),
    [
        ("sk-ant-api03-aaaaaaaaaaaaaaaaaaaa", "Anthropic"),
        ("sk-proj-aaaaaaaaaaaaaaaaaaaaaaaaa", "OpenAI"),
        ("AIzaSyA1234567890abcdefghijklmnopqrstuv", "Google"),
    ],
)
def test_a_providers_key_is_recognised_and_not_echoed(secret: str, owner: str) -> None:
    message = _message([(b"x-api-key", secret.encode())])
    assert owner in message
    assert "sk-outlay-" in message
    assert secret[8:] not in message


@pytest.mark.parametrize(
    ("name", "permission", "may"),
    [
        ("ada", Permission.SPEND, True),
        ("ada", Permission.ADMIN, True),
        ("ben", Permission.SPEND, True),
        ("ben", Permission.READ, True),
        ("ben", Permission.ADMIN, False),
        ("cleo", Permission.SPEND, True),
        ("cleo", Permission.READ, False),
        ("dov", Permission.SPEND, False),
        ("dov", Permission.READ, False),
        ("dov", Permission.OUTCOMES, True),
    ],
)
def test_a_key_may_do_what_it_was_made_for(name: str, permission: Permission, may: bool) -> None:
    answer = _RING.authenticate([_bearer(_KEYS[name])], permission=permission)
    if may:
        assert answer is _CALLERS[name]
    else:
        assert isinstance(answer, Refused)
        assert (answer.code, answer.category) == ("permission_denied", Category.FORBIDDEN)
        assert f"--permission {permission}" in answer.message


def test_a_credential_is_not_in_its_repr() -> None:
    credential = read_credential([_bearer(_KEYS["cleo"])])
    assert _KEYS["cleo"] not in repr(credential)
    assert "Authorization" in repr(credential)


def test_a_snapshot_without_a_revoked_key_refuses_it() -> None:
    ring = KeyRing(_PEPPER, [])
    assert len(ring) == 0
    assert isinstance(ring.authenticate([_bearer(_KEYS["ada"])]), Refused)
