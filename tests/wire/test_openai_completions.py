"""Legacy completions multiply: prompts times n, and every candidate of best_of is billed."""

from typing import Any

import pytest

from tests.wire.calls import COMPLETIONS, EMBEDDINGS, MODERATIONS, call_of, refused


@pytest.mark.parametrize(
    ("fields", "choices"),
    [
        ({"prompt": "a"}, 1),
        ({"prompt": ["a", "b", "c"]}, 3),
        ({"prompt": [1, 2, 3]}, 1),
        ({"prompt": [[1, 2], [3]]}, 2),
        ({"prompt": ["a", "b"], "n": 2}, 4),
        ({"prompt": "a", "n": 2, "best_of": 5}, 5),
        ({}, 1),
    ],
)
def test_every_billed_candidate_is_a_choice(fields: dict[str, Any], choices: int) -> None:
    shape = call_of(COMPLETIONS, {"model": "gpt-3.5-turbo-instruct", **fields}).shape
    assert shape.choices == choices


@pytest.mark.parametrize(
    ("fields", "limit"),
    [({}, 16), ({"max_tokens": None}, 16), ({"max_tokens": 9}, 9), ({"max_tokens": 0}, 0)],
)
def test_a_completion_without_a_limit_has_the_providers_own(
    fields: dict[str, Any], limit: int
) -> None:
    assert call_of(COMPLETIONS, {"model": "m", "prompt": "a", **fields}).shape.output_limit == limit


def test_a_best_of_that_is_no_number_is_refused() -> None:
    assert refused(COMPLETIONS, {"model": "m", "best_of": "9"}).field == "best_of"


def test_moderations_are_read_for_their_model_only() -> None:
    assert call_of(MODERATIONS, {"model": "omni-moderation-latest", "input": "x"}).model
    assert refused(MODERATIONS, {"model": "", "input": "x"}).field == "model"


@pytest.mark.parametrize(
    ("given", "count"),
    [("a", 1), (["a", "b"], 2), ([1, 2, 3], 1), ([[1], [2]], 2), ([], 1)],
)
def test_embeddings_have_inputs_and_no_output(given: object, count: int) -> None:
    call = call_of(EMBEDDINGS, {"model": "text-embedding-3-small", "input": given, "user": "u"})
    assert (call.shape.message_count, call.shape.output_limit, call.end_user) == (count, 0, "u")
    assert call.shape.input_bytes == len(call.body)
