"""`outlay import`: what it tells, what it writes beside the file, and that nothing is half done."""

import io
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from outlay.cli.calls import app as calls_app
from outlay.cli.import_ import FileUnreadable, app
from outlay.intake.import_calls import RowsRefused
from outlay.stores.ledger.imports import ImportNotFound, LedgerImports

Run = Callable[..., str]

GOOD = {
    "id": "a1",
    "at": "2026-11-20T10:00:00Z",
    "provider": "openai",
    "model": "gpt-4o",
    "usage": {"input_tokens": 1_000, "output_tokens": 100},
    "user": "u1",
}
BAD = {**GOOD, "id": "a2", "at": "yesterday", "departmet": "x"}
SECRET = "sk-ant-" + "a1b2c3d4" * 5


def _run(*words: str) -> None:
    app(list(words), exit_on_error=False, result_action="return_value")


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a price book in it: compiling one takes a second."""
    folder = tmp_path_factory.mktemp("seeded")
    (folder / "none.jsonl").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("OUTLAY_DATA_DIR", raising=False)
        _run("calls", "none.jsonl")
    return folder / "outlay-data"


@pytest.fixture(autouse=True)
def _folder(seeded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(seeded, tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OUTLAY_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str) -> str:
        _run(*words)
        return capsys.readouterr().out

    return run


def write(name: str, *rows: dict[str, Any]) -> str:
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return name


def test_calls_are_priced_and_summed_up(run: Run) -> None:
    file = write("calls.jsonl", GOOD, {**GOOD, "id": "a2", "model": "nobody-knows"})
    assert run("calls", file) == "imported 2 calls from calls.jsonl: 0.0035 USD + 1 unpriced call\n"
    assert run("calls", file) == (
        "imported 0 calls from calls.jsonl: 0 USD\nalready there: 2 calls\n"
    )


def test_a_program_gets_the_summary_as_json(run: Run) -> None:
    found = json.loads(run("calls", write("calls.jsonl", GOOD), "--format", "json"))
    assert (found["recorded"], found["spend_usd"], found["source"]) == (1, "0.0035", "calls.jsonl")
    assert found["import_id"].startswith("imp_")


def test_csv_is_known_by_its_name(run: Run) -> None:
    Path("calls.csv").write_text(
        "id,at,provider,model,usage.input_tokens,usage.output_tokens,user\n"
        "a1,2026-11-20T10:00:00Z,openai,gpt-4o,1000,100,u1\n"
    )
    assert "imported 1 call " in run("calls", "calls.csv")
    Path("calls.txt").write_bytes(Path("calls.csv").read_bytes())
    assert "already there: 1 call" in run("calls", "calls.txt", "--as", "csv")


def test_standard_input_is_a_file_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    piped = io.TextIOWrapper(io.BytesIO(json.dumps(GOOD).encode()))
    monkeypatch.setattr("sys.stdin", piped)
    assert "imported 1 call from standard input" in run("calls", "-")


def test_bad_rows_are_told_by_line_and_field_and_nothing_is_imported(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RowsRefused, match="1 bad row: nothing has been imported"):
        run("calls", write("calls.jsonl", GOOD, BAD))
    told = capsys.readouterr().err.splitlines()
    assert "line 2: at: must be an instant such as 2026-11-20T12:00:00Z" in told
    assert "line 2: departmet: is not a field we know; did you mean department?" in told
    assert run("list", "--format", "json").count("imp_") == 1  # the empty one of the fixture
    assert not list(Path().glob("*.rejects*"))


def test_skipped_rows_are_kept_ready_for_a_second_try(run: Run) -> None:
    told = run("calls", write("calls.jsonl", GOOD, BAD), "--skip-bad")
    assert told.splitlines()[1] == "skipped: 1 bad row, whose lines are in calls.rejects.jsonl"
    assert json.loads(Path("calls.rejects.jsonl").read_text()) == BAD


def test_rejects_of_csv_have_its_field_names(run: Run) -> None:
    Path("calls.csv").write_text("id,at,provider,model,cost_usd\na1,yesterday,openai,gpt-4o,1\n")
    run("calls", "calls.csv", "--skip-bad", "--rejects", "again.csv")
    assert Path("again.csv").read_text() == Path("calls.csv").read_text()


def test_a_secret_in_a_bad_row_is_not_shown(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RowsRefused):
        run("calls", write("calls.jsonl", {**GOOD, "cost_usd": SECRET, SECRET: 1}))
    shown = capsys.readouterr().err
    assert SECRET not in shown
    assert "line 1: cost_usd" in shown


def test_a_file_that_is_not_there_is_named(run: Run) -> None:
    with pytest.raises(FileUnreadable, match=r"nowhere\.jsonl: No such file"):
        run("calls", "nowhere.jsonl")


def test_ctrl_c_leaves_an_import_that_goes_on(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write("calls.jsonl", GOOD)
    assert _interrupted(monkeypatch, run, file) == 130
    assert "run the command again" in capsys.readouterr().err
    assert "unfinished" in run("list")
    assert "imported 1 call " in run("calls", file)
    assert "unfinished" not in run("list")


def test_an_unfinished_import_can_be_discarded(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    _interrupted(monkeypatch, run, write("calls.jsonl", GOOD))
    unfinished = json.loads(run("list", "--format", "json"))[-1]
    assert unfinished["finished_at"] is None
    import_id = unfinished["import_id"]
    assert run("discard", import_id) == f"discarded {import_id} with 1 call that never counted\n"
    with pytest.raises(ImportNotFound):
        run("discard", import_id)


DYING = """
import os, signal, sys
from outlay.cli import import_
from outlay.intake import import_calls
from outlay.stores.ledger import imports

