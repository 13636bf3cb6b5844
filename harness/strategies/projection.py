"""Projectors: which directions of a layer's input space an update may still use.

A convolution or linear layer is y = W x with W of [out, d], d = k * k * in_channels, and x one
input patch, both in the order of `harness.supernet.patches`. An update U is replaced by U P, with P
symmetric and 0 <= P <= I: small along directions that earlier architectures' patches span, so that
their outputs move little. Patches are [m, d]. Nothing stored means P = I.

References: Zeng et al., Continual learning of context-dependent processing (OWM), 2019, arXiv
1810.01256, eq. 1; Niu et al., Disturbance-immune weight sharing, 2020, arXiv 2003.13089, which
builds on it. Its full text was not available, so `rls` is our reading.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from harness.strategies.ogd_settings import OgdSettings
from harness.supernet.patches import Draws, LayerInput

State = dict[str, Tensor]

USES_PER_UPDATE = 2
"""Of the covariance's projectors: uses of a layer from one update to the next. An update costs more
than projecting does, and one more or less of the hundred updates that R averages is noise."""

F32_ALPHA = 0.1
"""Least `alpha` at which `rls` is exact enough in float32."""


def multiply(update: Tensor, matrix: Tensor) -> Tensor:
    """Multiply an update, as a matrix [out, d] in the order of patches, by a matrix [d, d].

    Args:
        update: In the weight's shape, [out, in, k, k] or [out, d].
        matrix: What is multiplied with from the right; of a layer of several groups, a matrix for
            each, [group, d, d].

    Returns:
        The product, in the weight's shape and the update's precision.
    """
    matrix = matrix.to(update.dtype)
    if update.dim() == 2:
        return update @ matrix
    by_channel = update.permute(0, 2, 3, 1)  # [out, k, k, in]: a view where channels are last
    product = by_channel.reshape(*matrix.shape[:-2], -1, matrix.shape[-1]) @ matrix
    return product.view(by_channel.shape).permute(0, 3, 1, 2)


class Projector(ABC):
    """The projector of one layer.

    Law: `matrix()` is symmetric with eigenvalues in [0, 1], and the identity when nothing is
    stored; `store` never enlarges what `rls` lets through before its next `new_epoch`.

    Attributes:
        strength: `alpha`, `c` or `threshold`, whichever the projector has; more is weaker.
            A new value holds from the next vector stored, or the next factorisation, on.
    """

    def __init__(self, d: int, device: torch.device, strength: float) -> None:
        """Start with nothing stored.

        Args:
            d: Size of an input patch.
            device: Where the matrices live.
            strength: The strength to begin with.
        """
        self.d = d
        self.device = device
        self.strength = strength

    def observe(self, layer: LayerInput, draws: Draws) -> None:
        """Learn from the layer's input in a step that used it."""
        self.store(self.sample(layer, draws))

    @abstractmethod
    def sample(self, layer: LayerInput, draws: Draws) -> Tensor:
        """Take from a layer's input the patches [m, d] that `store` wants."""

    @abstractmethod
    def store(self, patches: Tensor) -> None:
        """Remember patches [m, d] of the architecture that was just trained."""

    @abstractmethod
    def matrix(self) -> Tensor | None:
        """Return P, [d, d], or [group, d, d], or None for the identity."""

    def new_epoch(self) -> None:  # noqa: B027 - most projectors do nothing
        """Begin a new epoch."""

    def project(self, update: Tensor) -> Tensor:
        """Return U P for an update of the layer's weight, in the weight's own shape."""
        p = self.matrix()
        return update if p is None else multiply(update, p)

    @property
    def plasticity(self) -> float:
        """Share of the input space that is still free: tr P / d, 0-1, the mean over groups."""
        p = self.matrix()
        return 1.0 if p is None else self.free_share(p).item()

    def free_share(self, p: Tensor) -> Tensor:
        """Return tr P / d of a matrix P, the mean over groups: a scalar on the device."""
        return p.diagonal(dim1=-2, dim2=-1).sum(dim=-1).mean() / self.d

    @abstractmethod
    def state_dict(self) -> State:
        """Return everything needed to resume exactly."""

    @abstractmethod
    def load_state_dict(self, state: State) -> None:
        """Resume from a saved state."""


LEAST_SQUARE = 1e-10
"""Mean square of a mean patch below which it is rounding; after batch norm, values are near 1."""


