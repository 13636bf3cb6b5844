"""Settings of a predictor."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from harness.settings.base import Settings


class PredictorSettings(Settings):
    """What a predictor is fitted to, and what is fitted.

    Attributes:
        n: Labels, architectures whose truth is known; the run's seed draws them.
        model: A key of `harness.estimators.predictors.models.MODELS`; several with plus signs
            between them are averaged, such as `forest+gp`.
        features: As `harness.estimators.predictors.features.read_features` takes it, such as
            `graf+free`.
        prior: Scores that rank without labels, with plus signs between them, such as
            `live_params+jacov`: the mean of a Gaussian process is a line in the sum of their log
            ranks; None: a constant.
        supernet_seed: Seed of the supernets among the features, which label seeds then share;
            None: the run's own.
        dataset: Data set of the labels in the truth table's spelling; None: that of the truth that
            the run is judged by.
        split: Likewise, the images that they were measured on.
        epochs: Likewise, the length of training.
    """

    table: ClassVar[str] = "predictor"

    n: int = Field(128, ge=2)
    model: str = "forest+gp"
    features: str = "graf"
    prior: str | None = None
    supernet_seed: int | None = Field(None, ge=0)
    dataset: str | None = None
    split: str | None = None
    epochs: int | None = Field(None, ge=1)

    def stored(self) -> dict[str, Any]:
        """Return the settings that are given or have a default."""
        return {key: value for key, value in super().stored().items() if value is not None}
