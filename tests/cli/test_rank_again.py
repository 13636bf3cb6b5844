"""A supernet is ranked again without being trained again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.settings.run import RunConfig
from harness.settings.stored import former_name, former_settings
from tests.cli.commandline import TINY, Invoke

COMMAND = (*TINY, "--strategies", "spos", "--json")
MORE = ("--n-archs", "5", "--set", "rank_readout=shared")


def run(invoke: Invoke, out: Path, *arguments: object) -> tuple[dict[str, Any], str]:
    result = invoke(*COMMAND, *arguments, "--out", out)
    assert result.code == 0, result.err
    (record,) = json.loads(result.out)["runs"]
    return record, result.err


def test_another_ranking_takes_over_the_training_and_says_whose(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = run(invoke, tmp_path / "out", "--rank-every", "2")
    fresh, _ = run(invoke, tmp_path / "fresh", *MORE, "--rank-every", "2")
    monkeypatch.setattr("harness.training.loop.Trainer.train_step", None)  # none is to be made
    second, told = run(invoke, tmp_path / "out", *MORE, "--rank-every", "2")
    own, other = (tmp_path / "out" / record["run_id"] for record in (second, first))
    checkpoint = (other / "checkpoint.pt").read_bytes()
    assert f"ranks the supernet that run {first['run_id']} trained" in told
    assert second["run_id"].rpartition("-")[0] == first["run_id"].rpartition("-")[0]
    assert second["run_id"] == fresh["run_id"]
    assert second["ranking"]["source"] == {
        "run_id": first["run_id"],
        "started": first["started"],
        "checkpoint_sha256": hashlib.sha256(checkpoint).hexdigest(),
    }
    assert "source" not in first["ranking"]
    again = pd.read_parquet(tmp_path / "fresh" / fresh["run_id"] / "scores.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(own / "scores.parquet"), again, check_exact=True)
    for name in ("steps", "curve", "disturbance"):
        pd.testing.assert_frame_equal(
            pd.read_parquet(own / f"{name}.parquet"), pd.read_parquet(other / f"{name}.parquet")
        )
    # a ranking during training is of the other run's settings
    assert (other / "interim_scores.parquet").exists()
    assert not (own / "interim_scores.parquet").exists()
    # and whoever takes over from the second names the first
    third, _ = run(invoke, tmp_path / "out", *MORE, "--n-archs", "6", "--rank-every", "2")
    assert third["ranking"]["source"]["run_id"] == first["run_id"]


@pytest.mark.parametrize("change", [("--set", "lr=0.2"), ("--probe-every", "0")])
def test_a_run_of_another_training_is_trained(
    invoke: Invoke, tmp_path: Path, change: tuple[str, ...]
) -> None:
    run(invoke, tmp_path)
    record, _ = run(invoke, tmp_path, *MORE, *change)
    assert "source" not in record["ranking"]


def test_weights_that_another_ranking_needs_are_kept_or_their_lack_is_told(
    invoke: Invoke, tmp_path: Path
) -> None:
    two = ("--rank-images", "32", "--set", "rank_batch=16", "--set", "rank_snapshots=2")
    one, _ = run(invoke, tmp_path)
    first, told = run(invoke, tmp_path, *two)
    assert "source" not in first["ranking"]
    assert f"run {one['run_id']} has the same training, but lacks step-0000003.pt" in told
    second, told = run(invoke, tmp_path, *two, "--n-archs", "4")
    assert second["ranking"]["source"]["run_id"] == first["run_id"]
    assert second["ranking"]["moments"] == [3, 4]


def test_a_training_that_is_no_longer_there_is_done_again(invoke: Invoke, tmp_path: Path) -> None:
    first, _ = run(invoke, tmp_path)
    (tmp_path / first["run_id"] / "checkpoint.pt").unlink()
    second, _ = run(invoke, tmp_path, *MORE)
    assert "source" not in second["ranking"]
    assert (tmp_path / second["run_id"] / "checkpoint.pt").exists()


def test_a_training_stored_under_a_former_name_is_done_again_and_said_to_be(
    invoke: Invoke, tmp_path: Path
) -> None:
    first, _ = run(invoke, tmp_path)
    config = RunConfig(**first["config"])
    folder = tmp_path / first["run_id"]
    record = json.loads((folder / "record.json").read_text())
    record["config"] = next(former_settings(config.model_dump()))
    record["run_id"] = former_name(record["config"])
    (folder / "record.json").write_text(json.dumps(record))
    folder.rename(tmp_path / record["run_id"])
    second, told = run(invoke, tmp_path, *MORE)
    assert "source" not in second["ranking"]
    assert f"run {record['run_id']} has the same training, but was stored by an earlier" in told


def test_a_training_whose_record_is_lost_is_done_again_and_said_to_be(
    invoke: Invoke, tmp_path: Path
) -> None:
    first, _ = run(invoke, tmp_path)
    (tmp_path / first["run_id"] / "record.json").unlink()
    second, told = run(invoke, tmp_path, *MORE)
    assert "source" not in second["ranking"]
    assert f"the training in {tmp_path / first['run_id']} cannot be used" in told
    assert "record.json cannot be read: No such file" in told


def test_a_training_of_an_unfinished_run_is_not_used_and_said_not_to_be(
    invoke: Invoke, tmp_path: Path
) -> None:
    first, _ = run(invoke, tmp_path)
    path = tmp_path / first["run_id"] / "record.json"
    path.write_text(json.dumps({**first, "status": "interrupted"}))
    second, told = run(invoke, tmp_path, *MORE)
    assert "source" not in second["ranking"]
    assert f"run {first['run_id']} has the same training, but is interrupted" in told
