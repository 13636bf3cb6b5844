"""What a space says of its architectures, their networks and their names: plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

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


class Axis(NamedTuple):
    """One of the choices that make an architecture, as searches see it.

    Attributes:
        name: Its name.
        values: What can be chosen: names, or a range of numbers, whose order means something.
    """

    name: str
    values: tuple[str, ...] | range


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


class Graph(NamedTuple):
    """A graph to look at: an architecture, or a part of one.

    Attributes:
        title: What it is.
        nodes: Their labels, in an order in which every edge goes forward.
        edges: (source, target, label), positions in `nodes`; labels may be empty.
    """

    title: str
    nodes: tuple[str, ...]
    edges: tuple[tuple[int, int, str], ...]


def chain(title: str, nodes: Sequence[str]) -> Graph:
    """Return a graph in which every node reads the one before, from the input to the output."""
    labels = ("input", *nodes, "output")
    return Graph(title, labels, tuple((n, n + 1, "") for n in range(len(labels) - 1)))


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
