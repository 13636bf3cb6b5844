"""Paths and the cells that they are: held to NAS-Bench-101's encoding and to its table."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from harness.errors import ArchError
from harness.spaces import load_space
from harness.spaces.nb1shot1.encoding import Arch
from harness.spaces.nb1shot1.space import SS1, SS2, SS3, NB1Shot1
from harness.spaces.nb101.cost import count
from harness.spaces.nb101.encoding import CONV_3X3, MAX_POOL, find_first, parse_cell
from harness.spaces.nb101.table import pack, unpack
from harness.spaces.values import NetworkShape

SPACES = [load_space(kind.name) for kind in (SS1, SS2, SS3)]
SIZES = {
    "nb101-ss1": (14_580, 2_685),
    "nb101-ss2": (29_160, 7_773),
    "nb101-ss3": (1_312_200, 55_854),
}
"""Paths, and cells of NAS-Bench-101 (columns in_ss1..3 of its table)."""

each_space = pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)


@each_space
def test_paths_are_as_many_cells_as_the_table_has(space: Any) -> None:
    cells = space.layout.find_cells()
    assert (len(cells), len(np.unique(cells))) == SIZES[space.name]
    assert (space.size, space.n_networks) == SIZES[space.name]


@each_space
def test_all_cells_at_once_are_those_of_one_at_a_time(space: Any) -> None:
    cells = space.layout.find_cells()
    keys = np.random.RandomState(0).randint(space.size, size=200)
    for key in (0, space.size - 1, *keys.tolist()):
        assert unpack(int(cells[key])) == space.at(key).cell


def test_a_network_is_listed_by_its_first_path() -> None:
    space = SPACES[0]
    first: dict[int, Arch] = {}
    for key in range(space.size or 0):
        arch = space.at(key)
        assert space.identity(arch) == first.setdefault(pack(arch.cell), arch)


def test_what_does_not_reach_the_output_plays_no_part() -> None:
    arch = SPACES[1].parse("0-1-02-12-012:0122")
    assert arch.live == (1, 2)
    assert str(arch.canonical) == "0-1-01-01-012:0100"
    assert arch.cell == arch.canonical.cell
    # input, the two vertices and output: 0->1, 0->3, 1->2, 1->3, 2->3
    assert str(arch.cell) == "101111:01"
    assert SPACES[1].weights(arch) == {(1, 0), (2, 1), (1, "input"), (5, "input")}


@pytest.mark.parametrize(
    "text",
    [
        "0-0-01-03-024:000",  # too few operations
        "0-0-01-03-024:00003",  # no such operation
        "0-0-01-03-24:0000",  # too few parents
        "0-0-10-03-024:0000",  # not ascending
        "0-2-01-03-024:0000",  # a parent that comes later
        "0-0-11-03-024:0000",  # the same one twice
        "0-01-02-03-04:0000",  # of another of the spaces
        "001:000",
    ],
)
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ArchError, match=r"no.? a path"):
        SPACES[1].parse(text)


def test_choices_that_are_none_are_refused() -> None:
    with pytest.raises(ArchError, match="8 slots of 2, 3, 6, 10, 3, 3, 3, 3"):
        SPACES[1].from_choices((0, 0, 0, 10, 0, 0, 0, 0))


@each_space
def test_a_cell_of_the_benchmark_names_the_path_of_its_network(space: Any) -> None:
    read = space.forms["cell"].read
    for key in space.prefix(20):
        assert read(str(space.at(key).cell)) == space.at(key)
    with pytest.raises(ArchError, match=f"is not in space '{space.name}'"):
        read("1:")


@each_space
@pytest.mark.parametrize("channels", [4, 128])
def test_the_largest_and_the_smallest_are_that_among_all_graphs(space: Any, channels: int) -> None:
    shape = NetworkShape(channels, 1, 16, 3, 10)
    for op, best, arch in ((CONV_3X3, np.max, space.largest), (MAX_POOL, np.min, space.smallest)):
        # a 3x3 convolution costs most and pooling least, whatever the graph
        assert set(arch.ops) == {op}
        ops = (op,) * space.layout.n_ops
        cells = {Arch(parents, ops).cell for parents in itertools.product(*space.layout.choices)}
        costs = [count(cell, shape) for cell in cells]
        assert count(arch.cell, shape) == tuple(best(costs, axis=0))


@pytest.mark.realdata
@each_space
def test_the_networks_are_those_that_the_table_says(space: NB1Shot1, data_dir: Path) -> None:
    columns = ["adjacency", "ops", "params", "flops", space.name.replace("nb101-", "in_")]
    table = pq.read_table(data_dir / "nb101" / "nb101.parquet", columns=columns)
    table = table.filter(table[columns[-1]])
    shape = space.shape("cifar10")
    cells = map(unpack, np.unique(space.layout.find_cells()).tolist())
    found = {str(cell): count(cell, shape) for cell in cells}
    names, params, flops = (table[name].to_pylist() for name in ("adjacency", "params", "flops"))
    pairs = zip(names, table["ops"].to_pylist(), strict=True)
    texts = [str(find_first(parse_cell(f"{bits}:{ops}"))) for bits, ops in pairs]
    assert found == dict(zip(texts, zip(params, flops, strict=True), strict=True))
