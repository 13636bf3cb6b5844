"""A predictor apart from any run: fitted to a user's own accuracies, saved, loaded, applied.

The file holds the labels, the settings and the seed, and no pickle: the predictor is fitted again
when it is loaded, which takes seconds.

Axes: n, architectures with a label; pool, those that are predicted together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from harness.errors import DataError, UsageError
from harness.estimators.callables import to_arch
from harness.estimators.loading import read_mapping
from harness.estimators.matrix import CALLABLE, FloatArray, IntArray, ScoreMatrix
from harness.estimators.predictors.features import (
    check_encodings,
    draw_encodings,
    make_prior,
    make_table,
    read_features,
    read_prior,
)
from harness.estimators.predictors.models import describe, model_seed, predict, read_models
from harness.estimators.predictors.settings import PredictorSettings
from harness.files.atomic import write_atomically
from harness.scores import ReadOptions, read_score_sets, show
from harness.settings.base import explain
from harness.spaces import Architecture, Space, load_space
from harness.spaces.lookup import MOST_LISTED, settle_space


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["predictor/1"]
    space: str
    model: str
    features: str
    prior: str | None = None
    encodings: int = Field(1, ge=1)
    seed: int
    labels: dict[str, FiniteFloat]


@dataclass(frozen=True, eq=False)
class FittedPredictor:
    """A predictor and what it was fitted to; made by `fit_predictor` or `load_predictor`.

    Predictions compare architectures of one call. Where the space can be listed, those of all its
    architectures are made together, and do not depend on which are asked for.

    Attributes:
        space: The space.
        keys: Architectures with a label, ascending, [n].
        accuracy: Their accuracies, higher is better, [n].
        model: As the setting `predictor.model`.
        features: As the setting `predictor.features`, without proxies.
        seed: Of the models.
        prior: As the setting `predictor.prior`, without proxies.
        encodings: As the setting `predictor.encodings`.
    """

    space: Space
    keys: IntArray
    accuracy: FloatArray
    model: str
    features: str
    seed: int
    prior: str | None = None
    encodings: int = 1

    def __post_init__(self) -> None:
        """Check the labels and the names.

        Raises:
            UsageError: If there are fewer than two labels, all are equal, or a name is unknown.
        """
        read_models(self.model)
        names = read_features(self.features, self.space)
        check_encodings(names, self.space, self.encodings)
        read_prior(self.prior, self.space)
        if len(self.keys) < 2 or self.accuracy.min() == self.accuracy.max():
            raise UsageError(
                f"{len(self.keys)} labels were given, of {len(np.unique(self.accuracy))} different "
                "accuracies; a predictor is fitted to two or more, not all equal. Give more."
            )

    def predict(self, archs: Iterable[Architecture | str | int]) -> FloatArray:
        """Predict architectures, those with a label too; higher is better.

        Args:
            archs: Architectures, their strings or their keys.

        Returns:
            A prediction each, in their order.

        Raises:
            ArchError: If a string or a key names no architecture.
        """
        asked = np.array([self._find_key(arch) for arch in archs], dtype=np.int64)
        if self._listed is not None:
            return self._of_all[np.searchsorted(self._listed, asked)]
        pool = np.union1d(asked, self.keys)
        return self._predict(pool)[np.searchsorted(pool, asked)]

    def to_estimator(
        self, archs: Iterable[Architecture | str | int] | None = None, label: str = "predictor"
    ) -> ScoreMatrix:
        """Return its scores as an estimator, for `harness.evaluate` and `harness.compare`.

        What has a label gets no score, and is in no evaluation of it.

        Args:
            archs: Those to score; all of the space by default.
            label: What reports call it.

        Raises:
            UsageError: If none are given and the space cannot be listed.
        """
        if archs is not None:
            keys = np.array([self._find_key(arch) for arch in archs], dtype=np.int64)
        elif self._listed is not None:
            keys = self._listed
        else:
            raise UsageError(
                f"Space '{self.space.name}' is too large to be listed, and no architectures were "
                "given. Give those to score."
            )
        keys = np.setdiff1d(keys, self.keys)
        return ScoreMatrix(
            label=show(label),
            method=show(label),
            source=CALLABLE,
            seeds=(self.seed,),
            keys=keys,
            score=self.predict(keys.tolist())[np.newaxis],
            score_kind=describe(read_models(self.model), self.features, self.prior),
            fitted_on=(self.keys,),
            space=self.space,
        )

    def save(self, path: str | Path) -> None:
        """Write it as JSON, all or nothing.

        Raises:
            StoreError: If the file cannot be written.
        """
        texts = [self.space.format(self.space.at(key)) for key in self.keys.tolist()]
        content = _File(
            format="predictor/1",
            space=self.space.name,
            model=self.model,
            features=self.features,
            prior=self.prior,
            encodings=self.encodings,
            seed=self.seed,
            labels=dict(zip(texts, self.accuracy.tolist(), strict=True)),
        )
        write_atomically(Path(path), content.model_dump_json(indent=2) + "\n")

    def _find_key(self, arch: Architecture | str | int) -> int:
        return self.space.key(to_arch(arch, self.space))

    @cached_property
    def _listed(self) -> IntArray | None:
        """All architectures, ascending; None if they are too many."""
        size = self.space.size
        if size is None or size > MOST_LISTED:
            return None
        return np.sort(np.array(self.space.prefix(size), dtype=np.int64))

    @cached_property
    def _of_all(self) -> FloatArray:
        assert self._listed is not None
        return self._predict(self._listed)

    def _predict(self, pool: IntArray) -> FloatArray:
        names = read_features(self.features, self.space)
        table = make_table(names, pool, self.space, _score_nothing)
        places, seed, prior = np.searchsorted(pool, self.keys), model_seed(self.seed), None
        if trusted := read_prior(self.prior, self.space):
            prior = make_prior(trusted, pool, self.space, _score_nothing)
        encodings = draw_encodings(names, table, places, pool, self.space, self.encodings)
        models = read_models(self.model)
        return predict(models, table.values, places, self.accuracy, seed, prior, encodings)


def fit_predictor(
    accuracies: str | Path | pd.Series[Any] | Mapping[Any, float],
    *,
    column: str = "accuracy",
    model: str = PredictorSettings().model,
    features: str | None = None,
    prior: str | None = None,
    encodings: int = 1,
    seed: int = 0,
    space: Space | str | None = None,
    **reading: Any,
) -> FittedPredictor:
    """Fit a predictor to accuracies of one's own.

    Args:
        accuracies: A file (CSV, JSON, Parquet, ...) or numbers by architecture, its string or its
            key; several of an architecture, of different seeds, are averaged.
        column: The file's column of accuracies.
        model: Models with plus signs between them, such as `forest+gp`.
        features: Features with plus signs between them, such as `graf+free`; None: those that a
            predictor of the space has by default.
        prior: Free scores that models with a mean start from, such as `live_params`.
        encodings: Isomorphic encodings in which each architecture appears, with `layers`.
        seed: Of the models.
        space: The space or its name; whichever the file names, or NAS-Bench-201, unless given.
        reading: How they are read: attributes of `harness.scores.ReadOptions`, such as `arch_form`
            and, where the numbers are errors or losses, `lower_is_better`.

    Returns:
        The predictor, of the accuracies or, where a lower number is better, minus them.

    Raises:
        UsageError: As `FittedPredictor`.
        DataError: If the accuracies cannot be read, or are those of several methods.
    """
    chosen = load_space(space) if isinstance(space, str) else space
    options = ReadOptions(score_column=column, space=chosen, **reading)
    if isinstance(accuracies, (str, Path)):
        source, sets = str(accuracies), read_score_sets(Path(accuracies), options)
    else:
        source, sets = "the labels", read_mapping(accuracies, "the labels", options)
    if len(sets.sets) > 1:
        raise DataError(
            f"{source}: it has the labels of {len(sets.sets)} methods or columns, and a predictor "
            "is fitted to one. Choose its rows with rows={'method': ...}, or one column."
        )
    only = sets.sets[0]
    mean = np.nanmean(only.score, axis=0)
    features = features or PredictorSettings.read(PredictorSettings.defaults(sets.space)).features
    return FittedPredictor(sets.space, only.keys, mean, model, features, seed, prior, encodings)


def load_predictor(path: str | Path, space: Space | None = None) -> FittedPredictor:
    """Load a predictor that `FittedPredictor.save` wrote; it is fitted again.

    Args:
        path: The file.
        space: Its space, if it is one's own.

    Raises:
        DataError: If the file is missing or damaged, names an unknown architecture, or is of
            another or an unknown space.
        UsageError: If its model or features are unknown.
    """
    try:
        content = _File.model_validate_json(Path(path).read_bytes())
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValidationError, RecursionError) as error:
        reason = explain(error) if isinstance(error, ValidationError) else "it is nested too deeply"
        raise DataError(f"{path} is no saved predictor, or is damaged: {reason:.300}") from error
    space = settle_space(content.space, space, str(path), DataError)
    labels = read_mapping(content.labels, str(path), ReadOptions(space=space)).sets[0]
    return FittedPredictor(
        space,
        labels.keys,
        labels.score[0],
        content.model,
        content.features,
        content.seed,
        content.prior,
        content.encodings,
    )


def _score_nothing(name: str) -> FloatArray:
    raise AssertionError(f"{name} is no score of the space")  # `read_features` has refused it
