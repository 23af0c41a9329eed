"""What the applications of the simulated company send: a path, headers, and a body."""

import zlib
from typing import Any

import msgspec

from outlay.emulator.cast import Session
from outlay.emulator.tokens import speak

_LONGEST_STATIC_TOKENS = 1_200
"""Enough for the providers' caches (1,024), and gentle on the machine."""
_QUESTION_TOKENS = 40
_ANSWER_TOKENS = 24
_MAX_OUTPUT_TOKENS = 400

Messages = list[dict[str, Any]]


def make_headers(session: Session, key: str, *, turn: int) -> dict[str, str]:
    """Write the headers of a call; the outcome comes with the last call of a success only."""
    feature = session.feature
    achieved = session.succeeds and turn == session.turns - 1
    values = {
        "feature": feature.name,
        "department": feature.department,
        "user": session.user,
        "session": session.session,
        "outcome": feature.outcome if achieved else None,
        "project": feature.project,
        "environment": session.environment,
        "workload": feature.workload,
        "variant": session.variant,
        "gl-account": feature.gl_account,
        "cost-center": feature.cost_center,
    }
    told = {f"x-cost-{name}": value for name, value in values.items() if value}
    return told | {"authorization": f"Bearer {key}"}


def make_request(session: Session, turn: int) -> tuple[str, bytes]:
    """Make path and body of a session's call, in the wire format of its model."""
    streams = session.feature.workload == "interactive" and turn % 2 == 0
    makers = {"openai": _ask_openai, "anthropic": _ask_anthropic, "gemini": _ask_gemini}
    path, body = makers[session.model.provider](session, turn, streams=streams)
    return path, msgspec.json.encode(body)


def _ask_openai(session: Session, turn: int, *, streams: bool) -> tuple[str, Any]:
    model, system, turns = session.model, _instructions(session), _turns(session, turn)
    if model.reasons:
        body = {"model": model.name, "instructions": system, "input": turns, "stream": streams}
        return "/v1/responses", body
    messages = [{"role": "system", "content": system}, *turns]
    body = {"model": model.name, "messages": messages, "stream": streams}
    return "/v1/chat/completions", body | {"max_tokens": _MAX_OUTPUT_TOKENS}


def _ask_anthropic(session: Session, turn: int, *, streams: bool) -> tuple[str, Any]:
    cached = {
        "type": "text",
        "text": _instructions(session),
        "cache_control": {"type": "ephemeral"},
    }
    return "/v1/messages", {
        "model": session.model.name,
        "max_tokens": _MAX_OUTPUT_TOKENS,
        "system": [cached],
        "messages": _turns(session, turn),
        "stream": streams,
    }


def _ask_gemini(session: Session, turn: int, *, streams: bool) -> tuple[str, Any]:
    roles = {"user": "user", "assistant": "model"}
    contents = [
        {"role": roles[message["role"]], "parts": [{"text": message["content"]}]}
        for message in _turns(session, turn)
    ]
    verb = "streamGenerateContent?alt=sse" if streams else "generateContent"
    return f"/v1beta/models/{session.model.name}:{verb}", {
        "systemInstruction": {"parts": [{"text": _instructions(session)}]},
        "contents": contents,
    }


def _instructions(session: Session) -> str:
    """The static part of a feature's prompts: the same words in every session."""
    feature = session.feature
    tokens = feature.prompt_tokens * feature.static_percent // 100
    seed = zlib.crc32((feature.name or "").encode())
    return "".join(speak(seed, max(_QUESTION_TOKENS, min(tokens, _LONGEST_STATIC_TOKENS))))


def _turns(session: Session, turn: int) -> Messages:
    """The conversation so far: each question, each answer, and the question of this turn."""
    seed = zlib.crc32(f"{session.session}{session.user}".encode())
    said: Messages = []
    for number in range(turn + 1):
        question = "".join(speak(seed + number, _QUESTION_TOKENS))
        said.append({"role": "user", "content": question})
        if number < turn:
            answer = "".join(speak(seed - number, _ANSWER_TOKENS))
            said.append({"role": "assistant", "content": answer})
    return said
