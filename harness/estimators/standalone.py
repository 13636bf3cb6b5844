"""Stand-alone networks of the size that an estimator measures, and what they take to measure."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from harness.errors import UsageError
from harness.estimators.base import Task
from harness.files.images import is_own_name
from harness.seeding import derive_seed
from harness.spaces import Architecture, NetworkShape, Space, load_space
from harness.supernet.base import Standalone
from harness.truth import default_query
from harness.truth.build import Protocol
from harness.truth.profile import built_shape, truth_shape


def choose_shape(task: Task, channels: int | None, cells: int | None) -> NetworkShape:
    """Return the size of the truth's networks, unless told otherwise, for the run's images.

    Of one's own images without a truth, it is what `harness truth build` would train.

    Args:
        task: The run.
        channels: Channels C of the first stage; None: as the truth's.
        cells: Cells N a stage; None: as the truth's.

    Raises:
        ArchError: If the size of the truth's is not known.
    """
    if channels is None or cells is None:
        space = load_space(task.config.space)
        if is_own_name(task.config.dataset):
            usual = Protocol.of(space)
            own = built_shape(task.truth) or task.data.network_shape(usual.channels, usual.cells)
        else:
            own = truth_shape(task.truth, default_query(task.config.dataset, space).dataset)
        channels, cells = channels or own.channels, cells or own.cells
    return task.data.network_shape(channels, cells)


def make_standalone(
    space: Space, shape: NetworkShape, arch: Architecture, seed: int, estimator: str
) -> Standalone:
    """Make a network of its own for an architecture.

    Of a generator, it is another draw than those of a truth, whose seeds are small: a score that
    knew the very networks of the truth could rank above its ceiling.

    Raises:
        UsageError: If the space has no networks.
    """
    if space.trainings_each is not None:
        seed = derive_seed(seed, "networks of estimators")
    try:
        return space.networks(shape).standalone(arch, [seed])
    except NotImplementedError as error:
        raise UsageError(
            f"'{estimator}' measures stand-alone networks, and space '{space.name}' has none. "
            f"Leave out '{estimator}', or define `networks` of the space."
        ) from error


def make_clock(device: torch.device) -> Callable[[], float]:
    """Return a clock: the processor's seconds on a CPU, else those with the device's work done."""
    if device.type == "cpu":
        return time.process_time

    def read() -> float:
        torch.cuda.synchronize(device)
        return time.perf_counter()

    return read
