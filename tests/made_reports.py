"""Reports made up for tests of the page and of the plots, against the embedded truth of tiles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.estimators.loading import load_estimators
from harness.estimators.matrix import Loaded, ScoreMatrix
from harness.report import Report, TruthChoice, make_report
from harness.runs.record import Record
from harness.settings.run import RunConfig
from harness.truth import default_query, find_truth
from tests.made_runs import INDICES, FloatArray, N, make_run

__all__ = ["HOSTILE", "make_file_report", "make_fitted_report", "make_run_report"]

TILES = find_truth("tiles")
TRUTH = TILES.mean(default_query("tiles"))

HOSTILE = (
    '</script><script>window.pwned=1</script><img src=x onerror="window.pwned=1">',
    "<svg/onload=window.pwned=1> ${window.pwned=1} {{ 7*7 }} {% raw %}",
    '=cmd|"/c calc"!A1 $\\frac{x}$ _hidden \u2028',
    "javascript:window.pwned=1//' onmouseover='window.pwned=1",
)
"""Names of methods that would run as script, markup, template, formula, or mathematics."""


def truth_of(indices: np.ndarray) -> FloatArray:
    """The accuracy of some architectures, percent."""
    return pd.Series(TRUTH.value, TRUTH.keys).loc[indices].to_numpy(dtype=np.float64)


def make_run_report(root: Path, seeds: tuple[int, ...] = (0, 1, 2)) -> Report:
    """Two strategies of some seeds, with disturbance, curves and cost."""
    for strategy, noise in (("spos", 9.0), ("ogd", 5.0)):
        for seed in seeds:
            rng = np.random.RandomState(10 * seed + len(strategy))
            scores = truth_of(INDICES) + noise * rng.normal(size=N) - 100
            make_run(root, scores, strategy, seed, train_loss=2.0 + seed / 10, truth=TILES)
    return make_report(load_estimators([root]))


def make_file_report(folder: Path, methods: tuple[str, ...], n: int = 200, **truth: Any) -> Report:
    """One score file of some methods, of a seed each, on the first architectures of tiles."""
    index = np.sort(TRUTH.keys[:n])
    frames = [
        pd.DataFrame(
            {
                "nb201_index": index,
                "score": truth_of(index) + 4 * np.random.RandomState(place).normal(size=len(index)),
                "method": method,
            }
        )
        for place, method in enumerate(methods)
    ]
    path = folder / "scores.csv"
    pd.concat(frames).to_csv(path, index=False)
    return make_report(load_estimators([path]), [TruthChoice(**{"dataset": "tiles", **truth})])


def make_fitted_report(*settings: dict[str, object], n_seeds: int = 3) -> Report:
    """A report of predictors with these settings, better the more labels, and a file of scores."""
    keys, truth = TRUTH.keys, TRUTH.value
    rng = np.random.RandomState(0)
    made = []
    for table in settings:
        n = int(str(table["n"]))
        config = RunConfig(dataset="tiles", estimator="predictor", predictor=table)
        record = Record(
            run_id="r",
            status="finished",
            started="2026-01-01T00:00:00Z",
            config=config.model_dump(),
            ranking={"labels": str(default_query("tiles"))},
        )
        rows = truth + 20.0 / n * rng.standard_normal((n_seeds, len(keys)))
        fitted_on = tuple(np.sort(rng.choice(keys, n, replace=False)) for _ in range(n_seeds))
        matrix = ScoreMatrix(
            *(config.label, "predictor", "run", tuple(range(n_seeds)), keys, rows, "made up"),
            dataset="tiles",
            records=(record,) * n_seeds,
            fitted_on=fitted_on,
        )
        made.append(matrix)
    plain = truth + 4.0 * rng.standard_normal((1, len(keys)))
    made.append(ScoreMatrix("plain", "plain", "file", (None,), keys, plain, "made up"))
    return make_report(Loaded(tuple(made)), [TruthChoice("tiles")])
