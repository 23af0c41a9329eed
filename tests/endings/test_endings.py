"""Every ending of a call has its one event, through real sockets (architecture.md 2, the table)."""

import fcntl
from typing import Any

import pytest

from tests.endings.calling import (
    chat_body,
    is_open,
    is_settled,
    metric,
    opened,
    post,
    provider_state,
    send_only,
    wait_for,
)
from tests.flow.running import Gateway

CHAT = "/v1/chat/completions"


def steered(user: str, steering: str) -> dict[str, str]:
    """Headers that name the caller's user and tell the emulated provider what to do."""
    return {"x-cost-user": user, "x-emulate": steering}


def event_of(gateway: Gateway, user: str) -> dict[str, Any]:
    """Wait for the event of a user's one call and return it."""
    wait_for(lambda: is_settled(gateway, user))
    (event,) = gateway.calls(user=user)
    return event


def test_a_complete_answer_is_reported_and_told_its_cost(gateway: Gateway, user: str) -> None:
    answer = post(gateway, CHAT, chat_body(), headers={"x-cost-user": user})
    event = event_of(gateway, user)
    assert ("complete", "reported", 200) == (
        event["ending"],
        event["usage_source"],
        event["status"],
    )
    assert event["cost_usd"] == answer.headers["x-cost-usd"]
    assert event["request_id"] == answer.request_id


def test_a_stream_is_recorded_before_its_end_is_seen(gateway: Gateway, user: str) -> None:
    with opened(gateway, CHAT, chat_body(stream=True), headers={"x-cost-user": user}) as answer:
        while b"[DONE]" not in (answer.readline() or b"[DONE]"):
            pass
        events = gateway.calls(user=user)
    assert [("complete", "reported")] == [(e["ending"], e["usage_source"]) for e in events]


def test_a_complete_answer_without_usage_is_estimated(gateway: Gateway, user: str) -> None:
    body = chat_body(stream=True)
    post(gateway, CHAT, body, headers=steered(user, "fault=missing-usage; output_tokens=30"))
    event = event_of(gateway, user)
    assert ("complete", "estimated") == (event["ending"], event["usage_source"])
    assert event["cost_nanos"] > 0
    assert event["output_tokens"] > 0


def test_a_caller_who_leaves_is_drained_to_the_usage(gateway: Gateway, user: str) -> None:
    steering = "gap_ms=20; output_tokens=25"
    with opened(gateway, CHAT, chat_body(stream=True), headers=steered(user, steering)) as answer:
        answer.read(10)
    event = event_of(gateway, user)
    assert ("caller_gone", "reported", 25) == (
        event["ending"],
        event["usage_source"],
        event["output_tokens"],
    )


def test_a_drain_ends_at_its_bound_and_leaves_no_socket(
    gateway: Gateway, emulator_url: str, user: str
) -> None:
    steering = "fault=endless-stream; gap_ms=50"
    with opened(gateway, CHAT, chat_body(stream=True), headers=steered(user, steering)) as answer:
        answer.read(10)
    event = event_of(gateway, user)
    assert ("caller_gone", "estimated") == (event["ending"], event["usage_source"])
    assert event["cost_nanos"] > 0
    wait_for(lambda: provider_state(emulator_url)["open_streams"] == 0)


def test_a_caller_who_leaves_before_a_slow_answer_is_still_billed(
    gateway: Gateway, user: str
) -> None:
    with send_only(gateway, CHAT, chat_body(), steered(user, "delay_ms=1500; output_tokens=7")):
        wait_for(lambda: is_open(gateway, user))
    event = event_of(gateway, user)
    assert "caller_gone" == event["ending"]
    assert event["cost_nanos"] > 0


def test_a_provider_that_cannot_be_reached_costs_nothing(gateway: Gateway, user: str) -> None:
    body = chat_body(model="dead/gpt-4o-mini")
    answer = post(gateway, CHAT, body, headers={"x-cost-user": user})
    assert (502, "provider_error") == (answer.status, answer.json()["error"]["code"])
    event = event_of(gateway, user)
    assert ("never_sent", "none", 0) == (
        event["ending"],
        event["usage_source"],
        event["cost_nanos"],
    )


