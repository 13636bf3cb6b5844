"""Settings of short trainings."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from harness.settings.base import SparseSettings

_TEACHING = ("teacher_arch", "teacher_epochs", "alpha", "temperature")

Measure = Literal["accuracy", "loss", "sotl"]
"""What the score is: the last validation accuracy, minus the last validation loss, or minus the sum
of training losses."""


class ShortTrainingSettings(SparseSettings):
    """How each architecture is trained, and what its score is.

    Attributes:
        epochs: Passes over the training images.
        channels: Channels C of the first stage; None: as in the truth's networks.
        cells: Cells N per stage; None: as in the truth's networks.
        images: Training images, drawn by the run's seed; None: all.
        valid_images: Validation images, likewise; None: 2,000, or all if there are fewer.
        measure: What the score is; runs that differ in it alone share their trainings.
        batch_size: Images a step.
        lr: Peak of the one-cycle learning rate schedule.
        warmup: Share of the steps before the peak.
        augment: Whether images are cropped and flipped, where the data set allows it.
        precision: Number format of activations and gradients.
        teacher: Whether a teacher's answers are a part of the loss.
        teacher_arch: The teacher, as the space writes it; None: of the first 1,000 architectures of
            the canonical permutation, the best one by the space's floor.
        teacher_epochs: Epochs of its training, on the same images and at the same size.
        alpha: Weight of its answers in the loss; the labels have the rest.
        temperature: Temperature of the softmax of both.
    """

    table: ClassVar[str] = "short_training"
    # What most runs leave alone would make every name in a report long.
    later: ClassVar[frozenset[str]] = frozenset(
        {"valid_images", "measure", "batch_size", "lr", "warmup", "augment", "precision"}
        | {"teacher", *_TEACHING}
    )

    epochs: int = Field(1, ge=1)
    channels: int | None = Field(None, ge=1)
    cells: int | None = Field(None, ge=1)
    images: int | None = Field(None, ge=2)
    valid_images: int | None = Field(None, ge=1)
    measure: Measure = "accuracy"
    batch_size: int = Field(64, ge=2)
    lr: float = Field(0.1, gt=0)
    warmup: float = Field(0.3, ge=0, le=1)
    augment: bool = True
    precision: Literal["float32", "bf16"] = "float32"
    teacher: bool = False
    teacher_arch: str | None = None
    teacher_epochs: int = Field(12, ge=1)
    alpha: float = Field(0.5, ge=0, le=1)
    temperature: float = Field(4.0, gt=0)

    @model_validator(mode="after")
    def _refuse_idle(self) -> ShortTrainingSettings:
        idle = [] if self.teacher else sorted(self.model_fields_set.intersection(_TEACHING))
        if idle:
            raise ValueError(f"{', '.join(idle)} needs teacher=true, and has no effect without")
        return self

    def stored(self) -> dict[str, Any]:
        """Return the settings that have an effect and are given or have a default."""
        idle = () if self.teacher else _TEACHING
        return {key: value for key, value in super().stored().items() if key not in idle}
