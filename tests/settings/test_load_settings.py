"""Settings: one order of sources, every mistake told at once, no secret in any text."""

import pickle
from datetime import UTC, datetime
from pathlib import Path

import pytest

from outlay.kernel.clock import to_us
from outlay.kernel.errors import SettingsError
from outlay.settings import Settings, load_settings
from outlay.settings.load import setting_fields


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outlay.toml in the working directory would count."""
    monkeypatch.chdir(tmp_path)


def _problems(environ: dict[str, str], **overrides: object) -> str:
    with pytest.raises(SettingsError) as raised:
        load_settings(environ, **overrides)  # type: ignore[arg-type]
    return str(raised.value)


def test_nothing_needs_to_be_set() -> None:
    settings = load_settings({})
    assert settings == Settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 4180)
    assert settings.data_dir == Path("outlay-data")
    assert (settings.workers, settings.durability) == (1, "full")
    assert settings.max_body_bytes == 32 * 2**20
    assert (settings.connect_timeout_s, settings.first_byte_timeout_s) == (5, 120)
    assert (settings.idle_timeout_s, settings.total_timeout_s) == (120, 600)
    assert settings.hang_up_drain_s == 10
    assert settings.price_at_us is None
    assert settings.log_json


def test_every_setting_explains_itself() -> None:
    for name, setting in setting_fields().items():
        assert len(setting.metadata["meaning"]) > 10, name


def test_command_line_over_environment_over_file_over_default(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('host = "::1"\nport = 1001\nworkers = 2\n')
    environ = {"OUTLAY_PORT": "1002", "OUTLAY_WORKERS": "3"}
    settings = load_settings(environ, config_file=file, workers=4)
    assert (settings.host, settings.port, settings.workers) == ("::1", 1002, 4)
    assert settings.sources == {
        "host": f"{file}: host",
        "port": "OUTLAY_PORT",
        "workers": "--workers",
    }
    assert settings.config_file == file


def test_an_override_that_was_not_given_is_none() -> None:
    assert load_settings({"OUTLAY_PORT": "1002"}, port=None).port == 1002


def test_a_file_is_found_in_the_data_directory_then_here(tmp_path: Path) -> None:
    (tmp_path / "outlay.toml").write_text("port = 1\n")
    assert load_settings({}).port == 1
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    (data_dir / "outlay.toml").write_text("port = 2\n")
    assert load_settings({"OUTLAY_DATA_DIR": str(data_dir)}).port == 2
    other = tmp_path / "other.toml"
    other.write_text("port = 3\n")
    assert load_settings({"OUTLAY_CONFIG": str(other)}, data_dir=data_dir).port == 3


@pytest.mark.parametrize(("variable", "text", "value"), [
    ("OUTLAY_PORT", " 0 ", 0),
    ("OUTLAY_MAX_BODY_BYTES", "1 MiB", 2**20),
    ("OUTLAY_MAX_BODY_BYTES", "2048", 2048),
    ("OUTLAY_CONNECT_TIMEOUT_S", "0.25", 0.25),
    ("OUTLAY_ALLOW_HTTP", "yes", True),
    ("OUTLAY_ALLOW_HTTP", "FALSE", False),
    ("OUTLAY_PRICE_DATE", "2026-11-20T12:00:00Z", datetime(2026, 11, 20, 12, tzinfo=UTC)),
    ("OUTLAY_PRICE_DATE", "2026-11-20T13:00:00+01:00", datetime(2026, 11, 20, 12, tzinfo=UTC)),
    ("OUTLAY_LEDGER_URL", "postgresql://u:p@h/n", "postgresql://u:p@h/n"),
    ("OUTLAY_LOG_LEVEL", "debug", "debug"),
    ("OUTLAY_WORKERS", "", 1),
])  # fmt: skip
def test_a_setting_is_read_from_the_environment(variable: str, text: str, value: object) -> None:
    settings = load_settings({variable: text})
    assert value == getattr(settings, variable.removeprefix("OUTLAY_").lower())


def test_the_price_date_is_an_instant_for_every_call() -> None:
    settings = load_settings({"OUTLAY_PRICE_DATE": "2026-11-20T12:00:00Z"})
    assert settings.price_at_us == to_us(datetime(2026, 11, 20, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("OUTLAY_PORT", "70000", "from 0 to 65535"),
        ("OUTLAY_PORT", "-1", "from 0 to 65535"),
        ("OUTLAY_PORT", "٣", "from 0 to 65535"),
        ("OUTLAY_WORKERS", "0", "from 1 to 256"),
        ("OUTLAY_HOST", "http://localhost", "without a port"),
        ("OUTLAY_DURABILITY", "none", "full, relaxed"),
        ("OUTLAY_PRICE_DATE", "2026-11-20", "2026-11-20T12:00:00Z"),
        ("OUTLAY_PRICE_DATE", "soon", "2026-11-20T12:00:00Z"),
        ("OUTLAY_MAX_BODY_BYTES", "32 apples", "32MiB"),
        ("OUTLAY_TOTAL_TIMEOUT_S", "inf", "seconds from 0.1"),
        ("OUTLAY_TOTAL_TIMEOUT_S", "1e3", "seconds from 0.1"),
        ("OUTLAY_ALLOW_HTTP", "maybe", "true or false"),
        ("OUTLAY_LOG_LEVEL", "loud", "debug, info"),
        ("OUTLAY_CONFIG", "/no/such/file.toml", "no such configuration file"),
    ],
)
def test_a_mistake_names_the_variable_and_what_to_write(
    variable: str, text: str, said: str
) -> None:
    problems = _problems({variable: text})
    assert variable in problems or variable == "OUTLAY_CONFIG"
    assert said in problems


def test_all_mistakes_are_told_at_once() -> None:
    problems = _problems({"OUTLAY_PORT": "x", "OUTLAY_WORKERS": "y", "OUTLAY_X_BASE_URL": "z"})
    assert problems.count("\n- ") == 3


def test_an_unknown_variable_is_a_finding_with_the_nearest_name() -> None:
    settings = load_settings({"OUTLAY_PROT": "1", "OUTLAY_REAL_DIR": "/x", "PATH": "/bin"})
    assert [finding.source for finding in settings.findings] == ["OUTLAY_PROT"]
    assert "did you mean OUTLAY_PORT?" in settings.findings[0].message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot = 1\n", "did you mean port?"),
        ('master_key = "abc"\n', "set OUTLAY_MASTER_KEY instead"),
        ('ledger_url = "sqlite:///x"\n', "set OUTLAY_LEDGER_URL instead"),
        ("port = [1]\n", "whole number"),
        ("port = true\n", "whole number"),
        ("port = \n", "cannot be read"),
        ("providers = 1\n", "must be tables"),
    ],
)
def test_a_mistake_in_the_file_names_the_place(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "outlay.toml").write_text(text)
    problems = _problems({})
    assert "outlay.toml" in problems
    assert said in problems


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "outlay.toml").write_bytes(b"\xff\xfe")
    assert "cannot be read" in _problems({})


def test_a_dated_setting_may_be_a_date_of_the_file_format(tmp_path: Path) -> None:
    (tmp_path / "outlay.toml").write_text("price_date = 2026-11-20T12:00:00Z\n")
    assert load_settings({}).price_date == datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_a_secret_setting_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://u:p@h/n\n")
    environ = {"OUTLAY_LEDGER_URL_FILE": str(tmp_path / "url")}
    assert load_settings(environ).ledger_url == "postgresql://u:p@h/n"
    assert "cannot be read" in _problems({"OUTLAY_LEDGER_URL_FILE": str(tmp_path / "none")})


def test_no_secret_is_in_any_text(tmp_path: Path) -> None:
    """Settings are logged, raised and shown; a secret must not ride along."""
    (tmp_path / "key").write_text("sk-canary-file")
    environ = {
        "OUTLAY_MASTER_KEY": "canary-master",
        "OUTLAY_LEDGER_URL": "postgresql://u:canary-url@h/n",
        "OUTLAY_OPENAI_API_KEY": "sk-canary-openai",
        "ANTHROPIC_API_KEY": "sk-canary-anthropic",
        "OUTLAY_ACME_API_KEY_FILE": str(tmp_path / "key"),
        "OUTLAY_ACME_BASE_URL": "https://acme.example",
    }
    settings = load_settings(environ)
    assert "canary" not in repr(settings)
    assert "canary" not in repr(settings.providers)
    assert "canary" not in str(settings.findings)
    bad = environ | {"OUTLAY_PORT": "x", "OUTLAY_OPENAI_API_KEY": "sk-canary with blanks"}
    assert "canary" not in _problems(bad)


def test_settings_reach_another_process_whole() -> None:
    environ = {"OPENAI_API_KEY": "sk-x", "OUTLAY_ACME_BASE_URL": "https://acme.example"}
    settings = load_settings(environ)
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_a_setting_that_does_not_exist_is_a_programming_error() -> None:
    with pytest.raises(TypeError, match="no setting"):
        load_settings({}, prot=1)