@pytest.mark.parametrize(
    ("steering", "status", "code"),
    [
        ("fault=reset-before-answer", 502, "provider_error"),
        ("fault=silence", 504, "provider_timeout"),
    ],
)
def test_a_call_that_was_sent_and_not_answered_is_settled_at_its_bound(
    gateway: Gateway, user: str, steering: str, status: int, code: str
) -> None:
    answer = post(gateway, CHAT, chat_body(), headers=steered(user, steering))
    assert (status, code) == (answer.status, answer.json()["error"]["code"])
    message = answer.json()["error"]["message"]
    assert "it may have done the work and may bill it. Send the call again if" in message
    assert not any(inner in message for inner in ("127.0.0.1", "Errno", "Error("))
    event = event_of(gateway, user)
    assert ("no_answer", "estimated", "bound") == (
        event["ending"],
        event["usage_source"],
        event["cost_basis"],
    )
    assert event["cost_usd"] == event["bound_usd"]
    assert 0 < float(event["likely_cost_usd"]) < float(event["cost_usd"])


def test_a_failed_call_is_told_its_model_and_what_it_counts(gateway: Gateway, user: str) -> None:
    sent = steered(user, "fault=reset-before-answer") | {"x-cost-budget": "typo"}
    answer = post(gateway, CHAT, chat_body(), headers=sent)
    assert "gpt-4o-mini" == answer.headers["x-cost-model"]
    assert event_of(gateway, user)["cost_usd"] == answer.headers["x-cost-usd"]
    assert "header_unknown" in answer.headers["x-cost-warning"]


def test_a_providers_error_that_breaks_off_costs_nothing(gateway: Gateway, user: str) -> None:
    body = chat_body(model="torn/gpt-4o-mini")
    answer = post(gateway, CHAT, body, headers={"x-cost-user": user})
    assert (502, "0") == (answer.status, answer.headers["x-cost-usd"])
    event = event_of(gateway, user)
    assert ("provider_error", 0) == (event["ending"], event["cost_nanos"])


@pytest.mark.parametrize("status", [429, 500, 529])
def test_a_providers_own_error_passes_unchanged_and_costs_nothing(
    gateway: Gateway, emulator_url: str, user: str, status: int
) -> None:
    answer = post(gateway, CHAT, chat_body(), headers=steered(user, f"fault={status}"))
    assert status == answer.status
    assert "x-should-retry" not in answer.headers
    event = event_of(gateway, user)
    assert ("provider_error", 0, status) == (event["ending"], event["cost_nanos"], event["status"])


def test_a_stream_that_the_provider_breaks_costs_what_was_metered(
    gateway: Gateway, user: str
) -> None:
    steering = "fault=cut-mid-stream; at=12; output_tokens=40"
    answer = post(gateway, CHAT, chat_body(stream=True), headers=steered(user, steering))
    assert b'"error"' in answer.body.splitlines()[-2] + answer.body.splitlines()[-1]
    event = event_of(gateway, user)
    assert ("broken_stream", "estimated") == (event["ending"], event["usage_source"])
    assert 0 < event["output_tokens"] < 40


@pytest.mark.parametrize("fault", ["bad-json", "end-early"])
def test_an_unreadable_answer_is_settled_at_its_bound(
    gateway: Gateway, user: str, fault: str
) -> None:
    post(gateway, CHAT, chat_body(), headers=steered(user, f"fault={fault}"))
    event = event_of(gateway, user)
    assert ("bound", event["bound_usd"]) == (event["cost_basis"], event["cost_usd"])


def test_a_stream_that_ends_before_its_end_marker_is_broken(gateway: Gateway, user: str) -> None:
    steering = "fault=end-early; at=12; output_tokens=40"
    post(gateway, CHAT, chat_body(stream=True), headers=steered(user, steering))
    event = event_of(gateway, user)
    assert ("broken_stream", "estimated") == (event["ending"], event["usage_source"])


