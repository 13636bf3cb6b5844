"""Graph features of NAS-Bench-201, against paths that are walked one by one."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from harness.spaces.nb201.encoding import EDGES, NONE, OPS, Arch
from harness.spaces.nb201.graph import graph_features

archs = st.tuples(*[st.integers(0, len(OPS) - 1)] * len(EDGES)).map(Arch)


def walk(arch: Arch, allowed: set[str]) -> list[list[str]]:
    """Return the operations along each path from input to output that uses only some."""
    op_of = dict(zip(EDGES, (OPS[op] for op in arch.ops), strict=True))
    paths = []
    for inner in itertools.chain.from_iterable(itertools.combinations((1, 2), n) for n in range(3)):
        nodes = (0, *inner, 3)
        path = [op_of[target, source] for source, target in itertools.pairwise(nodes)]
        if set(path) <= allowed:
            paths.append(path)
    return paths


def count(path: list[str], chosen: set[str]) -> int:
    return sum(op in chosen for op in path)


@given(archs)
def test_features_are_those_of_paths_that_are_walked(arch: Arch) -> None:
    found = {name: values.item() for name, values in graph_features([arch]).items()}
    live = [name for op, name in enumerate(OPS) if op != NONE]
    named = [OPS[op] for op in arch.ops]
    expected: dict[str, float] = {}
    of_input = [OPS[op] for (_, source), op in zip(EDGES, arch.ops, strict=True) if source == 0]
    of_output = [OPS[op] for (target, _), op in zip(EDGES, arch.ops, strict=True) if target == 3]
    for n in range(1, len(OPS)):
        for names in itertools.combinations(live, n):
            chosen, text = set(names), "+".join(names)
            counts = [count(path, chosen) for path in walk(arch, set(live))]
            lengths = [len(path) for path in walk(arch, chosen)]
            expected |= {
                f"edges: {text}": count(named, chosen),
                f"paths: {text}": len(lengths),
                f"shortest: {text}": min(lengths, default=4),
                f"longest: {text}": max(lengths, default=0),
                f"fewest: {text}": min(counts, default=0),
                f"most: {text}": max(counts, default=0),
                f"out of input: {text}": count(of_input, chosen),
                f"into output: {text}": count(of_output, chosen),
            }
    assert found == expected
    assert len(expected) == 8 * 15