import_calls.GROUP_ROWS = 3
name, calls_before_the_end = sys.argv[1], int(sys.argv[2])
owner = imports if name == "_insert" else imports.LedgerImports
real = getattr(owner, name)

def die_in_time(*arguments, **named):
    global calls_before_the_end
    if not calls_before_the_end:
        os.kill(os.getpid(), signal.SIGKILL)
    calls_before_the_end -= 1
    return real(*arguments, **named)

setattr(owner, name, die_in_time)
import_.app(["calls", "calls.jsonl"])
"""
"""An import that kills itself with SIGKILL at the n-th call of a function of the store."""


@pytest.mark.parametrize(
    ("name", "calls_before"),
    [("begin", 0), ("record_group", 0), ("_insert", 1), ("record_group", 2), ("publish", 0)],
)
def test_an_import_that_was_killed_is_unseen_until_it_is_finished(
    run: Run, capsys: pytest.CaptureFixture[str], name: str, calls_before: int
) -> None:
    """Killed before it begins, within a transaction, between groups, and before it publishes."""
    write("calls.jsonl", *[{**GOOD, "id": f"a{n}"} for n in range(8)])
    command = [sys.executable, "-c", DYING, name, str(calls_before)]
    ended = subprocess.run(command, check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert _shown_calls(capsys) == []
    found = json.loads(run("calls", "calls.jsonl", "--format", "json"))
    assert (found["recorded"], found["already_there"], found["spend_usd"]) == (8, 0, "0.028")
    assert sorted(_shown_calls(capsys)) == [f"a{n}" for n in range(8)]


def _shown_calls(capsys: pytest.CaptureFixture[str]) -> list[str]:
    calls_app(["--format", "jsonl"], exit_on_error=False, result_action="return_value")
    told = capsys.readouterr().out
    return [json.loads(line)["request_id"] for line in told.splitlines()]


def _interrupted(monkeypatch: pytest.MonkeyPatch, run: Run, file: str) -> object:
    """Press Ctrl-C when all rows are recorded and none counts yet; return the exit status."""

    def press(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LedgerImports, "publish", press)
        with pytest.raises(SystemExit) as ended:
            run("calls", file)
    return ended.value.code
