"""Test OGD and the readout on TransNAS-Bench-101, by tau meant over its seven tasks, and on SS2.

python scripts/transfer_study.py        # results/benchmarks/PROTOCOL-transfer.md and -readout.md
python scripts/transfer_study.py ss2    # results/benchmarks/PROTOCOL-ss2-readout.md
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import kendalltau

from harness.estimators.loading import load_estimators
from harness.evaluation import choose_truth
from harness.evaluation.chosen import ChosenTruth
from harness.spaces import load_space
from harness.stats.contrasts import holm, paired_contrast, smallest_detectable

RUNS = Path(__file__).parents[1] / "results" / "benchmarks" / "transnas"
TASKS = (
    *("class_scene", "class_object", "jigsaw", "segmentsemantic", "normal", "autoencoder"),
    "room_layout",
)
SMALL, LARGE = "5d76f951", "3b45282c"
"""Rankings in batches of 250 and of 1,000: the ends of the runs' names."""
SS2_RUNS = RUNS.with_name("nb101-ss2")
SS2_RANKINGS = {250: "8dece7b3", 1_000: "4020a6de"}
"""The ends of their names, by the size of a batch."""

Taus = npt.NDArray[np.float64]


def taus_of(
    strategy: str, ranking: str, readout: str, truths: Sequence[ChosenTruth], runs: Path = RUNS
) -> Taus:
    """Return a strategy's tau over the cells that its runs ranked, [seed], mean of the truths."""
    paths = runs.glob(f"*-{strategy}-s?-*-{ranking}")
    (one,) = load_estimators(paths, readout=readout).estimators
    taus = []
    for chosen in truths:
        scores = one.scores_of(chosen.truth.keys)
        ranked = ~np.isnan(scores).any(axis=0)
        truth = chosen.goodness[ranked]
        taus.append([kendalltau(of_seed, truth).statistic for of_seed in scores[:, ranked]])
    mean: Taus = np.array(taus).mean(axis=0)
    return mean


def tell(what: str, differences: Taus) -> float:
    """Print a paired test; return its p-value."""
    found = paired_contrast(differences)
    seen = smallest_detectable(found.sd, found.n)
    print(
        f"{what} {found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}], p = {found.p:.3f}, "
        f"{found.n} pairs, of which 80% of studies would see {seen:.3f}"
    )
    return found.p


def main(data_dir: Path | None = None) -> None:
    """Print what the rankings reach, and the tests of both protocols."""
    space = load_space("transnas-micro")
    truths = [choose_truth(task, space=space, data_dir=data_dir) for task in TASKS]
    taus = {}
    for images, ranking in ((250, SMALL), (1_000, LARGE)):
        for readout in ("refitted", "shared"):
            for strategy in ("spos", "ogd"):
                mean = taus_of(strategy, ranking, readout, truths)
                taus[strategy, ranking, readout] = mean
                seeds = ", ".join(f"{tau:.3f}" for tau in mean)
                print(f"{strategy}, batches of {images:,}, {readout}: {mean.mean():.3f} ({seeds})")
            found = [taus[strategy, ranking, readout] for strategy in ("ogd", "spos")]
            tell("ogd minus spos", found[0] - found[1])
    p_values = [
        tell(
            f"{strategy}, refitted, batches of 1,000 minus 250",
            taus[strategy, LARGE, "refitted"] - taus[strategy, SMALL, "refitted"],
        )
        for strategy in ("spos", "ogd")
    ]
    print("p by Holm", *(f"{p:.3f}" for p in holm(p_values)))


def print_ss2(data_dir: Path | None = None) -> None:
    """Print what the rankings of SS2 reach, and the tests of its protocol."""
    truths = [choose_truth("cifar10", space=load_space("nb101-ss2"), data_dir=data_dir)]
    taus = {
        (strategy, images): taus_of(strategy, ranking, "refitted", truths, SS2_RUNS)
        for images, ranking in SS2_RANKINGS.items()
        for strategy in ("spos", "ogd")
    }
    for (strategy, images), of_seeds in taus.items():
        seeds = ", ".join(f"{tau:.3f}" for tau in of_seeds)
        print(f"{strategy}, batches of {images:,}: {of_seeds.mean():.3f} ({seeds})")
    p_values = [
        tell(f"{strategy}, batches of 1,000 minus 250", taus[strategy, 1_000] - taus[strategy, 250])
        for strategy in ("spos", "ogd")
    ]
    print("p by Holm", *(f"{p:.3f}" for p in holm(p_values)))
    tell("ogd minus spos, batches of 1,000", taus["ogd", 1_000] - taus["spos", 1_000])


if __name__ == "__main__":
    print_ss2() if sys.argv[1:] == ["ss2"] else main()
