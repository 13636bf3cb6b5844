"""Print the tables of results/second-objectives: what stored scores pick by two objectives.

The tables of robust accuracies and latencies are in the data folder (`harness data fetch
nb201-robust`, `nb201-latency`), beside the published accuracies.

    python scripts/second_objectives.py
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from harness.estimators.combined import find_estimator, select_estimators
from harness.estimators.loading import load_estimators
from harness.evaluation import choose_truth, evaluate_together
from harness.evaluation.known import find_values
from harness.evaluation.trade_off import PICKS, measure_trade_off
from harness.report.cells import write_figure

RESULTS = Path(__file__).parents[1] / "results"
ROBUST = "robust:pgd@linf:eps=1"
SOURCES = {
    "The first 1,000 architectures, three seeds": (
        *("ogd-study/cifar10/cifar10-spos-s?-*", "ogd-study/cifar10/cifar10-ogd-s?-*"),
        "leaderboard/cifar10-*-s?-*-841c8c6f",
    ),
    "All 15,625 architectures, one seed": (
        *("ogd-study/full/cifar10-*", "leaderboard/cifar10-*-s0-*-6f9fa060"),
    ),
}
"""Run folders by what they scored."""

SECOND = {
    "params": ("params", None),
    "latency": ("latency:raspi4", None),
    "latency by flops": ("latency:raspi4", "flops"),
    "accuracy by spos": ("accuracy", "spos"),
}
"""Second objectives, and what picks know them by, by what a table calls them."""


def print_tables(data_dir: Path | None = None) -> Iterator[str]:
    """Yield the lines of the tables.

    Args:
        data_dir: Data folder; `$HARNESS_DATA`, then the user cache folder, unless given.
    """
    for title, patterns in SOURCES.items():
        paths = [path for pattern in patterns for path in sorted(RESULTS.glob(pattern))]
        yield from (f"**{title}**", "", *_print_table(paths, data_dir), "")


def _print_table(paths: Sequence[Path], data_dir: Path | None) -> Iterator[str]:
    known = load_estimators(paths).estimators
    chosen = choose_truth("cifar10", metric=ROBUST, data_dir=data_dir)
    evaluated = evaluate_together(select_estimators(["all", "live_params+jacov"], known), chosen)
    shares: dict[str, list[str]] = {}
    for name, score in SECOND.values():
        second = None if score is None else find_estimator(score, known)
        values = find_values(name, chosen, data_dir)
        for picks in measure_trade_off(evaluated, chosen, values, second).picks:
            shares.setdefault(picks.label, []).extend(_write(picks.shares[k]) for k in PICKS)
    tau = {result.label: result for result in evaluated.evaluations}
    yield f"| estimator | tau [95%] | {' | '.join(f'{n}, {k}' for n in SECOND for k in PICKS)} |"
    yield f"| --- |{' ---: |' * (1 + len(SECOND) * len(PICKS))}"
    for label in sorted(shares, key=lambda label: -float(shares[label][0].split()[0])):
        own = "-"
        if label in tau:
            own = write_figure(tau[label].populations["one_per_string"].metrics["tau"])
        yield f"| {label} | {own} | {' | '.join(shares[label])} |"


def _write(shares: Sequence[float]) -> str:
    spread = f" +- {np.std(shares, ddof=1):.3f}" if len(shares) > 1 else ""
    return f"{np.mean(shares):.3f}{spread}"


if __name__ == "__main__":
    print("\n".join(print_tables()))
