"""Nothing that a caller says, and no credential, is found in the log or on the disk afterwards."""

import json
from pathlib import Path

from tests.bad_input.raw import BODIES, CHAT, GENERATE, MESSAGES, Refuser

PROMPT = "canary-of-a-prompt-7b1e"
OUR_KEY = "sk-outlay-canaryofanunknownkey7b1e"
THEIR_KEY = "sk-proj-canary0of0a0provider0key07b1e0abcdefghijklmnopqrstuvwxyz012345"
BAD_VALUE = "canary\u202eof-a-header-7b1e"
PROVIDER_SECRETS = ("sk-emulated-openai", "sk-emulated-anthropic", "sk-emulated-gemini")


def test_nothing_said_is_kept(refuser: Refuser, gateway_log: Path) -> None:
    served = 0
    for path in (CHAT, MESSAGES, GENERATE):
        body = json.dumps(BODIES[path]).replace("Hi", PROMPT).encode()
        served += serve(refuser, path, body)
        refuse(refuser, path, body)
    refuser.expect_at_provider(served)
    last = refuser.post(CHAT, b"not JSON")
    assert "invalid_request" == refuser.recorded(last)

    log, kept = gateway_log.read_bytes(), everything_in(refuser.gateway.data_dir)
    for secret in (PROMPT, OUR_KEY, THEIR_KEY, refuser.gateway.key, *PROVIDER_SECRETS):
        assert (False, []) == (secret.encode() in log, files_with(secret, kept))
    assert b"of-a-header-7b1e" not in log


def serve(refuser: Refuser, path: str, body: bytes) -> int:
    """Make calls that reach the provider, also such that end badly; returns how many."""
    steerings = ("", "fault=500", "fault=bad-json", "fault=reset-before-answer", "fault=html-error")
    for steering in steerings:
        refuser.post(path, body, f"x-emulate: {steering}")
    return len(steerings)


def refuse(refuser: Refuser, path: str, body: bytes) -> None:
    """Ask for what is refused, for every reason there is."""
    refuser.post(path, body, key=OUR_KEY)
    refuser.post(path, body, key=THEIR_KEY)
    refuser.post(path, body, f"x-api-key: {THEIR_KEY}")
    refuser.post(path, body, f"x-cost-feature: {BAD_VALUE}")
    refuser.post(path, body[:-1])
    refuser.post(f"{path}/{PROMPT}", body)
    refuser.send(refuser.request("POST", path, f"x-note: {PROMPT}\x00", body=body))
    refuser.send(refuser.request("POST", path, f"host: {PROMPT}", body=body))


def everything_in(folder: Path) -> dict[Path, bytes]:
    """Read every file below a folder."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def files_with(text: str, files: dict[Path, bytes]) -> list[Path]:
    """Name the files that contain a text."""
    return [path for path, content in files.items() if text.encode() in content]
