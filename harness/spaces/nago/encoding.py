"""NAGO's architectures: generators of networks, eight hyper-parameters each, and their strings.

Three levels of random graphs: a Watts-Strogatz graph whose nodes are Erdos-Renyi graphs whose nodes
are Watts-Strogatz graphs whose nodes are convolutions.

Reference: Ru et al., Neural Architecture Generator Optimization, NeurIPS 2020, arXiv 2004.01395,
section 3 and its table of ranges.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.errors import ArchError

WS_NODES, WS_NEIGHBOURS, WS_PERCENT = (3, 10), (2, 5), (10, 100)
"""Least and most nodes, neighbours K and hundredths of P of a Watts-Strogatz graph."""
ER_NODES, ER_PERCENT = (1, 10), (20, 100)
"""Least and most nodes and hundredths of P of an Erdos-Renyi graph."""

EXAMPLE = "ws(8,5,0.60)-er(1,0.70)-ws(5,4,0.20)"
"""The best generator that the paper found for CIFAR-10."""

_NUMBER = r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*"
_WS, _ER = (rf"{kind}\({','.join([_NUMBER] * n)}\)" for kind, n in (("ws", 3), ("er", 2)))
_FORM = re.compile(rf"{_WS}[-\s]\s*{_ER}[-\s]\s*{_WS}", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, order=True)
class WattsStrogatz:
    """The hyper-parameters of a Watts-Strogatz graph.

    Attributes:
        nodes: Number of nodes, 3 to 10.
        neighbours: K, 2 to 5: each node of a ring is joined to its K nearest, at most all others.
        percent: P, the probability that an edge is rewired, in hundredths, 10 to 100.
    """

    nodes: int
    neighbours: int
    percent: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        _check(str(self), "nodes", self.nodes, WS_NODES)
        _check(str(self), "K", self.neighbours, WS_NEIGHBOURS)
        _check(str(self), "P in hundredths", self.percent, WS_PERCENT)

    def __str__(self) -> str:
        """Return such as `ws(8,5,0.60)`."""
        return f"ws({self.nodes},{self.neighbours},{self.percent / 100:.2f})"

    @property
    def canonical(self) -> WattsStrogatz:
        """The hyper-parameters of the same random graph that stand for all.

        networkx joins K // 2 neighbours on each side, so that an odd K is the even one below, and
        in a complete graph (3 nodes, or 5 with K of 4) there is nothing to rewire: P is then 0.10.
        """
        joined = min(self.neighbours, self.nodes - 1) // 2 * 2
        percent = WS_PERCENT[0] if joined == self.nodes - 1 else self.percent
        return WattsStrogatz(self.nodes, joined, percent)


@dataclass(frozen=True, order=True)
class ErdosRenyi:
    """The hyper-parameters of an Erdos-Renyi graph.

    Attributes:
        nodes: Number of nodes, 1 to 10.
        percent: P, the probability of each edge, in hundredths, 20 to 100.
    """

    nodes: int
    percent: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        _check(str(self), "nodes", self.nodes, ER_NODES)
        _check(str(self), "P in hundredths", self.percent, ER_PERCENT)

    def __str__(self) -> str:
        """Return such as `er(1,0.70)`."""
        return f"er({self.nodes},{self.percent / 100:.2f})"

    @property
    def canonical(self) -> ErdosRenyi:
        """The same with P of 1.00 where a connected graph has no choice, of one or two nodes."""
        return ErdosRenyi(self.nodes, ER_PERCENT[1]) if self.nodes <= 2 else self


@dataclass(frozen=True, order=True)
class Generator:
    """An architecture: what draws the graphs of its networks.

    Attributes:
        top: Of the graph of a network.
        middle: Of the graph of each of its nodes.
        bottom: Of the graph of each of theirs, whose nodes are convolutions.
    """

    top: WattsStrogatz
    middle: ErdosRenyi
    bottom: WattsStrogatz

    def __str__(self) -> str:
        """Return the canonical string, such as `ws(8,5,0.60)-er(1,0.70)-ws(5,4,0.20)`."""
        return f"{self.top}-{self.middle}-{self.bottom}"

    @property
    def nodes(self) -> int:
        """Convolutions of a network's graphs."""
        return self.top.nodes * self.middle.nodes * self.bottom.nodes

    @property
    def canonical(self) -> Generator:
        """The generator of the same networks that stands for all."""
        return Generator(self.top.canonical, self.middle.canonical, self.bottom.canonical)

    @property
    def numbers(self) -> dict[str, float]:
        """The eight hyper-parameters by name."""
        return {
            "top_nodes": self.top.nodes,
            "top_k": self.top.neighbours,
            "top_p": self.top.percent / 100,
            "middle_nodes": self.middle.nodes,
            "middle_p": self.middle.percent / 100,
            "bottom_nodes": self.bottom.nodes,
            "bottom_k": self.bottom.neighbours,
            "bottom_p": self.bottom.percent / 100,
        }


def parse_generator(text: str) -> Generator:
    """Parse the string of a generator.

    Args:
        text: Such as `ws(8,5,0.60)-er(1,0.70)-ws(5,4,0.20)`, or as the paper writes it, with blanks
            in place of `-`.

    Raises:
        ArchError: If it has another form, or a number that is out of range.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        shown = text if len(text) <= 60 else text[:57] + "..."
        raise ArchError(
            f"'{shown}' is not a generator of NAGO. The form is {EXAMPLE}: nodes, K and P of the "
            "top graph, nodes and P of the middle ones, nodes, K and P of the bottom ones."
        )
    n, k, p, n_middle, p_middle, n_bottom, k_bottom, p_bottom = found.groups()
    return Generator(
        WattsStrogatz(_whole(n), _whole(k), _hundredths(p)),
        ErdosRenyi(_whole(n_middle), _hundredths(p_middle)),
        WattsStrogatz(_whole(n_bottom), _whole(k_bottom), _hundredths(p_bottom)),
    )


def _whole(text: str) -> int:
    if "." in text:
        raise ArchError(f"{text} was given; nodes and K are whole numbers.")
    return int(text)


def _hundredths(text: str) -> int:
    whole, _, decimals = text.partition(".")
    if decimals[2:].strip("0"):
        raise ArchError(f"P = {text} was given; P has steps of 0.01. Give two decimals.")
    return 100 * int(whole) + int(decimals[:2].ljust(2, "0"))


def _check(graph: str, name: str, value: object, allowed: tuple[int, int]) -> None:
    least, most = allowed
    if not isinstance(value, int) or not least <= value <= most:
        raise ArchError(
            f"{graph} was given; {name} is {least} to {most} there, a whole number. NAGO's "
            "ranges: ws(nodes 3-10, K 2-5, P 0.10-1.00), er(nodes 1-10, P 0.20-1.00)."
        )
