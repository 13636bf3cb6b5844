"""What an estimator costs: seconds of preparation, and of each architecture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from harness.estimators.matrix import COMBINATION, ScoreMatrix
from harness.runs.record import Record

CORE_S, GPU_S, PUBLISHED_S = "core-seconds here", "GPU-seconds here", "seconds as given"
"""Units; costs in different ones are not compared."""


class Cost(NamedTuple):
    """The cost of one set of scores, mean over seeds.

    Attributes:
        unit: Of the seconds; None if there are none, as of free scores.
        preparation: Training, before any score, s.
        per_arch: Each architecture, s.
        n: Architectures that were scored.
    """

    unit: str | None
    preparation: float
    per_arch: float
    n: int

    @property
    def total(self) -> float:
        """All of it, s."""
        return self.preparation + self.per_arch * self.n

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return {**self._asdict(), "total": self.total}


def find_cost(estimator: ScoreMatrix) -> Cost | None:
    """Return what an estimator costs; None where it is unknown, or in different units.

    That of a run is seconds times the threads and processes that computed together: the training
    steps are the preparation, what was only measured (disturbance, small rankings) left out. That
    of a combination is the sum over its components.
    """
    if estimator.is_free:
        return Cost(None, 0.0, 0.0, len(estimator.keys))
    if estimator.source == COMBINATION:
        return _add_up(estimator)
    if estimator.records:
        n = len(estimator.keys)
        found = (_find_cost_of_run(record, n) for record in estimator.records)
        costs = [cost for cost in found if cost is not None]
        units = {cost.unit for cost in costs}
        if len(units) != 1:
            return None
        preparation, per_arch = (
            float(np.mean([cost[place] for cost in costs])) for place in (1, 2)
        )
        return Cost(units.pop(), preparation, per_arch, n)
    if estimator.arch_s is None:
        return None
    return Cost(PUBLISHED_S, 0.0, estimator.arch_s, len(estimator.keys))


def _add_up(estimator: ScoreMatrix) -> Cost | None:
    costs = [find_cost(part.estimator) for part in estimator.parts]
    known = [cost for cost in costs if cost is not None]
    units = {cost.unit for cost in known} - {None}
    if len(known) < len(costs) or len(units) > 1:
        return None
    return Cost(
        units.pop() if units else None,
        sum(cost.preparation for cost in known),
        sum(cost.per_arch for cost in known),
        len(estimator.keys),
    )


def _find_cost_of_run(record: Record, n: int) -> Cost | None:
    """Return what a run cost; None if it took over the scores of all n architectures."""
    execution, timings = record.execution, record.timings
    is_gpu = execution.get("device") == "cuda"
    workers = 1 if is_gpu else int(execution.get("threads") or 1)
    workers *= int(execution.get("ranks") or 1)
    reused = record.ranking.get("reused")
    n_reused = int(reused.get("n_archs", 0)) if isinstance(reused, Mapping) else 0
    if n_reused >= n:
        return None
    # A proxy's seconds are the processor's already.
    scoring = workers * timings.get("rank_s", 0.0) + timings.get("score_s", 0.0)
    return Cost(
        GPU_S if is_gpu else CORE_S,
        workers * timings.get("train_s", 0.0),
        scoring / (n - n_reused),
        n,
    )
