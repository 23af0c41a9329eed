"""Providers from the environment and outlay.toml: one `ProviderEntry` for each configured name.

`OUTLAY_<NAME>_BASE_URL` alone defines the OpenAI-compatible provider `name` (lower case, `_`
becomes `-`). The usual variable of a known provider (`OPENAI_API_KEY`, …) counts where ours is not
set.
"""

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from outlay.identity.credential_shapes import OWN_KEY_PREFIX
from outlay.kernel.errors import SettingsError
from outlay.kernel.findings import Finding
from outlay.routing.base_url import parse_base_url
from outlay.routing.known_providers import KNOWN_PROVIDERS, OTHER_NAMES
from outlay.routing.provider import ProviderKind
from outlay.routing.provider_entry import ProviderEntry, is_provider_name, kind_of
from outlay.settings import parsing
from outlay.settings.secret_files import read_secret_file

MAX_NAMES = 256
"""Most aliases, prefixes or idle limits of one provider."""

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VERSION_PATH = re.compile(r"(?:/[A-Za-z0-9._-]+)*")
_API_KEY = re.compile(r"[!-~]{1,4096}")


def _word(value: object) -> str:
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise ValueError("must be one word of letters, digits, dots and hyphens")
    return value


def _flag(value: object) -> bool:
    return parsing.parse_flag(str(value))


def _kind(value: object) -> ProviderKind:
    try:
        return ProviderKind(str(value))
    except ValueError as error:
        raise ValueError(f"must be one of: {', '.join(ProviderKind)}") from error


def _kinds(value: object) -> frozenset[ProviderKind]:
    return frozenset(_kind(each) for each in _names(value))


def _names(value: object) -> tuple[str, ...]:
    if (
        not isinstance(value, list)
        or len(value) > MAX_NAMES
        or not all(isinstance(each, str) and each for each in value)
    ):
        raise ValueError(f'must be a list of at most {MAX_NAMES} texts, such as ["llama-"]')
    return tuple(value)


def _table(value: object) -> dict[str, Any]:
    if not isinstance(value, dict) or len(value) > MAX_NAMES:
        raise ValueError(f"must be a table of at most {MAX_NAMES} lines: name = value")
    return value


def _aliases(value: object) -> dict[str, str]:
    table = _table(value)
    if not all(isinstance(each, str) and each for each in table.values()):
        raise ValueError('must map a name to a model, such as fast = "gpt-4o-mini"')
    return table


def _idle_limits(value: object) -> dict[str, float]:
    parse = parsing.seconds(0.1, 86_400)
    return {name: float(str(parse(str(each)))) for name, each in _table(value).items()}


def _version_path(value: object) -> str:
    if not isinstance(value, str) or not _VERSION_PATH.fullmatch(value):
        raise ValueError('must be empty or a path, such as "/v4"')
    return value


_PARTS: Mapping[str, Callable[[object], object]] = {
    "price_provider": _word,
    "prefixes": _names,
    "aliases": _aliases,
    "request_usage": _flag,
    "default_service_tier": _word,
    "idle_timeout_s": _idle_limits,
    "enabled": _flag,
    "speaks": _kinds,
    "version_path": _version_path,
}
_ADDRESS_PARTS = ("kind", "base_url")
_SECRET_PARTS = ("api_key", "api_key_file")
_IN_ENVIRONMENT = (
    *_ADDRESS_PARTS,
    *_SECRET_PARTS,
    "price_provider",
    "request_usage",
    "default_service_tier",
    "enabled",
)
_VARIABLE = re.compile(
    rf"OUTLAY_([A-Z][A-Z0-9_]*?)_({'|'.join(part.upper() for part in _IN_ENVIRONMENT)})"
)


def provider_variable(name: str, part: str) -> str:
    """Spell the environment variable of a part of a provider: `OUTLAY_MY_VLLM_API_KEY`."""
    return f"OUTLAY_{name.upper().replace('-', '_')}_{part.upper()}"


