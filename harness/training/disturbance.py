"""Performance disturbance: how training one path changes the losses of others.

For a step t that trained the paths b, and a path a not equivalent to any of them,

    PD_t(a) = L_a(W after t) - L_a(W before t)

on one fixed batch of held-out images. What b itself gains on that batch is the step's progress.

Reference: Niu et al., Disturbance-immune Weight Sharing for NAS, 2020, arXiv 2003.13089,
section 1; the probe sets and the equivalence classes are this project's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from harness.images.dataset import ImageData, fixed_subset
from harness.seeding import make_rng
from harness.settings.run import RunConfig
from harness.spaces import Architecture, Space, load_space
from harness.supernet.base import SuperNet

PROBE_SETS = ("trained", "recent", "fixed")
"""What a row is about: the trained path itself (its progress), or a path of one of the sets."""


class ProbeRow(NamedTuple):
    """One path around one step.

    Attributes:
        step: The step, counted from 0.
        probe_set: Position in `PROBE_SETS`.
        trained_index: Key of the (first) path that the step trained.
        probed_index: Key of the path measured.
        shared_convs: How many of `Space.weights` both paths use.
        loss_before: Loss on the probe batch before the step, nats.
        loss_after: Loss after it; the difference is PD, or minus the progress.
        accuracy_before: Percent before.
        accuracy_after: Percent after.
        logit_change: ||f(W+) - f(W-)|| / ||f(W-)||.
    """

    step: int
    probe_set: int
    trained_index: int
    probed_index: int
    shared_convs: int
    loss_before: float
    loss_after: float
    accuracy_before: float
    accuracy_after: float
    logit_change: float


class DisturbanceMeter:
    """Measures disturbance around chosen steps, and keeps track of recently trained paths.

    The `recent` set is the last K paths trained before b, of distinct equivalence classes and
    none of them b's; the `fixed` set is K paths drawn once by the seed, less b's class.
    """

    def __init__(self, config: RunConfig, data: ImageData) -> None:
        """Draw the probe batch and the fixed set.

        Args:
            config: The run's configuration.
            data: The images; the probe batch comes from the validation images, in a draw of its
                own.
        """
        self.space = load_space(config.space)
        self.n_paths = config.probe_paths
        images = fixed_subset(data.validation, config.probe_images, config.seed, "probe")
        self._images = data.normalise(images.pixels)
        self._labels = images.labels
        rng = make_rng(config.seed, "probe", "paths")
        self.fixed = _draw_distinct(self.space, self.n_paths, rng)
        self.recent: list[Architecture] = []
        self._before: list[tuple[int, Architecture, Tensor]] = []

    def before(self, network: SuperNet, trained: Sequence[Architecture]) -> None:
        """Measure the paths before a step trains `trained`."""
        self._before = [
            (probe_set, arch, self._logits(network, arch))
            for probe_set, arch in self._choose(trained)
        ]

    def after(
        self, network: SuperNet, step: int, trained: Sequence[Architecture]
    ) -> list[ProbeRow]:
        """Measure the same paths after the step.

        Returns:
            One row a path, the trained ones first.
        """
        rows = []
        for probe_set, arch, before in self._before:
            after = self._logits(network, arch)
            weights = self.space.weights(arch)
            shared = max(len(weights & self.space.weights(b)) for b in trained)
            rows.append(
                ProbeRow(
                    step,
                    probe_set,
                    self.space.key(trained[0]),
                    self.space.key(arch),
                    shared,
                    self._loss(before),
                    self._loss(after),
                    self._accuracy(before),
                    self._accuracy(after),
                    ((after - before).norm() / before.norm().clamp_min(1e-12)).item(),
                )
            )
        self._before = []
        return rows

    def remember(self, trained: Sequence[Architecture]) -> None:
        """Move trained paths to the end of the recent ones, one of each class."""
        canonical = self.space.canonical
        for arch in trained:
            self.recent = [a for a in self.recent if canonical(a) != canonical(arch)]
            self.recent.append(arch)
        # the classes that the next step trains are left out when measuring, so more than K paths
        # must be kept: as many more as a step trains
        self.recent = self.recent[-(self.n_paths + len(trained)) :]

    def _choose(self, trained: Sequence[Architecture]) -> list[tuple[int, Architecture]]:
        own = {self.space.canonical(arch) for arch in trained}
        recent = [arch for arch in self.recent if self.space.canonical(arch) not in own]
        recent = recent[-self.n_paths :]
        fixed = [arch for arch in self.fixed if self.space.canonical(arch) not in own]
        sets = (trained, recent, fixed)
        return [(number, arch) for number, archs in enumerate(sets) for arch in archs]

    @torch.inference_mode()
    def _logits(self, network: SuperNet, arch: Architecture) -> Tensor:
        logits: Tensor = network(self._images, arch)
        return logits

    def _loss(self, logits: Tensor) -> float:
        return F.cross_entropy(logits, self._labels).item()

    def _accuracy(self, logits: Tensor) -> float:
        return 100 * (logits.argmax(dim=1) == self._labels).double().mean().item()


_PERMUTED = 1_000_000
"""Largest space that is drawn from by a permutation of all keys."""


def _draw_distinct(space: Space, n: int, rng: np.random.RandomState) -> list[Architecture]:
    """Draw distinct architectures; all of them where there are fewer."""
    if space.size is not None and space.size <= _PERMUTED:
        drawn = rng.choice(space.size, size=min(n, space.size), replace=False)
        return [space.at(int(key)) for key in drawn]
    found: dict[Architecture, None] = {}
    while len(found) < n:
        found.setdefault(space.draw(rng))
    return list(found)
