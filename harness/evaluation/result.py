"""What an evaluation says of one estimator, with everything that a figure has to carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.estimators.estimator import Estimator, IntArray
from harness.evaluation import rendering, sentences
from harness.scores import on_one_line
from harness.stats import Evaluation, PopulationResult
from harness.truth import TruthQuery


@dataclass(frozen=True)
class TruthSource:
    """What scores were held to.

    Attributes:
        query: Which numbers of the table.
        table: The table's name.
        sha256: Its content hash.
        n_archs: Architectures that have this truth.
        n_missing: Architectures with other trainings of that split and length, but not the trial
            or the seed that was asked for.
        is_recorded: Whether it is the table that the runs were ranked against; of other scores
            than those of runs, nothing is known to the contrary.
    """

    query: TruthQuery
    table: str
    sha256: str
    n_archs: int
    n_missing: int
    is_recorded: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return dict(vars(self)) | {"query": dict(vars(self.query))}


@dataclass(frozen=True, eq=False)
class EvaluationResult:
    """How well an estimator ranks, on every population and by every metric.

    Attributes:
        estimator: Whose scores.
        truth: What they were held to.
        n_scored: Architectures with a score of any seed.
        n_incomplete: Of these, left out since a seed lacks a score.
        n_without_truth: Of the rest, left out since they have no truth.
        n_uncommon: Of the rest, left out since another estimator of the report lacks a score.
        nb201_index: The architectures that are left, ascending, [n].
        figures: The figures on these.
    """

    estimator: Estimator
    truth: TruthSource
    n_scored: int
    n_incomplete: int
    n_without_truth: int
    n_uncommon: int
    nb201_index: IntArray
    figures: Evaluation

    @property
    def tau(self) -> float | None:
        """Kendall's tau-b over all architectures, mean over seeds; None where there is none."""
        return self.populations["all"].metrics["tau"].value

    @property
    def populations(self) -> dict[str, PopulationResult]:
        """The figures by population, such as "all", "top_50" and "top_10"."""
        return self.figures.populations

    @property
    def words(self) -> tuple[str, ...]:
        """The result in sentences: what was found, on what, against what, and what was left out."""
        return tuple(map(on_one_line, sentences.describe(self)))

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the scores, ready for JSON."""
        estimator = self.estimator
        return {
            "label": estimator.label,
            "method": estimator.method,
            "source": estimator.source,
            "paths": [str(path) for path in estimator.paths],
            "seeds": list(estimator.seeds),
            "score_kind": estimator.score_kind,
            "dataset": estimator.dataset,
            "bn_mode": estimator.bn_mode,
            "settings_sha256": estimator.settings_sha256,
            "ranked_against_sha256": estimator.truth_sha256,
            "truth": self.truth.to_dict(),
            "n_scored": self.n_scored,
            "n_incomplete": self.n_incomplete,
            "n_without_truth": self.n_without_truth,
            "n_uncommon": self.n_uncommon,
            "excluded": dict(estimator.exclusions),
            "words": list(self.words),
            **self.figures.to_dict(),
        }

    def __str__(self) -> str:
        """Return the sentences and the table of populations."""
        return rendering.to_text(self)

    def _repr_html_(self) -> str:
        return rendering.to_html(self)
