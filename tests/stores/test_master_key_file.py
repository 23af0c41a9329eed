"""The master key's file: made once, mode 0600, and refused when others can read it."""

import os
import threading
from pathlib import Path

import pytest

from outlay.identity.master_key import MasterKey, make_master_key
from outlay.kernel.errors import SettingsError
from outlay.stores.master_key_file import load_master_key


def test_the_first_start_makes_a_key_for_its_owner_only(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    key = load_master_key(data_dir, may_create=True)
    path = data_dir / "master.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert _names(data_dir) == ["master.key"]
    assert key == load_master_key(data_dir, may_create=False)


def test_those_who_start_together_agree_on_one_key(tmp_path: Path) -> None:
    started = threading.Barrier(4)
    keys: list[MasterKey] = []

    def start() -> None:
        started.wait()
        keys.append(load_master_key(tmp_path, may_create=True))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 4
    assert all(key == keys[0] for key in keys)
    assert _names(tmp_path) == ["master.key"]


def test_a_key_made_meanwhile_by_another_process_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_master_key()
    link = os.link

    def overtake(draft: Path, path: Path) -> None:
        path.write_text(other.to_text())
        path.chmod(0o600)
        link(draft, path)

    monkeypatch.setattr(os, "link", overtake)
    assert load_master_key(tmp_path, may_create=True) == other
    assert _names(tmp_path) == ["master.key"]


def test_a_missing_key_is_not_replaced_while_something_is_sealed_with_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        load_master_key(tmp_path, may_create=False)
    assert "from your backup" in str(raised.value)
    assert "OUTLAY_MASTER_KEY_FILE" in str(raised.value)
    assert _names(tmp_path) == []


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644, 0o666])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    load_master_key(tmp_path, may_create=True)
    (tmp_path / "master.key").chmod(mode)
    with pytest.raises(SettingsError, match=r"chmod 600 .*master\.key"):
        load_master_key(tmp_path, may_create=True)


def test_the_operators_own_file_may_belong_to_a_group(tmp_path: Path) -> None:
    """Containers hand secrets over as root:group 0440."""
    path = tmp_path / "key"
    key = make_master_key()
    path.write_text(key.to_text())
    path.chmod(0o440)
    assert key == load_master_key(tmp_path, key_file=path, may_create=True)
    path.chmod(0o444)
    with pytest.raises(SettingsError, match="can be read by others"):
        load_master_key(tmp_path, key_file=path, may_create=True)


def test_the_operators_own_file_is_never_made(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_master_key(tmp_path, key_file=tmp_path / "none", may_create=True)
    assert _names(tmp_path) == []


def test_the_environment_goes_before_every_file(tmp_path: Path) -> None:
    key = make_master_key()
    assert key == load_master_key(tmp_path, key=key.to_text(), may_create=False)
    with pytest.raises(SettingsError, match="OUTLAY_MASTER_KEY does not hold"):
        load_master_key(tmp_path, key="short", may_create=False)


def test_a_damaged_file_is_refused_without_showing_it(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    path.write_text("canary")
    path.chmod(0o600)
    with pytest.raises(SettingsError, match="does not hold a master key") as raised:
        load_master_key(tmp_path, may_create=True)
    assert "canary" not in str(raised.value)


def _names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]
