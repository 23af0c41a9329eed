"""Names that say nothing are not used; the field's own terms are."""

import ast
from collections.abc import Iterator

import pytest

from tests.tidy.exceptions import without_exempted
from tests.tidy.tree import Module, modules, source_modules, words_of

_SAY_NOTHING = frozenset({
    "utils", "helpers", "common", "misc", "manager", "service", "handler", "processor",
    "data", "info", "obj", "tmp",
})  # fmt: skip
_MODULES_THAT_SAY_NOTHING = frozenset({"models", "types", "base"})
_VERBS_THAT_SAY_NOTHING = ("do_", "handle_", "process_")
# Terms that are somebody's own: a provider's parameter, our setting, a field of event streams.
_TERMS = ("service_tier", "data_dir", "data_frame")
# Methods that a framework calls by these names, with parameters as it documents them.
_IMPOSED = frozenset({"data_received", "process_bind_param", "process_result_value"})


def test_no_module_has_a_name_that_says_nothing() -> None:
    bad = {
        module.name
        for module in modules()
        if _says_nothing(stem := module.name.rpartition("/")[2].removesuffix(".py"))
        or stem in _MODULES_THAT_SAY_NOTHING
    }
    assert without_exempted("module name", bad) == set()


def test_no_class_or_function_has_a_name_that_says_nothing() -> None:
    bad = {
        f"{module.name}:{node.name}"
        for module in source_modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if _says_nothing(node.name)
    }
    assert without_exempted("definition name", bad) == set()


def test_no_variable_is_called_by_a_word_that_says_nothing() -> None:
    bad = {
        f"{module.name}:{name}"
        for module in source_modules()
        for name in _bound_names(module)
        if name.strip("_") in _SAY_NOTHING
    }
    assert without_exempted("variable name", bad) == set()


@pytest.mark.parametrize("name", ["DataManager", "load_data", "handle_call", "user_info"])
def test_the_rule_finds_a_bad_name(name: str) -> None:
    assert _says_nothing(name)


@pytest.mark.parametrize("name", ["service_tier_of", "data_dir_lock", "ServiceTier", "meter_call"])
def test_the_rule_leaves_terms_alone(name: str) -> None:
    assert not _says_nothing(name)


def _says_nothing(name: str) -> bool:
    spelt = "_".join(words_of(name))
    for term in _TERMS:
        spelt = spelt.replace(term, "term")
    if name in _IMPOSED:
        return False
    words = spelt.split("_")
    return not _SAY_NOTHING.isdisjoint(words) or spelt.startswith(_VERBS_THAT_SAY_NOTHING)


def _bound_names(module: Module) -> Iterator[str]:
    """Yield every name that the module binds, but for what a framework imposes."""
    imposed = {
        id(inner)
        for function in module.functions()
        if function.name in _IMPOSED
        for inner in ast.walk(function)
    }
    for node in ast.walk(module.tree):
        if id(node) in imposed:
            continue
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
