"""The gate catches what was really made worse: supernets trained and ranked with a planted fault.

Everything is the program itself, on the embedded data; no score is made up. Half the steps of
preset `quick`, as fewer do not rank yet. Some minutes on two cores.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.cli.main import main

pytestmark = pytest.mark.slow

SEEDS = (0, 1, 2, 3, 4)
TRAINING = (
    *("run", "--dataset", "tiles", "--preset", "smoke", "--device", "cpu"),
    *("--seeds", ",".join(map(str, SEEDS)), "--n-archs", "150", "--rank-images", "250"),
    *("--rank-every", "0", "--probe-every", "0", "--set", "loss_every=0"),
    *("--set", "steps=1500", "--set", "checkpoint_every=1500", "--set", "rank_batch=250"),
    *("--set", "threads=1"),
)


def call(*arguments: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    assert isinstance(caught.value.code, int)
    return caught.value.code


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Plain supernets in `spos`, with a baseline beside them."""
    folder = tmp_path_factory.mktemp("planted")
    assert call(*TRAINING, "--strategies", "spos", "--out", folder / "spos") == 0
    assert call("check", "--save-baseline", folder / "spos.json", folder / "spos") == 0
    return folder


def check(baseline: Path, scores: Path, capfd: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capfd.readouterr()
    code = call("check", "--baseline", baseline, scores, "--json")
    result: dict[str, Any] = json.loads(capfd.readouterr().out)
    assert code == result["exit_code"]
    return result


def write_scores(folder: Path, path: Path, spoil: Any = None) -> Path:
    """Write the scores of runs as one score file of method spos, perhaps spoiled."""
    frames = []
    for run in sorted(folder.glob("*/record.json")):
        seed = json.loads(run.read_text())["config"]["seed"]
        scores = pd.read_parquet(run.parent / "scores.parquet")
        frames.append(scores[["nb201_index", "score"]].assign(seed=seed, method="spos"))
    frame = pd.concat(frames)
    (frame if spoil is None else spoil(frame)).to_csv(path, index=False)
    return path


def test_nothing_planted_is_nothing_found(trained: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert check(trained / "spos.json", trained / "spos", capfd)["outcome"] == "pass"


def test_ogd_so_strong_that_it_harms_is_caught(
    trained: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, strength in (("mild", 10), ("strong", 0.02)):
        options = ("--strategies", "ogd", "--set", f"ogd.c={strength}", "--out", tmp_path / name)
        assert call(*TRAINING, *options) == 0
    assert call("check", "--save-baseline", tmp_path / "mild.json", tmp_path / "mild") == 0
    result = check(tmp_path / "mild.json", tmp_path / "strong", capfd)
    assert (result["outcome"], result["exit_code"]) == ("regression", 1)


def test_another_batch_norm_mode_is_refused_and_its_harm_is_caught(
    trained: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Statistics recalibrated on two images are no statistics."""
    options = ("--bn-mode", "recalibrated", "--set", "recalibration_images=2")
    assert call(*TRAINING, "--strategies", "spos", *options, "--out", tmp_path / "runs") == 0
    assert call("check", "--baseline", trained / "spos.json", tmp_path / "runs") == 4
    assert "batch norm mode" in capfd.readouterr().err
    # As score files, which do not tell their mode, the harm itself is seen.
    good = write_scores(trained / "spos", tmp_path / "good.csv")
    bad = write_scores(tmp_path / "runs", tmp_path / "bad.csv")
    saved = ("check", "--save-baseline", tmp_path / "good.json", good, "--dataset", "tiles")
    assert call(*saved) == 0
    result = check(tmp_path / "good.json", bad, capfd)
    assert (result["outcome"], result["exit_code"]) == ("regression", 1)


def test_shuffled_scores_are_caught(
    trained: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def shuffle(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(score=np.random.RandomState(0).permutation(frame["score"]))

    good = write_scores(trained / "spos", tmp_path / "good.csv")
    bad = write_scores(trained / "spos", tmp_path / "bad.csv", shuffle)
    saved = ("check", "--save-baseline", tmp_path / "good.json", good, "--dataset", "tiles")
    assert call(*saved) == 0
    result = check(tmp_path / "good.json", bad, capfd)
    assert (result["outcome"], result["exit_code"]) == ("regression", 1)
