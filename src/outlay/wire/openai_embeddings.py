"""OpenAI embeddings, as asked: `POST /v1/embeddings` of OpenAI and compatible providers."""

import msgspec

from outlay.kernel.errors import Refused
from outlay.wire.call import Call
from outlay.wire.call_fields import Request, read_model
from outlay.wire.contents import Contents
from outlay.wire.openai_completions import count_inputs
from outlay.wire.strict_json import ABSENT, Field, read_object


class EmbeddingBody(msgspec.Struct, gc=False):
    """The fields of an embedding body that are read."""

    model: Field = ABSENT
    input: Field = ABSENT
    user: Field = ABSENT


def read_embedding(request: Request) -> Call | Refused:
    """Read an embedding call, which has input tokens only.

    Input may be token ids; each takes more than a byte of the body.
    """
    asked = read_object(request.body, EmbeddingBody)
    if isinstance(asked, Refused):
        return asked
    model = read_model(asked.model.value)
    if isinstance(model, Refused):
        return model
    contents = Contents(messages=count_inputs(asked.input.value))
    return Call(
        *request,
        model=model,
        shape=contents.shape(request.body, output_limit=0),
        end_user=asked.user.text(),
    )
