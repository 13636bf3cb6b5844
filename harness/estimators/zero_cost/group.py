"""Proxies that are measured together, and the journals in which their runs share what is done.

The runs of one command that have a seed, images and network in common measure the same networks.
Each takes what it asks for from one folder beside the run folders. Architectures are dealt to
buckets, each with a journal and a lock: a run works on a bucket that no other holds, for all
proxies of the command, and the others find it done. So processes share the work, an interrupted
command resumes, and a proxy that is asked for later is added to what is there.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

import torch

from harness.errors import DataError, Interrupted, LockedError, UsageError
from harness.estimators.base import Task
from harness.estimators.classes import distinct_classes
from harness.estimators.zero_cost.meter import Meter
from harness.estimators.zero_cost.passes import Batch, Passes, Use
from harness.estimators.zero_cost.settings import ZeroCostSettings
from harness.files.journal import Journal
from harness.files.locks import hold_lock
from harness.images.dataset import BatchSampler
from harness.monitor import Progress
from harness.settings.run import hash_settings
from harness.spaces import Architecture, NetworkShape, load_space
from harness.supernet.base import Standalone
from harness.truth import default_query

FOLDER = "zero_cost"
"""The folder of the journals, beside the run folders."""

N_BUCKETS = 64
WAIT_S = 0.5
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


class Group:
    """The proxies of a command that share the passes of a run's networks."""

    def __init__(self, task: Task, proxies: Mapping[str, type[Measure]]) -> None:
        """Take a run's task; nothing is computed yet.

        Args:
            task: The task of one of the proxies.
            proxies: Those to measure together, by name, the task's own among them.

        Raises:
            UsageError: If the data set has fewer images than two batches.
        """
        self._task = task
        self._space = load_space(task.config.space)
        self._settings = ZeroCostSettings.read(task.config.tables.get(ZeroCostSettings.table, {}))
        self._proxies = proxies
        n_images = 2 * self._settings.batch_size
        if n_images > len(task.data.train):
            raise UsageError(
                f"zero_cost.batch_size = {self._settings.batch_size:,} was given; two batches are "
                f"needed, and '{task.data.name}' has {len(task.data.train):,} training images. "
                f"Give {len(task.data.train) // 2:,} or less."
            )

    @property
    def description(self) -> str:
        """The size of the networks and of the batch, in words."""
        shape = self._shape
        return f"C={shape.channels}, N={shape.cells}, batch {self._settings.batch_size}"

    def measure_all(self, keys: Sequence[int]) -> Iterator[tuple[int, Measured]]:
        """Measure the classes of architectures, or read what other runs measured.

        Args:
            keys: Architectures.

        Yields:
            The key of each class's representative, and what is known of it; those that have no live
            path are left out.

        Raises:
            Interrupted: If the monitor asked to stop; what was measured is in the journals.
            DataError: If a journal is damaged.
            StoreError: If the folder of the journals cannot be written to.
            UsageError: If the space has no networks.
        """
        archs: dict[int, dict[int, Architecture]] = {}
        for arch in distinct_classes(self._space, keys):
            if self._space.is_live(arch):
                key = self._space.key(arch)
                archs.setdefault(key % N_BUCKETS, {})[key] = arch
        done, total = 0, sum(map(len, archs.values()))
        while archs:
            n_left = len(archs)
            for number in list(archs):
                lock = self._folder / f"{number:02}.lock"
                with suppress(LockedError), hold_lock(lock, "measuring proxies", "--out folder"):
                    journal = Journal(self._folder / f"{number:02}.jsonl", self._header)
                    for found in self._measure_bucket(journal, archs.pop(number)):
                        yield found
                        done += 1
                        self._report(done, total)
            if len(archs) == n_left:
                self._report(done, total)
                time.sleep(WAIT_S)

    def _report(self, done: int, total: int) -> None:
        monitor = self._task.monitor
        monitor.progress(Progress(self._task.config.run_id, "rank", done, total))
        if monitor.should_stop() and done < total:
            raise Interrupted(f"Stopped after {done:,} of {total:,} architectures.")

    def _measure_bucket(
        self, journal: Journal, archs: Mapping[int, Architecture]
    ) -> Iterator[tuple[int, Measured]]:
        """Yield what is known of each, measuring what the journal lacks."""
        known: defaultdict[int, Measured] = defaultdict(lambda: Measured({}, {}))
        for number, row in enumerate(journal.rows, start=2):
            key, one = _read_row(row, f"{journal.path}, line {number}")
            known[key] = known[key].with_more(one)
        for key, arch in archs.items():
            if self._task.config.estimator not in known[key].values:
                one = self._measure(arch, without=known[key].values)
                journal.append([{"key": key, **one._asdict()}])
                known[key] = known[key].with_more(one)
            yield key, known[key]

    def _measure(self, arch: Architecture, without: Mapping[str, Any]) -> Measured:
        device = self._task.data.train.labels.device
        meter = Meter(make_clock(device))
        proxies = {name: own for name, own in self._proxies.items() if name not in without}
        network, building = meter.charge(self._make_network, arch)
        network.to(device)
        uses = frozenset().union(*(proxy.uses for proxy in proxies.values()))
        passes = Passes(network, *self._batches, self._task.config.seed, uses, meter)
        values, seconds = {}, {}
        for name, proxy in proxies.items():
            values[name], own = meter.charge(measure, proxy, passes)
            seconds[name] = round(building + own, 6)
        return Measured(values, seconds)

    def _make_network(self, arch: Architecture) -> Standalone:
        try:
            return self._space.networks(self._shape).standalone(arch, [self._task.config.seed])
        except NotImplementedError as error:
            raise UsageError(
                f"'{self._task.config.estimator}' measures stand-alone networks, and space "
                f"'{self._space.name}' has none. Leave out the training-free proxies, or define "
                "`networks` of the space."
            ) from error

    @cached_property
    def _shape(self) -> NetworkShape:
        """The truth's networks, for the run's images, unless the settings say otherwise."""
        task, settings = self._task, self._settings
        channels, cells = settings.channels, settings.cells
        if channels is None or cells is None:
            own = self._space.shape(default_query(task.config.dataset, self._space).dataset)
            channels, cells = channels or own.channels, cells or own.cells
        return task.data.network_shape(channels, cells)

    @cached_property
    def _batches(self) -> tuple[Batch, Batch]:
        task = self._task
        sampler = BatchSampler(
            task.data, self._settings.batch_size, task.config.seed, augment=False
        )
        return Batch(*sampler.batch(0)), Batch(*sampler.batch(1))

    @cached_property
    def _header(self) -> dict[str, Any]:
        """What decides the numbers."""
        config, data = self._task.config, self._task.data
        return {
            "format": _FORMAT,
            "space": config.space,
            "images_sha256": data.sha256,
            "split": [config.split_seed, config.train_share],
            "seed": config.seed,
            "shape": asdict(self._shape),
            "batch_size": self._settings.batch_size,
            "device": data.train.labels.device.type,
        }

    @cached_property
    def _folder(self) -> Path:
        config = self._task.config
        name = f"{config.dataset}-s{config.seed}-{hash_settings(self._header)[:8]}"
        return self._task.folder.path.parent / FOLDER / name


def make_clock(device: torch.device) -> Callable[[], float]:
    """Return a clock: the processor's seconds on a CPU, else those with the device's work done."""
    if device.type == "cpu":
        return time.process_time

    def read() -> float:
        torch.cuda.synchronize(device)
        return time.perf_counter()

    return read


def _read_row(row: Mapping[str, Any], where: str) -> tuple[int, Measured]:
    match row:
        case {"key": int(key), "values": dict(values), "seconds": dict(seconds)}:
            numbers = [*filter(lambda value: value is not None, values.values()), *seconds.values()]
            if values.keys() == seconds.keys() and all(isinstance(n, float) for n in numbers):
                return key, Measured(values, seconds)
    raise DataError(
        f"{where}: {str(row)[:80]!r} is not a row of measured proxies. Remove the file and run the "
        "same command again: its architectures are measured anew."
    )
