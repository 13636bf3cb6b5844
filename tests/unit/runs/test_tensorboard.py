"""Curves for TensorBoard: a tag is of one population."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from harness.runs.tensorboard import Point, read_points
from harness.truth import find_truth
from tests.made_runs import N, make_run


def test_small_rankings_and_the_final_one_are_curves_of_their_own(tmp_path: Path) -> None:
    folder = make_run(tmp_path, np.arange(float(N)), truth=find_truth("tiles"))
    small = [{"step": step, "train_loss": 1.0, "tau": tau} for step, tau in ((1, 0.1), (2, 0.2))]
    summary = {"tau": 0.7, "over_training": small}
    folder.write_record(folder.read_record().model_copy(update={"summary": summary}))
    found = [point for point in read_points(folder) if point.tag.startswith("rank/")]
    assert [point for point in found if point.tag == "rank/tau"] == [
        Point("rank/tau", 1, 0.1),
        Point("rank/tau", 2, 0.2),
    ]
    assert [point[0::2] for point in found if point.tag != "rank/tau"] == [("rank/tau_final", 0.7)]
