"""Names out of files: in no output are they a formula, markup, a command, or a path."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.spaces.nb201.encoding import arch_at, sample_indices
from harness.truth import find_truth, make_table, save_table
from tests.cli.commandline import Invoke
from tests.made_runs import make_run

STARTS = ("=", "+", "-", "@", "\t=", "\r=", " =", "\n=", "\uff1d")
TAIL = (
    'cmd|"/c calc"!A1<script>alert(1)</script>\x1b[31m\r\n\\input{/etc/passwd}\n'
    "\n| x | `y` ![z](http://example.invalid)\u2028\u202e\x07"
)
FORMATS = ("table", "csv", "json", "latex", "markdown")
N = 60
INDICES = sample_indices(N)


@pytest.fixture(autouse=True)
def _no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def _scores(path: Path, method: str) -> Path:
    scores = np.random.RandomState(0).normal(size=N)
    archs = [str(arch_at(index)) for index in INDICES]
    pd.DataFrame({"arch_str": archs, "score": scores, "method": method}).to_parquet(path)
    return path


def _table(path: Path, text: str) -> Path:
    rows = pd.DataFrame(
        {
            "nb201_index": INDICES,
            "arch_str": [str(arch_at(index)) for index in INDICES],
            "dataset": text,
            "split": "test",
            "epochs": 12,
            "trial": 0,
            "seed": 0,
            "accuracy": np.linspace(10.0, 90.0, N),
        }
    )
    save_table(make_table(rows, text, {"note": text, "source_file": text}), path)
    return path


def _check(text: str, output_format: str) -> None:
    assert all(char.isprintable() or char == "\n" for char in text)
    if output_format == "csv":
        for row in csv.reader(io.StringIO(text)):
            for cell in row:
                is_formula = cell.lstrip()[:1] in ("=", "+", "-", "@", "\uff1d")
                assert not is_formula or np.isfinite(float(cell)), cell
    elif output_format == "latex":
        for line in text.splitlines():
            assert line.startswith("%") or "\\input" not in line
    elif output_format == "markdown":
        assert "<script" not in text
        assert "](http" not in text.replace("\\](http", "")
        for line in text.splitlines():
            assert not line or line[0] in "-*|#"
    elif output_format == "json":
        json.loads(text)


@pytest.mark.parametrize("output_format", FORMATS)
@pytest.mark.parametrize("command", ["report", "evaluate"])
def test_a_label_and_a_truth_of_a_hostile_file_are_text_in_every_format(
    invoke: Invoke, tmp_path: Path, command: str, output_format: str
) -> None:
    for start in STARTS if output_format == "csv" else STARTS[:1]:
        name = start + TAIL
        scores, table = _scores(tmp_path / "s.parquet", name), _table(tmp_path / "t.parquet", name)
        more = () if output_format == "table" else ("--format", output_format)
        result = invoke(command, scores, "--truth", table, "--dataset", name, *more)
        assert result.code == 0, result.err
        _check(result.out, output_format)
        _check(result.err, "text")


@pytest.mark.parametrize("start", STARTS)
def test_a_table_exported_as_csv_holds_no_formula(
    invoke: Invoke, tmp_path: Path, start: str
) -> None:
    table = _table(tmp_path / "t.parquet", start + TAIL)
    for more in ((), ("--means",)):
        arguments = ("--dataset", start + TAIL) if more else ()
        result = invoke("truth", "export", "--table", table, *more, *arguments)
        assert result.code == 0, result.err
        _check(result.out, "csv")
        _check(result.err, "text")


@pytest.mark.parametrize("command", ["show", "stats", "ceiling", "list"])
def test_a_hostile_table_steers_no_terminal(invoke: Invoke, tmp_path: Path, command: str) -> None:
    (tmp_path / "data" / "nb201").mkdir(parents=True)
    table = _table(tmp_path / "data" / "nb201" / "t.parquet", "=" + TAIL)
    arguments = ("--data-dir", tmp_path / "data") if command == "list" else ("--table", table)
    first = (INDICES[0],) if command == "show" else ()
    result = invoke("truth", command, *first, *arguments)
    assert result.code == 0, result.err
    _check(result.out, "table")
    _check(result.err, "text")


@pytest.mark.parametrize("output_format", FORMATS)
def test_what_a_hostile_record_says_is_text_in_every_format(
    invoke: Invoke, tmp_path: Path, output_format: str
) -> None:
    evil = "=" + TAIL
    run = make_run(tmp_path, np.arange(float(N)), truth=find_truth("tiles"))
    record = json.loads((run.path / "record.json").read_text())
    record |= {"reason": evil, "started": evil, "environment": {evil: evil}, evil: evil}
    record |= {"sources": [{"commit": evil, "dirty": evil}], "timings": {evil: 1.0}}
    (run.path / "record.json").write_text(json.dumps(record))
    more = () if output_format == "table" else ("--format", output_format)
    result = invoke("report", tmp_path, *more)
    assert result.code == 0, result.err
    _check(result.out, output_format)
    record |= {"status": evil}
    (run.path / "record.json").write_text(json.dumps(record))
    result = invoke("report", tmp_path)
    assert result.code == 1
    assert "'status' is " in result.err
    assert "Input should be 'running'," in result.err
    _check(result.err, "text")


PATHS = ("../../evil", "/tmp/evil", "..", "a/b", "C:\\evil", "evil\x00", "\x1b[31m", "x" * 300)


@pytest.mark.parametrize("key", ["space", "dataset", "preset", "strategy"])
def test_a_setting_that_names_a_path_is_refused_and_makes_no_file(
    invoke: Invoke, tmp_path: Path, key: str
) -> None:
    out, config = tmp_path / "deep" / "out", tmp_path / "c.toml"
    for path in PATHS:
        config.write_text(f"{key} = {json.dumps(path)}\n")
        result = invoke("run", "--config", config, "--out", out)
        # a path may be that of one's own images, which are none here
        assert result.code in ((1, 2) if key == "dataset" else (2,)), result.err
        _check(result.err, "text")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["c.toml"]


@pytest.mark.parametrize("key", ["dataset", "strategy", "run_id"])
def test_a_record_that_names_a_path_is_refused_and_writes_nothing_elsewhere(
    invoke: Invoke, tmp_path: Path, key: str
) -> None:
    run = make_run(tmp_path / "runs", np.arange(float(N)), truth=find_truth("tiles"))
    whole = json.loads((run.path / "record.json").read_text())
    before = sorted(tmp_path.rglob("*"))
    for path in PATHS:
        record = json.loads(json.dumps(whole))
        (record if key == "run_id" else record["config"])[key] = path
        (run.path / "record.json").write_text(json.dumps(record))
        result = invoke("report", tmp_path / "runs")
        assert result.code == 1, result.err
        assert "is damaged (its settings belong to" in result.err
        _check(result.err, "text")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("key", ["lr\x1b[31m", "../x", "ogd.\x1b", "=1+1"])
def test_a_key_that_is_no_setting_steers_no_terminal(
    invoke: Invoke, tmp_path: Path, key: str
) -> None:
    (tmp_path / "c.toml").write_text(f"{json.dumps(key)} = 1\n")
    for arguments in (("--config", tmp_path / "c.toml"), ("--set", f"{key}=1")):
        result = invoke("run", *arguments, "--out", tmp_path / "out")
        assert result.code == 2
        _check(result.err, "text")
