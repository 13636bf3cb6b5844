"""The settings of single strategies, each a table of the run's configuration.

A table is `None` in the runs of a strategy that does not read it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """Settings that cannot be changed, and refuse what they do not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class OgdSettings(Settings):
    """Settings of orthogonal gradient descent; see `harness.strategies.projection`.

    Attributes:
        projector: Which projector; where it is not given, the one whose strength (`alpha`, `c` or
            `threshold`) is.
        alpha: `rls`: regulariser of the recursive least squares, relative to inputs of unit
            mean square.
        c: `covariance`: strength; plasticity is at least c / (1 + c), so more is weaker.
        beta: `covariance`, `nullspace`: share of the old covariance kept at each update, 0-1.
        refresh: `covariance`, `nullspace`: updates of a layer between two factorisations of its
            projector.
        patches: `covariance`, `nullspace`: input patches sampled for an update of a layer; every
            second step that uses it is one.
        threshold: `nullspace`: largest eigenvalue of the covariance, relative to their mean, whose
            direction is still free; more is weaker.
        strength_end: What `alpha`, `c` or `threshold` (whichever the projector has) has become by
            the end of training, moving geometrically; None: it stays.
        warmup_frac: Share of the steps before the first projected one, 0-1. Inputs are stored from
            the start, so that the first projection already protects what was learned before it.
        layers: Which layers are projected: the `searchable` convolutions of the cells, the layers
            that all paths `shared` (stem, reduction blocks, classifier), or `both`.
    """

    projector: Literal["covariance", "nullspace", "rls"] = "covariance"
    alpha: float = Field(1.0, gt=0)
    c: float = Field(10.0, ge=1e-3)
    beta: float = Field(0.99, ge=0, lt=1)
    refresh: int = Field(20, ge=1)
    patches: int = Field(128, ge=1)
    threshold: float = Field(1.0, gt=0)
    strength_end: float | None = Field(None, ge=1e-3)
    warmup_frac: float = Field(0.0, ge=0, le=1)
    layers: Literal["both", "searchable", "shared"] = "both"


STRENGTHS = {"covariance": "c", "nullspace": "threshold", "rls": "alpha"}
"""By projector, which setting is its strength: giving one without a projector means that one."""


class NsasSettings(Settings):
    """Settings of `nsas`.

    Attributes:
        constraints: Most architectures in the constraint set; each is trained in every step.
        weight: Weight of the constraints' mean loss, 0-1; that of the new path is one minus it.
        recent: Latest trained paths that may enter the constraint set.
    """

    constraints: int = Field(4, ge=1)
    weight: float = Field(0.2, ge=0, lt=1)
    recent: int = Field(50, ge=1)


class WplSettings(Settings):
    """Settings of `wpl`.

    Attributes:
        alpha: Strength of the penalty.
        decay: Share of the past that a weight's importance and anchor keep in each step that
            trains it, 0-1.
    """

    alpha: float = Field(0.01, ge=0)
    decay: float = Field(0.99, ge=0, lt=1)


class NoveltySettings(Settings):
    """Settings of `novelty`.

    Attributes:
        candidates: Uniform paths a step, of which the most novel one is trained.
        archive: Latest trained paths that novelty is measured against.
        neighbours: Nearest of them that its mean distance is taken to.
    """

    candidates: int = Field(10, ge=1)
    archive: int = Field(100, ge=1)
    neighbours: int = Field(10, ge=1)


TABLES: dict[str, type[Settings]] = {
    "ogd": OgdSettings,
    "nsas": NsasSettings,
    "wpl": WplSettings,
    "novelty": NoveltySettings,
}
"""Tables of the configuration that belong to strategies, by name."""
