"""Who may not call, is told so in the format of the wire; what changes, changes at once."""

import http.client
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.bad_input.raw import BODIES, CHAT, ENVELOPES, GENERATE, Refuser, check
from tests.flow.running import create_key

REVOCATION_S = 1
"""How long a revoked key may go on working (product.md 13)."""

WIRES = pytest.mark.parametrize("path", ENVELOPES)


@WIRES
def test_a_missing_key(refuser: Refuser, path: str) -> None:
    check(refuser.post(path, BODIES[path], key=None), ENVELOPES[path], 401, "missing_api_key")


@WIRES
@pytest.mark.parametrize("place", ["authorization: Bearer", "x-api-key:", "x-goog-api-key:"])
def test_an_unknown_key(refuser: Refuser, path: str, place: str) -> None:
    """Also when it is well formed: one letter of a good key is enough."""
    for wrong in ("sk-proj-of-a-provider", "sk-outlay-nope", refuser.gateway.key[:-1] + "~"):
        answer = refuser.post(path, BODIES[path], f"{place} {wrong}", key=None)
        check(answer, ENVELOPES[path], 401, "invalid_proxy_key")
        assert wrong not in answer.body.decode()


def test_an_unknown_key_in_the_query(refuser: Refuser) -> None:
    answer = refuser.post(f"{GENERATE}?key=sk-outlay-nope", BODIES[GENERATE], key=None)
    check(answer, "google", 401, "invalid_proxy_key")


@WIRES
def test_two_different_credentials(refuser: Refuser, path: str) -> None:
    """A check made for one could be passed with the other."""
    answer = refuser.post(path, BODIES[path], "x-api-key: sk-ant-of-a-provider")
    check(answer, ENVELOPES[path], 400, "invalid_header")
    assert "sk-ant-of-a-provider" not in answer.body.decode()


def test_a_new_key_works_at_once_for_all_who_use_it(refuser: Refuser) -> None:
    key = create_key(refuser.gateway.environment)
    with ThreadPoolExecutor(8) as callers:
        asked = [callers.submit(refuser.post, CHAT, BODIES[CHAT], key=key) for _ in range(8)]
    assert [http.client.OK] * 8 == [answer.result().status for answer in asked]
    refuser.expect_at_provider(8)


def test_a_revoked_key_stops_working_within_a_second(refuser: Refuser) -> None:
    key = create_key(refuser.gateway.environment, name="revoked")
    assert http.client.OK == refuser.post(CHAT, BODIES[CHAT], key=key).status
    refuser.gateway.outlay("keys", "revoke", "revoked")
    calls = 1
    deadline_s = time.monotonic() + REVOCATION_S
    while time.monotonic() < deadline_s and is_served(refuser, key):
        calls += 1
    for path, envelope in ENVELOPES.items():
        check(refuser.post(path, BODIES[path], key=key), envelope, 401, "invalid_proxy_key")
    refuser.expect_at_provider(calls)


def is_served(refuser: Refuser, key: str) -> bool:
    """Make a call and say whether it was served."""
    return refuser.post(CHAT, BODIES[CHAT], key=key).status == http.client.OK
