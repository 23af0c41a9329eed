"""The session within Anthropic's `metadata.user_id`, where clients put it beside the user.

Claude Code sends `user_<hash>_account_<uuid>_session_<uuid>`, its newer versions the text of a JSON
object with `session_id`. Taken as it stands, each session would be another user.
"""

import re

import msgspec

_JOINED = re.compile(r"(user_[0-9A-Za-z]+_account_[0-9A-Fa-f-]*)_session_([0-9A-Fa-f-]{36})")


def split_user_id(user_id: str | None) -> tuple[str | None, str | None]:
    """Return the user and the session that a `metadata.user_id` names.

    Of an object the user is the rest: its other members as JSON, sorted. What is in neither form is
    the user as it was sent.
    """
    if user_id is None:
        return None, None
    if user_id.startswith("{"):
        return _split_object(user_id) or (user_id, None)
    joined = _JOINED.fullmatch(user_id)
    return (joined[1], joined[2]) if joined else (user_id, None)


def _split_object(text: str) -> tuple[str | None, str] | None:
    """Split an object of plain texts; None for any other, and where an escape hides a character."""
    try:
        members = msgspec.json.decode(text, type=dict[str, str | None])
    except msgspec.DecodeError:
        return None
    session = members.pop("session_id", None)
    if not session or not all(part.isprintable() for part in (session, *_texts(members))):
        return None
    user = msgspec.json.encode(members, order="sorted").decode() if members else None
    return user, session


def _texts(members: dict[str, str | None]) -> list[str]:
    return [*members, *(value for value in members.values() if value)]
