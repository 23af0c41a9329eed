"""The fields of a body that every wire format has, read and refused in the same way."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from outlay.kernel.errors import Refused
from outlay.wire.call import Route
from outlay.wire.strict_json import ABSENT, Field, refuse_field

MAX_MODEL_BYTES = 256


class Request(NamedTuple):
    """What came, before it is read: the first fields of a `Call`, in their order."""

    route: Route
    method: str
    path: str
    query: str
    body: bytes


def read_model(model: object) -> str | Refused:
    """Read the name of a model, from a body or a path.

    It goes into headers, logs and the ledger, so it must be short, printable ASCII.
    """
    if not isinstance(model, str) or not model:
        return refuse_field(
            "model",
            "The call names no model. Set `model` to a name such as `gpt-4o-mini`, or "
            "`provider/model` to choose the provider as well.",
        )
    if len(model) > MAX_MODEL_BYTES or not model.isascii() or not model.isprintable():
        return refuse_field(
            "model",
            f"`model` must be printable ASCII of at most {MAX_MODEL_BYTES} characters. "
            "Correct the name.",
        )
    return model


def read_stream(stream: Field) -> bool | Refused:
    """Read whether the answer is to be a stream."""
    if stream.value is None or isinstance(stream.value, bool):
        return bool(stream.value)
    return refuse_field("stream", "`stream` must be true or false. Correct it, or leave it out.")


def read_choices(choices: Field, name: str) -> int | Refused:
    """Read how many answers are asked for.

    What a provider might read as a larger number than we do is refused.
    """
    if choices.value is None:
        return 1
    return choices.whole() or refuse_field(
        name, f"`{name}` must be a whole number of at least 1. Correct it, or leave it out."
    )


def given(body: msgspec.Struct, names: Iterable[str]) -> list[str]:
    """List the fields that ask for something: `{}` may switch a tool on, `[]` and false do not."""
    present = [name for name in names if getattr(body, name) is not ABSENT]
    return [name for name in present if _asks(getattr(body, name).value)]


def _asks(value: object) -> bool:
    return value is not None and value is not False and value != []


def is_zero(number: object) -> bool:
    """Tell whether a JSON number is zero; false for `false`, text and null."""
    return type(number) in (int, float) and number == 0
