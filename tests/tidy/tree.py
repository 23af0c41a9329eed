"""The repository as the tidy tests see it: its files, its modules and their names."""

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "src" / "outlay"
_TEXT = {".py", ".md", ".toml", ".txt", ".json", ".mjs", ".yml", ".yaml", ".cfg", ".ini", ".sh", ""}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file; `name` is its path from the root, as it stands in failures."""

    name: str
    text: str
    tree: ast.Module

    @property
    def is_test(self) -> bool:
        """Whether it is test code, which may be longer."""
        return self.name.startswith("tests/")

    @property
    def room(self) -> str:
        """The folder below src/outlay, or an empty text outside of it."""
        parts = self.name.split("/")
        return parts[2] if parts[:2] == ["src", "outlay"] and len(parts) > 3 else ""

    def functions(self) -> Iterator[Function]:
        """Yield every function, nested ones too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


@cache
def files() -> tuple[Path, ...]:
    """Return every file that git knows or would take: new ones count before their commit."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(path for line in listed.stdout.splitlines() if (path := ROOT / line).is_file())


@cache
def texts() -> tuple[tuple[str, str], ...]:
    """Return name and content of every text file."""
    return tuple(
        (path.relative_to(ROOT).as_posix(), path.read_text())
        for path in files()
        if path.suffix in _TEXT
    )


@cache
def modules() -> tuple[Module, ...]:
    """Return every Python file, parsed."""
    return tuple(
        Module(name, text, ast.parse(text)) for name, text in texts() if name.endswith(".py")
    )


def source_modules() -> tuple[Module, ...]:
    """Return the modules of the package itself."""
    return tuple(module for module in modules() if module.name.startswith("src/"))


def words_of(name: str) -> list[str]:
    """Split a snake-case or camel-case name into lower-case words."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]
