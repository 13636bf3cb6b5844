"""`harness truth build`: trainings from scratch, kept as they come."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.truth import load_table
from tests.e2e.processes import kill_group, run, start, wait_for


@pytest.mark.slow
def test_a_killed_build_goes_on_with_what_is_missing(tmp_path: Path) -> None:
    table, journal = tmp_path / "mine.parquet", tmp_path / "mine.rows.jsonl"
    command = ("truth", "build", "--n-archs", 2, "--workers", 1, "--out", table)
    process = start(*command, "--seeds", "0,1")
    wait_for(lambda: journal.exists() and journal.read_bytes().count(b"\n") > 1, process)
    kill_group(process)
    kept = journal.read_bytes()
    assert not table.exists()
    code, out, err = run(*command, "--seeds", "0,1", "--json")
    assert code == 0, err
    made = json.loads(out)
    rows = load_table(table).rows
    assert made == {"path": str(table), "n_rows": 4 * (12 + 1), "sha256": load_table(table).sha256}
    assert sorted(rows["seed"].unique()) == [0, 1]
    whole = journal.read_bytes()
    assert whole.startswith(kept)
    assert len(whole) > len(kept)  # the kill came before the end
    code, out, err = run(*command, "--seeds", "0")  # nothing is missing: nothing is trained
    assert journal.read_bytes() == whole
    assert code == 0, err
    assert f"{table}: {2 * (12 + 1)} rows" in out


@pytest.mark.slow
def test_a_journal_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.rows.jsonl").write_text('{"dataset": "other"}\n')
    code, out, err = run("truth", "build", "--n-archs", 1, "--out", tmp_path / "mine.parquet")
    assert (code, out) == (1, "")
    assert "was begun for" in err
    assert "Traceback" not in err
