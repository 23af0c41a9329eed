"""Answers that cost nothing: models, moderations, counts of tokens, stored responses."""

from typing import Any

from outlay.emulator.anthropic_reading import read_messages
from outlay.emulator.ask import Ask
from outlay.emulator.gemini_reading import read_count
from outlay.emulator.model_lists import write_model, write_models
from outlay.emulator.openai_completions import write_moderation
from outlay.emulator.opening import CallOpener
from outlay.emulator.reading import Order
from outlay.emulator.responses_reading import read_response
from outlay.emulator.routes import Endpoint, Route
from outlay.emulator.stored_responses import StoredResponse, StoredResponses, input_items
from outlay.emulator.wire_format import BadAsk, Json, Target, wrong_shapes_refused

COUNTED = frozenset({Endpoint.COUNT_MESSAGES, Endpoint.INPUT_TOKENS, Endpoint.COUNT_TOKENS})
"""Endpoints that count the tokens of a body."""


def answer_order(route: Route, order: Order, opener: CallOpener) -> Json:
    """Answer a free request that has a body.

    Raises:
        BadAsk: the body makes no sense.
    """
    if route.endpoint is Endpoint.MODERATIONS:
        return write_moderation(order.body, opener.next_id())
    with wrong_shapes_refused():
        return _count_prompt(route.endpoint, order.body, order.target)


def answer_listing(route: Route, opener: CallOpener) -> Json:
    """List the models, or describe one.

    Raises:
        BadAsk: there is no such model.
    """
    if route.endpoint is Endpoint.MODELS:
        return write_models(opener.table, route.style)
    entry = opener.table.find_model(route.name)
    if entry is None:
        raise BadAsk(f"The model '{route.name}' does not exist.", "model", status=404)
    return write_model(entry, route.style)


def answer_stored(route: Route, kept: StoredResponses) -> Json:
    """Show, cancel or delete a stored response, or list its input.

    Raises:
        BadAsk: there is no such response.
    """
    stored = find_stored(route, kept)
    if route.endpoint is Endpoint.DELETE:
        kept.delete(route.name)
        return {"id": route.name, "object": "response", "deleted": True}
    if route.endpoint is Endpoint.CANCEL:
        kept.cancel(stored)
    if route.endpoint is Endpoint.INPUT_ITEMS:
        return _list_input(stored)
    return stored.as_json()


def find_stored(route: Route, kept: StoredResponses) -> StoredResponse:
    """Find the response that the path names.

    Raises:
        BadAsk: there is no such response.
    """
    stored = kept.find(route.name)
    if stored is None:
        raise BadAsk(f"Response with id '{route.name}' not found.", "id", status=404)
    return stored


def _count_prompt(endpoint: Endpoint, body: Json, target: Target) -> Json:
    if endpoint is Endpoint.COUNT_MESSAGES:
        return {"input_tokens": _total(read_messages({"max_tokens": 1, **body}, target))}
    if endpoint is Endpoint.INPUT_TOKENS:
        counted = _total(read_response(body, target))
        return {"object": "response.input_tokens", "input_tokens": counted}
    counted = _total(read_count(body, target))
    details = [{"modality": "TEXT", "tokenCount": counted}]
    return {"totalTokens": counted, "promptTokensDetails": details}


def _total(ask: Ask) -> int:
    return ask.framing_tokens + sum(segment.tokens for segment in ask.segments)


def _list_input(stored: StoredResponse) -> Json:
    items: list[dict[str, Any]] = list(input_items(stored))
    ends = {"first_id": items[0]["id"], "last_id": items[-1]["id"]} if items else {}
    return {"object": "list", "data": items, "has_more": False, **ends}
