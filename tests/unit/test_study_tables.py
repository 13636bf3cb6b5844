"""Intervals of the study's tables, where runs of several methods share their seeds."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from scripts.ogd_study.summarise import describe_relation


def draw_runs(rng: np.random.RandomState, n_methods: int, shared: float) -> pd.DataFrame:
    """Runs of ten seeds with no relation of tau and PD+ but what a seed does to all methods."""
    per_seed = shared * rng.standard_normal((3, 10, 1))
    figures = per_seed + rng.standard_normal((3, 10, n_methods))
    method, seed = np.meshgrid(np.arange(n_methods), np.arange(10))
    columns = dict(zip(("tau", "positive_pd", "train_loss"), figures, strict=True))
    frame = pd.DataFrame({name: values.ravel() for name, values in columns.items()})
    return frame.assign(method=method.ravel().astype(str), seed=seed.ravel())


def ends(text: str) -> tuple[float, float]:
    found = re.fullmatch(r"[+-][\d.]+ \[([+-][\d.]+), ([+-][\d.]+)\]", text)
    assert found is not None
    return float(found[1]), float(found[2])


@pytest.mark.parametrize(("n_methods", "shared"), [(1, 1.0), (11, 0.0), (11, 1.0)])
def test_relations_are_covered_where_methods_share_their_seeds(
    n_methods: int, shared: float
) -> None:
    rng, hits, replays = np.random.RandomState(0), 0, 100
    for _ in range(replays):
        low, high = ends(describe_relation(draw_runs(rng, n_methods, shared), "tau"))
        hits += low <= 0.0 <= high
    # Three binomial errors are 0.065. As of 110 independent runs it is 0.60 where seeds count.
    assert 0.95 - 0.065 <= hits / replays <= 1.0
