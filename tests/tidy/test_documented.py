"""Nothing that a user meets goes without its line in the docs: the lists are read from the code."""

import ast
import re
from collections.abc import Iterator

from outlay.attribution.dimensions import HEADERS, RUN_BUDGET_HEADER
from outlay.ledger.facts import Ending
from outlay.settings.load import setting_fields
from tests.tidy.tree import ROOT, SOURCES, Module, source_modules
from tools import reference

_DOCS = ROOT / "docs"
# Which argument of these is the code.
_CODE_AT = {"Refused": 0, "UnknownKey": 0, "Fault": 1}
_CODE = re.compile(r"[a-z]+(?:[_.][a-z]+)+")


def test_every_header_is_documented() -> None:
    page = _page("guide/attribution.md")
    assert [h for h in (*HEADERS.values(), RUN_BUDGET_HEADER) if f"`{h}`" not in page] == []


def test_every_error_code_is_documented() -> None:
    page = _page("guide/errors.md")
    codes = sorted({code for module in source_modules() for code in _error_codes(module)})
    assert "invalid_header" in codes
    assert [code for code in codes if f"`{code}`" not in page] == []


def test_every_ending_is_documented() -> None:
    page = _page("guide/answers.md")
    assert [ending.value for ending in Ending if f"`{ending.value}`" not in page] == []


def test_the_reference_of_settings_is_fresh() -> None:
    """`make map` writes it from the settings themselves, so every setting is in it."""
    assert reference.SETTINGS.read_text() == reference.render_settings()


def test_every_setting_is_used() -> None:
    """One that nothing reads would promise an operator what does not happen."""
    code = "".join(m.text for m in source_modules() if not m.name.endswith("settings/fields.py"))
    fields = (SOURCES / "settings" / "fields.py").read_text()
    names = set(setting_fields())
    unread = {name for name in names if not re.search(rf"\b{name}\b", code)}
    assert {name for name in unread if f"self.{name}" not in fields} == set()


def test_the_reference_of_commands_is_fresh() -> None:
    """`make map` writes it from the commands' own help, so every command is in it."""
    assert reference.COMMANDS.read_text() == reference.render_commands()


def test_every_metric_is_documented() -> None:
    page = _page("run/operation.md")
    metrics = {
        text
        for module in source_modules()
        for text in re.findall(r'"(outlay_[a-z_]+)"', module.text)
        if module.name.endswith("metrics.py")
    }
    assert metrics
    assert sorted(name for name in metrics if f"`{name}`" not in page) == []


def test_the_code_finder_sees_every_way_a_code_is_written() -> None:
    code = (
        'x = Refused("a_b", C)\n'
        'y = _refused("text", "b_c")\n'
        'class E(OutlayError):\n    code = "d.e"\n'
    )
    module = Module("src/outlay/x.py", code, ast.parse(code))
    assert {"a_b", "b_c", "d.e"} == set(_error_codes(module))


def _page(name: str) -> str:
    return (_DOCS / name).read_text()


def _error_codes(module: Module) -> Iterator[str]:
    """Yield the codes of refusals and of exceptions that a module defines."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef):
            yield from (text for text in map(_class_code, node.body) if text)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield from _call_codes(node, node.func.id)


def _class_code(statement: ast.stmt) -> str | None:
    """Return the text of `code = "…"` in a class body."""
    if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Constant):
        return None
    names = [target.id for target in statement.targets if isinstance(target, ast.Name)]
    return str(statement.value.value) if names == ["code"] else None


def _call_codes(call: ast.Call, function: str) -> Iterator[str]:
    """Yield the code given to a refusal, or to a function that makes one."""
    named = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
    at = _CODE_AT.get(function)
    if at is None and function != "_refused":
        return
    given = [*call.args, *named] if at is None else [*call.args[at : at + 1], *named]
    texts = [node.value for node in given if isinstance(node, ast.Constant)]
    yield from (str(text) for text in texts if _CODE.fullmatch(str(text)))
