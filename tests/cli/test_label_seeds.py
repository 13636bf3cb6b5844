"""A predictor's figures in a report, recomputed by plain formulas from the files of its runs."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import scipy.stats

from harness.spaces import load_space
from harness.truth import default_query, find_truth
from tests.e2e.processes import run_here

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
PREDICTOR = "predictor(n=60, model=gp, features=one-hot)"
SPACE = load_space()


class Seed(NamedTuple):
    """What a label seed is judged on: its scores, the floor's and the truth; and its labels."""

    score: FloatArray
    floor: FloatArray
    dead: BoolArray
    truth: FloatArray
    of_labels: FloatArray


@pytest.fixture(scope="module", name="made")
def _made(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Seed], dict[str, Any]]:
    folder = tmp_path_factory.mktemp("runs")
    named = "--estimators", f"{PREDICTOR},live_params"
    code, _, err = run_here("run", "--n-archs", 400, "--seeds", "0,1,2", *named, "--out", folder)
    assert code == 0, err
    code, out, err = run_here("report", folder, "--json")
    assert code == 0, err
    table = find_truth("tiles").mean(default_query("tiles")).by_index()
    seeds = []
    for path in sorted(folder.glob("tiles-predictor-s?-*")):
        frame = pd.read_parquet(path / "scores.parquet").sort_values("nb201_index")
        is_label = (frame["status"] == "label").to_numpy()
        archs = [SPACE.at(key) for key in frame["nb201_index"].tolist()]
        truth = np.array([table[SPACE.key(arch)] for arch in archs])
        floor = np.array([SPACE.baselines["live_params"].score(arch) for arch in archs])
        dead = np.array([not SPACE.is_live(arch) for arch in archs])
        rows = (frame["score"].to_numpy(dtype=float), floor, dead, truth)
        seeds.append(Seed(*(row[~is_label] for row in rows), truth[is_label]))
    (section,) = json.loads(out)["sections"]
    return seeds, section


def tau(x: FloatArray, y: FloatArray) -> float:
    return float(scipy.stats.kendalltau(x, y).statistic)


def is_top(seed: Seed, share: float) -> BoolArray:
    return np.asarray(seed.truth >= np.quantile(seed.truth, 1.0 - share))


def regret(order: FloatArray, seed: Seed, k: int) -> float:
    """Of a search that knows the labels; no two scores are equal at the cut."""
    found = seed.truth[np.argsort(-order, kind="stable")[:k]]
    return float(max(seed.truth.max(), seed.of_labels.max()) - max([*found, *seed.of_labels]))


def test_every_metric_is_the_mean_over_seeds_on_their_own_complements(
    made: tuple[list[Seed], dict[str, Any]],
) -> None:
    seeds, section = made
    (own,) = [e for e in section["evaluations"] if e["label"] == PREDICTOR]
    assert own["n_per_seed"] == [len(seed.truth) for seed in seeds] == [340, 340, 340]
    expected = {
        "tau": [tau(s.score, s.truth) for s in seeds],
        "tau_top_50": [tau(s.score[is_top(s, 0.5)], s.truth[is_top(s, 0.5)]) for s in seeds],
        "tau_top_10": [tau(s.score[is_top(s, 0.1)], s.truth[is_top(s, 0.1)]) for s in seeds],
        "spearman": [scipy.stats.spearmanr(s.score, s.truth).statistic for s in seeds],
        "regret_at_10": [regret(s.score, s, 10) for s in seeds],
    }
    everything = own["populations"]["all"]
    for name, values in expected.items():
        metric = everything["metrics"][name]
        assert metric["per_seed"] == pytest.approx(values, abs=1e-9), name
        assert metric["value"] == pytest.approx(np.mean(values), abs=1e-9)
    floor = everything["baselines"]["live_params"]
    assert floor["per_seed"] == pytest.approx([tau(s.floor, s.truth) for s in seeds], abs=1e-9)
    for name, share in (("top_50", 0.5), ("top_10", 0.1)):
        tops = [tau(s.score[is_top(s, share)], s.truth[is_top(s, share)]) for s in seeds]
        assert own["populations"][name]["metrics"]["tau"]["per_seed"] == pytest.approx(tops)


def test_pairs_in_the_right_order_are_those_of_each_seed(
    made: tuple[list[Seed], dict[str, Any]],
) -> None:
    seeds, section = made
    (own,) = [e for e in section["evaluations"] if e["label"] == PREDICTOR]
    counted = [part["n_pairs"] for part in own["gap_curve"]["bins"]]
    gaps = [
        abs(np.subtract.outer(s.truth, s.truth)).round(6)[np.tril_indices(340, -1)] for s in seeds
    ]
    edges = [*(part["low"] for part in own["gap_curve"]["bins"]), np.inf]
    for n, low, high in zip(counted, edges, edges[1:], strict=False):
        assert n == sum(int(((g > low) & (g <= high)).sum()) for g in gaps) // 3


def test_the_difference_and_what_is_added_are_on_the_same_seed_by_seed(
    made: tuple[list[Seed], dict[str, Any]],
) -> None:
    seeds, section = made
    (pair,) = [p for p in section["pairs"] if p["first"] == PREDICTOR]
    difference = pair["differences"]["all"]["tau"]
    each = [tau(s.score, s.truth) - tau(s.floor, s.truth) for s in seeds]
    assert (pair["second"], difference["n"]) == ("live_params", 340)
    assert difference["per_seed"] == pytest.approx(each, abs=1e-9)

    (place,) = [p for p in section["leaderboard"] if p["estimator"] == PREDICTOR]
    assert place["added"]["n_ranked"] == 340  # not what is left when all seeds leave out theirs
    for name, share in (("all", 1.0), ("top_50", 0.5)):
        gains = []
        for s in seeds:
            rows = (np.where(s.dead, row.min() - 1.0, row) for row in (s.floor, s.score))
            floor, own = (np.log(scipy.stats.rankdata(row)) for row in rows)
            top = is_top(s, share)
            gains.append(tau((floor + own)[top], s.truth[top]) - tau(floor[top], s.truth[top]))
        gain = place["added"]["populations"][name]["difference"]
        assert gain["per_seed"] == pytest.approx(gains, abs=1e-9)
        assert gain["value"] == pytest.approx(np.mean(gains), abs=1e-9)
