"""Problems for searches, small enough for a test."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from harness.evaluation import choose_truth
from harness.evaluation.chosen import ChosenTruth
from harness.search.algorithms import Settings, find_algorithm
from harness.search.candidates import Candidates
from harness.search.driver import Study
from harness.search.objectives import Objective, Table, table_queries
from harness.search.problem import NO_START, Evaluation, Method, Problem, Start
from harness.search.storage import open_storage
from harness.spaces import Space, load_space
from harness.spaces.lookup import name_archs
from harness.truth import TruthTable, make_table

SMALL = Settings(population=4, sample=2)

CURVE = (1, 2, 4, 8)
"""Epochs of the made table."""


@cache
def tiles() -> ChosenTruth:
    """The bundled truth of NAS-Bench-201's cells."""
    return choose_truth("tiles")


def make_curves(space: Space, n: int = 60) -> TruthTable:
    """Make a table as `harness truth build` does, of accuracies that come out with the epochs."""
    rng = np.random.RandomState(0)
    keys = np.array(space.prefix(n))
    final = rng.uniform(20.0, 60.0, size=n)
    frames = []
    for epochs in CURVE:
        for split in ("valid", "test") if epochs == CURVE[-1] else ("valid",):
            accuracy = (final + rng.normal(0.0, 8.0 / epochs, size=n)).clip(1.0, 99.0)
            rows = name_archs(keys, space)
            frames.append(
                pd.DataFrame(
                    {**rows, "dataset": "tiles", "split": split, "epochs": epochs, "trial": 0}
                    | {"seed": 0, "accuracy": accuracy}
                )
            )
    metadata = {
        "protocol": json.dumps({"epochs": CURVE[-1]}),
        "n_archs_trained": str(n),
        "cost_cpu_s": str(8 * n),
    }
    return make_table(pd.concat(frames), f"{space.name}-curves", metadata, space=space)


@cache
def curves(space: str = "nago") -> ChosenTruth:
    """The made truth."""
    table = make_curves(load_space(space))
    return choose_truth("tiles", "test", CURVE[-1], truth=table, space=table.space)


def make_problem(
    chosen: ChosenTruth | None = None, stops: bool = False, second: bool = False
) -> Problem:
    """Make the problem of finding the best of a table by its validation accuracy."""
    chosen = chosen or tiles()
    queries = table_queries(chosen, None, None, None, stops)
    objective: Objective = Table(chosen.table, queries)
    assert objective.keys is not None
    space, keys = chosen.table.space, objective.keys
    sizes = {key: -space.baselines["params"].score(space.at(key)) for key in keys.tolist()}
    config = {"space": space.name, "objective": objective.describe()}
    return Problem(objective, Candidates(space, keys), sizes if second else None, config)


def make_method(algorithm: str, batch: int = 1, start: Start = NO_START) -> Method:
    """Make a method with a small population."""
    return Method(find_algorithm(algorithm), SMALL, start, batch)


def search_once(
    problem: Problem,
    method: Method,
    budget: int,
    file: Path | None = None,
    seed: int = 0,
    order: Sequence[int] = (),
) -> list[Evaluation]:
    """Open a study and run it."""
    storage = open_storage(None if file is None else f"sqlite:///{file}")
    return Study(problem, method, seed, order, storage).run(budget)
