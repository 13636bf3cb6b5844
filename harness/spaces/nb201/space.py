"""NAS-Bench-201 as a space: all that the rest of the harness may rely on.

Reference: Dong & Yang, NAS-Bench-201, 2020, arXiv 2001.00326, section 2.1.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from harness.seeding import make_rng
from harness.spaces.base import USUAL_PRESETS
from harness.spaces.kinds import Grid
from harness.spaces.nb201.classes import dead_edge_class, isomorphism_class, isomorphism_string
from harness.spaces.nb201.cost import SHAPES, count_flops, count_params
from harness.spaces.nb201.encoding import (
    CONV_3X3,
    EDGES,
    N_ARCHS,
    NONE,
    OPS,
    SKIP,
    Arch,
    arch_at,
    enumerate_archs,
    parse_arch,
    sample_indices,
)
from harness.spaces.nb201.forms import FORMS
from harness.spaces.values import Baseline, Cost, Fact, Features, Form, Graph, NetworkShape, Trait

if TYPE_CHECKING:
    import numpy as np

    from harness.supernet.base import Networks


SHOWN_MEMBERS = 8


class NB201(Grid):
    """The cell of NAS-Bench-201: six edges, five operations, 15,625 architectures."""

    name = "nb201"
    shapes = SHAPES
    size = N_ARCHS
    index_column = "nb201_index"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        key: {} for key in (*USUAL_PRESETS, "hour")
    }
    chosen_on_truth: ClassVar[Mapping[frozenset[str], str]] = {
        frozenset({"live_params", "jacov"}): "live_params+jacov was chosen among 156 combinations "
        "by its tau on CIFAR-10's truth of this space, so its figures there are too good."
    }
    slots = (OPS,) * len(EDGES)
    largest = Arch((CONV_3X3,) * len(EDGES))
    smallest = Arch(tuple(SKIP if edge == (3, 0) else NONE for edge in EDGES))

    def parse(self, text: str) -> Arch:
        """Parse the benchmark's string form."""
        return parse_arch(text)

    def key(self, arch: Arch) -> int:
        """Return the position in the published table, `nb201_index`."""
        return arch.nb201_index

    def at(self, key: int) -> Arch:
        """Return the architecture at a position of the published table."""
        return arch_at(key)

    def prefix(self, n: int, offset: int = 0) -> tuple[int, ...]:
        """Return the first indices of the canonical permutation."""
        return sample_indices(n, offset)

    def draw(self, rng: np.random.RandomState) -> Arch:
        """Draw one of the 15,625 architectures."""
        archs = enumerate_archs()
        return archs[int(rng.randint(len(archs)))]

    def canonical(self, arch: Arch) -> Arch:
        """Return the member of the class whose dead edges are `none`.

        The cells of the supernet have batch norm without affine parameters, so that a dead edge
        changes no bit of its output: 9,445 classes.
        """
        return arch.representative

    def identity(self, arch: Arch) -> Arch:
        """Return the member of the class whose dead edges are `none`.

        With affine batch norm, as in stand-alone training, a convolution that is fed zeros emits a
        constant, so that this is not exact; it is the coarsest rule that the benchmark allows.
        """
        return arch.representative

    def is_live(self, arch: Arch) -> bool:
        """Say whether there is a path from input to output (true of all but 341)."""
        return arch.is_live

    def weights(self, arch: Arch) -> frozenset[Hashable]:
        """Return the live convolutions, as (edge, operation)."""
        return frozenset(arch.live_conv_edges)

    def choices(self, arch: Arch) -> tuple[int, ...]:
        """Return the operation of each edge."""
        return arch.ops

    def from_choices(self, choices: Sequence[int]) -> Arch:
        """Return the architecture with an operation for each edge."""
        return Arch(tuple(choices))

    def cost(self, arch: Arch, shape: NetworkShape) -> Cost:
        """Count parameters and multiply-adds, as the benchmark does."""
        live = arch.representative
        return Cost(
            count_params(arch, shape),
            count_flops(arch, shape),
            count_params(live, shape),
            count_flops(live, shape),
        )

    def networks(self, shape: NetworkShape) -> Networks:
        """Return the factory of the supernet and the stand-alone networks of one size."""
        from harness.spaces.nb201.network import NB201Networks  # torch: only where it is used

        return NB201Networks(shape)

    def facts(self, arch: Arch) -> tuple[Fact, ...]:
        """Return the two classes of an architecture."""
        dead, isomorphic = dead_edge_class(arch), isomorphism_class(arch)
        representative, label = str(arch.representative), isomorphism_string(arch)
        return (
            Fact(
                {
                    "representative": representative,
                    "dead_edge_class": dead,
                    "live_edges": len(arch.live_edges),
                },
                "Dead-edge class (of 9,445; the same function in the supernet): "
                f"{_list_members(dead)}; representative {representative}; "
                f"{len(arch.live_edges)} of {len(EDGES)} edges are live.",
            ),
            Fact(
                {"isomorphism_string": label, "isomorphism_class": isomorphic},
                "Isomorphism string of the benchmark (of 6,466; a label): "
                f"{_list_members(isomorphic)}; {label}",
            ),
        )

    def graphs(self, arch: Arch, seed: int = 0) -> tuple[Graph, ...]:
        """Return the cell, without edges that are `none`."""
        edges = zip(EDGES, arch.ops, strict=True)
        drawn = tuple((source, target, OPS[op]) for (target, source), op in edges if op != NONE)
        return (Graph("cell", ("input", "1", "2", "output"), drawn),)

    def counts(self, arch: Arch) -> Mapping[str, int]:
        """Count the edges with each operation, dead ones included, and the live convolutions."""
        return {**super().counts(arch), "live conv edges": len(arch.live_conv_edges)}

    @cached_property
    def forms(self) -> Mapping[str, Form]:
        """The benchmark's string and order, and what the field's other codes write."""
        return {**super().forms, **FORMS}

    @cached_property
    def traits(self) -> Mapping[str, Trait]:
        """Populations without `none`, with a live path, and one of each class or string."""
        return {
            "without_none": Trait(
                "architectures without the operation none",
                lambda arch: not arch.count_op(NONE),
                (len(OPS) - 1) ** len(EDGES),
            ),
            "live": Trait(
                "architectures with a path from input to output", lambda arch: arch.is_live, 15_284
            ),
            "one_per_class": Trait(
                "one architecture of each class under dead-edge removal, the one whose dead edges "
                "are none",
                lambda arch: arch.representative.nb201_index,
                9_445,
                is_partition=True,
            ),
            "one_per_string": Trait(
                "one architecture of each isomorphism string of the benchmark, the one of lowest "
                "index",
                lambda arch: isomorphism_class(arch)[0],
                6_466,
                is_partition=True,
            ),
        }

    @cached_property
    def features(self) -> Mapping[str, Features]:
        """Graph features and layers besides the choices."""
        # numpy: only where it is used
        from harness.spaces.nb201.graph import graph_features
        from harness.spaces.nb201.layers import draw_layer_features, layer_features

        graf = Features("GRAF, features of the cell's graph by set of operations", graph_features)
        layers = Features("what each layer is and reads", layer_features, draw_layer_features)
        return {**super().features, "graf": graf, "layers": layers}

    @cached_property
    def baselines(self) -> Mapping[str, Baseline]:
        """Parameters and multiply-adds of CIFAR-10's network, and chance.

        Every network with two channels or more orders architectures alike.
        """
        order = make_rng(0, "random score").permutation(N_ARCHS)
        chance = super().baselines["random"].description
        return {
            **super().baselines,
            "random": Baseline(chance, lambda arch: float(order[arch.nb201_index])),
        }


def _list_members(members: tuple[int, ...]) -> str:
    if len(members) == 1:
        return "no other members"
    shown = ", ".join(map(str, members[:SHOWN_MEMBERS]))
    more = f", and {len(members) - SHOWN_MEMBERS:,} more" if len(members) > SHOWN_MEMBERS else ""
    return f"{len(members):,} members, {shown}{more}"
