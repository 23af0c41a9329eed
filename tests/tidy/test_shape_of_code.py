"""Sizes: a signal to look, not a rule to trick. Exceptions are listed with a reason and a date."""

import ast

from tests.tidy.exceptions import without_exempted
from tests.tidy.tree import Function, modules

_FILE_LINES = 400
_TEST_FILE_LINES = 600
_FUNCTION_LINES = 60
_POSITIONAL_PARAMETERS = 5


def test_files_are_short() -> None:
    long = {
        module.name
        for module in modules()
        if module.text.count("\n") > (_TEST_FILE_LINES if module.is_test else _FILE_LINES)
    }
    assert without_exempted("file length", long) == set()


def test_functions_are_short() -> None:
    long = {
        f"{module.name}:{function.name}"
        for module in modules()
        for function in module.functions()
        if _lines(function) > _FUNCTION_LINES
    }
    assert without_exempted("function length", long) == set()


def test_functions_take_few_positional_parameters() -> None:
    """Fixtures of a test are asked for by name, so tests are left out."""
    wide = {
        f"{module.name}:{function.name}"
        for module in modules()
        if not module.is_test
        for function in module.functions()
        if _positional(function) > _POSITIONAL_PARAMETERS
    }
    assert without_exempted("positional parameters", wide) == set()


def test_every_module_says_its_purpose() -> None:
    silent = {module.name for module in modules() if not _first_line(module.tree)}
    assert without_exempted("module docstring", silent) == set()


def _lines(function: Function) -> int:
    """Count a function's lines without its docstring, which may say as much as it has to."""
    docstring = function.body[0] if ast.get_docstring(function) else None
    return _height(function) - (_height(docstring) if docstring else 0)


def _height(node: ast.stmt) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def _positional(function: Function) -> int:
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def _first_line(tree: ast.Module) -> str:
    return (ast.get_docstring(tree) or "").partition("\n")[0].strip()
