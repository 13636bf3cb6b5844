"""Kinds of spaces: a grid, one choice for each slot; a list; and one without an end."""

from __future__ import annotations

import hashlib
import itertools
import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from harness.errors import ArchError
from harness.seeding import make_rng
from harness.spaces.base import Space
from harness.spaces.values import Architecture, Axis, Features

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class _Drawn(Space):
    """A space whose samples are drawn one by one: what cannot be enumerated has no permutation."""

    _DRAWS_EACH: ClassVar[int] = 1_000

    def prefix(self, n: int, offset: int = 0) -> tuple[int, ...]:
        """Return the first distinct draws of a fixed seed."""
        wanted = offset + n
        barren = 0
        while len(self._drawn) < wanted:
            key = self.key(self.draw(self._rng))
            barren = barren + 1 if key in self._drawn else 0
            if barren == self._DRAWS_EACH:
                raise ArchError(
                    f"{wanted:,} architectures of space '{self.name}' were asked for; after "
                    f"{len(self._drawn):,} no further one was drawn in {barren:,} tries. Ask for "
                    "fewer."
                )
            self._drawn.setdefault(key)
        return tuple(self._drawn)[offset:wanted]

    @cached_property
    def _drawn(self) -> dict[int, None]:
        return {}

    @cached_property
    def _rng(self) -> np.random.RandomState:
        return make_rng(0, "canonical permutation", self.name)


class _Permuted(_Drawn):
    """A space that can be enumerated, with keys from 0.

    The canonical permutation orders architectures by the hash of their strings, one name of each
    network first, or by draws in spaces of more than a million.
    """

    _MOST_PERMUTED: ClassVar[int] = 1_000_000

    def prefix(self, n: int, offset: int = 0) -> tuple[int, ...]:
        """Return the first keys of the canonical permutation."""
        if self.size is None or self.size > self._MOST_PERMUTED:
            return super().prefix(n, offset)
        if not 1 <= n <= self.size - offset:
            raise ArchError(
                f"{n:,} architectures after the first {offset:,} of space '{self.name}' were asked "
                f"for; it has {self.size:,}. Ask for fewer."
            )
        return self._permutation[offset : offset + n]

    @cached_property
    def _permutation(self) -> tuple[int, ...]:
        def place(key: int) -> tuple[bool, bytes]:
            arch = self.at(key)
            text = f"{self.name} canonical permutation:{self.format(arch)}"
            is_other_name = self.n_networks is not None and self.identity(arch) != arch
            return is_other_name, hashlib.sha256(text.encode()).digest()

        return tuple(sorted(range(self.size or 0), key=place))


