"""Journals beside the run folders, in which runs share what is computed of each architecture.

Runs that compute the same numbers take them from one folder. Architectures are dealt to buckets,
each with a journal and a lock: a run works on a bucket that no other holds, and the others find it
done. So processes share the work, an interrupted command resumes, and what is asked for later is
added to what is there.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import defaultdict, deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing
from typing import Any, ClassVar, Generic, TypeVar

from harness.errors import DataError, Interrupted, LockedError
from harness.estimators.base import Row, Task
from harness.files.journal import Journal
from harness.files.locks import hold_lock
from harness.monitor import Progress
from harness.settings.run import hash_settings

N_BUCKETS = 64
WAIT_S = 0.5

T = TypeVar("T")


class SharedWork(ABC, Generic[T]):
    """Something to be known of each of some architectures, by key.

    Attributes:
        family: The folder of the journals, beside the run folders.
        rows: What a journal holds, in words.
        folder: That of the journals of this work.
    """

    family: ClassVar[str]
    rows: ClassVar[str]

    def __init__(self, task: Task, header: Mapping[str, Any]) -> None:
        """Take a run's task; nothing is computed yet.

        Args:
            task: The run.
            header: All that decides the numbers.
        """
        config = task.config
        self._task = task
        self._header = header
        name = f"{config.dataset}-s{config.seed}-{hash_settings(header)[:8]}"
        self.folder = task.folder.path.parent / self.family / name

    @abstractmethod
    def read(self, row: Mapping[str, Any]) -> tuple[int, T] | None:
        """Read a row of a journal: the key, and what it says; None if it is no such row."""

    @abstractmethod
    def write(self, key: int, one: T) -> Row:
        """Make the row that `read` reads."""

    @abstractmethod
    def compute(
        self, missing: Iterable[tuple[int, T | None]]
    ) -> Generator[tuple[int, T], None, None]:
        """Compute what is missing, in any order.

        Args:
            missing: Keys with what is known of each already; drawn when its turn has come.
        """

    def merge(self, before: T | None, more: T) -> T:
        """Put what was known of an architecture and what was computed together."""
        return more

    def suffices(self, known: T) -> bool:
        """Say whether nothing is missing of what is known of an architecture."""
        return True

    def find_all(self, keys: Iterable[int]) -> Iterator[tuple[int, T]]:
        """Find what is to be known of architectures: in the journals, or by computing it.

        Yields:
            Each key, and what is known of it, in any order.

        Raises:
            Interrupted: If the monitor asked to stop; what was computed is in the journals.
            DataError: If a journal is damaged.
            StoreError: If the folder of the journals cannot be written to.
        """
        waiting: defaultdict[int, list[int]] = defaultdict(list)
        for key in dict.fromkeys(keys):
            waiting[key % N_BUCKETS].append(key)
        done, total = 0, sum(map(len, waiting.values()))
        while waiting:
            n_left = len(waiting)
            with closing(self._work_on(waiting)) as found:
                for key, one in found:
                    yield key, one
                    done += 1
                    self._report(done, total)
            if len(waiting) == n_left:  # others work on all of them
                self._report(done, total)
                time.sleep(WAIT_S)

    def _report(self, done: int, total: int) -> None:
        monitor = self._task.monitor
        monitor.progress(Progress(self._task.config.run_id, "rank", done, total))
        if monitor.should_stop() and done < total:
            raise Interrupted(f"Stopped after {done:,} of {total:,} architectures.")

    def _work_on(self, waiting: dict[int, list[int]]) -> Generator[tuple[int, T], None, None]:
        """Go through the buckets once; those that no other run holds are taken out and done."""
        found: deque[tuple[int, T]] = deque()
        known: dict[int, T] = {}
        held: dict[int, tuple[Journal, set[int], ExitStack]] = {}

        def draw() -> Iterator[tuple[int, T | None]]:
            for number in list(waiting):
                with ExitStack() as stack:
                    try:
                        stack.enter_context(self._lock(number))
                    except LockedError:
                        continue
                    journal = Journal(self.folder / f"{number:02}.jsonl", self._header)
                    known.update(self._read_all(journal))
                    keys = waiting.pop(number)
                    ready = {key for key in keys if key in known and self.suffices(known[key])}
                    found.extend((key, known[key]) for key in keys if key in ready)
                    if missing := [key for key in keys if key not in ready]:
                        held[number] = (journal, set(missing), stack.pop_all())
                for key in missing:
                    yield key, known.get(key)

        try:
            with closing(self.compute(draw())) as computed:
                for key, one in computed:
                    journal, missing, stack = held[key % N_BUCKETS]
                    journal.append([self.write(key, one)])
                    found.append((key, self.merge(known.get(key), one)))
                    missing.remove(key)
                    if not missing:
                        stack.close()
                        del held[key % N_BUCKETS]
                    while found:
                        yield found.popleft()
            yield from found
        finally:
            for _, _, stack in held.values():
                stack.close()

    def _lock(self, number: int) -> AbstractContextManager[None]:
        return hold_lock(
            self.folder / f"{number:02}.lock", f"computing {self.rows}", "--out folder"
        )

    def _read_all(self, journal: Journal) -> dict[int, T]:
        known: dict[int, T] = {}
        for number, row in enumerate(journal.rows, start=2):
            read = self.read(row)
            if read is None:
                raise DataError(
                    f"{journal.path}, line {number}: {str(row)[:80]!r} is not a row of "
                    f"{self.rows}. Remove the file and run the same command again: its "
                    "architectures are computed anew."
                )
            key, one = read
            known[key] = self.merge(known.get(key), one)
        return known


def describe_task(task: Task) -> dict[str, Any]:
    """Return what decides the numbers of all work on a run's images, for a header."""
    config, data = task.config, task.data
    return {
        "space": config.space,
        "images_sha256": data.sha256,
        "split": [config.split_seed, config.train_share],
        "seed": config.seed,
        "device": data.train.labels.device.type,
    }
