"""Test OGD on TransNAS-Bench-101: ogd minus spos, of tau meant over seven tasks, paired by seed.

python scripts/transfer_study.py    # results/benchmarks/PROTOCOL-transfer.md, question 3
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import kendalltau

from harness.estimators.loading import load_estimators
from harness.evaluation import choose_truth
from harness.stats.contrasts import paired_contrast, smallest_detectable

RUNS = Path(__file__).parents[1] / "results" / "benchmarks" / "transnas"
TASKS = (
    *("class_scene", "class_object", "jigsaw", "segmentsemantic", "normal", "autoencoder"),
    "room_layout",
)


def taus_of(strategy: str, readout: str, data_dir: Path | None) -> npt.NDArray[np.float64]:
    """Return a strategy's tau, [seed, task], over the architectures that its runs ranked."""
    (one,) = load_estimators(RUNS.glob(f"*-{strategy}-s?-*"), readout=readout).estimators
    taus = []
    for task in TASKS:
        chosen = choose_truth(task, space=one.space, data_dir=data_dir)
        scores = one.scores_of(chosen.truth.keys)
        ranked = ~np.isnan(scores).any(axis=0)
        truth = chosen.goodness[ranked]
        taus.append([kendalltau(of_seed, truth).statistic for of_seed in scores[:, ranked]])
    return np.array(taus).T


def main(data_dir: Path | None = None) -> None:
    """Print the test, and below it the same by the shared classifier, which was not asked."""
    for readout in ("refitted", "shared"):
        spos, ogd = (taus_of(name, readout, data_dir).mean(axis=1) for name in ("spos", "ogd"))
        found = paired_contrast(ogd - spos)
        span = f"[{found.low:+.3f}, {found.high:+.3f}]"
        seen = smallest_detectable(found.sd, found.n)
        print(f"{readout} readout, mean over tasks: spos {spos.mean():.3f}, ogd {ogd.mean():.3f}")
        print(f"ogd minus spos {found.mean:+.3f} {span}, p = {found.p:.3f}, {found.n} pairs")
        print(f"80% of such studies would see {seen:.3f}")


if __name__ == "__main__":
    main()
