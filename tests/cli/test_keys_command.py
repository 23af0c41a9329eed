"""`outlay keys`: the secret once, the rules as asked, and nothing of it afterwards."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from outlay.cli.keys import app
from outlay.identity.api_key import has_valid_checksum
from outlay.kernel.errors import SettingsError

Run = Callable[..., str]


@pytest.fixture(autouse=True)
def _settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OUTLAY_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str) -> str:
        app(list(words), exit_on_error=False, result_action="return_value")
        return capsys.readouterr().out

    return run


def _json(run: Run, *words: str) -> Any:
    return json.loads(run(*words, "--format", "json"))


def test_a_key_is_made_in_an_empty_data_directory_and_printed_once(run: Run) -> None:
    made = _json(run, "create", "--name", "checkout")
    assert has_valid_checksum(made["key"])
    assert made["key"].startswith("sk-outlay-")
    assert (made["name"], made["permissions"]) == ("checkout", ["outcomes", "spend"])
    assert made["key_id"].startswith("key_")
    assert made["created_at"].endswith("Z")
    assert made["revoked_at"] is None
    assert made["key"] not in run("list", "--all", "--format", "json")


def test_a_script_gets_the_key_alone_on_standard_output(run: Run) -> None:
    assert has_valid_checksum(run("create", "--name", "checkout").strip())


def test_rules_are_as_asked_for(run: Run) -> None:
    made = _json(
        run, "create", "--name", "n", "--default", "feature=chat", "--default", "tier=gold",
        "--pin", "department=retail", "--require", "user", "--allow", "environment=prod,dev",
        "--permission", "spend", "--permission", "read", "--default-provider", "groq",
        "--cancel-on-hang-up",
    )  # fmt: skip
    assert made["defaults"] == {"feature": "chat", "tier": "gold"}
    assert made["pins"] == {"department": "retail"}
    assert made["required"] == ["user"]
    assert made["allowed"] == {"environment": ["dev", "prod"]}
    assert made["permissions"] == ["read", "spend"]
    assert made["default_provider"] == "groq"
    assert made["cancel_on_hang_up"] is True


def test_a_rule_that_cannot_hold_makes_no_key(run: Run) -> None:
    with pytest.raises(SettingsError, match="differs from call to call"):
        run("create", "--name", "n", "--default", "user=ada")
    assert _json(run, "list") == []


def test_a_default_provider_that_is_not_there_yet_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for provider, told in (("openai", False), ("acme", True)):
        words = ["create", "--name", "n", "--default-provider", provider]
        app(words, exit_on_error=False, result_action="return_value")
        assert told is ("'acme' is not configured yet" in capsys.readouterr().err)


def test_keys_are_listed_for_people(run: Run) -> None:
    made = _json(run, "create", "--name", "checkout", "--pin", "department=retail")
    shown = run("list")
    for text in (made["key_id"], "checkout", made["shown_prefix"], "pin department=retail"):
        assert text in shown
    assert made["key"] not in shown


def test_a_revoked_key_leaves_the_list(run: Run) -> None:
    made = _json(run, "create", "--name", "checkout")
    assert made["key_id"] in run("revoke", "checkout")
    assert _json(run, "list") == []
    assert _json(run, "list", "--all")[0]["revoked_at"] is not None
    with pytest.raises(SettingsError, match="no active key"):
        run("revoke", "checkout")


@pytest.mark.parametrize(("options", "active"), [((), 1), (("--keep-old",), 2)])
def test_a_rotation_prints_the_new_secret(run: Run, options: tuple[str, ...], active: int) -> None:
    made = _json(run, "create", "--name", "checkout", "--default", "feature=chat")
    rotated = _json(run, "rotate", made["key_id"], *options)
    assert rotated["key"] != made["key"]
    assert has_valid_checksum(rotated["key"])
    assert rotated["recorded_as"] == made["key_id"]
    assert rotated["defaults"] == {"feature": "chat"}
    assert len(_json(run, "list")) == active


def test_a_data_directory_can_be_named(run: Run, tmp_path: Path) -> None:
    run("create", "--name", "n", "--data-dir", str(tmp_path / "other"))
    assert (tmp_path / "other" / "master.key").exists()
    assert not (tmp_path / "data").exists()
