"""Atomic writing: the old file or the new one, and nothing else."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from harness.errors import StoreError, UsageError
from harness.files.atomic import check_replaceable, write_atomically


def write_new(target: Path) -> None:
    target.write_text("new")


def test_the_new_content_takes_the_place_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    write_atomically(path, write_new)
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_made_anew_has_the_users_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    write_atomically(tmp_path / "file", write_new)
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_the_file_is_on_the_disk_before_its_name_changes_and_the_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    flushed: list[tuple[int, str]] = []

    def record(handle: int) -> None:
        flushed.append((os.fstat(handle).st_ino, path.read_text()))

    monkeypatch.setattr(os, "fsync", record)
    write_atomically(path, write_new)
    assert flushed == [(path.stat().st_ino, "old"), (tmp_path.stat().st_ino, "new")]


@pytest.mark.parametrize("failure", [ValueError("a bug"), KeyboardInterrupt("Ctrl-C")])
def test_any_failure_leaves_the_old_file_and_no_other(
    tmp_path: Path, failure: BaseException
) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def write(target: Path) -> None:
        target.write_text("half of the n")
        raise failure

    with pytest.raises(type(failure), match=str(failure)):
        write_atomically(path, write)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_says_what_survives_and_how_much_to_free(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def write(target: Path) -> None:
        target.write_bytes(b"x" * 2048)
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(
        StoreError, match=r"is full: .* as it was. Free more than 2,048 bytes there"
    ):
        write_atomically(path, write)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nowhere/file' could not be written: .* No file was"):
        write_atomically(tmp_path / "nowhere" / "file", lambda target: None)


def test_a_name_that_is_too_long_is_no_crash(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"could not be written: File name too long"):
        write_atomically(tmp_path / ("n" * 300), lambda target: None)


@pytest.mark.parametrize(
    ("content", "is_refused"),
    [(b"<!DOCTYPE html><p>", False), (b"arch,score\n", True), (b"", True), (None, False)],
)
def test_a_file_of_another_kind_is_not_replaced(
    tmp_path: Path, content: bytes | None, is_refused: bool
) -> None:
    path = tmp_path / "scores.csv"
    if content is not None:
        path.write_bytes(content)
    if not is_refused:
        check_replaceable(path, b"<!doctype html>", "page")
        return
    with pytest.raises(UsageError, match=r"scores\.csv exists and is not a page, so it is not"):
        check_replaceable(path, b"<!doctype html>", "page")
    assert path.read_bytes() == content
