"""`outlay providers`, `config` and `doctor`: secrets go in by file or pipe and never come out."""

import inspect
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cyclopts import App

from outlay.cli import config, doctor, keys, providers
from outlay.kernel.clock import SystemClock
from outlay.kernel.errors import SettingsError
from outlay.routing.known_providers import KNOWN_PROVIDERS
from outlay.stores.ledger.connection import open_ledger

Run = Callable[..., str]
_CANARY = "sk-canary-0123456789"


@pytest.fixture(autouse=True)
def _settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OUTLAY_DATA_DIR", str(tmp_path / "data"))
    for known in KNOWN_PROVIDERS.values():
        for variable in known.key_variables:
            monkeypatch.delenv(variable, raising=False)
    (tmp_path / "secret").write_text(f"{_CANARY}\n")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(app: App, *words: str) -> str:
        app(list(words), exit_on_error=False, result_action="return_value")
        written = capsys.readouterr()
        assert "canary" not in written.out + written.err
        return written.out

    return run


def _json(run: Run, app: App, *words: str) -> Any:
    return json.loads(run(app, *words))


def test_a_stored_provider_is_in_force_with_its_secret_unseen(run: Run) -> None:
    run(providers.app, "set", "openai", "--secret-file", "secret")
    shown = _json(run, providers.app, "show", "openai")
    assert (shown["api_key"], shown["base_url"]) == ("set", "https://api.openai.com")
    listed = _json(run, providers.app, "list", "--format", "json")
    assert [row["name"] for row in listed["providers"]] == ["openai", "anthropic", "gemini"]
    assert listed["findings"] == []


def test_a_secret_may_come_through_a_pipe(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class Pipe(io.StringIO):
        def fileno(self) -> int:
            return 0

    monkeypatch.setattr(sys, "stdin", Pipe(f"{_CANARY}\n"))
    monkeypatch.setattr("os.isatty", lambda _descriptor: False)
    run(providers.app, "set", "anthropic", "--secret-file", "-")
    assert _json(run, providers.app, "show", "anthropic")["api_key"] == "set"


def test_a_secret_cannot_be_given_as_an_argument() -> None:
    """Arguments stand in the shell's history and in every process list."""
    options = inspect.signature(providers.set_).parameters
    assert [name for name in options if "secret" in name or "key" in name] == ["secret_file"]


def test_a_provider_of_ones_own(run: Run) -> None:
    run(
        providers.app, "set", "acme", "--base-url", "https://acme.example/x/v4", "--secret-file",
        "secret", "--prefix", "acme-", "--alias", "fast=acme-1", "--no-request-usage",
    )  # fmt: skip
    shown = _json(run, providers.app, "show", "acme")
    assert (shown["base_url"], shown["version_path"]) == ("https://acme.example/x", "/v4")
    assert (shown["prefixes"], shown["aliases"]) == (["acme-"], {"fast": "acme-1"})
    assert shown["request_usage"] is False
    run(providers.app, "remove", "acme")
    with pytest.raises(SettingsError, match="there is no provider 'acme'"):
        run(providers.app, "show", "acme")


def test_a_new_address_needs_the_secret_again(run: Run) -> None:
    run(providers.app, "set", "openai", "--secret-file", "secret")
    with pytest.raises(SettingsError, match="must be given again"):
        run(providers.app, "set", "openai", "--base-url", "https://evil.example")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--base-url", "http://plain.example"), "write https"),
        (("--alias", "fast"), "write it like fast=gpt-4o-mini"),
        (("--secret-file", "none"), "cannot be read"),
        (("--secret-file", "own"), "the key that the provider issued"),
        (("--secret-file", "two"), "one line"),
    ],
)
def test_a_slip_is_told_with_what_to_write(run: Run, words: tuple[str, ...], said: str) -> None:
    Path("own").write_text("sk-outlay-canary")
    Path("two").write_text("canary\ncanary")
    with pytest.raises(SettingsError, match=said) as raised:
        run(providers.app, "set", "acme", *words)
    assert "canary" not in str(raised.value)