class Grid(_Permuted):
    """A space whose architectures are one choice for each slot.

    Strategies that deal out, nest or compare choices ask for a grid. An architecture's key is its
    choices read as the digits of a number. A space with a published index may override that, and
    the canonical permutation.

    Attributes:
        slots: The names of the choices, for each slot.
    """

    slots: ClassVar[tuple[tuple[str, ...], ...]]

    @abstractmethod
    def choices(self, arch: Architecture) -> tuple[int, ...]:
        """Return the choice of each slot, a position in `slots`."""

    @abstractmethod
    def from_choices(self, choices: Sequence[int]) -> Architecture:
        """Return the architecture with a choice for each slot.

        Raises:
            ArchError: If a choice is missing or out of range.
        """

    def key(self, arch: Architecture) -> int:
        """Return the choices as the digits of a number, the last one the least significant."""
        key = 0
        for choice, names in zip(self.choices(arch), self.slots, strict=True):
            key = key * len(names) + choice
        return key

    def at(self, key: int) -> Architecture:
        """Return the architecture whose choices are the digits of a number."""
        size = math.prod(len(names) for names in self.slots)
        if not 0 <= key < size:
            raise ArchError(
                f"Key {key} was given; those of space '{self.name}' are 0 to {size - 1:,}."
            )
        choices = []
        for names in reversed(self.slots):
            key, choice = divmod(key, len(names))
            choices.append(choice)
        return self.from_choices(tuple(reversed(choices)))

    def draw(self, rng: np.random.RandomState) -> Architecture:
        """Draw a choice for each slot."""
        return self.from_choices(tuple(int(rng.randint(len(names))) for names in self.slots))

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """The slots."""
        return tuple(Axis(f"slot {number}", names) for number, names in enumerate(self.slots))

    def position(self, arch: Architecture) -> tuple[int, ...]:
        """Return the choice of each slot."""
        return self.choices(arch)

    def at_position(self, position: Sequence[int]) -> Architecture:
        """Return the architecture with these choices."""
        return self.from_choices(position)

    def counts(self, arch: Architecture) -> Mapping[str, int]:
        """Count the slots that have each choice."""
        chosen = [slot[choice] for slot, choice in zip(self.slots, self.choices(arch), strict=True)]
        return {name: chosen.count(name) for name in dict.fromkeys(itertools.chain(*self.slots))}

    @cached_property
    def features(self) -> Mapping[str, Features]:
        """The choice of each slot, one-hot."""
        return {"one-hot": Features("the choice of each slot, one-hot", self._one_hot)}

    def _one_hot(self, archs: Sequence[Architecture]) -> dict[str, npt.NDArray[np.float64]]:
        import numpy as np  # here: it would be half of the time that help takes

        choices = np.array([self.choices(arch) for arch in archs], dtype=np.int64)
        choices = choices.reshape(-1, len(self.slots))
        return {
            f"slot {slot} is {name}": (choices[:, slot] == choice).astype(np.float64)
            for slot, names in enumerate(self.slots)
            for choice, name in enumerate(names)
        }

    @property
    @abstractmethod
    def largest(self) -> Architecture:
        """The architecture with the most parameters and multiply-adds."""

    @property
    @abstractmethod
    def smallest(self) -> Architecture:
        """The cheapest architecture that still carries a signal."""


class Listed(_Permuted):
    """A space whose architectures are a list, without slots that are chosen one by one.

    An architecture's key is its place in the list.
    """

    @property
    @abstractmethod
    def archs(self) -> Sequence[Architecture]:
        """All architectures, always in the same order."""

    def key(self, arch: Architecture) -> int:
        """Return the place in the list."""
        return self._places[arch]

    def at(self, key: int) -> Architecture:
        """Return the architecture at a place of the list."""
        if not 0 <= key < len(self.archs):
            raise ArchError(
                f"Key {key} was given; those of space '{self.name}' are 0 to "
                f"{len(self.archs) - 1:,}."
            )
        return self.archs[key]

    def draw(self, rng: np.random.RandomState) -> Architecture:
        """Draw one of them."""
        return self.archs[int(rng.randint(len(self.archs)))]

    @cached_property
    def _places(self) -> dict[Architecture, int]:
        return {arch: place for place, arch in enumerate(self.archs)}


class Unbounded(_Drawn):
    """A space that cannot be enumerated: keys are hashes, and samples are drawn one by one.

    `at` finds only architectures whose key this process has computed; `parse` finds any.
    """

    size = None

    def key(self, arch: Architecture) -> int:
        """Return 63 bits of the SHA-256 of the string, and remember whose they are."""
        digest = hashlib.sha256(f"{self.name}:{self.format(arch)}".encode()).digest()
        key = int.from_bytes(digest[:8], "big") >> 1
        self._seen.setdefault(key, arch)
        return key

    def at(self, key: int) -> Architecture:
        """Return an architecture whose key was computed before."""
        if key not in self._seen:
            raise ArchError(
                f"Key {key} of space '{self.name}' was given; this process has not seen the "
                "architecture yet. Name it by its string."
            )
        return self._seen[key]

    @cached_property
    def _seen(self) -> dict[int, Architecture]:
        return {}
