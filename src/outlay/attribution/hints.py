"""Hints: what a caller could send better, told in `X-Cost-Warning`. A hint never stops a call.

A hint is `code: sentence` in printable ASCII of bounded length, since it becomes a response header.
"""

import difflib
import re
from collections.abc import Callable, Iterable
from functools import lru_cache

from outlay.attribution.dimensions import HEADERS, RUN_BUDGET_HEADER, Dimension, Value
from outlay.identity.credential_shapes import is_jwt

MAX_HINTS = 8
MAX_HINT_CHARS = 240
MAX_QUOTED_CHARS = 48

_GENERIC_OUTCOMES = frozenset(
    {
        "ai-call",
        "ai-used",
        "api-call",
        "call",
        "chat",
        "chatbot-call",
        "chatbot-used",
        "completed",
        "completion",
        "default",
        "done",
        "failed",
        "false",
        "finished",
        "gpt-call",
        "llm-call",
        "llm-used",
        "message-sent",
        "n/a",
        "none",
        "null",
        "ok",
        "outcome",
        "request",
        "response",
        "result",
        "success",
        "successful",
        "test",
        "true",
        "undefined",
        "unknown",
        "used",
        "yes",
    }
)
_GENERIC_FEATURES = frozenset({
    "ai", "ai-call", "api", "api-call", "app", "application", "backend", "call", "chatbot-call",
    "chatgpt", "claude", "default", "feature", "gemini", "general", "gpt", "llm", "llm-call",
    "llm-used", "main", "misc", "n/a", "none", "null", "openai", "other", "prod", "production",
    "request", "service", "test", "undefined", "unknown",
})  # fmt: skip
_PLACEHOLDERS = frozenset({
    "nan", "n/a", "none", "null", "nil", "undefined", "[object object]", "user_id", "session_id",
    "your-user-id", "user-id", "session-id", "<user_id>", "<session_id>",
})  # fmt: skip
_TEMPLATE = re.compile(r"\{\{|\$\{|^\{\w+\}$|<%|%\(\w+\)s")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]{2,}")
_SLUG_BREAK = re.compile(r"[\W_]+")

_KNOWN_HEADERS = {header.lower(): header for header in (*HEADERS.values(), RUN_BUDGET_HEADER)}
_OFTEN_MEANT = {
    "x-cost-team": "X-Cost-Department",
    "x-cost-org": "X-Cost-Department",
    "x-cost-customer": "X-Cost-User",
    "x-cost-account": "X-Cost-GL-Account",
    "x-cost-conversation": "X-Cost-Session",
    "x-cost-thread": "X-Cost-Session",
    "x-cost-ticket": "X-Cost-Session",
    "x-cost-result": "X-Cost-Outcome",
    "x-cost-app": "X-Cost-Feature",
    "x-cost-dept": "X-Cost-Department",
    "x-cost-env": "X-Cost-Environment",
    "x-cost-gl": "X-Cost-GL-Account",
    "x-cost-run": "X-Cost-Run-ID",
}
"""Words that others use for one of our dimensions, too far from ours for a spelling match."""


def hint_for(dimension: Dimension, value: Value) -> str | None:
    """Say what is wrong with a value of a dimension, or None when nothing is."""
    if value.hashed:
        return _hint(
            f"{dimension}_hashed",
            f"{HEADERS[dimension]} is too long or looks like a credential; only its keyed hash is "
            "recorded",
        )
    judge = _JUDGES.get(dimension)
    return None if judge is None else judge(dimension, value.text)


def hint_for_unknown_header(name: bytes) -> str:
    """Say that an `X-Cost-*` header means nothing to us, and which one was probably meant."""
    text = name.decode("latin-1").lower()
    nearest = _OFTEN_MEANT.get(text)
    if nearest is None:
        close = difflib.get_close_matches(text[:64], _KNOWN_HEADERS, n=1, cutoff=0.75)
        nearest = _KNOWN_HEADERS[close[0]] if close else None
    advice = f"did you mean {nearest}?" if nearest else "see the guide for the headers that count"
    return _hint(
        "header_unknown", f"{_quote(text)} is not a header of ours and was dropped; {advice}"
    )


