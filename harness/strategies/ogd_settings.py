"""The settings of orthogonal gradient descent, which its controls share."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from harness.errors import UsageError
from harness.settings.base import Settings

STRENGTHS = {"covariance": "c", "nullspace": "threshold", "rls": "alpha"}
"""By projector, which setting is its strength: giving one without a projector means that one."""

_AVERAGING = frozenset({"beta", "refresh", "patches"})
_READ = {
    "covariance": _AVERAGING | {"c"},
    "nullspace": _AVERAGING | {"threshold"},
    "rls": frozenset({"alpha"}),
}
"""By projector, which of the settings that not all projectors have it reads."""


class OgdSettings(Settings):
    """Settings of orthogonal gradient descent; see `harness.strategies.projection`.

    The defaults are those that ranked best on tiles and on CIFAR-10: results/ogd-study/.

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

    table: ClassVar[str] = "ogd"

    projector: Literal["covariance", "nullspace", "rls"] = "rls"
    alpha: float = Field(0.1, gt=0)
    c: float = Field(10.0, ge=1e-3)
    beta: float = Field(0.99, ge=0, lt=1)
    refresh: int = Field(20, ge=1)
    patches: int = Field(128, ge=1)
    threshold: float = Field(1.0, gt=0)
    strength_end: float | None = Field(None, ge=1e-3)
    warmup_frac: float = Field(0.0, ge=0, le=1)
    layers: Literal["both", "searchable", "shared"] = "both"

    @model_validator(mode="before")
    @classmethod
    def _imply_projector(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Take the projector whose strength is given, where it is not named itself."""
        implied = [name for name, strength in STRENGTHS.items() if strength in given]
        if "projector" in given or not implied:
            return given
        if len(implied) > 1:
            names = ", ".join(f"ogd.{STRENGTHS[name]} ({name})" for name in implied)
            raise UsageError(
                f"The strengths of {len(implied)} projectors were given: {names}. Give one of "
                "them, or name the ogd.projector."
            )
        return {**given, "projector": implied[0]}

    @model_validator(mode="after")
    def _refuse_idle(self) -> OgdSettings:
        """Refuse what was given and has no effect."""
        for key in sorted(self.model_fields_set & self._idle):
            users = " or ".join(name for name, read in _READ.items() if key in read)
            raise UsageError(
                f"ogd.{key} = {getattr(self, key)} was given, and has no effect with ogd.projector "
                f"= {self.projector}. Leave it out, or give ogd.projector = {users}."
            )
        return self

    @property
    def _idle(self) -> frozenset[str]:
        return frozenset().union(*_READ.values()) - _READ[self.projector]

    @property
    def strength(self) -> float:
        """The strength of the projector, as the training begins."""
        found: float = getattr(self, STRENGTHS[self.projector])
        return found

    def stored(self) -> dict[str, Any]:
        """Return what the projector reads."""
        return {key: value for key, value in super().stored().items() if key not in self._idle}
