"""Reads outlay.toml and the environment into `Settings`; reports all that is wrong at once."""

import tomllib
from collections.abc import Mapping
from dataclasses import Field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from outlay.identity.credential_shapes import mask
from outlay.kernel.errors import SettingsError
from outlay.kernel.findings import Finding
from outlay.settings.fields import Settings
from outlay.settings.providers import ProviderReader
from outlay.settings.secret_files import read_secret_file

PREFIX = "OUTLAY_"
CONFIG_NAME = "outlay.toml"
CONFIG_VARIABLE = "OUTLAY_CONFIG"
MAX_CONFIG_BYTES = 1_048_576

_FILE_SUFFIX = "_FILE"
_FOREIGN = frozenset({CONFIG_VARIABLE, "OUTLAY_REAL_DIR"})
"""Variables with our prefix that are no settings: ours, and the tests' path to the recordings."""


def load_settings(
    environ: Mapping[str, str], *, config_file: Path | None = None, **overrides: object
) -> Settings:
    """Read the settings: command line over environment over outlay.toml over defaults.

    Args:
        environ: the environment; variables with an empty value count as not set.
        config_file: the outlay.toml to read; default: OUTLAY_CONFIG, else the one in the data
            directory, else the one in the working directory, else none.
        overrides: settings given on the command line, by name; None means not given.

    Raises:
        SettingsError: something cannot be used; the text lists every problem, one a line, with what
            to write instead, and no secret.
    """
    return _Loading(environ).load(config_file, overrides)


def setting_fields() -> dict[str, Field[Any]]:
    """Return the fields of `Settings` that can be set, by name."""
    return {part.name: part for part in fields(Settings) if "parse" in part.metadata}


class _Loading:
    """One reading of the configuration: values found so far, and everything that is wrong."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = {name: text.strip() for name, text in environ.items() if text.strip()}
        self.fields = setting_fields()
        self.values: dict[str, Any] = {}
        self.sources: dict[str, str] = {}
        self.problems: list[str] = []
        self.findings: list[Finding] = []

    def load(self, config_file: Path | None, overrides: Mapping[str, object]) -> Settings:
        given = {name: value for name, value in overrides.items() if value is not None}
        self._take_overrides(given)
        self._read_environment()
        path = self._find_config(config_file)
        tables = self._read_config(path)
        allow_http = bool(self.values.get("allow_http", False))
        reader = ProviderReader(
            self.environ, allow_http=allow_http, reserved=frozenset(self._own_variables())
        )
        reader.read(tables.get("providers", {}), str(path))
        self._find_unknown(reader.used)
        self.problems += reader.problems
        if self.problems:
            raise SettingsError("\n".join(["the configuration cannot be used:", *self.problems]))
        return Settings(
            **self.values,
            config_file=path,
            provider_entries=reader.entries,
            findings=(*self.findings, *reader.findings),
            sources=self.sources,
        )

    def _read_environment(self) -> None:
        for name, setting in self.fields.items():
            variable = PREFIX + name.upper()
            self._take(name, variable, self.environ.get(variable))
            path = self.environ.get(variable + _FILE_SUFFIX)
            if setting.metadata["secret"] and name != "master_key" and path is not None:
                self._take(name, variable + _FILE_SUFFIX, self._read_secret(variable, path))

    def _take_overrides(self, given: Mapping[str, object]) -> None:
        for name, value in given.items():
            if name not in self.fields:
                raise TypeError(f"there is no setting {name!r}")
            self._take(name, f"--{name.replace('_', '-')}", str(value))

    def _take(self, name: str, source: str, text: str | None) -> None:
        """Parse a setting, unless a stronger source has already given it."""
        if text is None or name in self.values:
            return
        setting = self.fields[name]
        try:
            self.values[name] = setting.metadata["parse"](text)
            self.sources[name] = source
        except ValueError as error:
            shown = "" if setting.metadata["secret"] else f" is {mask(text)[:80]!r}: it"
            self.problems.append(f"- {source}{shown} {error}")

    def _read_secret(self, variable: str, path: str) -> str | None:
        try:
            return read_secret_file(Path(path))
        except SettingsError as error:
            self.problems.append(f"- {variable}{_FILE_SUFFIX}: {error}")
            return None

    def _find_config(self, config_file: Path | None) -> Path | None:
        named = config_file or self.environ.get(CONFIG_VARIABLE)
        if named is not None:
            path = Path(named).expanduser()
            if not path.is_file():
                self.problems.append(f"- {path}: there is no such configuration file")
                return None
            return path
        data_dir: Path = self.values.get("data_dir", self.fields["data_dir"].default)
        found = (path for path in (data_dir / CONFIG_NAME, Path(CONFIG_NAME)) if path.is_file())
        return next(found, None)

    def _read_config(self, path: Path | None) -> dict[str, Any]:
        if path is None:
            return {}
        try:
            with path.open("rb") as file:
                tables = tomllib.loads(file.read(MAX_CONFIG_BYTES).decode())
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            self.problems.append(f"- {path} cannot be read: {error}")
            return {}
        for name, value in tables.items():
            if name != "providers":
                self._take_from_config(name, value, path)
        return tables

    def _take_from_config(self, name: str, value: object, path: Path) -> None:
        setting = self.fields.get(name)
        if setting is None:
            self.problems.append(
                f"- {path}: {name!r} is not a setting{_nearest(name, self.fields)}"
            )
        elif setting.metadata["secret"]:
            variable = PREFIX + name.upper()
            self.problems.append(f"- {path}: {name!r} may hold a secret; set {variable} instead")
        elif isinstance(value, bool):
            self._take(name, f"{path}: {name}", str(value).lower())
        elif isinstance(value, str | int | float):
            self._take(name, f"{path}: {name}", str(value))
        else:
            self._take(name, f"{path}: {name}", getattr(value, "isoformat", lambda: "")())

    def _own_variables(self) -> set[str]:
        names = {PREFIX + name.upper() for name in self.fields}
        secret = {name for name, setting in self.fields.items() if setting.metadata["secret"]}
        return names | {PREFIX + name.upper() + _FILE_SUFFIX for name in secret}

    def _find_unknown(self, used: set[str]) -> None:
        """List variables with our prefix that mean nothing: most are slips of the pen."""
        known = self._own_variables() | _FOREIGN
        for variable in sorted(self.environ.keys() - known - used):
            if variable.startswith(PREFIX):
                message = (
                    f"{variable} is not a setting and has no effect{_nearest(variable, known)}"
                )
                self.findings.append(Finding("unknown_variable", variable, message))


def _nearest(name: str, known: Mapping[str, object] | set[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""
