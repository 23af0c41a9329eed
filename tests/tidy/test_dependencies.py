"""Dependencies: each is declared, used, explained and locked."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions

from tests.tidy.tree import ROOT, source_modules

_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
_RUNTIME = _PROJECT["project"]["dependencies"]
_EXTRAS = _PROJECT["project"]["optional-dependencies"]["postgres"]
_GROUPS = _PROJECT["dependency-groups"]
# Not seen in an import statement: zoneinfo reads the one, the other is loaded once by its name.
_LOADED_BY_NAME = {"genai-prices", "tzdata"}


def test_every_dependency_is_explained() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text()
    rows = re.findall(r"^\| ([a-z0-9-]+) \|", page, re.MULTILINE)
    declared = _names(*_RUNTIME, *_EXTRAS, *_GROUPS["dev"], *_GROUPS["build"])
    assert sorted(declared) == sorted(name for name in rows if name != "package")


def test_every_dependency_is_locked() -> None:
    """`make lock` does it."""
    assert _names(*_RUNTIME) - _locked("runtime") == set()
    assert _names(*_RUNTIME, *_EXTRAS, *_GROUPS["dev"]) - _locked("dev") == set()
    assert _names(*_GROUPS["build"]) - _locked("build") == set()


def test_both_locks_agree() -> None:
    """What is tested is what is run."""
    assert set(_pins("runtime")) - set(_pins("dev")) == set()


def test_what_is_imported_is_declared_and_the_other_way_round() -> None:
    owners = packages_distributions()
    imported = {
        owners[name][0].lower().replace("_", "-") for name in _foreign_imports() if name in owners
    }
    assert imported - _names(*_RUNTIME, *_EXTRAS) == set()
    assert _names(*_RUNTIME) - imported - _LOADED_BY_NAME == set()


def _names(*requirements: str) -> set[str]:
    """Return the names in requirements."""
    return {re.split(r"[\[<>=;, ]", requirement)[0] for requirement in requirements}


def _pins(lock: str) -> list[str]:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    return re.findall(r"^([a-z0-9-]+==[^ ]+)", text, re.MULTILINE)


def _locked(lock: str) -> set[str]:
    return {pin.partition("==")[0] for pin in _pins(lock)}


def _foreign_imports() -> Iterator[str]:
    """Yield the top-level names that the package imports and that are neither ours nor Python's."""
    ours = {"outlay", *sys.stdlib_module_names}
    for module in source_modules():
        for node in ast.walk(module.tree):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            yield from (top for name in names if (top := name.partition(".")[0]) not in ours)
