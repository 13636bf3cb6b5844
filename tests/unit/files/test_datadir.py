"""The order in which data folders are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import DataError
from harness.files.datadir import resolve_data_dir, user_cache_dir


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("HARNESS_DATA", raising=False)


def test_the_argument_goes_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "b"))
    assert resolve_data_dir(tmp_path / "a") == tmp_path / "a"
    assert resolve_data_dir() == tmp_path / "b"


def test_the_user_cache_comes_last_and_need_not_exist(tmp_path: Path) -> None:
    assert resolve_data_dir() is None
    user_cache_dir().mkdir(parents=True)
    assert resolve_data_dir() == user_cache_dir() == tmp_path / "cache" / "harness"


@pytest.mark.parametrize("value", ["", "relative/folder"])
def test_a_cache_home_that_is_unset_or_relative_is_ignored(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", value)
    assert user_cache_dir() == Path.home() / ".cache" / "harness"


def test_a_folder_that_was_named_must_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"nowhere' \(\$HARNESS_DATA\) is not a folder"):
        resolve_data_dir()
