"""`harness run` under torchrun, as far as one process can see it."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch

from harness.distributed.ranks import Ranks
from tests.cli.commandline import TINY, Invoke
from tests.studies import write_study
from tests.unit.distributed.test_launch import TORCHRUN


@pytest.fixture
def _four_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Say what torchrun says; nobody else is there."""
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("_four_ranks")
def test_several_runs_are_refused(invoke: Invoke, tmp_path: Path) -> None:
    result = invoke(*TINY, "--out", tmp_path)
    assert result.code == 2
    assert "torchrun started 4 ranks, which train one supernet together; 2 runs" in result.err
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("_four_ranks")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--engine", "ray"), "--engine ray was given"),
        (("--engine", "ray", "--fetch", "--gpus", "1"), "--engine ray was given"),
        (("--fetch",), "--fetch needs --engine ray"),
        (("--gpus", "0"), "--gpus needs --engine ray"),
        (("--rank-workers", "2"), "--rank-workers needs --engine ray"),
    ],
)
def test_ray_is_refused(
    invoke: Invoke,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)  # with or without Ray
    result = invoke(*TINY, "--strategies", "spos", "--out", tmp_path, *options)
    assert result.code == 2
    assert message in result.err
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("_four_ranks")
def test_a_study_is_refused(invoke: Invoke, tmp_path: Path) -> None:
    result = invoke("sweep", write_study(tmp_path, ""), "--out", tmp_path / "out")
    assert result.code == 2
    assert "torchrun started 4 ranks" in result.err
    assert "Run torchrun with `harness run ...`" in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("_four_ranks")
def test_a_batch_that_cannot_be_cut_is_refused(invoke: Invoke, tmp_path: Path) -> None:
    one = (*TINY, "--strategies", "spos", "--out", tmp_path)
    result = invoke(*one, "--set", "batch_size=6")
    assert result.code == 2
    assert "batch_size = 6 cannot be divided equally among 4 ranks" in result.err
    assert "--set batch_size=8" in result.err
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("_four_ranks")
def test_more_ranks_than_cuda_devices_are_refused(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    result = invoke(*TINY, "--strategies", "spos", "--out", tmp_path, "--device", "cuda")
    assert result.code == 2
    assert "torchrun started 2 ranks on this machine, which has 1 CUDA devices" in result.err
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("_four_ranks")
def test_the_first_rank_logs_and_exports_its_run(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setattr("harness.execution.parallel.join", lambda *_: nullcontext(Ranks()))
    log, board = tmp_path / "log", tmp_path / "board"
    command = (*TINY, "--strategies", "spos", "--out", tmp_path / "out")
    result = invoke(*command, "--log-json", log, "--tensorboard", board)
    assert result.code == 0, result.err
    told = [json.loads(line)["event"] for line in log.read_text().splitlines()]
    assert told[0] == "started"
    assert told[-1] == "finished"
    assert list(board.glob("*/events.out.tfevents.*"))


@pytest.mark.parametrize(("bn_sync", "code"), [("true", 0), ("false", 1)])
def test_a_run_by_two_ranks_goes_on_alone_unless_each_normalised_its_own_part(
    invoke: Invoke, tmp_path: Path, bn_sync: str, code: int
) -> None:
    command = (*TINY, "--strategies", "spos", "--out", tmp_path, "--set", f"bn_sync={bn_sync}")
    assert invoke(*command).code == 0
    (path,) = tmp_path.glob("*/record.json")
    record = json.loads(path.read_text())
    assert record["execution"]["ranks"] == 1
    record["execution"]["ranks"] = 2
    path.write_text(json.dumps({**record, "status": "interrupted"}))
    result = invoke(*command)
    assert result.code == code
    assert ("ranks was 2 and is 1" in result.err) == bool(code)
    assert json.loads(path.read_text())["execution"]["ranks"] == (2 if code else 1)
