"""Print the tables of results/few-labels/README.md from the figures that `gather.py` stored.

    python scripts/few_labels/tables.py results/few-labels

Figures are the mean over label seeds and its standard deviation; what a row adds is the difference
on the same label seed, with a 95% t interval over label seeds.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from harness.estimators.naming import find_label
from harness.stats import TAU_LIMITS, crossed_mean, paired_contrast

COLUMNS = {
    "tau": "tau",
    "leak_free": "leak_free",
    "top half": "tau_top_50",
    "top 10%": "tau_top_10",
    "regret @10": "regret_at_10",
}
"""The figures of a table, as `figures.jsonl` calls them."""

BEST = "forest+gp+gp-error+gp-top"
TWENTY_SEEDS = {
    "main": f"model={BEST}, features=graf+free+jacov+nwot+synflow+spos",
    "without the supernet": f"model={BEST}, features=graf+free+jacov+nwot+synflow",
    "without images": f"model={BEST}, features=graf+free",
    "plain": "model=forest, features=graf",
}
"""Rows of twenty label seeds, with settings that tell them from the others."""
THEY_ADD = {
    "the supernet": ("main", "without the supernet"),
    "the proxies": ("without the supernet", "without images"),
    "gp, gp-error, gp-top, free scores and the prior": ("without images", "plain"),
}

COMPARATOR, NETWORK = "model=comparator, features=graf", "model=network, features=graf"
AUGMENTED, LAYERS = "model=forest, features=layers, encodings=16", "model=forest, features=layers"
NOSH, HALVING = f"labels=nosh, {COMPARATOR}", f"labels=halving, {COMPARATOR}"
FIVE_SEEDS = (COMPARATOR, NETWORK, AUGMENTED, LAYERS, NOSH, HALVING)
"""Rows of five label seeds, each followed by its ablation."""
METHODS_ADD = {
    "comparator (CTNAS) - network": (COMPARATOR, NETWORK),
    "encodings (HAAP), 16 - 1": (AUGMENTED, LAYERS),
    "labels=nosh (RANK-NOSH) - halving": (NOSH, HALVING),
}

ALONE = ("tau", "top 10%")
"""The figures of the crossed grid."""
SUPERNETS = (0, 1, 2)

Figures = Mapping[str, Mapping[str, Sequence[float]]]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    print("\n".join(make_tables(parser.parse_args().folder)))


def make_tables(folder: Path) -> Iterator[str]:
    """Make the lines of all tables, in the order of the README."""
    figures = load_figures(folder)
    yield from head("row")
    for n, name in itertools.product((32, 128, 512), TWENTY_SEEDS):
        yield write_means(n, name, find(figures, n, TWENTY_SEEDS[name]))
    yield from head("adds")
    for what, (first, second) in THEY_ADD.items():
        for n in (32, 128, 512):
            sides = (find(figures, n, TWENTY_SEEDS[name]) for name in (first, second))
            yield write_differences(n, f"{what} ({first} - {second})", *sides)
    yield from head("row")
    for n, settings in itertools.product((32, 128), FIVE_SEEDS):
        yield write_means(n, f"`{settings}`", find(figures, n, settings))
    yield from head("adds")
    for n, what in itertools.product((32, 128), METHODS_ADD):
        yield write_differences(n, what, *(find(figures, n, each) for each in METHODS_ADD[what]))
    yield from tabulate_crossed(load_figures(folder / "crossed"))


def load_figures(folder: Path) -> Figures:
    """Load the figures of each label seed, by estimator."""
    lines = (folder / "figures.jsonl").read_text().splitlines()
    return {row["estimator"]: row for row in map(json.loads, lines)}


def find(figures: Figures, n: int, settings: str) -> Mapping[str, Sequence[float]]:
    """Find the figures of one predictor."""
    return figures[find_label(f"predictor(n={n}, {settings})", figures)]


def head(name: str) -> Iterator[str]:
    """Begin a table."""
    yield f"| labels | {name} | {' | '.join(COLUMNS)} |"
    yield "| ---: | --- |" + " ---: |" * len(COLUMNS)


def write_means(n: int, name: str, row: Mapping[str, Sequence[float]]) -> str:
    """Write a row's means and standard deviations over label seeds."""
    of_seeds = (np.array(row[key]) for key in COLUMNS.values())
    cells = (f"{each.mean():.3f} +- {each.std(ddof=1):.3f}" for each in of_seeds)
    return f"| {n} | {name} | {' | '.join(cells)} |"


def write_differences(
    n: int, name: str, first: Mapping[str, Sequence[float]], second: Mapping[str, Sequence[float]]
) -> str:
    """Write the differences of two rows, seed by seed."""
    found = (paired_contrast(np.subtract(first[key], second[key])) for key in COLUMNS.values())
    cells = (f"{each.mean:+.3f} [{each.low:+.3f}, {each.high:+.3f}]" for each in found)
    return f"| {n} | {name} | {' | '.join(cells)} |"


def tabulate_crossed(figures: Figures) -> Iterator[str]:
    """Write the mean over supernets and label seeds, and what scatters."""
    scatter = "supernets | label seeds | rest"
    yield f"| labels | {' | '.join(f'{name} | {scatter}' for name in ALONE)} |"
    yield "| ---: |" + " ---: |" * 4 * len(ALONE)
    for n in (32, 128):
        cells = []
        for name in ALONE:
            grid = [find(figures, n, f"supernet_seed={s}")[COLUMNS[name]] for s in SUPERNETS]
            mean = crossed_mean(grid, limits=TAU_LIMITS)
            cells.append(f"{mean.value:.3f} [{mean.interval.low:.3f}, {mean.interval.high:.3f}]")
            cells += [f"{sd:.3f}" for sd in (mean.row_sd, mean.column_sd, mean.rest_sd)]
        yield f"| {n} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
