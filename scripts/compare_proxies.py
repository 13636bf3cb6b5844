"""Compare our proxies with those of another code base, class by class.

    python scripts/compare_proxies.py results/leaderboard zero_cost_cifar10.csv
    python scripts/compare_proxies.py results/zero-cost/cifar10.csv zero_cost_cifar10.csv

Ours is a folder of runs on CIFAR-10, or a file with a row for each class, number of cells and seed;
theirs is the public table of NAS-Bench-Suite-Zero, one architecture a class. Printed is Spearman's
correlation between ours (N=5, seed 0) and theirs, between two seeds of ours, and between our N=1
and N=5, each with its number of classes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from harness.estimators.classes import class_key
from harness.estimators.zero_cost import REGISTRY
from harness.runs.folder import find_runs
from harness.runs.record import FINISHED
from harness.scores import STATUS_OK, load_scores
from harness.settings.run import RunConfig
from harness.spaces import load_space
from harness.stats.linear import spearman

CELLS = 5
"""Of the benchmark's networks: N=5."""
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


def read_ours(path: Path) -> dict[tuple[int, int], pd.DataFrame]:
    """Read our numbers by cells and seed, a column for each proxy."""
    if path.is_file():
        rows = pd.read_csv(path)
        keys = set(zip(rows["cells"], rows["seed"], strict=True))
        of_key = {key: rows[(rows["cells"] == key[0]) & (rows["seed"] == key[1])] for key in keys}
        return {key: part.set_index("nb201_index") for key, part in of_key.items()}
    space = load_space()
    found: dict[tuple[int, int], dict[str, pd.Series[float]]] = {}
    for folder in find_runs([path]):
        record = folder.read_record()
        config = RunConfig(**record.config)
        is_ours = config.estimator in REGISTRY and config.dataset == "cifar10"
        if not is_ours or record.status != FINISHED:
            continue
        own = load_scores(folder.path / "scores.parquet", space)
        own = own[own["status"] == STATUS_OK]
        classes = [class_key(space, key) for key in own["nb201_index"]]
        scores = pd.Series(own["score"].to_numpy(), classes)
        scores = scores[~scores.index.duplicated()]
        cells = config.tables.get("zero_cost", {}).get("cells") or CELLS
        columns = found.setdefault((cells, config.seed), {})
        # Of two runs that differ in the number of architectures the larger has the other's numbers.
        columns[config.estimator] = max(columns.get(config.estimator, scores), scores, key=len)
    return {key: pd.DataFrame(columns) for key, columns in found.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ours", type=Path)
    parser.add_argument("theirs", type=Path)
    given = parser.parse_args()
    ours, theirs = read_ours(given.ours), read_theirs(given.theirs)
    keys = ((CELLS, 0), (CELLS, 1), (1, 0))
    first, second, shallow = (ours.get(key, pd.DataFrame()) for key in keys)
    print(f"{'proxy':10} {'theirs':>14} {'two seeds':>14} {'N=1, N=5':>14}")
    for name in REGISTRY:
        others = (
            correlate(first[name], other[name]) if name in first and name in other else "-"
            for other in (theirs, second, shallow)
        )
        print(f"{name:10}", *(f"{text:>14}" for text in others))


if __name__ == "__main__":
    main()