class RlsProjector(Projector):
    """Recursive least squares: P <- P - (Px)(Px)^T / (alpha + x^T P x), reset each epoch.

    x is the mean patch over batch and positions, scaled to unit mean square, so that `alpha`
    means the same in every layer; one vector a step is our reading (OWM updates once for every
    position). In closed form P = alpha (alpha I + A A^T)^-1 over the stored x. P is kept in
    float64 for an `alpha` under 0.1, where float32 goes indefinite after some thousand updates;
    from there on float32 stays positive, and within 2e-4 of it after 20,000 updates without a
    reset (d = 576, patches that nearly repeat: the hardest).

    Reference: Zeng et al., 2019, arXiv 1810.01256, eq. 1.
    """

    def __init__(self, d: int, device: torch.device, settings: OgdSettings) -> None:
        """Start with P = I."""
        super().__init__(d, device, settings.strength)
        exact = min(self.strength, settings.strength_end or self.strength) < F32_ALPHA
        self._dtype = torch.float64 if exact else torch.get_default_dtype()
        self._p: Tensor | None = None

    def sample(self, layer: LayerInput, draws: Draws) -> Tensor:
        """Take the mean patch, [1, d]."""
        return layer.mean_patch()

    def store(self, patches: Tensor) -> None:
        """Remove the directions of `patches`, one after the other, each at unit mean square."""
        if self._p is None:
            self._p = torch.eye(self.d, dtype=self._dtype, device=self.device)
        for x in patches.to(self._dtype):
            px = self._p @ x
            self._p.addr_(px * self._factor(x @ x, px @ x), px, alpha=-1)

    def _factor(self, square: Tensor, along: Tensor) -> Tensor | float:
        """Return the factor of (Px)(Px)^T, which also brings x to unit mean square.

        It is zero where there is nothing to protect: fed zeros, or a mean that is zero up to
        rounding, as after batch norm without a ReLU.

        Args:
            square: x^T x.
            along: x^T P x.
        """
        least = self.d * LEAST_SQUARE
        if self.device.type == "cpu":  # reading is free, and Python's numbers are faster
            number = square.item()
            scale = 0.0 if number <= least else self.d / number
            return scale / (self.strength + scale * along.item())
        square, along = square.double(), along.double()
        scales = torch.where(square <= least, 0.0, self.d / square)
        return scales / (self.strength + scales * along)

    def matrix(self) -> Tensor | None:
        """Return P, or None before anything was stored."""
        return self._p

    def new_epoch(self) -> None:
        """Forget everything: without this, plasticity falls to a few percent."""
        self._p = None

    def state_dict(self) -> State:
        """Return P, if there is one."""
        return {} if self._p is None else {"p": self._p}

    def load_state_dict(self, state: State) -> None:
        """Set P."""
        self._p = state["p"].to(self.device) if "p" in state else None


class AveragingProjector(Projector):
    """A projector made from the running covariance R of patches.

    R <- beta R + (1 - beta) X^T X / m over sampled patches X. No bias correction is needed, as
    what is made of R is relative to its own scale. Every second use of the layer is an update, from
    the first on; P is recomputed after every `refresh` updates.
    """

    def __init__(self, d: int, device: torch.device, settings: OgdSettings) -> None:
        """Start with R = 0 and P = I."""
        super().__init__(d, device, settings.strength)
        self.settings = settings
        # R is symmetric: its upper half of rows, and the lower right corner, are all of it
        self._half = (d + 1) // 2
        self._top = torch.zeros(self._half, d, device=device)
        self._corner = torch.zeros(d - self._half, d - self._half, device=device)
        self._p: Tensor | None = None
        self._updates = 0
        self._uses = 0

    def observe(self, layer: LayerInput, draws: Draws) -> None:
        """Learn from the layer's input at every second use."""
        if self._uses % USES_PER_UPDATE == 0:
            super().observe(layer, draws)
        self._uses += 1

    def sample(self, layer: LayerInput, draws: Draws) -> Tensor:
        """Take random patches, [settings.patches, d] (fewer where a linear layer has fewer)."""
        return layer.random_patches(self.settings.patches, draws)

    def store(self, patches: Tensor) -> None:
        """Average the patches into R, and refresh P when it is due."""
        beta = self.settings.beta
        self._average(patches, beta, (1 - beta) / patches.shape[-2])
        self._updates += 1
        if self._updates % self.settings.refresh == 0 or self._p is None:
            self._p = None if self._is_empty() else self._refresh()

    def _is_empty(self) -> bool:
        """Say whether R is zero, where that can be read without waiting for a GPU.

        On a GPU P is made of zeros too: it is the identity, until the next refresh.
        """
        return self.device.type == "cpu" and not (self._top.any() or self._corner.any())

    def _average(self, patches: Tensor, beta: float, alpha: float) -> None:
        """Set R to beta R + alpha X^T X."""
        upper, lower = patches[:, : self._half], patches[:, self._half :]
        self._top.addmm_(upper.T, patches, beta=beta, alpha=alpha)
        self._corner.addmm_(lower.T, lower, beta=beta, alpha=alpha)

    def _refresh(self) -> Tensor:
        """Make P of R as it is now."""
        side = self._top[:, self._half :]
        return self._make(torch.cat([self._top, torch.cat([side.T, self._corner], dim=1)]))

    def _make(self, r: Tensor) -> Tensor:
        """Make P of a covariance, [d, d]; the identity where it is zero."""
        trace = r.diagonal().sum().double()
        return self._factorise(r, torch.where(trace == 0, 1.0, trace / self.d))

    @abstractmethod
    def _factorise(self, r: Tensor, mean: Tensor) -> Tensor:
        """Make P of the covariance `r`, [d, d].

        Args:
            r: The covariance.
            mean: The mean of its eigenvalues, a float64 scalar; 1 where R is zero.
        """

    def matrix(self) -> Tensor | None:
        """Return P as of the last refresh, or None before anything was stored."""
        return self._p

    def state_dict(self) -> State:
        """Return R, P and the numbers of updates and uses."""
        counts = {"updates": torch.tensor(self._updates), "uses": torch.tensor(self._uses)}
        state = {"top": self._top, "corner": self._corner, **counts}
        return state if self._p is None else {**state, "p": self._p}

    def load_state_dict(self, state: State) -> None:
        """Set R, P and the numbers of updates and uses."""
        self._top = state["top"].to(self.device)
        self._corner = state["corner"].to(self.device)
        self._p = state["p"].to(self.device) if "p" in state else None
        self._updates = int(state["updates"])
        self._uses = int(state["uses"])


