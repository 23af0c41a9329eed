"""Secrets that are given as files (`*_FILE`), as containers and service managers hand them over."""

from pathlib import Path

from outlay.kernel.errors import SettingsError

MAX_SECRET_FILE_BYTES = 16_384


def read_secret_file(path: Path) -> str:
    """Read a secret from a file; blanks and line ends around it are dropped.

    Raises:
        SettingsError: there is no such file, it cannot be read, or it is empty or far too large.
    """
    try:
        with path.expanduser().open("rb") as file:
            text = file.read(MAX_SECRET_FILE_BYTES + 1).decode().strip()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} does not hold text") from error
    if not text:
        raise SettingsError(f"{path} is empty")
    if len(text) > MAX_SECRET_FILE_BYTES:
        raise SettingsError(f"{path} is longer than {MAX_SECRET_FILE_BYTES} bytes: not a secret")
    return text