def test_config_check_accepts_what_serve_would(run: Run) -> None:
    assert "can be used" in run(config.app, "check")


def test_config_check_refuses_what_serve_would(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTLAY_HOST", "0.0.0.0")
    with pytest.raises(SettingsError, match="OUTLAY_BEHIND_TLS_PROXY"):
        run(config.app, "check")
    monkeypatch.setenv("OUTLAY_PORT", "x")
    with pytest.raises(SettingsError, match="OUTLAY_PORT"):
        run(config.app, "check")


def test_config_show_tells_where_each_setting_came_from(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTLAY_LEDGER_URL", "postgresql://u:canary@h/n")
    monkeypatch.setenv("OUTLAY_OPENAI_API_KEY", _CANARY)
    monkeypatch.setenv("OUTLAY_MASTER_KEY", "canary")
    shown = _json(run, config.app, "show", "--format", "json")
    rows = {row["variable"]: row for row in shown["settings"]}
    assert rows["OUTLAY_LEDGER_URL"]["value"] == "postgresql://u:***@h/n"
    assert rows["OUTLAY_LEDGER_URL"]["source"] == "OUTLAY_LEDGER_URL"
    assert rows["OUTLAY_MASTER_KEY"]["value"] == "…"
    assert rows["OUTLAY_PORT"] == rows["OUTLAY_PORT"] | {"value": "4180", "source": "default"}
    assert shown["providers"][0]["api_key"] == "set"
    assert "OUTLAY_LEDGER_URL" in run(config.app, "show")


def test_the_doctor_finds_what_is_still_missing(run: Run) -> None:
    told = _json(run, doctor.app, "--format", "json")
    assert told["problems"] == []
    assert {row["code"] for row in told["findings"]} == {"no_api_key", "no_provider_key"}
    assert told["facts"]["API keys"] == "0 active"
    assert told["facts"]["sqlite"] >= "3.51.3"
    assert told["facts"]["ledger"].startswith("reachable")


def test_the_doctor_is_content_with_a_ready_gateway(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTLAY_PRICE_DATE", "2026-11-20T12:00:00Z")
    run(providers.app, "set", "openai", "--secret-file", "secret")
    keys.app(["create", "--name", "n"], exit_on_error=False, result_action="return_value")
    shown = run(doctor.app)
    assert "2026-11-20T12:00:00" in shown
    assert "price_date_fixed" in shown
    assert "PROBLEM" not in shown


def test_the_doctor_fails_when_serve_could_not_start(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.app(["create", "--name", "n"], exit_on_error=False, result_action="return_value")
    Path("data/master.key").chmod(0o644)
    monkeypatch.setenv("OUTLAY_HOST", "0.0.0.0")
    capsys.readouterr()
    with pytest.raises(SystemExit) as raised:
        doctor.app(["--format", "json"], exit_on_error=False, result_action="return_value")
    assert raised.value.code == 1
    told = json.loads(capsys.readouterr().out)
    assert [row["code"] for row in told["problems"]] == ["unsafe_start", "settings.invalid"]
    assert "chmod 600" in told["problems"][1]["message"]


def test_the_doctor_finds_a_forged_audit_row(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("first", "second"):
        keys.app(["create", "--name", name], exit_on_error=False, result_action="return_value")
    ledger = open_ledger(None, data_dir=Path("data"), clock=SystemClock())
    with ledger.write() as connection:
        connection.exec_driver_sql("UPDATE audit_log SET actor = 'dov' WHERE seq = 1")
    ledger.close()
    capsys.readouterr()
    with pytest.raises(SystemExit):
        doctor.app(["--format", "json"], exit_on_error=False, result_action="return_value")
    told = json.loads(capsys.readouterr().out)
    assert [row["code"] for row in told["problems"]] == ["audit_chain_broken"]
