"""Learning curves: the truth table's own accuracy at a smaller fidelity, as an estimator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from harness.errors import UsageError
from harness.estimators.base import Estimator, Needs, Scores, name_rows, score_cells
from harness.estimators.runs import SCORE_KIND
from harness.settings.base import SparseSettings
from harness.settings.run import RunConfig
from harness.spaces import load_space
from harness.truth import TruthQuery, TruthTable, default_query
from harness.truth.costs import find_seconds
from harness.truth.published import published


class LearningCurveSettings(SparseSettings):
    """Which point of the curve is the score.

    Attributes:
        epochs: Epochs after which accuracy was measured.
        split: `valid` or `test`; None: `valid` where the table has it, else `test`.
        dataset: Data set in the table's spelling; None: that of the run's truth, or the one that
            its validation accuracies have.
    """

    table: ClassVar[str] = "learning_curve"

    epochs: int = Field(12, ge=1)
    split: str | None = None
    dataset: str | None = None


class LearningCurve(Estimator):
    """The mean accuracy of an architecture's trainings after fewer epochs, or on other images.

    In a table that `harness truth build` made, that is an earlier epoch of the very trainings that
    are the truth; in NAS-Bench-201, trainings of their own.
    """

    name = "learning_curve"
    needs = Needs(images=False)
    reads = frozenset[str]()
    Settings = LearningCurveSettings
    in_place = True
    _seconds: float | None = None

    @classmethod
    def check(cls, config: RunConfig, truth: TruthTable) -> None:
        """Refuse what the run is judged by, and what the table does not have.

        Raises:
            UsageError: If it is the former.
            TruthError: If it is the latter.
        """
        asked = _find_query(config, truth)
        if asked == default_query(config.dataset, load_space(config.space)):
            raise UsageError(
                f"learning_curve was asked for {asked}, which is the truth that the run is judged "
                "by. Give fewer learning_curve.epochs, or another learning_curve.split."
            )
        truth.mean(asked)

    def prepare(self) -> None:
        """Find the fidelity in the table.

        Raises:
            HarnessError: As `check`.
        """
        self.check(self.task.config, self.task.truth)
        self._query = _find_query(self.task.config, self.task.truth)
        self._truth = self.task.truth.mean(self._query)

    def score(self, keys: Sequence[int]) -> Scores:
        """Look the accuracies up; what the table lacks has no score."""
        space, known = load_space(self.task.config.space), self._truth.by_index()
        of_archs = [known.get(key) for key in keys]
        seconds = find_seconds(self.task.truth, self._query, self.task.data_dir)
        counts = zip(self._truth.keys.tolist(), self._truth.n_trainings.tolist(), strict=True)
        n_trainings = dict(counts)
        trained = [key for key in keys if key in known]
        if seconds is not None and all(key in seconds for key in trained):
            spent = sum(seconds[key] * n_trainings[key] for key in trained)
            self._seconds = (self._seconds or 0.0) + spent
        cells = ({**score_cells(accuracy), "accuracy": accuracy} for accuracy in of_archs)
        return Scores(
            rows={"scores": name_rows(keys, space, cells)},
            tables={},
            facts={
                SCORE_KIND: f"accuracy, percent, {self._query}",
                "trained_epochs": self._query.epochs * sum(n_trainings[key] for key in trained),
            },
        )

    def cost(self) -> dict[str, float]:
        """Return the seconds of the trainings to that epoch, as recorded; nothing if unknown."""
        return {} if self._seconds is None else {"published_s": round(self._seconds, 1)}


def _find_query(config: RunConfig, truth: TruthTable) -> TruthQuery:
    """Find what a run asks of a table: validation accuracies where the table has them."""
    settings = LearningCurveSettings.of(config)
    judge = default_query(config.dataset, load_space(config.space))
    datasets = [settings.dataset] if settings.dataset else [judge.dataset]
    if settings.dataset is None and settings.split != "test":
        validated = published(truth.space).validated_as
        datasets.insert(0, validated.get(judge.dataset, judge.dataset))
    splits = [settings.split] if settings.split else ["valid", "test"]
    queries = [
        replace(judge, dataset=dataset, split=split, epochs=settings.epochs)
        for split in splits
        for dataset in datasets
    ]
    found = (q for q in queries if len(truth.columns.where(q.dataset, q.split, q.epochs)))
    return next(found, queries[0])
