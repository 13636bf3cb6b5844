"""Compare our proxies with those of another code base, class by class.

    python scripts/compare_proxies.py results/zero-cost/cifar10.csv zero_cost_cifar10.csv

Ours has a row for each class, number of cells and seed; theirs is the public table of
NAS-Bench-Suite-Zero. Printed is Spearman's correlation between ours (N=5, seed 0) and theirs,
between two seeds of ours, and between our N=1 and N=5, each with its number of classes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from harness.estimators.zero_cost import REGISTRY
from harness.spaces import load_space
from harness.stats.linear import spearman

NOT_A_NUMBER = -1e8
"""What the public table has where a proxy could not be computed."""


def correlate(first: pd.Series[float], second: pd.Series[float]) -> str:
    """Return Spearman's correlation over the classes that both have, and their number."""
    both = pd.concat([first, second], axis=1, join="inner").dropna()
    rho = spearman(*both.to_numpy(dtype=np.float64).T).value
    return f"{'-' if rho is None else f'{rho:.3f}'} ({len(both)})"


def read_theirs(path: Path) -> pd.DataFrame:
    """Read the public table, by published index."""
    table, space = pd.read_csv(path), load_space()
    table.index = pd.Index([space.key(space.parse(text)) for text in table["net_str"]])
    return table.drop(columns=["net", "net_str"]).replace(NOT_A_NUMBER, np.nan)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ours", type=Path)
    parser.add_argument("theirs", type=Path)
    given = parser.parse_args()
    rows, theirs = pd.read_csv(given.ours), read_theirs(given.theirs)
    ours = {key: part.set_index("nb201_index") for key, part in rows.groupby(["cells", "seed"])}
    print(f"{'proxy':10} {'theirs':>14} {'two seeds':>14} {'N=1, N=5':>14}")
    for name in REGISTRY:
        own = ours[5, 0][name]
        beside = correlate(own, theirs[name]) if name in theirs else "-"
        seeds, cells = correlate(own, ours[5, 1][name]), correlate(own, ours[1, 0][name])
        print(f"{name:10} {beside:>14} {seeds:>14} {cells:>14}")


if __name__ == "__main__":
    main()
