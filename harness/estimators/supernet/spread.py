"""Scoring architectures on a part of the images, here or spread over workers.

An architecture's sums do not depend on which others are scored beside it (`SuperNet.share` changes
no bit), so a list of architectures may be cut anywhere and scored in any order. Whoever
spreads the work yields each architecture exactly once; the ranking's journal keeps what came.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from harness.estimators.supernet.measuring import (
    BatchSums,
    EvaluationImages,
    SharedBatch,
    sum_batches,
)
from harness.estimators.supernet.readout import ReadoutSums, both_readouts
from harness.spaces.values import Architecture
from harness.supernet.base import SuperNet


class Scoring(NamedTuple):
    """What architectures are scored with.

    Attributes:
        network: The supernet after some step of its training.
        part: The images.
        recalibrate_on: Where to measure batch norm's statistics, or None for each batch's own.
        bf16: Whether the cells are computed in bf16.
    """

    network: SuperNet
    part: EvaluationImages
    recalibrate_on: EvaluationImages | None
    bf16: bool


Scored = tuple[Architecture, ReadoutSums]


class Spread(Protocol):
    """Scores architectures, in this process or elsewhere."""

    def __call__(self, scoring: Scoring, archs: Sequence[Architecture]) -> Iterator[Scored]:
        """Yield each architecture once with its sums, in any order; bit for bit as `score_all`."""
        ...


def score_all(scoring: Scoring, archs: Sequence[Architecture]) -> Iterator[Scored]:
    """Score architectures in this process, one after the other."""
    network, part, recalibrate_on, bf16 = scoring
    if bf16:
        network, part = network.to_bf16(), part.to_bf16()
        recalibrate_on = recalibrate_on and recalibrate_on.to_bf16()
    network, sum_of = both_readouts(network)
    if recalibrate_on is None:
        (batch,) = part.batches
        shared = SharedBatch(network, *batch, sum_of)
        for arch in archs:
            yield arch, shared.score(arch)
        return
    for arch in archs:
        of_batches = zip(*sum_batches(network, arch, part, recalibrate_on, sum_of), strict=True)
        yield arch, ReadoutSums(*map(_add, of_batches))


def _add(sums: Sequence[BatchSums]) -> BatchSums:
    return BatchSums(sum(one.loss for one in sums), sum(one.correct for one in sums))
