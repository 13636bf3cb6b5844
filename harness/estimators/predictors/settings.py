"""Settings of a predictor."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from harness.settings.base import SparseSettings
from harness.spaces import Space


class PredictorSettings(SparseSettings):
    """What a predictor is fitted to, and what is fitted.

    Attributes:
        n: Labels, architectures whose truth is known; the run's seed draws them.
        labels: `random`; or chosen for a comparator by successive halving over the lengths of
            training that the truth has, of architectures that are drawn (`halving`) or that the
            comparator proposes (`nosh`).
        labels_from: An estimator whose scores are the labels, such as `short_training(epochs=2)`:
            it scores the architectures that are drawn, and nothing is taken from a table; None: the
            truth.
        model: A key of `harness.estimators.predictors.models.MODELS`; several with plus signs
            between them are averaged, such as `forest+gp`.
        features: As `harness.estimators.predictors.features.read_features` takes it, such as
            `graf+free`; `one-hot` by default where the space has no `graf`.
        prior: Scores that rank without labels, with plus signs between them, such as
            `live_params+jacov`: the mean of a Gaussian process is a line in the sum of their log
            ranks; None: a constant.
        encodings: Isomorphic encodings in which each labelled architecture appears; with more than
            one, a feature such as `layers` has to tell them apart.
        supernet_seed: Seed of the supernets among the features, which label seeds then share;
            None: the run's own.
        proxy_seed: Likewise, of the training-free proxies.
        dataset: Data set of the labels in the truth table's spelling; None: that of the truth that
            the run is judged by.
        split: Likewise, the images that they were measured on.
        epochs: Likewise, the length of training.
    """

    table: ClassVar[str] = "predictor"
    later: ClassVar[frozenset[str]] = frozenset({"encodings", "labels"})

    n: int = Field(128, ge=2)
    labels: Literal["random", "halving", "nosh"] = "random"
    labels_from: str | None = None
    model: str = "forest+gp"
    features: str = "graf"
    prior: str | None = None
    encodings: int = Field(1, ge=1)
    supernet_seed: int | None = Field(None, ge=0)
    proxy_seed: int | None = Field(None, ge=0)
    dataset: str | None = None
    split: str | None = None
    epochs: int | None = Field(None, ge=1)

    @classmethod
    def defaults(cls, space: Space) -> dict[str, Any]:
        """Take the first features that a space has, where it has none of a cell's graph."""
        is_other = "graf" not in space.features and bool(space.features)
        return {"features": next(iter(space.features))} if is_other else {}

    @model_validator(mode="after")
    def _refuse_idle(self) -> PredictorSettings:
        given = sorted(self.model_fields_set.intersection(("dataset", "split", "epochs")))
        if self.labels_from is not None and given:
            raise ValueError(f"{', '.join(given)} is of labels from the truth, not of labels_from")
        if self.labels != "random" and (self.model != "comparator" or self.labels_from):
            raise ValueError(
                f"labels={self.labels} are of several lengths of training in the truth, which only "
                "model=comparator is fitted to"
            )
        return self