def hint_for_pinned(dimension: Dimension) -> str:
    """Say that a header was not used because the key pins its dimension."""
    return _hint(
        f"{dimension}_pinned", f"{HEADERS[dimension]} is pinned by the API key; yours was not used"
    )


def hint_for_dropped(dimension: Dimension, where: str, why: str) -> str:
    """Say that a fall-back value was left out, since it may not be recorded."""
    return _hint(f"{dimension}_dropped", f"the {where} was not recorded as {dimension}: {why}")


def hint_for_run_budget_without_run() -> str:
    """Say that a cap for a run was sent on a call that belongs to none."""
    return _hint(
        "run_budget_unused", f"{RUN_BUDGET_HEADER} needs X-Cost-Run-ID to know which run it caps"
    )


def bounded(hints: Iterable[str]) -> tuple[str, ...]:
    """Keep the first hints of each text, as many as a response should carry."""
    return tuple(dict.fromkeys(hints))[:MAX_HINTS]


def propose_name(text: str) -> str:
    """Write a name as we would: `Ticket Resolved` becomes `ticket-resolved`."""
    return _SLUG_BREAK.sub("-", text.lower()).strip("-")


@lru_cache(maxsize=4_096)
def _judge_name(dimension: Dimension, text: str) -> str | None:
    """Judge a name; remembered, since a company has few of them and sends them with every call."""
    slug = text if text.islower() and " " not in text else propose_name(text)
    if slug.replace("_", "-") in _GENERIC[dimension]:
        return _hint(f"{dimension}_generic", _GENERIC_ADVICE[dimension].format(_quote(text)))
    if slug != text:
        advice = f"use one spelling such as {_quote(slug)}"
        return _hint(
            f"{dimension}_spelling", f"{HEADERS[dimension]} is compared exactly as sent: {advice}"
        )
    return None


def _judge_id(dimension: Dimension, text: str) -> str | None:
    if text.lower() in _PLACEHOLDERS or (("{" in text or "%" in text) and _TEMPLATE.search(text)):
        sentence = f"{HEADERS[dimension]} {_quote(text)} looks like an unfilled placeholder"
        return _hint(f"{dimension}_placeholder", sentence)
    return None


def _judge_user(dimension: Dimension, text: str) -> str | None:
    header = HEADERS[dimension]
    if "@" in text and _EMAIL.fullmatch(text):
        sentence = f"{header} looks like an e-mail address; send an opaque internal id instead"
        return _hint("user_is_email", sentence)
    if is_jwt(text):
        sentence = f"{header} looks like a token; send an id that is no credential"
        return _hint("user_is_token", sentence)
    return _judge_id(dimension, text)


_GENERIC = {Dimension.OUTCOME: _GENERIC_OUTCOMES, Dimension.FEATURE: _GENERIC_FEATURES}
_GENERIC_ADVICE = {
    Dimension.OUTCOME: "X-Cost-Outcome {} says that a call was made, not what it achieved; "
    "name the business result, such as ticket-resolved",
    Dimension.FEATURE: "X-Cost-Feature {} says little; name the part of the product, such as "
    "ticket-resolver",
}
_JUDGES: dict[Dimension, Callable[[Dimension, str], str | None]] = {
    Dimension.OUTCOME: _judge_name,
    Dimension.FEATURE: _judge_name,
    Dimension.USER: _judge_user,
    Dimension.SESSION: _judge_id,
}
"""The dimensions whose values are looked at; of the others nothing can be said."""


def _quote(text: str) -> str:
    cut = text if len(text) <= MAX_QUOTED_CHARS else text[: MAX_QUOTED_CHARS - 3] + "..."
    return ascii(cut)


def _hint(code: str, sentence: str) -> str:
    text = f"{code}: {sentence}"
    return text if len(text) <= MAX_HINT_CHARS else text[: MAX_HINT_CHARS - 3] + "..."