class ProviderReader:
    """Collects what is said of each provider, and everything that is wrong with it."""

    def __init__(
        self, environ: Mapping[str, str], *, allow_http: bool, reserved: frozenset[str]
    ) -> None:
        """Take the environment; `reserved` variables are settings and name no provider."""
        self._environ = environ
        self._allow_http = allow_http
        self.used: set[str] = set()
        self.entries: tuple[ProviderEntry, ...] = ()
        self.problems: list[str] = []
        self.findings: list[Finding] = []
        self._said: dict[str, dict[str, tuple[str, object]]] = {}
        """By provider and part: where it was written, and the raw value."""
        self._reserved = reserved

    def read(self, tables: object, source: str) -> None:
        """Read the `[providers.NAME]` tables of a file, then the environment above them."""
        self._read_tables(tables, source)
        self._read_variables()
        self._read_usual_variables()
        self.entries = tuple(self._entry(name, said) for name, said in sorted(self._said.items()))

    def _read_tables(self, tables: object, source: str) -> None:
        if not isinstance(tables, dict):
            self.problems.append(f"- {source}: providers must be tables, such as [providers.groq]")
            return
        known = {*_PARTS, *_ADDRESS_PARTS, "api_key_file"}
        for name, table in tables.items():
            for part, value in table.items() if isinstance(table, dict) else [(name, table)]:
                where = f"{source}: providers.{name}.{part}"
                if part in known:
                    self._say(name, part, where, value)
                else:
                    self.problems.append(f"- {where} {_why_unknown(name, part, known)}")

    def _read_variables(self) -> None:
        """Read our variables; of two names of one provider its own comes last and counts."""
        matches = [match for each in self._environ if (match := _VARIABLE.fullmatch(each))]
        spelt = [(match[1].lower().replace("_", "-"), match) for match in matches]
        for name, match in sorted(spelt, key=lambda pair: (pair[0] not in OTHER_NAMES, pair[0])):
            if match[0] not in self._reserved:
                self.used.add(match[0])
                part = match[2].lower()
                self._say(OTHER_NAMES.get(name, name), part, match[0], self._environ[match[0]])

    def _say(self, name: str, part: str, where: str, value: object) -> None:
        if not is_provider_name(name):
            self.problems.append(
                f"- {where}: {name!r} is not a provider's name: lower-case letters, digits, hyphens"
            )
            return
        self._said.setdefault(name, {})[part] = (where, value)

    def _read_usual_variables(self) -> None:
        for name, known in KNOWN_PROVIDERS.items():
            said = self._said.get(name, {})
            found = [variable for variable in known.key_variables if variable in self._environ]
            if not found or said.keys() & set(_SECRET_PARTS):
                continue
            if self._environ[found[0]].startswith(OWN_KEY_PREFIX):
                self.findings.append(_own_key(found[0], name))
            else:
                self._say(name, "api_key", found[0], self._environ[found[0]])

    def _entry(self, name: str, said: Mapping[str, tuple[str, object]]) -> ProviderEntry:
        parts: dict[str, Any] = {}
        for part, parse in _PARTS.items():
            if part in said:
                parts[part] = self._parsed(said[part], parse)
        kind = self._parsed(said["kind"], _kind) if "kind" in said else None
        if "base_url" in said:
            self._read_address(said["base_url"], kind or kind_of(name), parts)
        api_key = self._read_api_key(name, said)
        origin = next(iter(said.values()))[0]
        return ProviderEntry(name, origin, kind=kind, api_key=api_key, **parts)

    def _parsed(self, said: tuple[str, object], parse: Callable[[object], Any]) -> Any:
        where, value = said
        try:
            return parse(value)
        except ValueError as error:
            self.problems.append(f"- {where} {error}")
            return None

    def _read_address(
        self, said: tuple[str, object], kind: ProviderKind, parts: dict[str, Any]
    ) -> None:
        address = self._parsed(
            said, lambda text: parse_base_url(str(text), kind, allow_http=self._allow_http)
        )
        if address is not None:
            parts["base_url"] = address.url
            parts.setdefault("version_path", address.version_path)

    def _read_api_key(self, name: str, said: Mapping[str, tuple[str, object]]) -> str | None:
        given = [said[part] for part in _SECRET_PARTS if part in said]
        if len(given) > 1 and given[0][0].startswith("OUTLAY_") == given[1][0].startswith(
            "OUTLAY_"
        ):
            self.problems.append(f"- {given[0][0]} and {given[1][0]}: set one of them, not both")
            return None
        if not given:
            return None
        where, value = given[0]
        try:
            is_file = "api_key" not in said
            key = read_secret_file(Path(str(value))) if is_file else str(value)
        except SettingsError as error:
            self.problems.append(f"- {where}: {error}")
            return None
        if key.startswith(OWN_KEY_PREFIX):
            self.problems.append(f"- {where} holds an Outlay key; give the key that {name} issued")
        elif not _API_KEY.fullmatch(key):
            self.problems.append(f"- {where} is not one line of printable ASCII without blanks")
        return key


def _why_unknown(name: str, part: str, known: set[str]) -> str:
    if part == "api_key":
        variable = provider_variable(name, part)
        return (
            f"would put a secret into a file that is shared; write api_key_file, or set {variable}"
        )
    near = get_close_matches(part, known, n=1)
    return f"is not a setting of a provider{f'; did you mean {near[0]}?' if near else ''}"


def _own_key(variable: str, name: str) -> Finding:
    return Finding(
        "own_key_as_provider_key",
        variable,
        f"{variable} holds an Outlay key, which clients use; it is not sent to {name}. Set "
        f"{provider_variable(name, 'api_key')} to the provider's key",
    )
