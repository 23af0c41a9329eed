"""OpenAI legacy completions and moderations, as asked."""

import msgspec

from outlay.kernel.errors import Refused
from outlay.wire.call import Call
from outlay.wire.call_fields import Request, is_zero, read_choices, read_model, read_stream
from outlay.wire.contents import Contents
from outlay.wire.openai_chat import read_end_user
from outlay.wire.strict_json import ABSENT, Field, read_object

DEFAULT_MAX_TOKENS = 16
"""What `max_tokens` is when left out. Source: OpenAI API reference, completions (read 2026-11)."""


class CompletionBody(msgspec.Struct, gc=False):
    """The fields of a completion body that are read."""

    model: Field = ABSENT
    prompt: Field = ABSENT
    stream: Field = ABSENT
    stream_options: Field = ABSENT
    max_tokens: Field = ABSENT
    n: Field = ABSENT
    best_of: Field = ABSENT
    temperature: Field = ABSENT
    service_tier: Field = ABSENT
    user: Field = ABSENT


class ModerationBody(msgspec.Struct, gc=False):
    """The fields of a moderation body that are read; the model may be left out."""

    model: Field = ABSENT
    input: Field = ABSENT


def read_completion(request: Request) -> Call | Refused:
    """Read a legacy completion call.

    Every prompt is answered `n` times, and of `best_of` candidates all are billed.
    """
    asked = read_object(request.body, CompletionBody)
    if isinstance(asked, Refused):
        return asked
    model, stream = read_model(asked.model.value), read_stream(asked.stream)
    n, best_of = read_choices(asked.n, "n"), read_choices(asked.best_of, "best_of")
    if isinstance(model, Refused):
        return model
    if isinstance(stream, Refused):
        return stream
    if isinstance(n, Refused):
        return n
    if isinstance(best_of, Refused):
        return best_of
    prompts = count_inputs(asked.prompt.value)
    return Call(
        *request,
        model=model,
        stream=stream,
        shape=Contents(messages=prompts).shape(
            request.body,
            output_limit=asked.max_tokens.whole(0) or _default_limit(asked.max_tokens),
            choices=prompts * max(n, best_of),
            service_tier=asked.service_tier.text(),
        ),
        end_user=read_end_user(ABSENT, asked.user, ABSENT).user,
        temperature_zero=is_zero(asked.temperature.value),
        asks_usage=asked.stream_options.member("include_usage") is True,
    )


def read_moderation(request: Request) -> Call | Refused:
    """Read a moderation call, which is free."""
    asked = read_object(request.body, ModerationBody)
    if isinstance(asked, Refused):
        return asked
    model = None if asked.model.value is None else read_model(asked.model.value)
    if isinstance(model, Refused):
        return model
    return Call(*request, model=model)


def count_inputs(given: object) -> int:
    """Count the texts in `prompt` or `input`: one text, a list of texts, of tokens, or of those."""
    if isinstance(given, list) and given and not isinstance(given[0], int):
        return len(given)
    return 1


def _default_limit(max_tokens: Field) -> int | None:
    return DEFAULT_MAX_TOKENS if max_tokens.value is None else max_tokens.whole(0)
