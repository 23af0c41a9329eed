"""Stand-ins for a connection, for tests of what hangs on one."""

from outlay.transport.answer import Answer


class StillLine:
    """A connection that only notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def pause(self) -> None:
        self.asked.append("pause")

    def resume(self) -> None:
        self.asked.append("resume")

    def drop(self) -> None:
        self.asked.append("drop")


def unread_of(answer: Answer) -> bytes:
    """Return what an answer holds unread."""
    return b"".join(answer._pieces)
