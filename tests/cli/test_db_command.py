"""`outlay db` and `outlay verify`, as an operator types them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cyclopts import App
from sqlalchemy import text

from outlay.cli import db, keys, verify
from outlay.kernel.clock import SystemClock
from outlay.kernel.errors import SettingsError
from outlay.processes.data_dir import claim
from outlay.stores.ledger.backup import BackupRefused
from outlay.stores.ledger.connection import Ledger, open_ledger
from outlay.stores.ledger.schema import SCHEMA_REVISION
from outlay.stores.ledger.upgrade import upgrade_ledger

Run = Callable[..., str]


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty ledger where the settings of this test say it is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OUTLAY_DATA_DIR", str(tmp_path / "data"))
    ledger = open_ledger(None, data_dir=tmp_path / "data", clock=SystemClock())
    upgrade_ledger(ledger)
    ledger.close()
    return tmp_path / "data"


@pytest.fixture
def opened(data_dir: Path) -> Iterator[Ledger]:
    ledger = open_ledger(None, data_dir=data_dir, clock=SystemClock())
    yield ledger
    ledger.close()


@pytest.fixture
def run(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(app: App, *words: str) -> str:
        app(list(words), exit_on_error=False, result_action="return_value")
        return capsys.readouterr().out

    return run


def _quarantine(ledger: Ledger) -> None:
    with ledger.write() as connection:
        connection.execute(
            text(
                "INSERT INTO quarantine (at_us, kind, request_id, reason, row_json) "
                "VALUES (1, 'Intent', 'req_1', 'why', '{}')"
            )
        )


def test_a_sound_ledger_is_said_to_be_sound(run: Run) -> None:
    assert "The ledger is sound." in run(verify.app)
    assert json.loads(run(verify.app, "--format", "json"))["sound"] is True


def test_findings_are_named_and_the_exit_code_says_so(
    run: Run, opened: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    _quarantine(opened)
    with pytest.raises(SystemExit) as ended:
        run(verify.app, "--format", "json")
    assert ended.value.code == 1
    told = json.loads(capsys.readouterr().out)
    found = [finding for check in told["checks"] for finding in check["findings"]]
    assert [("quarantined", "quarantine 1")] == [(one["code"], one["row"]) for one in found]
    with pytest.raises(SystemExit):
        run(verify.app)
    assert "1 finding." in capsys.readouterr().out


def test_the_audit_chain_is_checked_with_the_master_key(run: Run, opened: Ledger) -> None:
    run(keys.app, "create", "--name", "first")
    run(keys.app, "create", "--name", "second")
    with opened.write() as connection:
        connection.execute(text("UPDATE audit_log SET actor = 'nobody' WHERE seq = 1"))
    with pytest.raises(SystemExit):
        run(verify.app)


def test_without_its_master_key_the_chain_is_left_out_and_that_is_said(
    run: Run, data_dir: Path
) -> None:
    run(keys.app, "create", "--name", "first")
    (data_dir / "master.key").unlink()
    assert "chain was not checked" in run(verify.app)


def test_verify_makes_no_ledger(tmp_path: Path, run: Run) -> None:
    with pytest.raises(SettingsError, match="no ledger"):
        run(verify.app, "--data-dir", str(tmp_path / "elsewhere"))


def test_a_backup_is_restored_elsewhere(run: Run, tmp_path: Path) -> None:
    told = run(db.app, "backup", str(tmp_path / "b.db"))
    assert "newest fact: no calls" in told
    elsewhere = str(tmp_path / "elsewhere")
    told = run(db.app, "restore", str(tmp_path / "b.db"), "--data-dir", elsewhere)
    assert "Restored" in told
    assert "outlay keys list" in told
    assert "sound" in run(verify.app, "--data-dir", elsewhere)


def test_keys_revoked_since_the_backup_stay_revoked(run: Run, tmp_path: Path) -> None:
    run(keys.app, "create", "--name", "stays")
    run(keys.app, "create", "--name", "goes")
    run(db.app, "backup", str(tmp_path / "b.db"))
    run(keys.app, "revoke", "goes")
    told = run(db.app, "restore", str(tmp_path / "b.db"), "--force")
    assert "Revoked again, as it had been since the backup: goes" in told
    listed = json.loads(run(keys.app, "list", "--format", "json"))
    assert ["stays"] == [key["name"] for key in listed]
    assert "sound" in run(verify.app)


def test_nothing_is_restored_while_serve_runs(run: Run, tmp_path: Path, data_dir: Path) -> None:
    run(db.app, "backup", str(tmp_path / "b.db"))
    with claim(data_dir), pytest.raises(SettingsError, match="another `outlay serve` runs"):
        run(db.app, "restore", str(tmp_path / "b.db"), "--force")


def test_a_ledger_in_use_is_not_replaced_unasked(run: Run, tmp_path: Path) -> None:
    run(keys.app, "create", "--name", "first")
    run(db.app, "backup", str(tmp_path / "b.db"))
    with pytest.raises(BackupRefused, match="--force"):
        run(db.app, "restore", str(tmp_path / "b.db"))


def test_upgrading_says_what_it_did(run: Run, opened: Ledger) -> None:
    assert f"The schema is {SCHEMA_REVISION}: nothing to do." in run(db.app, "upgrade")


def test_info_describes_the_ledger(run: Run) -> None:
    told = json.loads(run(db.app, "info", "--format", "json"))
    assert (SCHEMA_REVISION, 0) == (told["schema"], told["calls"])
    assert told["file bytes"] > 0
    assert "SQLite" in run(db.app, "info")
