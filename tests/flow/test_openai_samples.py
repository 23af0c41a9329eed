"""The pages' samples: an OpenAI client in Python and in Node, changed in host and key only."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI

from tests.flow.running import Gateway
from tests.needed import require
from tools.node import NODE, environment

_NODE_SAMPLES = Path(__file__).parent / "node"


@pytest.fixture
def client(gateway: Gateway) -> Iterator[OpenAI]:
    with OpenAI(api_key=gateway.key, base_url=f"{gateway.url}/v1") as client:
        yield client


def test_a_support_chat_is_attributed_to_its_user(
    client: OpenAI, gateway: Gateway, user: str
) -> None:
    """The users page's sample: feature, department and user as extra headers."""
    answer = client.chat.completions.create(
        model="gpt-4o",
        messages=[{"role": "user", "content": "Where is my parcel?"}],
        extra_headers={
            "X-Cost-Feature": "support-chat",
            "X-Cost-Department": "customer-success",
            "X-Cost-User": user,
        },
    )

    event = gateway.call(user=user)

    assert answer.choices[0].message.content
    assert answer.usage is not None
    assert event["feature"] == "support-chat"
    assert event["department"] == "customer-success"
    assert event["provider"] == "openai"
    assert event["wire"] == "openai_chat"
    assert event["usage_source"] == "reported"
    assert event["ending"] == "complete"
    assert event["stream"] is False
    assert event["status"] == 200
    assert event["cost_nanos"] > 0


def test_a_resolved_ticket_carries_its_outcome(client: OpenAI, gateway: Gateway, user: str) -> None:
    """The outcomes page's sample: the outcome rides on the call that produced it."""
    client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": "Please close ticket 4711."}],
        extra_headers={
            "X-Cost-Feature": "ticket-resolver",
            "X-Cost-Outcome": "ticket-resolved",
            "X-Cost-User": user,
        },
    )

    event = gateway.call(user=user)

    assert event["feature"] == "ticket-resolver"
    assert event["outcome"] == "ticket-resolved"


@pytest.mark.parametrize("stream", ["plain", "streamed"])
def test_the_node_client_is_attributed_like_the_python_one(
    gateway: Gateway, user: str, stream: str
) -> None:
    require((_NODE_SAMPLES / "node_modules").exists(), "npm's openai (make test installs it)")
    done = subprocess.run(
        [NODE, "support_chat.mjs", user, stream],
        cwd=_NODE_SAMPLES,
        env=environment() | {"OUTLAY_URL": gateway.url, "OUTLAY_KEY": gateway.key},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)

    event = gateway.call(user=user)

    assert said["text"]
    assert said["requestId"] == event["request_id"]
    assert event["feature"] == "support-chat"
    assert event["department"] == "customer-success"
    assert event["stream"] is (stream == "streamed")
    assert event["usage_source"] == "reported"
