"""No float near money, one clock: what no reviewer should have to look for."""

import ast
from collections.abc import Iterator

import pytest

from tests.tidy.exceptions import without_exempted
from tests.tidy.tree import Module, source_modules

_MONEY_ROOMS = frozenset({"kernel", "usage", "pricing", "ledger", "budgets"})
_CLOCK = "src/outlay/kernel/clock.py"
_WALL_CLOCKS = frozenset(
    {
        "datetime.now",
        "datetime.today",
        "datetime.utcnow",
        "date.today",
        "time.time",
        "time.time_ns",
        "time.gmtime",
        "time.localtime",
    }
)


def test_no_float_touches_money() -> None:
    floats = {
        f"{module.name}:{line}"
        for module in source_modules()
        if module.room in _MONEY_ROOMS
        for line in _float_lines(module.tree)
    }
    assert without_exempted("float", floats) == set()


def test_one_module_reads_the_clock() -> None:
    readers = {
        f"{module.name}:{spelt}"
        for module in source_modules()
        if module.name != _CLOCK
        for spelt in _wall_clock_calls(module)
    }
    assert without_exempted("clock", readers) == set()


@pytest.mark.parametrize("code", ["x = 0.5", "x = float('1')", "x: float = 1", "x = 1 / 2"])
def test_the_float_rule_finds(code: str) -> None:
    assert list(_float_lines(ast.parse(code)))


@pytest.mark.parametrize("code", ["datetime.now(UTC)", "time.time()", "from time import time"])
def test_the_clock_rule_finds(code: str) -> None:
    assert list(_wall_clock_calls(Module("src/outlay/x.py", code, ast.parse(code))))


def _float_lines(tree: ast.Module) -> Iterator[int]:
    """Yield lines with a float literal, the type `float`, or a division that makes one."""
    for node in ast.walk(tree):
        literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
        named = isinstance(node, ast.Name) and node.id == "float"
        division = isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
        if literal or named or division:
            yield node.lineno  # type: ignore[attr-defined]


def _wall_clock_calls(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
            spelt = f"{owner}.{node.attr}"
            if spelt in _WALL_CLOCKS:
                yield spelt
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (f"time.{alias.name}" for alias in node.names if alias.name == "time")