class CovarianceProjector(AveragingProjector):
    """P = (I + R/a)^-1 with R the running covariance of patches and a = c tr(R) / d.

    R's scale cancels against a's. Plasticity is bounded: tr P / d >= c / (1 + c). It is also a
    one-sided natural-gradient preconditioner (the input factor of Martens & Grosse, KFAC, 2015),
    so it changes optimisation itself.

    Reference: our soft form of Saha et al., GPM, 2021, arXiv 2103.09762, and Wang et al.,
    Adam-NSCL, 2021, arXiv 2103.07113, who threshold the spectrum of the same R.
    """

    def _factorise(self, r: Tensor, mean: Tensor) -> Tensor:
        a = self.strength * mean
        identity = torch.eye(self.d, device=self.device)
        # I + R/a has eigenvalues in [1, 1 + d/c]: float32 holds this down to c of about 1e-3
        factor, failed = torch.linalg.cholesky_ex(identity + r / a)  # does not wait for a GPU
        p = self._invert(factor)
        # a failure makes the next loss no number, which ends the training
        return torch.where(failed == 0, (p + p.T) / 2, torch.nan)

    def _invert(self, factor: Tensor) -> Tensor:
        """Return (L L^T)^-1 of a lower triangular L, [d, d]."""
        if self.device.type == "cpu":
            return torch.cholesky_inverse(factor)  # elsewhere it reads whether it failed
        identity = torch.eye(self.d, dtype=factor.dtype, device=factor.device)
        inverse: Tensor = torch.linalg.solve_triangular(factor, identity, upper=False)
        return inverse.T @ inverse


class NullspaceProjector(AveragingProjector):
    """P = U U^T with U the eigenvectors of R whose eigenvalue is at most `threshold` tr(R) / d.

    A direction is either free or closed, so P is a projection in the strict sense: P P = P. At
    most d / threshold eigenvalues exceed the threshold, so plasticity is at least
    1 - 1 / threshold; under 1 there is no such bound, and a layer can be closed altogether.

    Reference: Wang et al., Adam-NSCL, 2021, arXiv 2103.07113, section 4.2. They measure
    eigenvalues by the smallest one and keep R over tasks; here the measure is their mean, as in
    `covariance` (the smallest is zero in float32 wherever a channel is dead), and R is a running
    average.
    """

    def _factorise(self, r: Tensor, mean: Tensor) -> Tensor:
        if not mean.isfinite():  # after a loss that was not read yet: the next one is none either
            return torch.full_like(r, torch.nan)
        eigenvalues, eigenvectors = torch.linalg.eigh(r)
        free: Tensor = eigenvectors[:, eigenvalues <= self.strength * mean]
        return free @ free.T


PROJECTORS: dict[str, type[RlsProjector] | type[CovarianceProjector] | type[NullspaceProjector]] = {
    "rls": RlsProjector,
    "covariance": CovarianceProjector,
    "nullspace": NullspaceProjector,
}
"""Projectors by name."""


def make_projector(d: int, device: torch.device, settings: OgdSettings) -> Projector:
    """Make the projector that the settings name, for a layer with patches of size `d`."""
    return PROJECTORS[settings.projector](d, device, settings)
