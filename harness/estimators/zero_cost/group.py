"""Proxies that are measured together, and the journals in which their runs share what is done.

The runs of one command that have a seed, images and network in common measure the same networks,
each for all proxies of the command (`SharedWork`).
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Protocol

from harness.estimators.base import Task
from harness.estimators.classes import live_classes
from harness.estimators.sharing import SharedWork, describe_task
from harness.estimators.standalone import choose_shape, make_clock, make_standalone
from harness.estimators.zero_cost.meter import Meter
from harness.estimators.zero_cost.passes import Batch, Passes, Use
from harness.estimators.zero_cost.settings import ZeroCostSettings
from harness.images.dataset import BatchSampler
from harness.seeding import derive_seed
from harness.spaces import Architecture, load_space

_FORMAT = 2


class Measured(NamedTuple):
    """What is known of one architecture.

    Attributes:
        values: By proxy; None where the number does not exist.
        seconds: What each takes alone: its network and passes too, however many share them. On a
            CPU those of the processor, on which other work has no effect.
    """

    values: dict[str, float | None]
    seconds: dict[str, float]

    def with_more(self, other: Measured) -> Measured:
        """Return the same with what else was measured."""
        return Measured({**self.values, **other.values}, {**self.seconds, **other.seconds})


class Measure(Protocol):
    """What a group needs of a proxy."""

    uses: ClassVar[frozenset[Use]]

    @classmethod
    def measure(cls, passes: Passes) -> float:
        """Measure a network by its passes."""
        ...


def measure(proxy: type[Measure], passes: Passes) -> float | None:
    """Measure a network by its passes; None where the number does not exist.

    None is read from a pass that overflows, or whose logits are the same for all images: gradients
    are zero there, and units all alike.
    """
    if proxy.uses and not passes.have_signal:
        return None
    value = float(proxy.measure(passes))
    return value if math.isfinite(value) else None


class Group(SharedWork[Measured]):
    """The proxies of a command that share the passes of a run's networks."""

    family = "zero_cost"
    rows = "measured proxies"

    def __init__(self, task: Task, proxies: Mapping[str, type[Measure]]) -> None:
        """Take a run's task; nothing is computed yet.

        Args:
            task: The task of one of the proxies.
            proxies: Those to measure together, by name, the task's own among them.
        """
        self._space = load_space(task.config.space)
        self._settings = ZeroCostSettings.of(task.config)
        self._proxies = proxies
        self._shape = choose_shape(task, self._settings.channels, self._settings.cells)
        decides = {"shape": asdict(self._shape), **self._settings.stored()}
        del decides["channels"], decides["cells"]  # said by the shape
        super().__init__(task, {"format": _FORMAT, **describe_task(task), **decides})

    @property
    def description(self) -> str:
        """The size of the networks and of the batch, in words."""
        shape, draws = self._shape, self._settings.draws
        mean = "" if draws == 1 else f", mean of {draws} draws"
        return f"C={shape.channels}, N={shape.cells}, batch {self._settings.batch_size}{mean}"

    def measure_all(self, keys: Sequence[int]) -> Iterator[tuple[int, Measured]]:
        """Measure the classes of architectures, or read what other runs measured.

        Args:
            keys: Architectures.

        Yields:
            The key of each class's representative, and what is known of it; those that have no live
            path are left out.

        Raises:
            UsageError: If the space has no networks.
            HarnessError: As `find_all`.
        """
        return self.find_all(live_classes(self._space, keys))

    def read(self, row: Mapping[str, Any]) -> tuple[int, Measured] | None:
        """Read a row of a journal."""
        match row:
            case {"key": int(key), "values": dict(values), "seconds": dict(seconds)}:
                numbers = [*filter(lambda n: n is not None, values.values()), *seconds.values()]
                if values.keys() == seconds.keys() and all(isinstance(n, float) for n in numbers):
                    return key, Measured(values, seconds)
        return None

    def write(self, key: int, one: Measured) -> dict[str, Any]:
        """Make a row of a journal."""
        return {"key": key, **one._asdict()}

    def merge(self, before: Measured | None, more: Measured) -> Measured:
        """Add what other proxies measured."""
        return more if before is None else before.with_more(more)

    def suffices(self, known: Measured) -> bool:
        """Say whether the run's own proxy has measured it."""
        return self._task.config.estimator in known.values

    def compute(
        self, missing: Iterable[tuple[int, Measured | None]]
    ) -> Generator[tuple[int, Measured], None, None]:
        """Measure one after the other."""
        for key, known in missing:
            yield key, self._measure(self._space.at(key), known.values if known else {})

    def _measure(self, arch: Architecture, without: Mapping[str, Any]) -> Measured:
        proxies = {name: own for name, own in self._proxies.items() if name not in without}
        drawn = [self._measure_draw(arch, n, proxies) for n in range(self._settings.draws)]
        return Measured(
            {name: _mean([one.values[name] for one in drawn]) for name in proxies},
            {name: round(sum(one.seconds[name] for one in drawn), 6) for name in proxies},
        )

    def _measure_draw(
        self, arch: Architecture, number: int, proxies: Mapping[str, type[Measure]]
    ) -> Measured:
        device = self._task.data.train.labels.device
        seed = self._seed(number)
        meter = Meter(make_clock(device))
        network, building = meter.charge(
            make_standalone, self._space, self._shape, arch, seed, self._task.config.estimator
        )
        network.to(device)
        uses = frozenset().union(*(proxy.uses for proxy in proxies.values()))
        passes = Passes(network, *self._batches[number], seed, uses, meter)
        values, seconds = {}, {}
        for name, proxy in proxies.items():
            values[name], own = meter.charge(measure, proxy, passes)
            seconds[name] = round(building + own, 6)
        return Measured(values, seconds)

    def _seed(self, number: int) -> int:
        """Return the seed of a draw; that of the first is the run's."""
        seed = self._task.config.seed
        return seed if number == 0 else derive_seed(seed, "draw", number)

    @cached_property
    def _batches(self) -> list[tuple[Batch, Batch]]:
        task = self._task
        sampler = BatchSampler(
            task.data, self._settings.batch_size, task.config.seed, augment=False
        )
        draws = range(self._settings.draws)
        return [(Batch(*sampler.batch(2 * n)), Batch(*sampler.batch(2 * n + 1))) for n in draws]


def _mean(values: Sequence[float | None]) -> float | None:
    """Return the mean of a proxy's draws; None where a draw has no number."""
    numbers = [value for value in values if value is not None]
    return math.fsum(numbers) / len(values) if len(numbers) == len(values) else None
