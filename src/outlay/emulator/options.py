"""How an emulator is set up."""

from dataclasses import dataclass
from pathlib import Path

from outlay.emulator.steering import UNSTEERED, Steering


@dataclass(frozen=True, slots=True)
class EmulatorOptions:
    """How an emulator is set up.

    Attributes:
        port: 0 takes a free one.
        bill_path: the file that the bill is appended to; None keeps it in memory only.
        steering: holds for every request, unless it says otherwise.
        accepted_key: the only credential that is accepted; None accepts any, and none.
        replay_path: recorded exchanges, to be chosen by `x-replay-id`.
        run_id: what ids begin with; None makes one that no other run has.
    """

    host: str = "127.0.0.1"
    port: int = 0
    bill_path: Path | None = None
    steering: Steering = UNSTEERED
    accepted_key: str | None = None
    replay_path: Path | None = None
    run_id: str | None = None
