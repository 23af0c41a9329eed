"""Ends a process at its n-th system call of a kind: strace's fault injection, attached to it."""

import contextlib
import os
import shutil
import signal
import subprocess
from functools import cache

PATIENCE_S = 20
"""How long a process may take to its n-th call before it is killed where it stands."""


def kill_at(pid: int, system_call: str, nth: int) -> bool:
    """End a process when one of its threads makes a system call for the n-th time.

    Returns False when it was killed without that: it made too few such calls, or strace may not
    attach here.
    """
    injection = f"inject={system_call}:signal=SIGKILL:when={nth}"
    return _trace(pid, f"trace={system_call}", injection)


@cache
def can_attach() -> bool:
    """Say whether strace is here and may attach to a process that it did not start."""
    if shutil.which("strace") is None:
        return False
    with subprocess.Popen(["yes"], stdout=subprocess.DEVNULL) as victim:
        return kill_at(victim.pid, "write", 1)


def _trace(pid: int, *expressions: str) -> bool:
    """Let strace end a process, and say whether it did; end it plainly when that fails."""
    options = [word for expression in expressions for word in ("-e", expression)]
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(pid), *options]
    try:
        done = subprocess.run(command, stderr=subprocess.DEVNULL, timeout=PATIENCE_S, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        done = None
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return done is not None and done.returncode == 0
