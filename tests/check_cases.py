"""Scores made up for tests of the regression gate: a truth, and methods that rank it.

Axis letters: seed; n architectures.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.check import Snapshot, make_snapshot
from harness.estimators.matrix import ScoreMatrix
from harness.evaluation import ChosenTruth, choose_truth
from harness.runs.record import Record
from harness.settings.layers import make_config
from harness.spaces.nb201.encoding import arch_at, sample_indices
from harness.truth import TruthTable, make_table

FloatArray = npt.NDArray[np.float64]

N = 200
SEEDS = tuple(range(5))


def make_truth(n: int = N, seed: int = 0, name: str = "made") -> tuple[ChosenTruth, FloatArray]:
    """A truth of n architectures, and the signal that scores may carry of it, [n]."""
    signal = np.random.RandomState(seed).standard_normal(n)
    index = np.sort(np.array(sample_indices(n)))
    table = make_own_table(index, 60.0 + 5.0 * signal, name)
    return choose_truth("tiles", "test", 12, truth=table), signal


def make_own_table(index: npt.NDArray[np.int64], accuracy: FloatArray, name: str) -> TruthTable:
    frame = pd.DataFrame(
        {
            "nb201_index": index,
            "arch_str": [str(arch_at(int(i))) for i in index],
            "dataset": "tiles",
            "split": "test",
            "epochs": 12,
            "trial": 0,
            "seed": 0,
            "accuracy": accuracy,
        }
    )
    return make_table(frame, name, {})


def draw_scores(
    signal: FloatArray,
    seeds: Iterable[int] = SEEDS,
    *,
    noise: float = 0.8,
    own: int = 0,
    world: int = 0,
) -> FloatArray:
    """Scores [seed, n]: the signal, what a training seed makes of it, and noise of one's own.

    Args:
        signal: [n].
        seeds: Training seeds: the same one has the same part in all methods of a world.
        noise: Size of one's own.
        own: Whose own; another number is another draw.
        world: Another number is another draw of everything.
    """
    rows = []
    for seed in seeds:
        shared = np.random.RandomState((world * 1009 + seed) % 2**32).standard_normal(len(signal))
        rng = np.random.RandomState((world * 7919 + seed * 31 + 104729 * (own + 1)) % 2**32)
        rows.append(signal + 0.6 * shared + noise * rng.standard_normal(len(signal)))
    return np.array(rows)


def make_estimator(
    chosen: ChosenTruth,
    scores: FloatArray,
    seeds: Iterable[int | None] = SEEDS,
    label: str = "spos",
    **fields: Any,
) -> ScoreMatrix:
    """An estimator of a score file, on the architectures of the truth unless told otherwise."""
    given = {"source": "file", "score_kind": "column 'score'"} | fields
    index = given.pop("keys", chosen.truth.keys)
    return ScoreMatrix(
        label=label, method=label, seeds=tuple(seeds), keys=index, score=scores, **given
    )


def keep(chosen: ChosenTruth, *estimators: ScoreMatrix) -> Snapshot:
    """What a baseline file of these holds, but for the rounding."""
    return make_snapshot(estimators, chosen)


def make_records(seeds: Iterable[int], **figures: Iterable[float]) -> tuple[Record, ...]:
    """Records of runs that measured these figures, one a seed."""
    records = []
    for place, seed in enumerate(seeds):
        mine = {name: list(values)[place] for name, values in figures.items()}
        records.append(
            Record(
                run_id=f"tiles-spos-s{seed}",
                status="finished",
                started="2025-01-01T00:00:00+00:00",
                config=make_config({"seed": seed}).model_dump(),
                sources=[{"commit": "0" * 40, "dirty": False}],
                summary={
                    "train_loss": mine.get("train_loss"),
                    "disturbance": {
                        "progress": mine.get("progress"),
                        "recent": {"positive_pd": mine.get("positive_pd")},
                    },
                },
            )
        )
    return tuple(records)
