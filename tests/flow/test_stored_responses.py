"""A stored response belongs to the key that made it, or to its department: in paths and bodies."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from openai import NotFoundError, OpenAI

from tests.flow.running import Gateway, create_key

MODEL = "gpt-4o-mini"


@contextmanager
def connected(gateway: Gateway, *key_options: str) -> Iterator[OpenAI]:
    """Connect with a new key."""
    name = f"stored-{uuid.uuid4().hex[:8]}"
    key = create_key(gateway.environment, *key_options, name=name)
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0) as client:
        yield client


def test_a_response_of_another_key_is_not_found(gateway: Gateway) -> None:
    with connected(gateway) as one, connected(gateway) as other:
        made = one.responses.create(model=MODEL, input="Remember 4711.")
        assert made.id == one.responses.retrieve(made.id).id
        with pytest.raises(NotFoundError):
            other.responses.retrieve(made.id)


def test_the_conversation_of_another_key_cannot_be_continued(gateway: Gateway) -> None:
    with connected(gateway) as one, connected(gateway) as other:
        made = one.responses.create(model=MODEL, input="Remember 4711.")
        one.responses.create(model=MODEL, input="Which?", previous_response_id=made.id)
        with pytest.raises(NotFoundError):
            other.responses.create(model=MODEL, input="Which?", previous_response_id=made.id)


def test_keys_pinned_to_one_department_share_their_responses(gateway: Gateway) -> None:
    pin = ("--pin", "department=support")
    with connected(gateway, *pin) as one, connected(gateway, *pin) as other:
        made = one.responses.create(model=MODEL, input="Remember 4711.")
        assert made.id == other.responses.retrieve(made.id).id
        other.responses.create(model=MODEL, input="Which?", previous_response_id=made.id)
