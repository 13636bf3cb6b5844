"""Performance disturbance: what training one path does to others before anybody asks for it.

For a step t that trained the paths b, and a path a not equivalent to any of them,

    PD_t(a) = L_a(W after t) - L_a(W before t)

on one fixed batch of held-out images. What b itself gains on that batch is the step's progress.

Reference: Niu et al., Disturbance-immune Weight Sharing for NAS, 2020, arXiv 2003.13089,
section 1; the probe sets and the equivalence classes are this project's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.images.dataset import ImageData, fixed_subset
from harness.seeding import make_rng
from harness.settings.run import RunConfig
from harness.spaces.nb201.encoding import Arch, arch_at, enumerate_archs
from harness.spaces.nb201.network import SuperNet

PROBE_SETS = ("trained", "recent", "fixed")
"""What a row is about: the trained path itself (its progress), or a victim of one of the sets."""


class ProbeRow(NamedTuple):
    """One path around one step.

    Attributes:
        step: The step, counted from 0.
        probe_set: Position in `PROBE_SETS`.
        trained_index: `nb201_index` of the (first) path that the step trained.
        probed_index: `nb201_index` of the path measured.
        shared_convs: Live convolution edges that both paths use, 0-6.
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
    """Measures disturbance around chosen steps, and knows which paths were trained lately.

    The `recent` set is the last K paths trained before b, of distinct equivalence classes and
    none of them b's; the `fixed` set is K paths drawn once by the seed, less b's class.
    """

    def __init__(self, config: RunConfig, data: ImageData) -> None:
        """Draw the probe batch and the fixed set.

        Args:
            config: The run's configuration.
            data: The images; the probe batch comes from the validation images, and no other
                purpose uses the same draw.
        """
        self.n_paths = config.probe_paths
        images = fixed_subset(data.validation, config.probe_images, config.seed, "probe")
        self._images = data.normalise(images.pixels)
        self._labels = images.labels
        rng = make_rng(config.seed, "probe", "paths")
        drawn = rng.choice(len(enumerate_archs()), size=self.n_paths, replace=False)
        self.fixed = [arch_at(int(index)) for index in drawn]
        self.recent: list[Arch] = []
        self._before: list[tuple[int, Arch, Tensor]] = []

    def before(self, network: SuperNet, trained: Sequence[Arch]) -> None:
        """Measure the paths before a step trains `trained`."""
        self._before = [
            (probe_set, arch, self._logits(network, arch))
            for probe_set, arch in self._choose(trained)
        ]

    def after(self, network: SuperNet, step: int, trained: Sequence[Arch]) -> list[ProbeRow]:
        """Measure the same paths after the step.

        Returns:
            One row a path, the trained ones first.
        """
        rows = []
        for probe_set, arch, before in self._before:
            after = self._logits(network, arch)
            shared = max(len(arch.live_conv_edges & b.live_conv_edges) for b in trained)
            rows.append(
                ProbeRow(
                    step,
                    probe_set,
                    trained[0].nb201_index,
                    arch.nb201_index,
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

    def remember(self, trained: Sequence[Arch]) -> None:
        """Move trained paths to the end of the recent ones, one of each class."""
        for arch in trained:
            self.recent = [a for a in self.recent if a.representative != arch.representative]
            self.recent.append(arch)
        # the classes that the next step trains are left out when measuring, so more than K paths
        # must be kept: as many more as a step trains
        self.recent = self.recent[-(self.n_paths + len(trained)) :]

    def _choose(self, trained: Sequence[Arch]) -> list[tuple[int, Arch]]:
        own = {arch.representative for arch in trained}
        recent = [arch for arch in self.recent if arch.representative not in own][-self.n_paths :]
        fixed = [arch for arch in self.fixed if arch.representative not in own]
        sets = (trained, recent, fixed)
        return [(number, arch) for number, archs in enumerate(sets) for arch in archs]

    @torch.inference_mode()
    def _logits(self, network: SuperNet, arch: Arch) -> Tensor:
        logits: Tensor = network(self._images, arch)
        return logits

    def _loss(self, logits: Tensor) -> float:
        return F.cross_entropy(logits, self._labels).item()

    def _accuracy(self, logits: Tensor) -> float:
        return 100 * (logits.argmax(dim=1) == self._labels).double().mean().item()
