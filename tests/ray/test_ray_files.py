"""What goes between driver and worker of a run's folder, without a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import StoreError
from harness.execution.engines.ray.mailbox import Files, read_files, write_files
from harness.runs.folder import RunFolder
from harness.training.snapshots import load_snapshot, save_snapshot


def make_folder(path: Path) -> RunFolder:
    """Make what a run leaves behind while it trains, and what is not to travel."""
    for step in (15, 5):
        save_snapshot(path, step, {"step": step})
    (path / "snapshots" / ".step-0000025.pt.1-ab.tmp").touch()
    for name in ("checkpoint.pt", "checkpoint.prev.pt", "record.json", ".lock", "steps.parquet"):
        (path / name).write_text(name)
    return RunFolder(path)


def test_snapshots_travel_first_and_the_record_last(tmp_path: Path) -> None:
    files = read_files(make_folder(tmp_path / "run"))
    assert list(files.contents) == [
        *("snapshots/step-0000005.pt", "snapshots/step-0000015.pt"),
        *("checkpoint.pt", "steps.parquet", "record.json"),
    ]
    write_files(files, RunFolder(tmp_path / "copy"))
    assert load_snapshot(tmp_path / "copy", 15) == {"step": 15}
    assert read_files(RunFolder(tmp_path / "copy")).contents == files.contents


def test_snapshots_that_a_finished_run_has_no_more_go_here_too(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "run")
    write_files(Files("run", {"record.json": b"finished"}), folder)
    assert not (folder.path / "snapshots").exists()


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../record.json", "/record.json", "other/step-0000005.pt", "snapshots/"),
        *("snapshots/../record.json", "snapshots/..", "snapshots/record.json"),
        *("snapshots/step-5.pt", "snapshots/step-0000005.pt\n", "a/snapshots/step-0000005.pt"),
        *("snapshots/step-0000005.pt/..", "snapshots//step-0000005.pt"),
    ],
)
def test_any_other_nested_name_is_refused_before_anything_is_written(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "run" / "snapshots").mkdir(parents=True)
    files = Files("run", {"steps.parquet": b"", name: b""})
    with pytest.raises(StoreError):
        write_files(files, RunFolder(tmp_path / "run"))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_folder_that_cannot_be_made_is_an_error_of_that_run(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(StoreError, match="cannot be made"):
        write_files(Files("run", {}), RunFolder(tmp_path / "run"))
