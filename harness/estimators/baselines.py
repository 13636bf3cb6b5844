"""Scores that any estimator has to beat: the size of a network, its work, and chance."""

from __future__ import annotations

import numpy as np

from harness.errors import unknown_name
from harness.estimators.matrix import CALLABLE, FloatArray, IntArray, ScoreMatrix
from harness.seeding import make_rng
from harness.spaces.nb201.cost import BENCHMARK_SHAPES, count_flops, count_params
from harness.spaces.nb201.encoding import N_ARCHS, arch_at

BASELINES = {
    "params": "number of parameters",
    "flops": "number of multiplications and additions",
    "random": "random, the same for an architecture every time",
}
"""By name, what the score is."""


def make_baselines(nb201_index: IntArray) -> dict[str, FloatArray]:
    """Make the scores that any estimator has to beat.

    Args:
        nb201_index: Architectures, [n].

    Returns:
        `params` and `flops` (of CIFAR-10's network; every one with two channels or more orders
        architectures alike), and `random`, the same for an architecture every time, [n] each.
    """
    archs = [arch_at(index) for index in nb201_index.tolist()]
    shape = BENCHMARK_SHAPES["cifar10"]
    order = make_rng(0, "random score").permutation(N_ARCHS)
    return {
        "params": np.array([count_params(arch, shape) for arch in archs], dtype=np.float64),
        "flops": np.array([count_flops(arch, shape) for arch in archs], dtype=np.float64),
        "random": order[nb201_index].astype(np.float64),
    }


def make_baseline(name: str, nb201_index: IntArray) -> ScoreMatrix:
    """Make one of them an estimator, to compare others with.

    Args:
        name: One of `BASELINES`.
        nb201_index: Architectures, ascending, [n].

    Returns:
        The estimator, of one unknown seed.

    Raises:
        UsageError: If the name is none of them.
    """
    if name not in BASELINES:
        raise unknown_name("baseline", name, BASELINES)
    score = make_baselines(nb201_index)[name][np.newaxis]
    return ScoreMatrix(name, name, CALLABLE, (None,), nb201_index, score, BASELINES[name])
