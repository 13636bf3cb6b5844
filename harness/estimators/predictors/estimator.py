"""The predictor as an estimator: fitted to the truth of some architectures, it scores the others.

The labels are of the very table that judges the run, so the architectures that have one get no
score, and are never in its evaluation (`ScoreMatrix.fitted_on`). The scores of another estimator,
such as short trainings, may be labels too. They say nothing of the truth: then every architecture
is scored by its prediction, and judged.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np

from harness.errors import UsageError
from harness.estimators.base import (
    Estimator,
    Needs,
    Scores,
    Task,
    label_cells,
    name_rows,
    pick_rows,
    score_cells,
)
from harness.estimators.cost import LABEL_EPOCHS, LABEL_S
from harness.estimators.matrix import FloatArray, IntArray
from harness.estimators.methods import Nested
from harness.estimators.naming import split_settings, write_name
from harness.estimators.nested import is_fitted, nest
from harness.estimators.nested_scores import NestedScores
from harness.estimators.predictors.features import (
    Table,
    check_encodings,
    draw_encodings,
    estimators_among,
    make_prior,
    make_table,
    read_features,
    read_prior,
)
from harness.estimators.predictors.halving import halve
from harness.estimators.predictors.labels import (
    Labels,
    draw_labels,
    draw_places,
    query_of,
    ranked_keys,
    read_levels,
    refuse_constant,
)
from harness.estimators.predictors.models import describe, model_seed, predict, read_models
from harness.estimators.predictors.settings import PredictorSettings
from harness.estimators.runs import LABELS_OF, SCORE_KIND
from harness.seeding import make_rng
from harness.settings.run import RunConfig
from harness.spaces import load_space
from harness.truth import TruthTable


class Predictor(Estimator):
    """A regression of accuracy, fitted to the truth of `n` of the architectures that are ranked.

    The run's seed draws the labels: of one seed, fewer are among more. Features and labels are of
    the run's architectures, whichever are asked for, so that a score depends on the run alone.
    """

    name = "predictor"
    needs = Needs(labels=PredictorSettings().n)
    reads = frozenset({"seed", "split_seed", "train_share"})
    Settings = PredictorSettings
    in_place = True

    @classmethod
    def nested(cls, config: RunConfig) -> Sequence[Nested]:
        """Return the estimators among its features, in its prior, and behind its labels.

        Raises:
            UsageError: If a name is unknown, or is that of an estimator that is fitted to labels.
        """
        settings, space = PredictorSettings.of(config), load_space(config.space)
        names = read_features(settings.features, space, nests=True)
        names += read_prior(settings.prior, space, nests=True)
        named = [*estimators_among(names, space), *filter(None, [settings.labels_from])]
        found = nest(named, config, settings.supernet_seed, settings.proxy_seed)
        for one in found:
            if is_fitted(one.config):
                raise UsageError(
                    f"A predictor's features, prior or labels name {one.name}, which is fitted to "
                    "labels itself. Give scores that no label decides, such as those of a "
                    "training-free proxy or of a supernet's strategy; predictors are combined by "
                    "rank, such as spos+predictor(n=64)."
                )
        return found

    @classmethod
    def check(cls, config: RunConfig, truth: TruthTable) -> None:
        """Refuse unknown names and labels that cannot be had.

        Raises:
            UsageError: If a setting is not allowed, or names no model or no feature; otherwise as
                `draw_labels` and `choose_levels`.
        """
        settings, space = PredictorSettings.of(config), load_space(config.space)
        read_models(settings.model)
        cls.nested(config)
        features = read_features(settings.features, space, nests=True)
        check_encodings(features, space, settings.encodings)
        if settings.labels_from is None:
            draw_labels(config, truth)
            if settings.labels != "random":
                read_levels(config, truth)
        else:
            draw_places(config, ranked_keys(config), "could be labels")

    def __init__(self, task: Task) -> None:
        """Read the settings; nothing is computed yet.

        Raises:
            UsageError: If a setting is not allowed, or names no model or no feature.
        """
        super().__init__(task)
        config = task.config
        self._space = load_space(config.space)
        self._settings = PredictorSettings.of(config)
        self._models = read_models(self._settings.model)
        self._features = read_features(self._settings.features, self._space, nests=True)
        self._prior = read_prior(self._settings.prior, self._space, nests=True)
        self._scores = NestedScores(task, self.nested(config))
        self._keys = ranked_keys(config)
        self._own_s = 0.0

    def prepare(self) -> None:
        """Draw the labels, and prepare the estimators among the features.

        Raises:
            HarnessError: As `draw_labels` and the estimators.
        """
        config, settings = self.task.config, self._settings
        self._scores.prepare()
        if settings.labels_from is not None:
            self._labels = self._score_labels(settings.labels_from)
        elif settings.labels != "random":
            self._labels = self._halve_labels()
        else:
            self._labels = draw_labels(config, self.task.truth)

    def _score_labels(self, estimator: str) -> Labels:
        """Draw architectures, and take an estimator's scores for labels; those without are out."""
        places = draw_places(self.task.config, self._keys, "could be labels")
        scores = self._scores.score(write_name(*split_settings(estimator)), self._keys[places])
        known = np.isfinite(scores)
        refuse_constant(scores[known], estimator)
        return Labels(places[known], scores[known])

    def _halve_labels(self) -> Labels:
        """Choose labels by successive halving; a comparator proposes them for `nosh`."""
        config = self.task.config
        levels, known = read_levels(config, self.task.truth)
        propose = self._predict if self._settings.labels == "nosh" else None
        rng = make_rng(config.seed, "labels")
        places, accuracy = halve(known, self._settings.n, rng, propose)
        return Labels(places, accuracy, tuple(levels))

    @property
    def fitted_on(self) -> frozenset[int]:
        """The architectures whose truth is a label."""
        if self._settings.labels_from is not None:
            return frozenset()
        return frozenset(self._keys[self._labels.places].tolist())

    def score(self, keys: Sequence[int]) -> Scores:
        """Fit the models, and predict the accuracy of architectures without a label.

        Raises:
            UsageError: If an architecture is not among those that the run ranks.
            Interrupted: If the monitor asked to stop; what proxies measured is kept.
        """
        predicted, imputed = self._predicted
        labelled = self.fitted_on
        cells = {
            key: label_cells() if key in labelled else score_cells(score)
            for key, score in zip(self._keys.tolist(), predicted.tolist(), strict=True)
        }
        column = "score" if self._settings.labels_from else "accuracy"
        labels = ({column: label} for label in self._labels.longest)
        labelled_keys = self._keys[self._labels.places].tolist()
        return Scores(
            rows={"scores": pick_rows(keys, self._space, cells)},
            tables={"labels": name_rows(labelled_keys, self._space, labels)},
            facts=self._describe(imputed),
        )

    def cost(self) -> dict[str, float]:
        """Return the processor's seconds of fitting, predicting, and what is within the run.

        The trainings behind the labels are not in it. Nothing, if the cost of a feature is unknown.
        """
        spent = self._scores.cost()
        if spent is None:
            return {}
        spent["score_s"] = spent.get("score_s", 0.0) + self._own_s
        return {part: round(seconds, 3) for part, seconds in spent.items()}

    @cached_property
    def _predicted(self) -> tuple[FloatArray, Mapping[str, int]]:
        """Predictions of the run's architectures, [pool], and which scores lack how many."""
        predicted = self._predict(self._labels.places, self._labels.accuracy)
        return predicted, self._table[0].imputed

    @cached_property
    def _table(self) -> tuple[Table, FloatArray | None]:
        """Features and prior of the run's architectures."""
        score = partial(self._scores.score, keys=self._keys)
        table = make_table(self._features, self._keys, self._space, score)
        prior = make_prior(self._prior, self._keys, self._space, score) if self._prior else None
        return table, prior

    def _predict(self, places: IntArray, accuracy: FloatArray) -> FloatArray:
        """Predict the run's architectures from labels, [pool]."""
        (table, prior), seed = self._table, model_seed(self.task.config.seed)
        started = time.process_time()
        encodings = draw_encodings(
            self._features, table, places, self._keys, self._space, self._settings.encodings
        )
        found = predict(self._models, table.values, places, accuracy, seed, prior, encodings)
        self._own_s += time.process_time() - started
        return found

    def _describe(self, imputed: Mapping[str, int]) -> dict[str, Any]:
        missing = "".join(f"; {name} imputed for {n:,}" for name, n in imputed.items())
        kind = describe(self._models, "+".join(self._features), self._settings.prior)
        facts = {SCORE_KIND: f"{kind}{self._describe_labels()}{missing}", **self._scores.facts()}
        if self._settings.labels_from is None:
            task, labels = self.task, self._labels
            facts |= {LABELS_OF: str(query_of(task.config)), LABEL_EPOCHS: labels.epochs}
            seconds = labels.find_seconds(task.config, task.truth, task.data_dir)
            facts |= {} if seconds is None else {LABEL_S: seconds}
        return facts

    def _describe_labels(self) -> str:
        """Say whose scores are the labels, if not the truth of drawn architectures."""
        name = self._settings.labels_from
        if self._settings.labels != "random":
            n_long = int(np.isfinite(self._labels.accuracy[:, -1]).sum())
            return (
                f", {len(self._labels.places):,} labels by {self._settings.labels}, {n_long:,} of "
                "them of the longest training (regret counts all as known)"
            )
        return f", fitted to {len(self._labels.places):,} scores of {name}" if name else ""
