"""How a process of ours ends when going on would be worse."""

import signal

import structlog

_log = structlog.get_logger("outlay.processes")


def end_process(reason: str) -> None:
    """End this process at once: the ledger's file may not hold what it was told."""
    _log.critical("the ledger failed, this process ends", reason=reason)
    signal.raise_signal(signal.SIGKILL)