def test_an_error_event_inside_a_stream_breaks_it(gateway: Gateway, user: str) -> None:
    steering = "fault=error-event; at=12; output_tokens=40"
    answer = post(gateway, CHAT, chat_body(stream=True), headers=steered(user, steering))
    assert 200 == answer.status
    event = event_of(gateway, user)
    assert ("broken_stream", True) == (event["ending"], event["cost_nanos"] > 0)


def test_a_call_beyond_the_total_limit_is_cut_with_an_error_event(
    gateway: Gateway, user: str
) -> None:
    steering = "fault=endless-stream; gap_ms=200"
    answer = post(gateway, CHAT, chat_body(stream=True), headers=steered(user, steering))
    assert b'"error"' in answer.body
    event = event_of(gateway, user)
    assert event["ending"] in {"cut", "broken_stream"}
    assert ("estimated", True) == (event["usage_source"], event["cost_nanos"] > 0)


def test_a_background_response_is_settled_once_when_its_usage_is_seen(
    gateway: Gateway, user: str
) -> None:
    body = {"model": "gpt-4o-mini", "input": "Draft it.", "background": True}
    answer = post(gateway, "/v1/responses", body, headers=steered(user, "background_ms=700"))
    assert answer.json()["status"] in {"queued", "in_progress"}
    assert "x-cost-usd" not in answer.headers  # nobody knows yet; zero would say free
    event = event_of(gateway, user)
    assert (answer.request_id, "complete", "reported") == (
        event["request_id"],
        event["ending"],
        event["usage_source"],
    )


def test_a_cancelled_background_response_is_settled_at_its_bound(
    gateway: Gateway, user: str
) -> None:
    body = {"model": "gpt-4o-mini", "input": "Draft it.", "background": True}
    body |= {"max_output_tokens": 500}
    answer = post(gateway, "/v1/responses", body, headers=steered(user, "background_ms=60000"))
    post(gateway, f"/v1/responses/{answer.json()['id']}/cancel", {})
    event = event_of(gateway, user)
    assert ("cut", "cancelled", "bound") == (
        event["ending"],
        event["finish_reason"],
        event["cost_basis"],
    )
    assert event["bound_usd"] == event["cost_usd"]


def test_a_model_without_a_price_is_unpriced_and_not_free(gateway: Gateway, user: str) -> None:
    body = chat_body(model="openai/gpt-of-tomorrow")
    answer = post(gateway, CHAT, body, headers={"x-cost-user": user})
    assert "unpriced" == answer.headers["x-cost-usd"]
    event = event_of(gateway, user)
    assert ("complete", None) == (event["ending"], event["cost_usd"])
    assert event["unpriced"]


def test_a_free_call_is_counted_and_has_no_event(gateway: Gateway, user: str) -> None:
    counted = 'outlay_free_calls_total{operation="count_tokens",provider="anthropic"}'
    before = metric(gateway, counted)
    body = {"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "Hi"}]}
    answer = post(gateway, "/v1/messages/count_tokens", body, headers={"x-cost-user": user})
    assert (200, True) == (answer.status, answer.json()["input_tokens"] > 0)
    assert [] == gateway.calls(user=user)
    assert before + 1 == metric(gateway, counted)


def test_a_ledger_that_cannot_be_written_stops_the_call_before_it_is_sent(
    gateway: Gateway, emulator_url: str, user: str
) -> None:
    with (gateway.data_dir / "ledger.lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = provider_state(emulator_url)["requests"]
        answer = post(gateway, CHAT, chat_body(), headers={"x-cost-user": user})
        assert before == provider_state(emulator_url)["requests"]
    assert (503, "ledger.unavailable") == (answer.status, answer.json()["error"]["code"])


def test_a_settlement_that_cannot_be_written_comes_later(gateway: Gateway, user: str) -> None:
    steering = steered(user, "delay_ms=1200")
    with (
        send_only(gateway, CHAT, chat_body(), steering) as connection,
        (gateway.data_dir / "ledger.lock").open("rb") as lock,
    ):
        wait_for(lambda: is_open(gateway, user))
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert b"HTTP/1.1 200" == connection.recv(12)
        fcntl.flock(lock, fcntl.LOCK_UN)
    event = event_of(gateway, user)
    assert ("complete", "reported") == (event["ending"], event["usage_source"])
