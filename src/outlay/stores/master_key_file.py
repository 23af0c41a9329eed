"""Where the master key is kept: a file of mode 0600, or what the operator hands over.

It is never in the database, so that neither a stolen copy of the ledger nor a backup of it opens a
secret. Source: docs/adr/0016-keys-and-secrets.md.
"""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from outlay.identity.master_key import MasterKey, make_master_key, parse_master_key
from outlay.kernel.errors import SettingsError

FILE_NAME = "master.key"
MAX_FILE_BYTES = 4_096

_GROUP_OR_WORLD = 0o077
_WORLD = 0o007


def load_master_key(
    data_dir: Path, *, key: str | None = None, key_file: Path | None = None, may_create: bool
) -> MasterKey:
    """Read the master key: OUTLAY_MASTER_KEY, else its file, else the data directory's file.

    Args:
        data_dir: where `master.key` is, and is made.
        key: the key itself, when the operator hands it over in the environment.
        key_file: the operator's own file; it is never made here.
        may_create: make the data directory's file when it does not exist. Only right while the
            ledger holds nothing that another master key has sealed (`has_sealed_rows`).

    Raises:
        SettingsError: missing, unreadable, open to others, or not a key; the text says what to do.
    """
    if key is not None:
        return parse_master_key(key, "OUTLAY_MASTER_KEY")
    if key_file is not None:
        return _read(key_file, forbidden_mode=_WORLD)
    path = data_dir / FILE_NAME
    if not path.exists():
        if not may_create:
            raise SettingsError(_missing(path))
        _create(path)
    return _read(path, forbidden_mode=_GROUP_OR_WORLD)


def _create(path: Path) -> None:
    """Write a new key whole and synced before it gets its name; another process may be first."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{FILE_NAME}.{secrets.token_hex(8)}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(make_master_key().to_text() + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
        _sync_directory(path.parent)
    finally:
        draft.unlink()


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path, *, forbidden_mode: int) -> MasterKey:
    try:
        with path.expanduser().open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(MAX_FILE_BYTES).decode("ascii", "replace")
    except OSError as error:
        raise SettingsError(f"the master key {path} cannot be read: {error.strerror}") from error
    if mode & forbidden_mode:
        raise SettingsError(
            f"the master key {path} can be read by others (mode {mode:04o}), and it opens every "
            f"provider secret. Write: chmod 600 {path}"
        )
    return parse_master_key(text, str(path))


def _missing(path: Path) -> str:
    return (
        f"the master key {path} is missing, but the ledger holds API keys or secrets that only it "
        "opens. Put it back from your backup, or set OUTLAY_MASTER_KEY_FILE. If it is lost, no key "
        "works any more: move the ledger away, start afresh, and make new keys"
    )
