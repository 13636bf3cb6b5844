"""Run folders: what is written comes back, and what is damaged is named."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.errors import LockedError, StoreError
from harness.runs.folder import RunFolder, find_runs
from harness.runs.record import SCHEMA_VERSION, Record
from harness.settings.layers import load_config_file, make_config
from harness.settings.run import RunConfig

CONFIG = make_config({"strategy": "ogd", "n_archs": 10})


def make_record(**changes: Any) -> Record:
    content = {
        "run_id": CONFIG.run_id,
        "status": "running",
        "started": "2025-01-01T00:00:00+00:00",
        "config": CONFIG.model_dump(),
    }
    return Record(**(content | changes))


def make_run(path: Path) -> RunFolder:
    folder = RunFolder(path)
    folder.write_record(make_record())
    return folder


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "deep" / "run")
    assert not folder.has_record()
    record = make_record(
        timings={"train_s": 0.1 + 0.2},
        summary={"tau": 1 / 3, "train_loss": None, "ranking": {"n": 3}},
        data={"images_sha256": "ab"},
        finished="2025-01-02T00:00:00+00:00",
    )
    folder.write_record(record)
    assert folder.has_record()
    assert folder.read_record() == record
    assert RunConfig(**folder.read_record().config) == CONFIG


def test_the_settings_lie_beside_the_record_and_reproduce_the_run(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    assert make_config(load_config_file(tmp_path / "config.toml")).run_id == CONFIG.run_id
    first = (tmp_path / "config.toml").stat().st_mtime_ns
    folder.write_record(make_record(status="finished"))
    assert (tmp_path / "config.toml").stat().st_mtime_ns == first
    assert folder.read_record().status == "finished"


def test_fields_that_this_version_does_not_know_are_kept(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    path = tmp_path / "record.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"note": "by hand"}))
    folder.write_record(folder.read_record())
    assert json.loads(path.read_text())["note"] == "by hand"


def test_numbers_that_json_cannot_hold_become_null(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_record(make_record(summary={"tau": float("nan")}))

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    content = json.loads((tmp_path / "record.json").read_text(), parse_constant=refuse)
    assert content["summary"] == {"tau": None}


def test_a_newer_schema_is_refused_even_if_its_fields_are_unknown(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    newer = {"schema_version": SCHEMA_VERSION + 1, "everything": "else"}
    (tmp_path / "record.json").write_text(json.dumps(newer))
    with pytest.raises(StoreError, match=r"record\.json has schema 2, .* up to 1\. Update the h"):
        folder.read_record()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"schema_version": 1, "run_id": "x", "sta',
        b"[]",
        b"null",
        b"\xff\xfe\x00",
        b"{}",
        b'{"schema_version": 1}',
        b'{"schema_version": 1, "run_id": "x", "status": 3, "started": "", "config": {}}',
    ],
)
def test_a_damaged_record_is_named_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    folder = make_run(tmp_path)
    (tmp_path / "record.json").write_bytes(content)
    with pytest.raises(StoreError, match=r"record\.json is damaged \(.*\)\. Move the folder away"):
        folder.read_record()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"run_id": None}, "the field 'run_id' is missing"),
        ({"config": {}}, "the setting 'strategy' is missing"),
        ({"status": "done"}, "'status' is 'done': Input should be 'running', "),
        ({"run_id": "tiles-x"}, "its settings belong to run '.*', its run_id is 'tiles-x'"),
    ],
)
def test_what_is_wrong_with_a_record_is_said_in_a_line(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    folder = make_run(tmp_path)
    content = json.loads((tmp_path / "record.json").read_text()) | changes
    content = {key: value for key, value in content.items() if value is not None}
    (tmp_path / "record.json").write_text(json.dumps(content))
    with pytest.raises(
        StoreError, match=rf"^{tmp_path}/record\.json is damaged \({reason}"
    ) as caught:
        folder.read_record()
    assert "{" not in str(caught.value)
    (tmp_path / "record.json").write_text(json.dumps(content)[:99])
    with pytest.raises(StoreError, match=r"is damaged \(it is not whole JSON: Unterminated string"):
        folder.read_record()


def test_a_missing_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"record\.json cannot be read: No such file"):
        RunFolder(tmp_path).read_record()


def test_a_table_comes_back_with_types_and_exact_floats(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "step": pd.Series([0, 1, 2], dtype="int32"),
            "loss": [0.1 + 0.2, float("nan"), 5e-324],
            "probe_set": pd.Series(["recent", "fixed", "recent"], dtype="category"),
        }
    )
    folder = RunFolder(tmp_path)
    folder.write_table("steps", table)
    found = folder.read_table("steps")
    assert found is not None
    pd.testing.assert_frame_equal(found, table, check_exact=True)


def test_a_table_that_a_run_has_not_is_none(tmp_path: Path) -> None:
    assert RunFolder(tmp_path).read_table("disturbance") is None


@pytest.mark.parametrize("keep", [0, 3, 100, -1])
def test_a_table_that_was_cut_short_is_named(tmp_path: Path, keep: int) -> None:
    folder = RunFolder(tmp_path)
    folder.write_table("steps", pd.DataFrame({"step": range(100)}))
    path = tmp_path / "steps.parquet"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(StoreError, match=r"steps\.parquet is damaged \(.*\)\. Move the run's fol"):
        folder.read_table("steps")


HOLD = """
import sys, time
from pathlib import Path
from harness.runs.folder import RunFolder
with RunFolder(Path(sys.argv[1])).locked():
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_and_a_dead_one_holds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path / "run")
    command = [sys.executable, "-c", HOLD, str(folder.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            with monkeypatch.context() as patch:
                patch.setattr("harness.runs.folder.LOCK_WAIT_S", 0.05)
                refused = pytest.raises(
                    LockedError, match=r"^Another process is working on .*run\. Wait"
                )
                with refused, folder.locked():
                    pytest.fail("both hold it")
        finally:
            holder.kill()  # SIGKILL: it has no chance to clean up
    with folder.locked():
        pass


def test_the_lock_is_let_go_after_an_error(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with pytest.raises(ValueError, match="a bug"), folder.locked():
        raise ValueError("a bug")
    with folder.locked():
        pass


def test_runs_are_found_in_a_folder_below_it_and_named_themselves_each_once(
    tmp_path: Path,
) -> None:
    paths = [tmp_path / "b", tmp_path / "a", tmp_path / "deep" / "er" / "c"]
    for path in paths:
        make_run(path)
    (tmp_path / "not-a-run").mkdir()
    assert [run.path for run in find_runs([tmp_path])] == sorted(paths)
    assert [run.path for run in find_runs([paths[0], paths[0]])] == [paths[0]]
    assert [run.path for run in find_runs(iter([tmp_path, paths[1]]))] == sorted(paths)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nowhere is not a folder\. Give a run folder, a"):
        find_runs([tmp_path / "nowhere"])


def test_a_folder_without_runs_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"^No runs in .*\. Create some with `harness run"):
        find_runs([tmp_path])


@pytest.mark.parametrize(
    ("was", "became"),
    [(b'"numpy_type": "int64"', b'"numpy_type": "ipt64"'), (b'"name"', b'"nome"')],
)
def test_a_table_whose_notes_of_pandas_are_damaged_is_refused_by_name(
    tmp_path: Path, was: bytes, became: bytes
) -> None:
    table = pa.Table.from_pandas(pd.DataFrame({"step": [1]}))
    notes = {key: value.replace(was, became) for key, value in table.schema.metadata.items()}
    pq.write_table(table.replace_schema_metadata(notes), tmp_path / "curve.parquet")
    with pytest.raises(StoreError, match=r"curve\.parquet is damaged .* Move the run's folder"):
        RunFolder(tmp_path).read_table("curve")
