"""The predictor as an estimator: fitted to the truth of some architectures, it scores the others.

The labels are of the very table that judges the run, so the architectures that have one get no
score, and are never in its evaluation (`ScoreMatrix.fitted_on`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from harness.errors import UsageError
from harness.estimators import PROXIES, load_estimator
from harness.estimators.base import (
    Estimator,
    Needs,
    Scores,
    Task,
    label_cells,
    name_rows,
    score_cells,
)
from harness.estimators.matrix import FloatArray, IntArray
from harness.estimators.predictors.features import (
    make_prior,
    make_table,
    read_features,
    read_prior,
)
from harness.estimators.predictors.models import describe, model_seed, predict, read_models
from harness.estimators.predictors.settings import PredictorSettings
from harness.estimators.runs import LABELS_OF, SCORE_KIND
from harness.scores import STATUS_DEAD
from harness.scores.sifting import next_below
from harness.seeding import make_rng
from harness.spaces import load_space
from harness.truth import TruthQuery, default_query


class Predictor(Estimator):
    """A regression of accuracy, fitted to the truth of `n` of the architectures that are ranked.

    The run's seed draws the labels: of one seed, fewer are among more. Features and labels are of
    the run's architectures, whichever are asked for, so that a score depends on the run alone.
    """

    name = "predictor"
    needs = Needs(labels=PredictorSettings().n)
    reads = frozenset({"seed", "split_seed", "train_share"})
    Settings = PredictorSettings

    def __init__(self, task: Task) -> None:
        """Read the settings; nothing is computed yet.

        Raises:
            UsageError: If a setting is not allowed, or names no model or no feature.
        """
        super().__init__(task)
        config = task.config
        self._space = load_space(config.space)
        self._settings = PredictorSettings.read(config.tables.get(PredictorSettings.table, {}))
        self._models = read_models(self._settings.model)
        self._features = read_features(self._settings.features, self._space, tuple(PROXIES))
        self._prior = read_prior(self._settings.prior, self._space, tuple(PROXIES))
        self._keys = np.array(
            self._space.prefix(config.n_archs or 1, config.rank_offset), dtype=np.int64
        )
        self._proxies_s = 0.0
        self._own_s = 0.0

    def prepare(self) -> None:
        """Draw the labels.

        Raises:
            UsageError: If there are more labels than architectures with this truth, or all labels
                are equal.
            TruthError: If the table has no such truth.
        """
        truth, seed, n = self.task.truth.mean(self._query), self.task.config.seed, self._settings.n
        known = np.flatnonzero(np.isin(self._keys, truth.keys))
        if n >= len(known):
            raise UsageError(
                f"predictor.n = {n:,} was given; of the {len(self._keys):,} architectures that "
                f"this run ranks, {len(known):,} have a truth ({self._query}), and those that are "
                f"labels are not evaluated. Give fewer labels, or a larger --n-archs."
            )
        self._labelled: IntArray = known[make_rng(seed, "labels").permutation(len(known))[:n]]
        places = np.searchsorted(truth.keys, self._keys[self._labelled])
        self._labels: FloatArray = truth.accuracy[places]
        if self._labels.min() == self._labels.max():
            raise UsageError(
                f"All {n:,} labels ({self._query}) are {self._labels[0]:g}%, so nothing can be "
                "fitted to them. Give more labels, or those of another length of training."
            )

    def score(self, keys: Sequence[int]) -> Scores:
        """Fit the models, and predict the accuracy of architectures without a label.

        Raises:
            UsageError: If an architecture is not among those that the run ranks.
            Interrupted: If the monitor asked to stop; what proxies measured is kept.
        """
        seed = model_seed(self.task.config.seed)
        score_by = cache(self._score_by)
        table = make_table(self._features, self._keys, self._space, score_by)
        prior = None
        if self._prior:
            prior = make_prior(self._prior, self._keys, self._space, score_by)
        started = time.process_time()
        predicted = predict(self._models, table.values, self._labelled, self._labels, seed, prior)
        self._own_s = time.process_time() - started
        label_of = dict(zip(self._keys[self._labelled].tolist(), self._labels, strict=True))
        score_of = dict(zip(self._keys.tolist(), predicted.tolist(), strict=True))
        if unknown := [key for key in keys if key not in score_of]:
            raise UsageError(
                f"{len(unknown):,} architectures were asked for that this run does not rank, such "
                f"as {self._space.format(self._space.at(unknown[0]))}. Give a larger --n-archs."
            )
        cells = [label_cells() if key in label_of else score_cells(score_of[key]) for key in keys]
        labels = ({"accuracy": accuracy} for accuracy in label_of.values())
        return Scores(
            rows={"scores": name_rows(keys, self._space, cells)},
            tables={"labels": name_rows(list(label_of), self._space, labels)},
            facts=self._describe(table.imputed),
        )

    def cost(self) -> dict[str, float]:
        """Return the processor's seconds of fitting, predicting, and proxies among the features.

        The trainings behind the labels are not in it.
        """
        return {"score_s": round(self._own_s + self._proxies_s, 3)}

    @property
    def _query(self) -> TruthQuery:
        """The truth that labels are taken from."""
        given = {
            key: value
            for key in ("dataset", "split", "epochs")
            if (value := getattr(self._settings, key)) is not None
        }
        return replace(default_query(self.task.config.dataset, self._space), **given)

    def _score_by(self, name: str) -> FloatArray:
        """Return the scores of the run's architectures by a proxy; NaN where there is none.

        Its networks, images and seed are the run's, so that its journals are shared with its own
        run in the same command.
        """
        config = self.task.config.model_copy(update={"estimator": name})
        beside = dict.fromkeys(
            (*self.task.beside, *(f for f in [*self._features, *self._prior] if f in PROXIES))
        )
        proxy = load_estimator(name)(
            replace(
                self.task,
                config=config.stored_as(self.task.config.run_id),
                spent={},
                beside=tuple(beside),
            )
        )
        proxy.prepare()
        rows = proxy.score(self._keys.tolist()).rows["scores"]
        self._proxies_s += proxy.cost().get("score_s", 0.0)
        scores = np.array([row["score"] for row in rows], dtype=np.float64)
        is_dead = np.array([row["status"] == STATUS_DEAD for row in rows])
        scores[is_dead] = next_below(scores[np.isfinite(scores)])
        return scores

    def _describe(self, imputed: Mapping[str, int]) -> dict[str, Any]:
        missing = "".join(f"; {name} imputed for {n:,}" for name, n in imputed.items())
        kind = describe(self._models, "+".join(self._features), self._settings.prior)
        return {
            SCORE_KIND: f"{kind}{missing}",
            LABELS_OF: str(self._query),
        }
