"""The estimate of an input counts what the model reads: text, framing and media by rule."""

from typing import Any

import pytest

from outlay.wire.input_estimate import estimate_input_tokens
from tests.wire.calls import CHAT, COMPLETIONS, EMBEDDINGS, GENERATE, MESSAGES, call_of, chat


@pytest.fixture
def counts_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a word be a token, so that a test can count by eye."""
    by_word = "outlay.wire.input_estimate.estimate_tokens"
    monkeypatch.setattr(by_word, lambda text: len(text.split()))


def said(content: object, **fields: Any) -> dict[str, Any]:
    return chat(messages=[{"role": "user", "content": content}], **fields)


def test_text_and_framing_are_counted_and_parameters_are_not(counts_words: None) -> None:
    body = said("one two three", metadata={"a": "b c d"}, user="x y z", temperature=1)
    assert estimate_input_tokens(call_of(CHAT, body)) == 3 + 4


def test_tools_and_their_schemas_are_counted(counts_words: None) -> None:
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
    tool = {"type": "function", "function": {"name": "weather", "parameters": parameters}}
    body = said("one", tools=[tool])
    assert estimate_input_tokens(call_of(CHAT, body)) == 3 + 2 * 4


def test_media_count_by_rule_and_never_by_their_base64(counts_words: None) -> None:
    url = {"url": "data:image/png;base64," + "A" * 100_000}
    chat_call = call_of(CHAT, said([{"type": "image_url", "image_url": url}]))
    assert estimate_input_tokens(chat_call) == 765 + 4
    source = {"type": "base64", "media_type": "image/png", "data": "A" * 100_000}
    message = {"role": "user", "content": [{"type": "image", "source": source}]}
    messages = call_of(MESSAGES, {"model": "m", "messages": [message]})
    assert estimate_input_tokens(messages) <= 1600 + 4 + 1


@pytest.mark.parametrize(
    ("kind", "size", "tokens"),
    [("audio/mp3", 48_000, 96), ("video/mp4", 240_000, 300), ("application/pdf", 30_000, 1500)],
)
def test_sound_video_and_documents_count_by_their_size(
    counts_words: None, kind: str, size: int, tokens: int
) -> None:
    inline = {"inlineData": {"mimeType": kind, "data": "A" * (size * 4 // 3)}}
    call = call_of(GENERATE, {"contents": [{"parts": [inline]}]})
    assert estimate_input_tokens(call) == tokens + 4


def test_token_ids_count_one_each(counts_words: None) -> None:
    embeddings = call_of(EMBEDDINGS, {"model": "m", "input": [[1, 2, 3], [4]]})
    assert estimate_input_tokens(embeddings) == 4 + 2 * 4
    completion = call_of(COMPLETIONS, {"model": "m", "prompt": [1, 2, 3]})
    assert estimate_input_tokens(completion) == 3 + 4


def test_the_size_of_text_decides() -> None:
    assert estimate_input_tokens(call_of(CHAT, said("x" * 360))) == 100 + 4
