"""`harness truth ceiling` of generators."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from harness.truth import save_table
from tests.cli.commandline import Invoke
from tests.generator_truths import SPACE, make_generator_truth


def test_the_ceiling_says_what_the_truth_of_generators_varies_with(
    tmp_path: Path, invoke: Invoke
) -> None:
    rng = np.random.RandomState(0)
    keys = SPACE.prefix(400)
    draws = 60 + rng.normal(0, 6, (400, 1, 1)) + rng.normal(0, 3, (400, 2, 1))
    trainings = (draws + rng.normal(0, 1, (400, 2, 2))).reshape(400, 4)
    table = make_generator_truth(dict(zip(keys, trainings.tolist(), strict=True)))
    save_table(table, tmp_path / "t.parquet")
    command = ("truth", "ceiling", "--space", "nago", "--table", tmp_path / "t.parquet")
    noise = json.loads(invoke(*command, "--json").out)["noise"]
    # 400 differences of draws: their variance is known to 7%, so the deviation to 4%
    assert noise["draw_sd"] == pytest.approx(3.0, rel=0.1)
    assert noise["training_sd"] == pytest.approx(1.0, rel=0.1)
    assert noise["mean_sd"] == pytest.approx(np.sqrt(4.5 + 0.25), rel=0.1)
    assert "A trial is a drawn network" in invoke(*command).out
