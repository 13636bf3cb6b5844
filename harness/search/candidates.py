"""What a search may find: the architectures that its objective and its judge cover, or all.

Axis letters: n candidates; a axes of the space.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator
from itertools import chain, islice

import numpy as np
import numpy.typing as npt

from harness.errors import ArchError
from harness.spaces import Architecture, Space
from harness.spaces.values import Axis

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Position = tuple[int, ...]

_TRIES = 10_000
"""Steps of a walk through a space without a list of candidates, before it counts as used up."""


class Candidates:
    """The architectures that a search chooses from, each network once.

    A proposal becomes a network that was not evaluated before: where it is none of the candidates,
    or one network with an evaluated one (`Space.identity`), the nearest candidate takes its place.
    Nearest is the one that differs on the fewest axes; on an axis of numbers by their distance over
    the length of the axis. A proposal that is another name of a candidate's network becomes that
    candidate. Without a list of candidates, one axis of the proposal is changed, the nearest values
    first, then more and more at random, until the network is new.

    Attributes:
        space: The space.
        keys: The candidates, [n]; None for all of the space.
        axes: What Optuna's samplers choose among; none where the space has none.
    """

    def __init__(self, space: Space, keys: IntArray | None = None) -> None:
        """Take the candidates."""
        self.space, self.keys = space, keys
        self.axes = _axes_of(space)
        self._identities: dict[int, int] = {}
        if keys is not None:
            positions = [self.position(space.at(key)) for key in keys.tolist()]
            self._positions = np.array(positions, dtype=np.float64).reshape(len(keys), -1)
        is_number = [isinstance(axis.values, range) for axis in self.axes]
        self._is_number = np.array(is_number, dtype=np.bool_)
        self._lengths = np.array([max(1, len(axis.values) - 1) for axis in self.axes])

    def position(self, arch: Architecture) -> Position:
        """Return where an architecture is on the axes."""
        return self.space.position(arch) if self.axes else ()

    def identity(self, arch: Architecture) -> int:
        """Return the key of the network that an architecture is."""
        return self.space.key(self.space.identity(arch))

    def are_left(self, known: Collection[int]) -> bool:
        """Say whether a listed candidate is none of these networks, given by `identity`."""
        rows = range(0 if self.keys is None else len(self.keys))
        return any(self._identity_of_row(row) not in known for row in rows)

    def settle(
        self, wanted: Position | None, known: Collection[int], rng: np.random.RandomState
    ) -> Architecture | None:
        """Find the candidate of a proposal.

        Args:
            wanted: Where it is; None for any, uniformly.
            known: Networks that were evaluated or are under way, by `identity`.
            rng: Decides between equally near ones.

        Returns:
            An architecture that is none of these networks; None if all candidates are.
        """
        if self.keys is None:
            return self._walk(wanted, known, rng)
        distance = self._distance(wanted)
        order = np.lexsort((rng.random_sample(len(self.keys)), distance))
        for row in order.tolist():
            if self._identity_of_row(row) not in known:
                return self.space.at(int(self.keys[row]))
        return None

    def _distance(self, wanted: Position | None) -> FloatArray:
        """Return how far each candidate is from a position, [n]."""
        if wanted is None:
            return np.zeros(len(self._positions))
        distance = self._measure(wanted)
        arch = self._find(wanted) if distance.min() > 0.0 else None
        if arch is None:
            return distance
        # another name of a network that is a candidate
        named = self._measure(self.position(self.space.identity(arch)))
        return named if named.min() == 0.0 else distance

    def _measure(self, wanted: Position) -> FloatArray:
        apart = np.abs(self._positions - np.array(wanted, dtype=np.float64))
        each = np.where(self._is_number, apart / self._lengths, apart != 0.0)
        return np.asarray(each.sum(axis=1))

    def _identity_of_row(self, row: int) -> int:
        assert self.keys is not None, "rows are of a list of candidates"
        if row not in self._identities:
            self._identities[row] = self.identity(self.space.at(int(self.keys[row])))
        return self._identities[row]

    def _walk(
        self, wanted: Position | None, known: Collection[int], rng: np.random.RandomState
    ) -> Architecture | None:
        """Change a position, or draw, until it is that of a new network."""
        near = iter(()) if wanted is None else self._near(wanted, rng)
        drawn = (self.space.draw(rng) for _ in range(_TRIES))
        for arch in chain(map(self._find, near), drawn):
            if arch is not None and self.identity(arch) not in known:
                return arch
        return None

    def _near(self, wanted: Position, rng: np.random.RandomState) -> Iterator[Position]:
        """Yield a position, then those around it."""
        yield wanted
        by_axis = (self._along(wanted, place, rng) for place in range(len(self.axes)))
        for _, _, place, value in islice(heapq.merge(*by_axis), _TRIES):
            yield (*wanted[:place], value, *wanted[place + 1 :])
        for n_changed in range(2, len(self.axes) + 1):
            for _ in range(_TRIES // len(self.axes)):
                position = wanted
                for _ in range(n_changed):
                    position = self.mutate(position, rng)
                yield position

    def _along(
        self, wanted: Position, place: int, rng: np.random.RandomState
    ) -> Iterator[tuple[float, float, int, int]]:
        """Yield the other values of an axis, the nearest first: distance, lot, axis and value."""
        n, own = len(self.axes[place].values), wanted[place]
        if not self._is_number[place]:
            yield from sorted((1.0, rng.random_sample(), place, v) for v in range(n) if v != own)
            return
        for steps in range(1, n):
            there = (v for v in (own - steps, own + steps) if 0 <= v < n)
            distance = steps / self._lengths[place]
            yield from sorted((distance, rng.random_sample(), place, v) for v in there)

    def _find(self, position: Position) -> Architecture | None:
        try:
            return self.space.at_position(position)
        except ArchError:  # a place between architectures, such as a generator of too many nodes
            return None

    def mutate(self, position: Position, rng: np.random.RandomState) -> Position:
        """Give one axis another value, both drawn uniformly."""
        open_axes = [place for place, axis in enumerate(self.axes) if len(axis.values) > 1]
        place = open_axes[rng.randint(len(open_axes))]
        value = rng.randint(len(self.axes[place].values) - 1)
        value += value >= position[place]
        return (*position[:place], int(value), *position[place + 1 :])


def _axes_of(space: Space) -> tuple[Axis, ...]:
    try:
        return space.axes
    except ArchError:
        return ()
