"""Truths of generators that tests make up."""

from __future__ import annotations

import pandas as pd

from harness.spaces import load_space
from harness.spaces.lookup import name_archs
from harness.truth import TruthQuery, TruthTable, make_table

SPACE = load_space("nago")
QUERY = TruthQuery("tiles", "test", 5)


def make_generator_truth(
    accuracies: dict[int, list[float]], seeds: list[int] | None = None
) -> TruthTable:
    """Make a table of one accuracy for each seed and architecture."""
    seeds = seeds or [0, 1, 2, 3]
    rows = [
        {
            **{name: cells[0] for name, cells in name_archs([key], SPACE).items()},
            **{"dataset": "tiles", "split": "test", "epochs": 5, "trial": trial, "seed": seed},
            "accuracy": accuracy,
        }
        for key, of_arch in accuracies.items()
        for trial, (seed, accuracy) in enumerate(zip(seeds, of_arch, strict=False))
    ]
    return make_table(pd.DataFrame(rows), "nago-tiles", {}, space=SPACE)
