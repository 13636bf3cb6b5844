"""A supernet is ranked again without being trained again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.estimators.classes import class_key
from harness.estimators.supernet.spread import Scored, Scoring, score_all
from harness.settings.run import RunConfig
from harness.settings.stored import former_name, former_settings
from harness.spaces import load_space
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
    assert f"run {one['run_id']} has the same training, but lacks snapshots/step-0000003.pt" in told
    second, told = run(invoke, tmp_path, *two, "--n-archs", "4")
    assert second["ranking"]["source"]["run_id"] == first["run_id"]
    assert second["ranking"]["moments"] == [3, 4]


def test_a_training_that_is_no_longer_there_is_done_again(invoke: Invoke, tmp_path: Path) -> None:
    first, _ = run(invoke, tmp_path)
    (tmp_path / first["run_id"] / "checkpoint.pt").unlink()
    second, told = run(invoke, tmp_path, *MORE)
    assert f"run {first['run_id']} has the same training, but lacks checkpoint.pt" in told
    assert f"put the missing files back into {tmp_path / first['run_id']}" in told
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


class Counted:
    """Scores architectures, and remembers which."""

    def __init__(self) -> None:
        self.archs: list[Any] = []

    def __call__(self, scoring: Scoring, archs: Sequence[Any]) -> Iterator[Scored]:
        self.archs += archs
        return score_all(scoring, archs)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    counted = Counted()
    monkeypatch.setattr("harness.estimators.supernet.estimator.score_all", counted)
    return counted


def classes_of(record: dict[str, Any]) -> list[int]:
    """The class of each architecture that a run ranks."""
    space, config = load_space(), record["config"]
    return [class_key(space, key) for key in space.prefix(config["n_archs"], config["rank_offset"])]


@pytest.mark.parametrize(
    ("precision", "change", "reuses"),
    [
        ("float32", ("--n-archs", "40"), True),
        ("float32", ("--n-archs", "10"), True),
        ("float32", ("--set", "rank_offset=20"), True),
        ("float32", ("--set", "rank_readout=shared"), True),
        ("float32", ("--rank-images", "20"), False),
        ("float32", ("--bn-mode", "recalibrated"), False),
        ("bf16", ("--n-archs", "40"), False),  # it decides whether bf16 is used by more classes
        ("bf16", ("--set", "rank_readout=shared"), False),  # and by this readout
    ],
)
def test_scores_that_are_known_are_taken_over_with_the_bits_of_a_fresh_run(
    invoke: Invoke,
    tmp_path: Path,
    counted: Counted,
    precision: str,
    change: tuple[str, str],
    reuses: bool,
) -> None:
    base = ("--n-archs", "30", "--set", f"rank_precision={precision}")
    first, _ = run(invoke, tmp_path / "out", *base)
    fresh, _ = run(invoke, tmp_path / "fresh", *base, *change)
    counted.archs.clear()
    second, told = run(invoke, tmp_path / "out", *base, *change)
    assert second["run_id"] == fresh["run_id"] != first["run_id"]
    known = set(classes_of(first)) if reuses else set()
    n_known = sum(key in known for key in classes_of(second))
    scored = sorted(load_space().key(arch) for arch in counted.archs)
    assert scored == sorted(set(classes_of(second)) - known)  # each once, and none that is known
    assert second["ranking"].get("reused") == (
        {"run_ids": [first["run_id"]], "n_archs": n_known} if reuses else None
    )
    assert (f"takes over the scores of {n_known} of its" in told) == reuses
    for path in (tmp_path / "fresh" / fresh["run_id"]).glob("scores*.parquet"):
        own = pd.read_parquet(tmp_path / "out" / second["run_id"] / path.name)
        pd.testing.assert_frame_equal(own, pd.read_parquet(path), check_exact=True)
    facts = {k: v for k, v in second["ranking"].items() if k not in ("source", "reused")}
    assert facts == fresh["ranking"]


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("execution", {"threads": 2}),
        ("execution", {"torch": "1.0"}),
        ("execution", {"cpu_capability": "AVX9000"}),
        ("execution", {"earlier_threads": [2]}),
        ("ranking", {"weights_sha256": "0" * 64}),
        ("ranking", {"format": 3}),
        ("ranking", {"format": None}),
        ("sources", "Another CPU"),
    ],
)
def test_scores_whose_bits_may_differ_are_not_taken_over(
    invoke: Invoke, tmp_path: Path, counted: Counted, part: str, change: Any
) -> None:
    first, _ = run(invoke, tmp_path)
    path = tmp_path / first["run_id"] / "record.json"
    changed = (
        [{**first[part][0], "cpu": change}] if part == "sources" else {**first[part], **change}
    )
    path.write_text(json.dumps({**first, part: changed}))
    counted.archs.clear()
    second, _ = run(invoke, tmp_path, *MORE)
    assert second["ranking"]["source"]["run_id"] == first["run_id"]
    assert "reused" not in second["ranking"]
    assert len(counted.archs) == len(set(classes_of(second)))


def test_damaged_scores_are_not_taken_over_and_named(
    invoke: Invoke, tmp_path: Path, counted: Counted
) -> None:
    first, _ = run(invoke, tmp_path)
    path = tmp_path / first["run_id"] / "scores_shared.parquet"
    path.write_bytes(path.read_bytes()[:100])
    counted.archs.clear()
    second, told = run(invoke, tmp_path, *MORE)
    assert f"scores are not taken over: {path}" in told
    assert len(counted.archs) == len(set(classes_of(second)))
