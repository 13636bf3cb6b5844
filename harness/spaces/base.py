"""What a search space is. Outside its own folder nothing knows its operations, edges or counts.

A space says which architectures there are, which of them are the same, what they cost, and how
to make their networks. An architecture is a value of the space's own type, opaque elsewhere:
other code asks the space about it. Arrays, journals and files name an architecture by its
key, a whole number (`Space.key`), or by its string.

Nothing here imports torch; `Space.networks` does, when it is called.
"""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any, ClassVar

from harness.errors import ArchError
from harness.seeding import make_rng
from harness.spaces.values import (
    INDEX_FORM,
    STRING_FORM,
    Architecture,
    Axis,
    Baseline,
    Cost,
    Fact,
    Features,
    Form,
    Graph,
    NetworkShape,
    Trait,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.supernet.base import Networks

    IntArray = npt.NDArray[np.int64]


USUAL_PRESETS = ("smoke", "quick", "standard", "paper")
"""The presets of a space that does not say which it has."""


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
        part_of: Name of the space whose truths are those of its networks, where it is a part of
            that one; None where its truths are its own.
        has_cells: Whether `NetworkShape.cells` is open; if not, it is 1.
        has_supernet: Whether its networks can share weights; if not, `Networks.supernet` is never
            called.
        trainings_each: Where architectures are generators of networks, how many seeds in a row
            train one network (`draw_of`), and what is true of an architecture is a mean over
            networks; None where it has one network.
        built: What `harness truth build` does unless told otherwise: settings of its `Protocol`,
            and the text of its options `n_archs` and `seeds`.
        presets: The presets that it has, by name, each with the settings that take the place of
            those of the image data set's.
        shapes: Sizes of the networks behind truths, by data set, as far as they are known.
        baseline_shape: Size of the networks whose costs are free scores.
        index_column: Column of files with the published index; None where there is none.
        floor: Name of the baseline that an estimator has to beat.
        chosen_on_truth: Combinations, by the names of their components, that were chosen by how
            they rank on a truth of this space; in a sentence, which every figure of them carries.
    """

    name: ClassVar[str]
    size: ClassVar[int | None]
    n_networks: ClassVar[int | None] = None
    part_of: ClassVar[str | None] = None
    has_cells: ClassVar[bool] = True
    has_supernet: ClassVar[bool] = True
    trainings_each: ClassVar[int | None] = None
    built: ClassVar[Mapping[str, Any]] = {}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {key: {} for key in USUAL_PRESETS}
    shapes: ClassVar[Mapping[str, NetworkShape]] = {}
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

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The choices that make an architecture, among which a search chooses.

        Unless a space says more, the key: a search then learns nothing of one from another.

        Raises:
            ArchError: If there are none.
        """
        if self.size is None:
            raise ArchError(
                f"Space '{self.name}' has no axes along which to search. Give it 'axes', "
                "'position' and 'at_position', or search at random."
            )
        return (Axis("key", range(self.size)),)

    def position(self, arch: Architecture) -> tuple[int, ...]:
        """Return where an architecture is: of each axis, the place among its values."""
        return (self.key(arch),)

    def at_position(self, position: Sequence[int]) -> Architecture:
        """Return the architecture at a position; of those that are the same, any.

        Raises:
            ArchError: If there is none.
        """
        return self.at(position[0])

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

    def keys_in_whole(self) -> tuple[IntArray, IntArray]:
        """Return the key of each network, here and in the space `part_of`, [network] each.

        Never called where there is none.
        """
        raise NotImplementedError

    @abstractmethod
    def is_live(self, arch: Architecture) -> bool:
        """Say whether a signal reaches the output; others tie at the bottom of every ranking."""

    @abstractmethod
    def weights(self, arch: Architecture) -> frozenset[Hashable]:
        """Return the weighted operations on the live path, except those that all paths share."""

    @abstractmethod
    def cost(self, arch: Architecture, shape: NetworkShape) -> Cost:
        """Count the parameters and multiply-adds of the stand-alone network."""

    def network_cost(self, arch: Architecture, shape: NetworkShape, seed: int) -> Cost:
        """Count what the stand-alone network of a seed costs; the same for all but generators."""
        return self.cost(arch, shape)

    def draw_of(self, seed: int) -> int:
        """Return which of an architecture's networks a seed trains, from 0: its draw."""
        return 0 if self.trainings_each is None else seed // self.trainings_each

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
        if not self.shapes:
            raise ArchError(
                f"Space '{self.name}' does not say which networks data set '{dataset}' was made "
                f"with. Give the space's class `shapes`, with an entry '{dataset}'."
            )
        if dataset not in self.shapes:
            raise ArchError(
                f"The networks behind data set '{dataset}' are unknown; known are those of "
                f"{', '.join(self.shapes)}. Name one of these, or give `shapes` of space "
                f"'{self.name}' an entry."
            )
        return self.shapes[dataset]

    def facts(self, arch: Architecture) -> tuple[Fact, ...]:
        """Return what to know about an architecture besides its cost."""
        same = self.format(self.identity(arch))
        return (Fact({"representative": same}, f"The truth table lists it as {same}."),)

    def graphs(self, arch: Architecture, seed: int = 0) -> tuple[Graph, ...]:
        """Return what to draw of an architecture; of a generator, of the network of a seed."""
        return ()

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
