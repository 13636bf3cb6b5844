"""What an estimator costs: seconds of preparation and of each architecture, and labels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from harness.estimators.matrix import COMBINATION, ScoreMatrix
from harness.estimators.runs import LABELS_OF
from harness.runs.record import Record

CORE_S, GPU_S, PUBLISHED_S = "core-seconds here", "GPU-seconds here", "seconds as given"
"""Units; costs in different ones are not compared."""

NESTED = "nested"
"""The runs whose scores a run made use of, among the facts of its record."""

LABEL_EPOCHS = "label_epochs"
"""Epochs trained for all labels together, among the facts of a record."""

LABEL_S = "label_s"
"""Seconds that these trainings took, on whatever machine did them, among the facts of a record."""


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


class Labels(NamedTuple):
    """The architectures of known accuracy that an estimator was fitted to, mean over seeds.

    Attributes:
        n: How many.
        epochs: Epochs of their trainings, all together; None if unknown. A label counts as one
            training, also where its number is the mean of several trials.
        seconds: What these trainings took on whatever machine did them (`PUBLISHED_S`), so never
            added to seconds here; None if unknown.
    """

    n: float
    epochs: float | None
    seconds: float | None = None


def find_labels(estimator: ScoreMatrix) -> Labels | None:
    """Return the labels that an estimator used, and their trainings; None if it used none.

    A record says how many epochs were trained for its labels, and if somebody recorded it how many
    seconds that took; if not, each took as many epochs as the truth that they are of. Components
    that were fitted to the same label share its training.
    """
    if not estimator.fitted_on:
        return None
    n = _mean_length(estimator)
    fitted = [part.estimator for part in estimator.components if part.estimator.fitted_on]
    epochs = [_find_epochs(each) for each in fitted]
    if len(fitted) == 1:
        return Labels(n, epochs[0], _find_seconds(fitted[0]))
    each = {own and own / _mean_length(e) for own, e in zip(epochs, fitted, strict=True)}
    (known,) = each if len(each) == 1 else (None,)
    return Labels(n, known and known * n)


def _find_seconds(estimator: ScoreMatrix) -> float | None:
    """Return what the trainings of an estimator's labels took, mean over seeds."""
    found = [record.ranking.get(LABEL_S) for record in estimator.records]
    known = [float(seconds) for seconds in found if seconds is not None]
    return float(np.mean(known)) if known and len(known) == len(found) else None


def _mean_length(estimator: ScoreMatrix) -> float:
    return float(np.mean(list(map(len, estimator.fitted_on))))


def _find_epochs(estimator: ScoreMatrix) -> float | None:
    """Return the epochs that were trained for an estimator's labels, mean over seeds."""
    found = []
    for record, labels in zip(
        estimator.records, estimator.fitted_on, strict=bool(estimator.records)
    ):
        epochs = record.ranking.get(LABEL_EPOCHS)
        if epochs is None:
            query = record.ranking.get(LABELS_OF, record.data.get("truth_query"))
            length = re.search(r", (\d+) epochs?", str(query))
            epochs = length and int(length[1]) * len(labels)
        found.append(epochs)
    known = [float(epochs) for epochs in found if epochs is not None]
    return float(np.mean(known)) if known and len(known) == len(found) else None


def find_cost(estimator: ScoreMatrix) -> Cost | None:
    """Return what an estimator costs; None where it is unknown, or in different units.

    That of a run is seconds times the threads and processes that computed together: the training
    steps are the preparation, what was only measured (disturbance, small rankings) left out. That
    of a combination is the sum over its components. The trainings of labels are not in it
    (`find_labels`): they took their seconds elsewhere.
    """
    if estimator.is_free:
        return Cost(None, 0.0, 0.0, len(estimator.keys))
    if estimator.source == COMBINATION:
        return _add_up(estimator)
    if estimator.records:
        n = len(estimator.keys)
        found = (find_cost_of_run(record, n) for record in estimator.records)
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


def find_cost_of_run(record: Record, n: int) -> Cost | None:
    """Return what a run cost, those runs included whose scores it made use of.

    Args:
        record: The run's.
        n: Architectures that it scored.

    Returns:
        None if it took over the scores of all of them, or another run's cost is unknown.
    """
    execution, timings = record.execution, record.timings
    is_gpu = execution.get("device") == "cuda"
    workers = 1 if is_gpu else int(execution.get("threads") or 1)
    workers *= int(execution.get("ranks") or 1)
    reused = record.ranking.get("reused")
    n_reused = int(reused.get("n_archs", 0)) if isinstance(reused, Mapping) else 0
    if n_reused >= n:
        return None
    if "published_s" in timings:
        if sum(timings.values()) > timings["published_s"]:  # in different units
            return None
        return Cost(PUBLISHED_S, 0.0, timings["published_s"] / n, n)
    if not timings:
        return None
    # Of proxies and short trainings, seconds are the processor's already.
    scoring = workers * timings.get("rank_s", 0.0) + timings.get("score_s", 0.0)
    own = Cost(
        GPU_S if is_gpu else CORE_S,
        workers * timings.get("train_s", 0.0) + timings.get("prepare_s", 0.0),
        scoring / (n - n_reused),
        n,
    )
    return _add_nested(own, record.ranking.get(NESTED, ()))


def _add_nested(own: Cost, runs: Iterable[Any]) -> Cost | None:
    """Add what the runs cost whose scores a run made use of; None if that is not known of all."""
    for run in runs:
        match run:
            case {"cost": {"unit": own.unit | None, "preparation": s, "per_arch": arch_s, "n": n}}:
                own = own._replace(
                    preparation=own.preparation + s, per_arch=own.per_arch + arch_s * n / own.n
                )
            case _:
                return None
    return own
