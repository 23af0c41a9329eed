"""What is not started, and what is said about how it is started. One test for each refusal."""

from pathlib import Path

import pytest

from outlay.kernel.errors import SettingsError
from outlay.settings import load_settings, refuse_unsafe, start_findings
from outlay.settings.start_up import DEMO_MARKER


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "gateway.example"])
def test_listening_beyond_this_machine_without_tls_is_refused(host: str) -> None:
    with pytest.raises(SettingsError) as raised:
        refuse_unsafe(load_settings({"OUTLAY_HOST": host}))
    assert host in str(raised.value)
    assert "OUTLAY_BEHIND_TLS_PROXY=true" in str(raised.value)
    refuse_unsafe(load_settings({"OUTLAY_HOST": host, "OUTLAY_BEHIND_TLS_PROXY": "true"}))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_listening_on_this_machine_is_safe(host: str) -> None:
    refuse_unsafe(load_settings({"OUTLAY_HOST": host}))


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:4180", "http://localhost:4180/v1"])
def test_a_provider_that_is_this_gateway_is_refused(base_url: str) -> None:
    """Each call would call itself until something gives way."""
    environ = {"OUTLAY_OPENAI_BASE_URL": base_url}
    with pytest.raises(SettingsError, match="gateway's own address"):
        refuse_unsafe(load_settings(environ))
    refuse_unsafe(load_settings(environ, port=4181))


def _codes(environ: dict[str, str]) -> list[str]:
    settings = load_settings(environ)
    return [finding.code for finding in start_findings(settings, settings.providers)]


def test_safe_settings_have_no_findings() -> None:
    assert _codes({}) == []


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({"OUTLAY_DURABILITY": "relaxed"}, "durability_relaxed"),
        ({"OUTLAY_PRICE_DATE": "2026-11-20T12:00:00Z"}, "price_date_fixed"),
        (
            {"OUTLAY_ALLOW_HTTP": "1", "OUTLAY_ACME_BASE_URL": "http://a.example"},
            "provider_over_http",
        ),
        ({"OUTLAY_PROT": "1"}, "unknown_variable"),
    ],
)
def test_what_is_allowed_but_should_be_known_is_told(environ: dict[str, str], code: str) -> None:
    assert _codes(environ) == [code]


def test_serving_from_the_ledger_of_a_demo_is_told(tmp_path: Path) -> None:
    """The README's demo and its `outlay serve` share the default data directory."""
    data_dir = tmp_path / "outlay-data"
    data_dir.mkdir(mode=0o700)
    assert _codes({}) == []
    (data_dir / DEMO_MARKER).write_text("{}")
    assert _codes({}) == ["demo_ledger"]


def test_a_data_directory_open_to_everybody_is_told(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    environ = {"OUTLAY_DATA_DIR": str(data_dir)}
    assert _codes(environ) == []
    data_dir.chmod(0o755)
    assert _codes(environ) == ["data_dir_open"]
