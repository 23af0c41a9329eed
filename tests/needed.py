"""What a test may ask of its machine: absent, it is a skip for a person and a failure in CI."""

import os

import pytest


def require(condition: object, what: str) -> None:
    """Skip the test with a word when `condition` is false; fail it where nothing may be skipped.

    Continuous integration sets CI=true: there a missing tool is a hole in the proof, not a reason
    to go on.
    """
    if condition:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is needed here (CI=true)")
    pytest.skip(f"{what} is not on this machine")
