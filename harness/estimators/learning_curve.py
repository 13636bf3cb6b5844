"""Learning curves: the truth table's own accuracy at a smaller fidelity, as an estimator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field

from harness.errors import UsageError
from harness.estimators.base import Estimator, Needs, Scores, name_rows, score_cells
from harness.estimators.runs import SCORE_KIND
from harness.settings.base import Settings
from harness.spaces import load_space
from harness.truth import TruthQuery, default_query
from harness.truth.costs import find_seconds
from harness.truth.published import published


class LearningCurveSettings(Settings):
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

    def stored(self) -> dict[str, Any]:
        """Return the settings that are given or have a default."""
        return {key: value for key, value in super().stored().items() if value is not None}


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

    def prepare(self) -> None:
        """Find the fidelity in the table.

        Raises:
            UsageError: If it is what the run is judged by.
            TruthError: If the table does not have it.
        """
        config = self.task.config
        space = load_space(config.space)
        settings = LearningCurveSettings.read(config.tables.get(LearningCurveSettings.table, {}))
        judge = default_query(config.dataset, space)
        self._query = self._choose(settings, judge)
        if self._query == judge:
            raise UsageError(
                f"learning_curve was asked for {self._query}, which is the truth that the run is "
                "judged by. Give fewer learning_curve.epochs, or another learning_curve.split."
            )
        self._truth = self.task.truth.mean(self._query)

    def _choose(self, settings: LearningCurveSettings, judge: TruthQuery) -> TruthQuery:
        datasets = [settings.dataset] if settings.dataset else [judge.dataset]
        if settings.dataset is None and settings.split != "test":
            validated = published(self.task.truth.space).validated_as
            datasets.insert(0, validated.get(judge.dataset, judge.dataset))
        splits = [settings.split] if settings.split else ["valid", "test"]
        queries = [
            replace(judge, dataset=dataset, split=split, epochs=settings.epochs)
            for split in splits
            for dataset in datasets
        ]
        columns = self.task.truth.columns
        found = (q for q in queries if len(columns.where(q.dataset, q.split, q.epochs)))
        return next(found, queries[0])

    def score(self, keys: Sequence[int]) -> Scores:
        """Look the accuracies up; what the table lacks has no score."""
        space, known = load_space(self.task.config.space), self._truth.by_index()
        of_archs = [known.get(key) for key in keys]
        seconds = find_seconds(self.task.truth, self._query, self.task.data_dir)
        trained = [key for key in keys if key in known]
        if seconds is not None and all(key in seconds for key in trained):
            self._seconds = (self._seconds or 0.0) + sum(seconds[key] for key in trained)
        n_trials = dict(zip(self._truth.keys.tolist(), self._truth.n_trials.tolist(), strict=True))
        cells = ({**score_cells(accuracy), "accuracy": accuracy} for accuracy in of_archs)
        return Scores(
            rows={"scores": name_rows(keys, space, cells)},
            tables={},
            facts={
                SCORE_KIND: f"accuracy, percent, {self._query}",
                "trained_epochs": self._query.epochs * sum(n_trials.get(key, 0) for key in keys),
            },
        )

    def cost(self) -> dict[str, float]:
        """Return the seconds of the trainings to that epoch, as recorded; nothing if unknown."""
        return {} if self._seconds is None else {"published_s": round(self._seconds, 1)}
