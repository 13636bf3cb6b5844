"""What the trainings of labels took, where somebody recorded it."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.estimators.predictors.labels import Labels, ranked_keys
from harness.settings.run import RunConfig
from harness.spaces import load_space
from harness.truth import TruthTable, make_table
from harness.truth.importers.nb201.seconds import FILE

SPACE = load_space()
CONFIG = RunConfig(
    estimator="predictor",
    dataset="cifar10",
    n_archs=5,
    predictor={"n": 2, "dataset": "cifar10-valid", "split": "valid", "epochs": 12},
)
KEYS = ranked_keys(CONFIG)
TWO = Labels(np.array([3, 1]), np.array([50.0, 60.0]), (12,))


@pytest.fixture(name="truth")
def _truth(tmp_path: Path) -> TruthTable:
    """A table of two lengths of training and two trials, and a file with the seconds of one."""
    path = tmp_path / FILE
    path.parent.mkdir()
    costs = [{"arch": str(SPACE.at(key)), "cost": 100.5 + n} for n, key in enumerate(KEYS.tolist())]
    path.write_bytes(pickle.dumps(costs))
    rows = [
        {
            "nb201_index": key,
            "arch_str": str(SPACE.at(key)),
            "dataset": "cifar10-valid",
            "split": "valid",
            "epochs": epochs,
            "trial": trial,
            "seed": trial,
            "accuracy": 50.0,
        }
        for key in KEYS.tolist()
        for epochs in (12, 200)
        for trial in (0, 1)
    ]
    return make_table(pd.DataFrame(rows), "made", {})


def test_labels_take_the_seconds_of_one_training_each(truth: TruthTable, tmp_path: Path) -> None:
    assert TWO.find_seconds(CONFIG, truth, tmp_path) == 103.5 + 101.5
    assert TWO.epochs == 24


def test_a_length_that_nobody_recorded_leaves_the_seconds_unknown(
    truth: TruthTable, tmp_path: Path
) -> None:
    halved = Labels(TWO.places, np.array([[50.0, np.nan], [60.0, 70.0]]), (12, 200))
    assert halved.find_seconds(CONFIG, truth, tmp_path) is None
    assert halved.epochs == 2 * 12 + 200
    assert TWO.find_seconds(CONFIG, truth, tmp_path / FILE.parent) is None  # without the file


def test_the_longest_training_of_a_label_is_its_accuracy() -> None:
    halved = Labels(TWO.places, np.array([[50.0, np.nan], [60.0, 70.0]]), (12, 200))
    assert halved.longest.tolist() == [50.0, 70.0]
