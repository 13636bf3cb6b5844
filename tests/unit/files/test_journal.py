"""The journal: what a kill, a stranger or a full disk does to it."""

from __future__ import annotations

import errno
import json
import math
import os
from pathlib import Path
from typing import Any

import pytest

from harness.errors import DataError, StoreError
from harness.files.journal import Journal

HEADER = {"work": "ranking", "weights": "abc"}
ROWS = [{"index": n, "loss": 1 / (n + 3)} for n in range(5)]


def write_some(path: Path) -> Path:
    Journal(path, HEADER).append(ROWS)
    return path


def test_a_new_journal_makes_its_folder_and_has_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "down" / "journal.jsonl"
    assert Journal(path, HEADER).rows == []
    assert json.loads(path.read_text().rpartition(" #")[0]) == HEADER


def test_a_header_with_a_tuple_is_that_of_the_same_work(tmp_path: Path) -> None:
    path, header = tmp_path / "journal.jsonl", {"shape": {"image_size": (40, 61)}}
    Journal(path, header).append(ROWS)
    assert Journal(path, header).rows == ROWS


def test_rows_come_back_in_the_order_of_writing(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, HEADER)
    journal.append(ROWS[:2])
    journal.append([])
    journal.append(ROWS[2:])
    assert journal.rows == ROWS
    assert Journal(path, HEADER).rows == ROWS


def test_floats_come_back_exactly(tmp_path: Path) -> None:
    values = [0.1 + 0.2, 1 / 3, math.pi, 5e-324, 1.7976931348623157e308, -0.0, 1e16 + 2.0]
    path = tmp_path / "journal.jsonl"
    Journal(path, HEADER).append([{"x": value} for value in values])
    found = [row["x"] for row in Journal(path, HEADER).rows]
    assert [value.hex() for value in found] == [value.hex() for value in values]


def test_null_and_text_come_back(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    row = {"loss": None, "text": "a\nb \u2713", "n": 2**53 + 1}
    Journal(path, HEADER).append([row])
    assert Journal(path, HEADER).rows == [row]


def test_wherever_a_kill_cuts_the_file_whole_lines_survive_and_work_goes_on(
    tmp_path: Path,
) -> None:
    content = write_some(tmp_path / "whole.jsonl").read_bytes()
    path = tmp_path / "cut.jsonl"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        journal = Journal(path, HEADER)
        n_whole = max(0, content[:length].count(b"\n") - 1)
        assert journal.rows == ROWS[:n_whole]
        journal.append(ROWS[n_whole:])
        assert path.read_bytes() == content


@pytest.mark.parametrize("damaged", [0, 2])
@pytest.mark.parametrize("garbage", [b'{"index": 1, "lo', b"\xff\xfe", b""])
def test_a_damaged_line_before_the_last_is_refused_and_left_alone(
    tmp_path: Path, damaged: int, garbage: bytes
) -> None:
    path = write_some(tmp_path / "journal.jsonl")
    lines = path.read_bytes().split(b"\n")
    lines[damaged] = garbage
    path.write_bytes(b"\n".join(lines))
    content = path.read_bytes()
    with pytest.raises(DataError, match=r"journal\.jsonl has a damaged line: .* start again\.$"):
        Journal(path, HEADER)
    assert path.read_bytes() == content


def test_a_journal_of_other_work_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = write_some(tmp_path / "journal.jsonl")
    content = path.read_bytes()
    with pytest.raises(DataError, match=r"was begun for .*'abc'.*, not for .*'other'"):
        Journal(path, HEADER | {"weights": "other"})
    assert path.read_bytes() == content


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_says_so_and_keeps_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, HEADER)
    journal.append(ROWS[:2])

    def refuse(handle: int) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr("harness.files.journal.os.fsync", refuse)
        with pytest.raises(StoreError, match=r"^No space left to add \d+ bytes to .* is kept; "):
            journal.append(ROWS[2:])
    assert journal.rows == ROWS[:2]
    assert Journal(path, HEADER).rows[:2] == ROWS[:2]


def test_a_disk_that_fills_in_the_middle_of_a_line_costs_that_line_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, HEADER)
    journal.append(ROWS[:2])
    open_file = Path.open

    def open_full(self: Path, *args: Any, **kwargs: Any) -> Any:
        file = open_file(self, *args, **kwargs)
        write = file.write

        class Full:
            def __enter__(self) -> Any:
                return self

            def __exit__(self, *_: object) -> None:
                file.close()

            def write(self, content: bytes) -> None:
                write(content[: len(content) // 2])
                raise OSError(errno.ENOSPC, "No space left on device")

        return Full()

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", open_full)
        with pytest.raises(StoreError, match=r"^No space left to add"):
            journal.append(ROWS[2:3])
    again = Journal(path, HEADER)
    assert again.rows == ROWS[:2]
    again.append(ROWS[2:])
    assert Journal(path, HEADER).rows == ROWS


def test_other_trouble_with_the_disk_keeps_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "journal.jsonl", HEADER)

    def refuse(handle: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("harness.files.journal.os.fsync", refuse)
    with pytest.raises(StoreError, match=r"cannot be read or written: Input/output error"):
        journal.append(ROWS)


def test_lines_of_older_versions_without_a_checksum_are_read_and_gone_on_from(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.jsonl"
    older = "".join(json.dumps(row) + "\n" for row in (HEADER, *ROWS[:3]))
    path.write_text(older)
    Journal(path, HEADER).append(ROWS[3:])
    assert path.read_text().startswith(older)
    assert Journal(path, HEADER).rows == ROWS


def test_a_number_that_became_another_number_is_noticed(tmp_path: Path) -> None:
    path = write_some(tmp_path / "journal.jsonl")
    path.write_bytes(path.read_bytes().replace(b'"index": 3', b'"index": 2'))
    with pytest.raises(DataError, match=r"journal\.jsonl has a damaged line: checksum mismatch"):
        Journal(path, HEADER)
