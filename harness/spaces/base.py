"""What a search space is. Outside its own folder nothing knows its operations, edges or counts.

A space says which architectures there are, which of them are the same, what they cost, and how
to make their networks. An architecture is a value of the space's own type, opaque elsewhere:
other code asks the space about it. Arrays, journals and files name an architecture by its
key, a whole number (`Space.key`), or by its string.

Nothing here imports torch; `Space.networks` does, when it is called.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from harness.errors import ArchError
from harness.seeding import make_rng

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.supernet.base import Networks

Architecture = Any
"""One architecture, of the space's own type: immutable, hashable, compared by value, and with
its canonical string as `str()`. `Any`, since only its space may look inside."""


@dataclass(frozen=True)
class NetworkShape:
    """The size of a network around the part that is searched.

    Attributes:
        channels: Channels C of the first stage.
        cells: Cells (or blocks) N in each stage, where the space leaves that open.
        image_size: Height and width of the input, pixels; one number where they are equal.
        image_channels: Channels of the input.
        classes: Number of classes.
    """

    channels: int
    cells: int
    image_size: int | tuple[int, int]
    image_channels: int
    classes: int

    def image_pixels(self, halvings: int = 0) -> tuple[int, int]:
        """Return height and width of the input after so many strides of 2, rounded up."""
        size = self.image_size
        height, width = size if isinstance(size, tuple) else (size, size)
        return -(-height // 2**halvings), -(-width // 2**halvings)

    def stage_channels(self, stage: int) -> int:
        """Return the channels of a stage, counted from 0, each twice as wide as the one before."""
        return self.channels << stage


class Cost(NamedTuple):
    """What a stand-alone network costs, for one image.

    Attributes:
        params: Parameters.
        flops: Multiply-adds of convolutions and linear layers.
        live_params: Parameters of the part that a signal passes on its way to the output.
        live_flops: Multiply-adds of that part.
    """

    params: int
    flops: int
    live_params: int
    live_flops: int


class Trait(NamedTuple):
    """A property of architectures that defines a population.

    Attributes:
        description: What the population holds, in words.
        of: The property. For a part of the space, whether an architecture belongs to it; for a
            partition, the key of the representative of its class.
        size: How many architectures the part has, or how many classes the partition; None where
            that is not known.
        is_partition: Whether the population has one architecture of each class, rather than all
            that have the property.
    """

    description: str
    of: Callable[[Architecture], bool | int]
    size: int | None = None
    is_partition: bool = False


class Baseline(NamedTuple):
    """A score that is computed from the architecture alone.

    Attributes:
        description: What the score is, in words.
        score: Higher is better.
    """

    description: str
    score: Callable[[Architecture], float]


class Features(NamedTuple):
    """Numbers that describe architectures, for a predictor.

    Attributes:
        description: What they are, in words.
        of: Computes them of some architectures: by name, finite, [arch]; the same names for all,
            and of an architecture the same whichever others are asked for.
        redraw: Computes them of an isomorphic encoding of each architecture, which a generator
            draws: other numbers for the same architecture. None where there is one encoding only.
    """

    description: str
    of: Callable[[Sequence[Architecture]], Mapping[str, npt.NDArray[np.float64]]]
    redraw: (
        Callable[
            [Sequence[Architecture], np.random.RandomState], Mapping[str, npt.NDArray[np.float64]]
        ]
        | None
    ) = None


class Fact(NamedTuple):
    """Something to know about one architecture.

    Attributes:
        values: By name, ready for JSON.
        sentence: The same in words.
    """

    values: Mapping[str, Any]
    sentence: str


STRING_FORM, INDEX_FORM = "string", "index"
"""Names of the forms that every space has, the index where there is a published order."""


class Form(NamedTuple):
    """A form in which files write an architecture.

    Attributes:
        example: One architecture in this form, or what it looks like.
        read: Returns the architecture that a text names. Lists and dictionaries are read as the
            text that Python writes for them. Raises ArchError for a text of another form.
        is_number: Whether it reads whole numbers, which much else is too: then only columns of
            certain names are taken to have it.
    """

    example: str
    read: Callable[[str], Architecture]
    is_number: bool = False


class Space(ABC):
    """A search space. One instance serves all; it has no state but caches.

    Laws, which `harness.testing.spaces` holds every space to: `parse(format(a)) == a` and
    `at(key(a)) == a`; prefixes nest and hold no architecture twice; `canonical` and `identity`
    are idempotent, and an architecture's representative costs no more than itself. Where
    architectures are no more than names of networks, prefixes begin with one name of each.

    Attributes:
        name: What `--space` calls it.
        size: How many architectures there are; None where they cannot be enumerated: then there
            is no finite-population correction and no "all".
        n_networks: How many networks there are, where architectures of one `identity` are nothing
            but names of one network: then figures are of the networks, each by its representative.
            None where each architecture counts.
        has_cells: Whether `NetworkShape.cells` is open; if not, it is 1.
        presets: Settings of runs on this space, by the preset's name, over those of the image data
            set's.
        baseline_shape: Size of the networks whose costs are free scores.
        index_column: Column of files with the published index; None where there is none.
        floor: Name of the baseline that an estimator has to beat.
        chosen_on_truth: Combinations, by the names of their components, that were chosen by how
            they rank on a truth of this space; in a sentence, which every figure of them carries.
    """

    name: ClassVar[str]
    size: ClassVar[int | None]
    n_networks: ClassVar[int | None] = None
    has_cells: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    baseline_shape: ClassVar[NetworkShape] = NetworkShape(16, 5, 32, 3, 10)
    index_column: ClassVar[str | None] = None
    floor: ClassVar[str] = "live_params"
    chosen_on_truth: ClassVar[Mapping[frozenset[str], str]] = {}

    @property
    def n_judged(self) -> int | None:
        """How many architectures figures are of: the networks, or all; None if too many."""
        return self.size if self.n_networks is None else self.n_networks

    @abstractmethod
    def parse(self, text: str) -> Architecture:
        """Return the architecture that a string names.

        Raises:
            ArchError: If the string does not name an architecture.
        """

    def format(self, arch: Architecture) -> str:
        """Return the canonical string, which `parse` reads back."""
        return str(arch)

    @abstractmethod
    def key(self, arch: Architecture) -> int:
        """Return the number by which arrays and journals name an architecture, 0 to 2^63 - 1.

        It is the published index where there is one, else the position in an enumeration of the
        space's own; where the space cannot be enumerated, a hash of the string (`Unbounded`).
        """

    @abstractmethod
    def at(self, key: int) -> Architecture:
        """Return the architecture of a key.

        Raises:
            ArchError: If no architecture has it.
        """

    @abstractmethod
    def prefix(self, n: int, offset: int = 0) -> tuple[int, ...]:
        """Return the keys of the first `n` architectures of the canonical permutation.

        Every sample anywhere is such a prefix, so that samples nest and overlap.

        Args:
            n: How many, at least 1.
            offset: How many to skip first.

        Raises:
            ArchError: If there are not that many.
        """

    @abstractmethod
    def draw(self, rng: np.random.RandomState) -> Architecture:
        """Draw one architecture, uniformly."""

    @abstractmethod
    def canonical(self, arch: Architecture) -> Architecture:
        """Return the representative of the architectures with the same output under shared weights.

        They are computed once, and never disturb each other.
        """

    @abstractmethod
    def identity(self, arch: Architecture) -> Architecture:
        """Return the representative of the architectures that are one network for the truth.

        It decides `one_per_class`, which labels leak, and how the table is looked up. It is a
        fixed member of the class, so that whether a class is in a sample does not depend on its
        size.
        """

    @abstractmethod
    def is_live(self, arch: Architecture) -> bool:
        """Say whether a signal reaches the output; others tie at the bottom of every ranking."""

    @abstractmethod
    def weights(self, arch: Architecture) -> frozenset[Hashable]:
        """Return the weighted operations on the live path, except those that all paths share."""

    @abstractmethod
    def cost(self, arch: Architecture, shape: NetworkShape) -> Cost:
        """Count the parameters and multiply-adds of the stand-alone network."""

    @abstractmethod
    def networks(self, shape: NetworkShape) -> Networks:
        """Return the factory of the space's networks of one size; imports torch."""

    @property
    @abstractmethod
    def traits(self) -> Mapping[str, Trait]:
        """The populations that the space adds, by name, in the order of reports."""

    @cached_property
    def forms(self) -> Mapping[str, Form]:
        """How files write an architecture, by name: the string and, where there is one, the index.

        A space adds its own. A text that two forms read may name an architecture in each.
        """
        example = self.format(self.draw(make_rng(0, "example", self.name)))
        forms = {STRING_FORM: Form(example, self.parse)}
        if self.index_column is not None and self.size is not None:
            example = f"0 to {self.size - 1}, the published order"
            forms[INDEX_FORM] = Form(example, self._at_place, is_number=True)
        return forms

    def _at_place(self, text: str) -> Architecture:
        """Return the architecture at a place of the published order, such as `6111` or `6111.0`."""
        try:
            place = math.nan if "_" in text else float(text)
        except ValueError:
            place = math.nan
        if not place.is_integer():
            raise ArchError(f"'{text:.40}' is not a whole number.")
        return self.at(int(place))

    def shape(self, dataset: str) -> NetworkShape:
        """Return the size of the networks behind a truth's data set.

        Raises:
            ArchError: If it is not known.
        """
        raise ArchError(
            f"Space '{self.name}' does not say which networks data set '{dataset}' was made with."
        )

    def facts(self, arch: Architecture) -> tuple[Fact, ...]:
        """Return what to know about an architecture besides its cost."""
        same = self.format(self.identity(arch))
        return (Fact({"representative": same}, f"The truth table lists it as {same}."),)

    def counts(self, arch: Architecture) -> Mapping[str, int]:
        """Count what an architecture is made of, by name, the same names for all."""
        return {}

    @cached_property
    def baselines(self) -> Mapping[str, Baseline]:
        """The free scores, by name; a space adds its own."""
        sizes = {
            "params": "number of parameters",
            "flops": "number of multiply-adds",
            "live_params": "number of parameters of the live part",
            "live_flops": "number of multiply-adds of the live part",
        }

        @lru_cache(maxsize=1)  # all free scores of an architecture are asked for in turn
        def cost(arch: Architecture) -> Cost:
            return self.cost(arch, self.baseline_shape)

        def count(name: str, arch: Architecture) -> float:
            return float(getattr(cost(arch), name))

        return {
            **{name: Baseline(text, partial(count, name)) for name, text in sizes.items()},
            "random": Baseline("random, the same for an architecture every time", self._chance),
        }

    @property
    def features(self) -> Mapping[str, Features]:
        """What predictors can be fitted to besides free scores, by name; a space adds its own."""
        return {}

    def _chance(self, arch: Architecture) -> float:
        digest = hashlib.sha256(f"random score:{self.format(arch)}".encode()).digest()
        return int.from_bytes(digest[:6], "big")


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


class Grid(_Drawn):
    """A space whose architectures are one choice for each slot.

    Strategies that deal out, nest or compare choices ask for a grid. An architecture's key is its
    choices read as the digits of a number. The canonical permutation orders architectures by the
    hash of their strings, one name of each network first, or by draws in spaces of more than a
    million. A space with a published index may override both.

    Attributes:
        slots: The names of the choices, for each slot.
    """

    slots: ClassVar[tuple[tuple[str, ...], ...]]
    _MOST_PERMUTED: ClassVar[int] = 1_000_000

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
