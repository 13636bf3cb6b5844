"""Test OGD and the readout on NAS-Bench-101's SS2.

python scripts/ss2_study.py    # results/benchmarks/PROTOCOL-ss2-readout.md
"""

from __future__ import annotations

from pathlib import Path

from harness.evaluation import choose_truth
from harness.spaces import load_space
from harness.stats.contrasts import holm
from scripts.transfer_study import taus_of, tell

RUNS = Path(__file__).parents[1] / "results" / "benchmarks" / "nb101-ss2"
SMALL, LARGE = "8dece7b3", "4020a6de"
"""Rankings in four batches of 250 and in one of 1,000: the ends of the runs' names."""


def main(data_dir: Path | None = None) -> None:
    """Print what the rankings reach, and the tests of the protocol."""
    truths = [choose_truth("cifar10", space=load_space("nb101-ss2"), data_dir=data_dir)]
    taus = {
        (strategy, images): taus_of(strategy, ranking, "refitted", truths, RUNS)
        for images, ranking in ((250, SMALL), (1_000, LARGE))
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
    main()
