"""Fall-backs: user and session as known clients send them, for calls without our headers."""

from collections.abc import Mapping

from outlay.attribution.dimensions import Dimension, Source

CLAUDE_CODE_SESSION = b"x-claude-code-session-id"
CODEX_SESSIONS = (b"session-id", b"session_id")
CODEX_MARKS = (b"user-agent", b"originator")

CLIENT_HEADERS: frozenset[bytes] = frozenset({CLAUDE_CODE_SESSION, *CODEX_SESSIONS, *CODEX_MARKS})
"""Headers of known clients that attribution looks at; they go upstream as they came."""

Fallback = tuple[Dimension, Source, str, str | bytes]
"""A candidate: the dimension, its source, where it stood (for people), the value as found."""


def find_fallbacks(
    client_headers: Mapping[bytes, bytes],
    *,
    body_user: str | None,
    body_session: str | None,
    codex_session: str | None,
) -> list[Fallback]:
    """List the fall-back values of a call, the better ones first.

    What the application put into the body goes before what its client library sends. A session id
    of Codex, `prompt_cache_key` included, counts from Codex only: elsewhere that field often marks
    a prefix which many conversations share.
    """
    found: list[Fallback] = []
    if body_user:
        found.append((Dimension.USER, Source.BODY, "end user in the body", body_user))
    if body_session:
        found.append((Dimension.SESSION, Source.BODY, "session in the body", body_session))
    if not client_headers and not codex_session:
        return found
    claude_session = client_headers.get(CLAUDE_CODE_SESSION)
    if claude_session:
        where = CLAUDE_CODE_SESSION.decode()
        found.append((Dimension.SESSION, Source.CLIENT_HEADER, where, claude_session))
    if is_codex(client_headers):
        found.extend(_codex_sessions(client_headers, codex_session))
    return found


def is_codex(client_headers: Mapping[bytes, bytes]) -> bool:
    """Tell whether the client says that it is Codex, in `originator` or `user-agent`."""
    agent, originator = [client_headers.get(mark, b"") for mark in CODEX_MARKS]
    return b"codex" in (agent[:5].lower(), originator[:5].lower())


def _codex_sessions(
    client_headers: Mapping[bytes, bytes], codex_session: str | None
) -> list[Fallback]:
    found: list[Fallback] = [
        (Dimension.SESSION, Source.CLIENT_HEADER, name.decode(), client_headers[name])
        for name in CODEX_SESSIONS
        if client_headers.get(name)
    ]
    if codex_session:
        found.append((Dimension.SESSION, Source.BODY, "prompt_cache_key", codex_session))
    return found
