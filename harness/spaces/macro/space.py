"""NAS-Bench-Macro as a space: all that the rest of the harness may rely on.

Reference: Su et al., Prioritized Architecture Sampling with Monto-Carlo Tree Search, CVPR 2021,
arXiv 2103.11922.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from harness.errors import ArchError
from harness.spaces.kinds import Grid
from harness.spaces.macro.cost import BENCHMARK_SHAPE, count
from harness.spaces.macro.encoding import (
    BLOCKS,
    IDENTITY,
    MBCONV5,
    N_ARCHS,
    N_BLOCKS,
    N_NETWORKS,
    Arch,
    parse_arch,
)
from harness.spaces.values import (
    Architecture,
    Baseline,
    Cost,
    Fact,
    Features,
    Form,
    Graph,
    NetworkShape,
    Trait,
    chain,
)

if TYPE_CHECKING:
    from harness.supernet.base import Networks

_LIST = re.compile(rf"[(\[]\s*([0-2])(?:\s*,\s*([0-2])){{{N_BLOCKS - 1}}}\s*,?\s*[)\]]")
_NUMBER = re.compile(rf"([0-2]{{1,{N_BLOCKS}}})(?:\.0)?")


class Macro(Grid):
    """The chain of NAS-Bench-Macro: eight blocks, three choices, 6,561 strings, 3,969 networks.

    Strings of one network have its weights, its accuracy and its cost in common, so figures are of
    the 3,969. A path is computed as it was trained in the benchmark, identities at the end of their
    stage: uniform draws of strings then use the third block of a stage less often, with
    probability 4/9 in place of 2/3, and the second one more often, 8/9. What a strategy balances
    over slots of strings is shifted alike (see `StrictFairness`).
    """

    name = "macro"
    size = N_ARCHS
    n_networks = N_NETWORKS
    has_cells = False
    floor = "depth"
    shapes: ClassVar[Mapping[str, NetworkShape]] = {"cifar10": BENCHMARK_SHAPE}
    baseline_shape = BENCHMARK_SHAPE
    # `quick` was chosen by trials on other networks: results/macro/PROTOCOL.md
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "smoke": {"channels": 8},
        "quick": {
            "channels": 32,
            "steps": 4_000,
            "schedule": "cosine",
            "rank_readout": "shared",
            "rank_images": 1_000,
            "rank_snapshots": 1,
        },
        # 20 features a channel: too many for a readout of its own (results/benchmarks/readout.md)
        "standard": {"channels": 32, "rank_readout": "shared"},
        "paper": {"channels": 64, "rank_readout": "shared"},
    }
    slots = (BLOCKS,) * N_BLOCKS
    largest = Arch((MBCONV5,) * N_BLOCKS)
    smallest = Arch((IDENTITY,) * N_BLOCKS)

    def parse(self, text: str) -> Arch:
        """Parse the benchmark's string form."""
        return parse_arch(text)

    def choices(self, arch: Arch) -> tuple[int, ...]:
        """Return the choice of each block."""
        return arch.blocks

    def from_choices(self, choices: Sequence[int]) -> Arch:
        """Return the architecture with a choice for each block."""
        return Arch(tuple(choices))

    def canonical(self, arch: Arch) -> Arch:
        """Return the string that the benchmark trained: identities at the end of their stage."""
        return arch.trained_as

    def identity(self, arch: Arch) -> Arch:
        """Return the same: another string of a network is nothing but another name."""
        return arch.trained_as

    def is_live(self, arch: Arch) -> bool:
        """Say yes: every block passes its input on."""
        return True

    def weights(self, arch: Arch) -> frozenset[Hashable]:
        """Return the blocks with weights, as (block, choice), as they are trained."""
        return frozenset(arch.trained_as.weighted)

    def cost(self, arch: Arch, shape: NetworkShape) -> Cost:
        """Count parameters and multiply-adds, as the benchmark does; all of them are live."""
        return Cost(*count(arch, shape) * 2)

    def networks(self, shape: NetworkShape) -> Networks:
        """Return the factory of the supernet and the stand-alone networks of one size."""
        from harness.spaces.macro.network import MacroNetworks  # torch: only where it is used

        return MacroNetworks(shape)

    def facts(self, arch: Arch) -> tuple[Fact, ...]:
        """Return the network that an architecture is."""
        same, n = str(arch.trained_as), arch.n_strings
        names = "the only string of it" if n == 1 else f"{n} strings name it"
        return (
            Fact(
                {"representative": same, "n_strings": n, "depth": arch.depth},
                f"Network (of {N_NETWORKS:,}): trained as {same}, {names}; {arch.depth} of "
                f"{N_BLOCKS} blocks are no identity.",
            ),
        )

    def graphs(self, arch: Arch, seed: int = 0) -> tuple[Graph, ...]:
        """Return the chain of blocks."""
        return (chain("blocks", [BLOCKS[block] for block in arch.blocks]),)

    @cached_property
    def forms(self) -> Mapping[str, Form]:
        """The benchmark's string, a list of its digits, and what is left of it as a number."""
        return {
            **super().forms,
            "digits": Form("(0, 2, 0, 1, 2, 1, 0, 0)", _parse_digits),
            "number": Form("2012100: the string without zeros in front", _parse_number, True),
        }

    @property
    def traits(self) -> Mapping[str, Trait]:
        """Nothing: figures are of one string of each network as it is."""
        return {}

    @cached_property
    def baselines(self) -> Mapping[str, Baseline]:
        """The usual ones, of the benchmark's network, and two sums over the blocks."""
        return {
            **super().baselines,
            "depth": Baseline("number of blocks that are no identity", lambda a: float(a.depth)),
            "digit_sum": Baseline("sum of the string's digits", lambda a: float(sum(a.blocks))),
        }

    @cached_property
    def features(self) -> Mapping[str, Features]:
        """The choice of each block as it is trained, one-hot: the same for all strings of it."""

        def of(archs: Sequence[Architecture]) -> Mapping[str, Any]:
            return self._one_hot([arch.trained_as for arch in archs])

        return {"one-hot": Features("the choice of each block as it is trained, one-hot", of)}


def _parse_number(text: str) -> Arch:
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        raise ArchError(f"'{text:.80}' is not a number of up to {N_BLOCKS} digits from 0 to 2.")
    return parse_arch(match[1].zfill(N_BLOCKS))


def _parse_digits(text: str) -> Arch:
    if not _LIST.fullmatch(text.strip()):
        raise ArchError(f"'{text:.80}' is not a list of {N_BLOCKS} digits from 0 to 2.")
    return Arch(tuple(map(int, re.findall("[0-2]", text))))
