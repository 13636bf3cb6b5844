"""The ranking of one supernet, spread over Ray workers.

The supernet and each part of the images are put into the object store once. Architectures are
submitted in chunks that keep neighbours in `SuperNet.order` together. A chunk that is lost with its
worker is computed again from the same inputs; each result is yielded once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import ray
import torch

from harness.estimators.supernet.readout import ReadoutSums
from harness.estimators.supernet.spread import Scoring, score_all
from harness.execution.engines.ray.jobs import RETRIES, keep_busy
from harness.spaces.values import Architecture
from harness.supernet.base import SuperNet

CHUNKS_A_WORKER = 4
"""Chunks per worker: several, so that workers of unequal speed finish at about the same time."""


class RaySpread:
    """Scores architectures on Ray workers; see `harness.estimators.supernet.spread.Spread`."""

    def __init__(self, workers: int, threads: int) -> None:
        """Set the number of workers and their threads.

        Args:
            workers: Chunks in progress at a time.
            threads: CPU threads per worker: as many as the run has, since sums may otherwise differ
                in the last bit.
        """
        self._workers = workers
        self._threads = threads
        self._network: tuple[SuperNet, Any] | None = None

    def __call__(
        self, scoring: Scoring, archs: Sequence[Architecture]
    ) -> Iterator[tuple[Architecture, ReadoutSums]]:
        """Yield each architecture once with its sums, as chunks finish."""
        if scoring.part.batches[0][0].device.type != "cpu":  # chunks do not share a GPU
            yield from score_all(scoring, archs)
            return
        rest = ray.put((scoring.part, scoring.recalibrate_on, scoring.bf16))
        arguments = (self._put(scoring.network), rest, self._threads)
        remote: Any = ray.remote(num_cpus=self._threads, max_retries=RETRIES)(_score_chunk)
        size = math.ceil(len(archs) / (self._workers * CHUNKS_A_WORKER))
        chunks = [list(archs[i : i + size]) for i in range(0, len(archs), size)]
        scored = keep_busy(lambda chunk: remote.remote(*arguments, chunk), chunks, self._workers)
        with closing(scored):  # the ranking may be stopped, or a chunk fail
            for chunk, reference in scored:
                yield from zip(chunk, ray.get(reference), strict=True)

    def _put(self, network: SuperNet) -> Any:
        if self._network is None or self._network[0] is not network:
            self._network = network, ray.put(network)
        return self._network[1]


def _score_chunk(
    network: SuperNet, rest: Any, threads: int, chunk: list[Architecture]
) -> list[ReadoutSums]:
    torch.set_num_threads(threads)
    return [sums for _, sums in score_all(Scoring(network, *rest), chunk)]
