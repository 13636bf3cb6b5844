"""The yardsticks beside a run's tau: what else ranks the same truth."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness.spaces.base import NetworkShape
from harness.spaces.nb201.cost import BENCHMARK_SHAPES, count_flops, count_params
from harness.spaces.nb201.encoding import arch_at
from harness.stats import kendall_tau, one_seed_reference
from harness.stats.ceiling import modelled_ceilings
from harness.stats.populations import TOP_10, TOP_HALF
from harness.truth import TruthQuery, TruthTable, default_query

SHARES = {"all": None, "top_half": TOP_HALF, "top_10": TOP_10}
SHAPES = {
    **BENCHMARK_SHAPES,
    "tiles": NetworkShape(channels=8, cells=1, image_size=16, image_channels=1, classes=37),
}
"""The stand-alone networks whose parameters and FLOPs serve as baselines, by the truth's data
set."""


class Yardsticks(NamedTuple):
    """How well other things rank the same architectures by the same truth.

    Attributes:
        baselines: Tau of the `params` and of the `flops` of the networks that were trained.
        reference: The one-seed reference on those of the architectures that have the most
            trials, with its n; None if there is too little truth.
        ceilings: Modelled ceilings: `all`, `top_half`, `top_10`.
    """

    baselines: dict[str, float | None]
    reference: dict[str, float] | None
    ceilings: dict[str, float | None]


def measure_yardsticks(
    table: TruthTable, query: TruthQuery, indices: npt.NDArray[np.int64], image_dataset: str
) -> Yardsticks:
    """Measure what a tau stands beside.

    Args:
        table: The table.
        query: The truth; under the policy of one trial or seed the ceilings are those of single
            trainings, while their noise is still learned from all trials.
        indices: Architectures that have it, `nb201_index`, ascending, [n].
        image_dataset: Whose networks are the baselines, where the table's data set is unknown.

    Returns:
        The yardsticks; measured once for all runs that share table, truth and architectures, as
        a ceiling over all 15,625 takes seconds.

    Raises:
        TruthError: If the table has no such rows.
    """
    return _measure_once(table, query, indices.astype(np.int64).tobytes(), image_dataset)


@lru_cache(maxsize=16)
def _measure_once(
    table: TruthTable, query: TruthQuery, index_bytes: bytes, image_dataset: str
) -> Yardsticks:
    indices = np.frombuffer(index_bytes, dtype=np.int64)
    truth, trials = table.select(query), table.trials(query)
    known = np.isin(truth.nb201_index, indices)
    accuracy = truth.accuracy[known]
    own = trials.accuracy[np.isin(trials.nb201_index, indices)]
    ceilings = modelled_ceilings(own, accuracy, list(SHARES.values()))
    reference = one_seed_reference(own)
    # C and N alone decide how sizes rank, so any data set's network does for an unknown one.
    shape = SHAPES.get(query.dataset) or SHAPES[default_query(image_dataset).dataset]
    archs = [arch_at(int(index)) for index in indices]
    return Yardsticks(
        baselines={
            "params": kendall_tau([count_params(arch, shape) for arch in archs], accuracy).value,
            "flops": kendall_tau([count_flops(arch, shape) for arch in archs], accuracy).value,
        },
        reference=None if reference is None else reference._asdict(),
        ceilings={
            name: None if ceiling is None else ceiling.tau
            for name, ceiling in zip(SHARES, ceilings, strict=True)
        },
    )
