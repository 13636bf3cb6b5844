"""What an estimator adds, on stored runs and against plain formulas; and what it is ranked over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import scipy.stats

from harness.estimators.loading import load_estimators
from harness.estimators.matrix import Loaded, ScoreMatrix
from harness.evaluation import TruthChoice, choose_truth
from harness.report import make_report
from harness.spaces import load_space
from tests.reference_intervals import combined_ends

FloatArray = npt.NDArray[np.float64]
RUNS = Path(__file__).parents[3] / "results" / "ogd-study"
SPACE = load_space()
TRUTH = choose_truth("tiles").truth
RNG = np.random.RandomState(0)


def naive_tau(x: FloatArray, y: FloatArray) -> tuple[float, FloatArray]:
    """Tau-b by scipy, and its influence values pair by pair (docs/reference/statistics.md)."""
    n, sx, sy = len(x), np.sign(x[:, None] - x), np.sign(y[:, None] - y)
    s, a, b = ((m.sum(axis=1) / (n - 1)) for m in (sx * sy, sx**2, sy**2))
    tau = float(scipy.stats.kendalltau(x, y).statistic)
    scale = np.sqrt(a.mean() * b.mean())
    ties = (a - a.mean()) / a.mean() + (b - b.mean()) / b.mean()
    return tau, 2.0 * ((s - s.mean()) / scale - tau / 2.0 * ties)


def log_ranks(scores: FloatArray, dead: npt.NDArray[np.bool_]) -> FloatArray:
    lowest = np.where(dead, scores.min() - 1.0, scores)
    return np.asarray(np.log(scipy.stats.rankdata(lowest)))


@pytest.mark.realdata
@pytest.mark.parametrize("population", ["all", "live", "top_10"])
def test_of_stored_runs_it_is_what_plain_formulas_give(data_dir: Path, population: str) -> None:
    """From the files alone: pandas, scipy, loops over pairs."""
    folders = sorted((RUNS / "cifar10").glob("cifar10-spos-s?-*"))
    frames = [pd.read_parquet(folder / "scores.parquet") for folder in folders]
    scores = pd.concat([f.set_index("nb201_index")["score"] for f in frames], axis=1).sort_index()
    rows = pd.read_parquet(data_dir / "nb201" / "truth_rows.parquet")
    rows = rows.query("dataset == 'cifar10' and split == 'test' and epochs == 200")
    truth = rows.groupby("nb201_index")["accuracy"].mean()[scores.index].round(6).to_numpy()
    archs = [SPACE.at(key) for key in scores.index.tolist()]
    dead = np.array([not SPACE.is_live(arch) for arch in archs])
    live = np.array([SPACE.baselines["live_params"].score(arch) for arch in archs])
    is_in = {
        "all": truth > -1.0,
        "live": ~dead,
        "top_10": truth >= np.sort(truth)[-len(truth) // 10],
    }[population]

    floor = log_ranks(live, dead)
    taus, influences = [], []
    for _, own in scores.items():
        together = floor + log_ranks(own.to_numpy(), dead)
        sides = [naive_tau(each[is_in], truth[is_in]) for each in (together, floor)]
        taus.append(sides[0][0] - sides[1][0])
        influences.append(sides[0][1] - sides[1][1])
    size = {"all": 15_625, "live": 15_284, "top_10": 1_562}[population]

    loaded = load_estimators(folders)
    (section,) = make_report(loaded, data_dir=data_dir).sections
    assert (section.added["spos"].n_ranked, dead.sum()) == (1_000, 19)
    gain = section.added["spos"].populations[population]
    assert gain.difference.n == is_in.sum()
    assert gain.difference.per_seed == pytest.approx(taus, abs=1e-12)
    assert gain.value == pytest.approx(np.mean(taus), abs=1e-12)
    assert gain.interval is not None
    assert gain.interval[:2] == pytest.approx(
        combined_ends(taus, np.stack(influences), size, is_tau=False), rel=1e-6
    )


def make(label: str, n: int | None = None, n_seeds: int = 1) -> ScoreMatrix:
    keys = TRUTH.keys[:n]
    scores = TRUTH.value[:n] + 3.0 * RNG.standard_normal((n_seeds, len(keys)))
    seeds = tuple(range(n_seeds)) if n_seeds > 1 else (None,)
    return ScoreMatrix(label, label, "file", seeds, keys, scores, "made up")


def test_it_is_ranked_over_all_that_floor_and_estimator_scored_whatever_others_did() -> None:
    """As a combination is, and judged on what all have in common."""
    wide, narrow = make("wide"), make("narrow", n=300)
    loaded, choice = Loaded((wide, narrow)), [TruthChoice("tiles")]
    (section,) = make_report(loaded, choice, estimators=["all", "live_params+wide"]).sections
    assert {label: found.n_ranked for label, found in section.added.items()} == {
        "wide": 600,
        "live_params+wide (n=600)": 600,
        "narrow": 300,
    }
    (combination,) = [e for e in section.evaluations if e.estimator.parts]
    gain = section.added["wide"].everything
    assert gain.difference.n == combination.figures.n == 300
    assert gain.together.value == combination.tau


def test_what_a_component_was_fitted_to_is_not_in_its_combinations_figures() -> None:
    seeds = (0, 1, 2)
    seen = tuple(np.sort(RNG.choice(TRUTH.keys, 200, replace=False)) for _ in seeds)
    fitted = replace(make("fitted", n_seeds=3), fitted_on=seen)
    other = replace(make("other", n_seeds=2), seeds=(2, 1), fitted_on=(seen[0], seen[2]))
    one = make("one")
    loaded, choice = Loaded((fitted, other, one)), [TruthChoice("tiles")]
    names = ["fitted+one", "other+fitted"]
    (section,) = make_report(loaded, choice, estimators=names).sections
    alone, both = (result.estimator for result in section.evaluations)
    for own, expected in zip(alone.fitted_on, seen, strict=True):
        assert own.tolist() == expected.tolist()
    assert both.seeds == (2, 1)
    assert both.fitted_on[0].tolist() == np.union1d(seen[0], seen[2]).tolist()
    assert both.fitted_on[1].tolist() == np.union1d(seen[2], seen[1]).tolist()
    rows = section.evaluations[0].populations["all"].metrics["tau"].per_seed
    for tau, scores, own in zip(rows, alone.score, seen, strict=True):
        is_judged = np.isin(alone.keys, section.keys) & ~np.isin(alone.keys, own)
        truth = TRUTH.value[np.isin(TRUTH.keys, alone.keys)]
        naive = scipy.stats.kendalltau(scores[is_judged], truth[is_judged]).statistic
        assert tau == pytest.approx(naive, abs=1e-12)
