"""What the gate keeps of an evaluation: enough for a paired comparison with another one.

Both sides of a check are snapshots; a baseline is one that was saved. Axis letters: seed; n
architectures, ascending by `nb201_index`, that every seed scored (or was fitted to) and that have
the truth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from harness import provenance
from harness.errors import DataError, TruthError
from harness.estimators.matrix import ScoreMatrix
from harness.evaluation import ChosenTruth, check_common_seeds
from harness.evaluation.pairs import gather_origins
from harness.scores import on_one_line, show
from harness.settings.dotted import flatten
from harness.spaces import DEFAULT, load_space
from harness.stats import MIN_ARCHS, kendall_tau
from harness.stats.correlation import FloatArray, IntArray
from harness.truth.metric import ACCURACY

SCHEMA_VERSION = 1
POPULATION = "the architectures of nb201_index, which every seed scored and which have the truth"
"""Of any space: `nb201_index` is what the field is called, and holds the space's keys."""
FITTED = f"{POPULATION}; a seed has no score of those that it was fitted to"

_TAU_DIGITS = 6


class _Content(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TruthReference(_Content):
    """The truth that scores were judged by.

    Attributes:
        dataset: Data set in the table's spelling.
        split: "valid" or "test".
        epochs: Length of training, epochs.
        policy: "mean", "trial=K" or "seed=S".
        table: The table's name.
        sha256: The table's content hash.
        metric: Name of what is measured.
    """

    dataset: str
    split: str
    epochs: int
    policy: str
    table: str
    sha256: str
    metric: str = ACCURACY.name

    @property
    def query(self) -> tuple[str, str, int, str, str]:
        """Which numbers of the table."""
        return self.dataset, self.split, self.epochs, self.policy, self.metric

    def __str__(self) -> str:
        """Say it on one line."""
        metric = "" if self.metric == ACCURACY.name else f"{show(self.metric)}, "
        return (
            f"{metric}{show(self.dataset)} {show(self.split)}, {self.epochs} epochs, "
            f"{show(self.policy)} (table {show(self.sha256[:12])})"
        )


class MethodSnapshot(_Content):
    """One method.

    Attributes:
        label: Its name: methods are compared by it.
        method: The training strategy, or the name that a score file gives.
        source: "run", "file" or "callable".
        dataset: Image data set that it was trained on; None where that is not known.
        bn_mode: Batch norm when ranking; None where that is not known.
        score_kind: What the score is.
        settings_sha256: Hash of all settings except the seed; None unless from runs.
        runs: Run ids, one a seed; none for others.
        commits: Commits of the harness that made the runs.
        seeds: Training seeds; (None,) where they are not known.
        population: Which architectures these are, in words.
        nb201_index: The architectures, ascending, [n].
        scores: Higher is better, [seed, n]; None where the seed was fitted to the architecture's
            truth: it is not judged there.
        tau: Tau of each seed against the truth, [seed]; for the reader, and None for a constant
            score: the gate computes its own.
        figures: What runs measured in training, by name, [seed] each.
        trainings: The trainings whose supernets were ranked, [seed]; none for others than runs.
        made_with: What the runs were made with besides their settings, by fact, such as the CPU.
        notes: What was decided in reading the scores that may surprise, in sentences.
    """

    label: str
    method: str
    source: str
    dataset: str | None
    bn_mode: str | None
    score_kind: str
    settings_sha256: str | None
    runs: tuple[str, ...]
    commits: tuple[str, ...]
    seeds: tuple[int | None, ...] = Field(min_length=1)
    population: str
    nb201_index: tuple[int, ...] = Field(min_length=MIN_ARCHS)
    scores: tuple[tuple[float | None, ...], ...]
    tau: tuple[float | None, ...]
    figures: dict[str, tuple[float, ...]]
    trainings: tuple[str, ...] = ()
    made_with: dict[str, tuple[str, ...]] = {}
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check_shapes(self) -> Self:
        n_seeds, n, index = len(self.seeds), len(self.nb201_index), np.array(self.nb201_index)
        if len(set(self.seeds)) != n_seeds:
            raise ValueError("a seed occurs twice")
        if index.min() < 0 or (np.diff(index) <= 0).any():
            raise ValueError("nb201_index does not ascend from 0")
        if len(self.scores) != n_seeds or any(len(row) != n for row in self.scores):
            raise ValueError(f"scores are not {n_seeds} seeds of {n} architectures")
        if any(len(row) != n_seeds for row in (self.tau, *self.figures.values())):
            raise ValueError(f"a figure does not have {n_seeds} values, one for each seed")
        return self

    @property
    def index_array(self) -> IntArray:
        """The architectures, [n]."""
        return np.array(self.nb201_index, dtype=np.int64)

    @property
    def score_array(self) -> FloatArray:
        """The scores, [seed, n]; NaN for None."""
        return np.array(self.scores, dtype=np.float64)


class Snapshot(_Content):
    """All methods of one evaluation.

    Attributes:
        created: UTC, ISO 8601.
        commit: Commit of the harness that made the snapshot.
        dirty: Whether tracked files differed from it.
        truth: What all of them were judged by.
        methods: At least one, each with a label of its own.
        space: The space of the architectures; None for NAS-Bench-201. There `nb201_index` is the
            published index; in other spaces it holds keys.
    """

    created: str
    commit: str | None
    dirty: bool | None
    truth: TruthReference
    methods: tuple[MethodSnapshot, ...] = Field(min_length=1)
    space: str | None = None

    @model_validator(mode="after")
    def _check_labels(self) -> Self:
        labels = [method.label for method in self.methods]
        if len(set(labels)) != len(labels):
            raise ValueError("two methods have the same label")
        size = load_space().size if self.space is None else None  # one's own is known by its class
        if size is not None and any(method.nb201_index[-1] >= size for method in self.methods):
            raise ValueError(f"nb201_index does not ascend from 0 to {size - 1:,} at most")
        return self

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes of all methods, each once."""
        return tuple(dict.fromkeys(note for method in self.methods for note in method.notes))

    def to_content(self) -> dict[str, Any]:
        """Return everything, ready for JSON, but fields that an earlier version did not have."""
        return self.model_dump(mode="json", exclude_defaults=True)


def make_snapshot(estimators: Sequence[ScoreMatrix], chosen: ChosenTruth) -> Snapshot:
    """Take what the gate needs from estimators.

    Args:
        estimators: At least one, each with a label of its own.
        chosen: The truth.

    Returns:
        The snapshot, with unrounded scores.

    Raises:
        TruthError: If fewer than 30 architectures have a truth and a score of every seed.
    """
    query = chosen.query
    return Snapshot(
        created=provenance.now(),
        **provenance.commit(),
        truth=TruthReference(**vars(query), table=chosen.table.name, sha256=chosen.table.sha256),
        methods=tuple(_take(estimator, chosen) for estimator in estimators),
        space=None if chosen.table.space.name == DEFAULT else chosen.table.space.name,
    )


def _take(estimator: ScoreMatrix, chosen: ChosenTruth) -> MethodSnapshot:
    check_common_seeds(estimator)
    known = np.isin(chosen.truth.keys, estimator.complete_archs)
    index, truth = chosen.truth.keys[known], chosen.goodness[known]
    scores, size = estimator.scores_of(index), estimator.space.n_judged
    judged = estimator.judged_on(index)
    if judged is None:
        judged = np.ones(scores.shape, dtype=np.bool_)
    fewest = int(judged.sum(axis=1).min())
    if fewest < MIN_ARCHS:
        raise TruthError(
            f"'{estimator.label}' has {fewest} architectures with a score of every seed and a "
            f"truth ({chosen.query}); a check needs {MIN_ARCHS} or more. Score more of the "
            f"{len(chosen.truth.keys):,} that have this truth."
        )
    scores = np.where(judged, scores, np.nan)
    taus = [
        kendall_tau(row[own], truth[own]).value for row, own in zip(scores, judged, strict=True)
    ]
    sources = [source for record in estimator.records for source in record.sources]
    commits = (str(source["commit"]) for source in sources if source.get("commit"))
    return MethodSnapshot(
        label=estimator.label,
        method=estimator.method,
        source=estimator.source,
        dataset=estimator.dataset,
        bn_mode=estimator.bn_mode,
        score_kind=estimator.score_kind,
        settings_sha256=estimator.settings_sha256,
        runs=tuple(record.run_id for record in estimator.records),
        commits=tuple(dict.fromkeys(commits)),
        seeds=estimator.seeds,
        population=f"{len(index):,}{'' if size is None else f' of {size:,}'}: "
        f"{FITTED if estimator.fitted_on else POPULATION}",
        nb201_index=tuple(index.tolist()),
        scores=to_rows(scores),
        tau=tuple(None if tau is None else round(tau, _TAU_DIGITS) for tau in taus),
        figures=_figures(estimator),
        trainings=estimator.trainings,
        made_with=gather_origins(estimator.records),
        notes=tuple(map(on_one_line, estimator.notes)),
    )


def to_rows(scores: FloatArray) -> tuple[tuple[float | None, ...], ...]:
    """Return scores [seed, n] as a snapshot holds them, None for NaN."""
    return tuple(tuple(None if math.isnan(s) else s for s in row) for row in scores.tolist())


_PLACES = {
    "positive_pd": "disturbance.recent.positive_pd",
    "mean_pd": "disturbance.recent.mean_pd",
    "progress": "disturbance.progress",
    "train_loss": "train_loss",
}
"""Where a run's summary has each figure, by name."""


def _figures(estimator: ScoreMatrix) -> dict[str, tuple[float, ...]]:
    """Gather the figures that every run measured, as its record has them."""
    summaries = [flatten(record.summary) for record in estimator.records]
    found: dict[str, list[Any]] = {
        name: [summary.get(place) for summary in summaries] for name, place in _PLACES.items()
    }
    return {name: tuple(map(float, v)) for name, v in found.items() if v and all(map(_is_real, v))}


def _is_real(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def check_worth_keeping(snapshot: Snapshot) -> None:
    """Refuse a snapshot that anything would pass against.

    Args:
        snapshot: What is to become a baseline.

    Raises:
        DataError: If all scores of a seed are equal.
    """
    for method in snapshot.methods:
        constant = [str(s) for s, tau in zip(method.seeds, method.tau, strict=True) if tau is None]
        if constant:
            raise DataError(
                f"All scores of '{method.label}' are equal for seed {', '.join(constant)}: they "
                "rank nothing, and everything would pass against them. Leave that seed out."
            )


def round_scores(scores: FloatArray) -> FloatArray:
    """Round scores to the fewest digits that keep every seed's ranking, ties included.

    Args:
        scores: Numbers, NaN for none, [seed, n].

    Returns:
        The rounded numbers; rounding keeps the order, so it is enough that no two become equal.
    """
    return np.stack([_round_row(row) for row in scores])


def _round_row(row: FloatArray) -> FloatArray:
    n_distinct = len(np.unique(row))
    for digits in range(4, 17):
        rounded = np.array([float(f"{value:.{digits}g}") for value in row.tolist()])
        if len(np.unique(rounded)) == n_distinct:
            return rounded
    return row
