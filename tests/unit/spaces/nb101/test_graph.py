"""GRAF features of NAS-Bench-101's cells, against paths that are followed one by one."""

from __future__ import annotations

import itertools

import pytest

from harness.spaces import load_space
from harness.spaces.nb101.encoding import OPS, Cell, parse_cell
from harness.spaces.nb101.graph import NO_PATH, graph_features

SPACE = load_space("nb101")


@pytest.fixture(name="archs", scope="module")
def _archs() -> list[Cell]:
    return [parse_cell("1:"), parse_cell("101:0"), *map(SPACE.at, SPACE.prefix(40))]


def paths_of(cell: Cell, start: int = 0) -> list[list[int]]:
    """List the paths from a vertex to the output, without the ends."""
    if start == cell.n - 1:
        return [[]]
    return [
        ([] if y == cell.n - 1 else [y]) + rest
        for x, y in cell.edges
        if x == start
        for rest in paths_of(cell, y)
    ]


@pytest.mark.parametrize("n_ops", [1, 2, 3])
def test_features_are_those_of_the_paths(archs: list[Cell], n_ops: int) -> None:
    features = graph_features(archs)
    for chosen in itertools.combinations(range(len(OPS)), n_ops):
        name = "+".join(OPS[op] for op in chosen)
        for row, cell in enumerate(archs):
            last = cell.n - 1
            members = {v for v, op in enumerate(cell.ops, start=1) if op in chosen}
            paths = paths_of(cell)
            through = [path for path in paths if set(path) <= members]
            on_path = [len(members & set(path)) for path in paths]
            wanted = {
                "count": len(members),
                "paths": len(through),
                "shortest": min((len(path) + 1 for path in through), default=NO_PATH),
                "longest": max((len(path) + 1 for path in through), default=0),
                "fewest": min(on_path),
                "most": max(on_path),
                "out of input": sum(x == 0 and y in members for x, y in cell.edges),
                "into output": sum(y == last and x in members for x, y in cell.edges),
                "in": sum(y in members for _, y in cell.edges),
                "out": sum(x in members for x, _ in cell.edges),
            }
            found = {what: features[f"{what}: {name}"][row] for what in wanted}
            assert found == wanted, (str(cell), name)


def test_the_size_of_a_cell_is_a_feature(archs: list[Cell]) -> None:
    features = graph_features(archs)
    assert features["vertices"].tolist() == [cell.n for cell in archs]
    assert features["edges"].tolist() == [len(cell.edges) for cell in archs]
