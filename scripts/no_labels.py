r"""Print the table of results/no-labels/README.md: preset `hour` on blocks of 1,000 architectures.

    python scripts/no_labels.py results/no-labels \
        results/leaderboard/cifar10-jacov-s0-8df2f8ac-6f9fa060

The first folder has the runs of `harness run --dataset cifar10 --preset hour --set
rank_offset=...`, the second is the stored run of `jacov` with one draw on all architectures. Each
block is judged on the architectures that all orders have there. Then the means over the blocks, and
what the preset's order has more than each other, paired by block, with a 95% t interval.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from harness.estimators.combined import find_estimator
from harness.estimators.loading import load_estimators
from harness.estimators.matrix import ScoreMatrix
from harness.evaluation import choose_truth, evaluate_together
from harness.runs.folder import find_runs
from harness.runs.record import FINISHED
from harness.settings.run import RunConfig
from harness.stats import paired_contrast

ORDERS = {
    "hour": "two-stage",
    "its first stage": "live_params+jacov+spos",
    "`live_params+jacov`, 4 draws": "live_params+jacov",
    "`live_params+jacov`, 1 draw": "live_params+once",
}
"""What is compared, and what it is called among the estimators of a block."""
FIGURES = ("tau", "tau_top_50", "tau_top_10", "regret_at_10")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", type=Path)
    parser.add_argument("one_draw", type=Path)
    given = parser.parse_args()
    print("\n".join(make_table(given.runs, given.one_draw)))


def make_table(runs: Path, one_draw: Path, data_dir: Path | None = None) -> Iterator[str]:
    """Yield the lines of the table."""
    (once,) = load_estimators([one_draw]).estimators
    once = replace(once, label="once", method="once")
    found = {offset: judge(block, once, data_dir) for offset, block in find_blocks(runs)}
    yield "| offset | order | n | tau | top half | top 10% | regret @10 |"
    yield "| ---: | --- | ---: | ---: | ---: | ---: | ---: |"
    for offset, (n, figures) in found.items():
        for order, values in figures.items():
            yield f"| {offset:,} | {order} | {n:,} | {write(values)} |"
    table = np.array([list(figures.values()) for _, figures in found.values()])
    for place, order in enumerate(ORDERS):
        yield f"| mean of {len(found)} | {order} | | {write(table[:, place].mean(axis=0))} |"
    for place, order in enumerate(ORDERS):
        if place and len(found) > 1:
            more = (table[:, 0] - table[:, place]).T.tolist()
            yield f"| hour minus | {order} | | {' | '.join(map(write_difference, more))} |"


def find_blocks(folder: Path) -> Iterator[tuple[int, list[Path]]]:
    """Yield the offset of each block whose order is finished, and its runs."""
    blocks: dict[int, list[Path]] = {}
    ended = set()
    for run in find_runs([folder]):
        record = run.read_record()
        config = RunConfig(**record.config)
        blocks.setdefault(config.rank_offset, []).append(run.path)
        if record.status == FINISHED and config.estimator == ORDERS["hour"]:
            ended.add(config.rank_offset)
    for offset in sorted(ended):
        yield offset, blocks[offset]


def judge(
    block: list[Path], once: ScoreMatrix, data_dir: Path | None
) -> tuple[int, dict[str, list[float]]]:
    """Return how many architectures a block has, and the figures of each order on them."""
    estimators = [*load_estimators(block).estimators, once]
    names = {estimator.method: estimator.label for estimator in estimators}
    orders = [find_estimator(names.get(name, name), estimators) for name in ORDERS.values()]
    chosen = choose_truth("cifar10", estimators=estimators, data_dir=data_dir)
    results = evaluate_together(orders, chosen).evaluations
    return len(results[0].keys), {
        order: [result.populations["all"].metrics[name].value or 0.0 for name in FIGURES]
        for order, result in zip(ORDERS, results, strict=True)
    }


def write(values: list[float]) -> str:
    """Write the figures of a row."""
    return " | ".join(f"{value:.3f}" for value in values)


def write_difference(values: list[float]) -> str:
    """Write a mean over blocks, and its interval."""
    found = paired_contrast(values)
    return f"{found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


if __name__ == "__main__":
    main()
