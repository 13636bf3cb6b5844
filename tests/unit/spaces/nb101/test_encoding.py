"""Cells of NAS-Bench-101: strings, pruning, isomorphism, the published hash, enumeration."""

from __future__ import annotations

import hashlib
import itertools
import math
import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ArchError
from harness.spaces import load_space
from harness.spaces.nb101 import table
from harness.spaces.nb101.encoding import (
    MOST_EDGES,
    N_CELLS,
    Cell,
    edges_of,
    enumerate_cells,
    find_first,
    parse_cell,
    prune,
)
from harness.spaces.nb101.space import NB101

SPACE = load_space("nb101")


@st.composite
def drawn(draw: st.DrawFn) -> tuple[np.ndarray, list[int]]:
    """Any upper triangular matrix of up to six vertices, and operations."""
    n = draw(st.integers(2, 6))
    has = np.zeros((n, n), dtype=bool)
    has[np.triu_indices(n, 1)] = draw(
        st.lists(st.booleans(), min_size=n * (n - 1) // 2, max_size=n * (n - 1) // 2)
    )
    return has, draw(st.lists(st.integers(0, 2), min_size=n - 2, max_size=n - 2))


def paths_of(has: np.ndarray, start: int = 0) -> list[list[int]]:
    """List the paths from a vertex to the last."""
    if start == len(has) - 1:
        return [[start]]
    steps = np.flatnonzero(has[start]).tolist()
    return [[start, *rest] for step in steps for rest in paths_of(has, step)]


def naive_form(cell: Cell) -> str:
    """A form that isomorphic cells share: of all renamings the least, edges up or not."""
    best = None
    for order in itertools.permutations(range(1, cell.n - 1)):
        place = [0, *order, cell.n - 1]
        edges = sorted((place[x], place[y]) for x, y in cell.edges)
        ops = [0] * len(cell.ops)
        for vertex, op in enumerate(cell.ops, start=1):
            ops[place[vertex] - 1] = op
        form = (cell.n, edges, ops)
        best = form if best is None or form < best else best
    return str(best)


@given(drawn())
def test_what_is_on_no_path_is_left_out(given: tuple[np.ndarray, list[int]]) -> None:
    has, ops = given
    paths = paths_of(has)
    if not paths:
        with pytest.raises(ArchError, match="no path from its input to its output"):
            prune(has.tolist(), ops)
        return
    kept = sorted(set(itertools.chain(*paths)))
    cell = prune(has.tolist(), ops)
    assert np.array_equal(np.array(cell.matrix), has[np.ix_(kept, kept)])
    assert cell.ops == tuple(ops[v - 1] for v in kept[1:-1])
    if len(cell.edges) <= MOST_EDGES:
        assert parse_cell(str(cell)) == cell


@given(drawn(), st.randoms(use_true_random=False))
def test_isomorphic_cells_have_one_representative_and_one_hash(
    given: tuple[np.ndarray, list[int]], drawing: random.Random
) -> None:
    has, ops = given
    if not paths_of(has):
        return
    cell = prune(has.tolist(), ops)
    order = [0, *np.random.RandomState(drawing.randrange(99)).permutation(range(1, cell.n - 1))]
    order.append(cell.n - 1)
    moved = np.array(cell.matrix)[np.ix_(order, order)]
    if np.tril(moved).any():  # its edges would not go up
        return
    other = prune(moved.tolist(), [cell.ops[v - 1] for v in order[1:-1]])
    assert find_first(other) == find_first(cell)
    assert other.digest == cell.digest
    assert naive_form(find_first(cell)) == naive_form(cell)
    assert find_first(find_first(cell)) == find_first(cell)


def test_small_cells_are_enumerated_once_each_and_have_a_hash_each() -> None:
    small = list(itertools.takewhile(lambda cell: cell.n <= 5, enumerate_cells()))
    forms = set()
    for n in range(2, 5):
        for bits in range(1 << len(edges_of(n))):
            bare = Cell(n, bits, (0,) * (n - 2))
            has = np.array(bare.matrix)
            if set(itertools.chain(*paths_of(has))) != set(range(n)):
                continue
            graphs = {
                naive_form(Cell(n, bits, ops)) for ops in itertools.product(range(3), repeat=n - 2)
            }
            forms |= graphs
    found = [naive_form(cell) for cell in small if cell.n < 5]
    assert len(found) == len(forms)
    assert set(found) == forms
    assert len({cell.digest for cell in small}) == len(small)


def test_there_are_as_many_cells_as_the_benchmark_has() -> None:
    # Ying et al., 2019, section 2
    assert (SPACE.size, N_CELLS) == (423_624, 423_624)
    assert len(np.unique(SPACE.archs.numbers)) == N_CELLS  # type: ignore[attr-defined]
    assert max(len(SPACE.at(key).edges) for key in SPACE.prefix(500)) == MOST_EDGES


def test_the_hash_is_that_of_the_definition() -> None:
    # input -> conv 3x3 -> output, written out: labels -1, 0, -2; out and in degrees
    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    a, b, c = md5("(1, 0, -1)"), md5("(1, 1, 0)"), md5("(0, 1, -2)")
    for _ in range(3):
        a, b, c = md5(f"|{b}|{a}"), md5(f"{a}|{c}|{b}"), md5(f"{b}||{c}")
    assert parse_cell("101:0").digest == md5(str(sorted([a, b, c])))


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("101:0", "101:0"),
        (" 101:0 ", "101:0"),
        ("1:", "1:"),
        # vertex 2 leads nowhere
        ("110010:01", "101:0"),
    ],
)
def test_a_cell_is_read_by_its_string(text: str, same: str) -> None:
    assert str(parse_cell(text)) == same


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is not a NAS-Bench-101 cell"),
        ("101", "is not a NAS-Bench-101 cell"),
        ("101:", "is not a NAS-Bench-101 cell"),
        ("101:3", "is not a NAS-Bench-101 cell"),
        ("102:0", "is not a NAS-Bench-101 cell"),
        ("1011:0", "is not a NAS-Bench-101 cell"),
        ("1" * 28 + ":000000", "is not a NAS-Bench-101 cell"),
        ("100:0", "no path from its input"),
        ("1" * 15 + ":0000", "has 15 edges; cells of NAS-Bench-101 have 9 at most"),
    ],
)
def test_another_string_is_no_cell(text: str, problem: str) -> None:
    with pytest.raises(ArchError, match=problem):
        parse_cell(text)


def test_the_space_finds_isomorphic_cells() -> None:
    # two vertices side by side, either way round
    assert SPACE.key(SPACE.parse("110011:10")) == SPACE.key(SPACE.parse("110011:01"))
    assert SPACE.key(SPACE.parse("110011:00")) != SPACE.key(SPACE.parse("110011:01"))
    with pytest.raises(ArchError, match="Ask for fewer"):
        SPACE.prefix(N_CELLS, 1)
    with pytest.raises(ArchError, match="are unknown; known are those of cifar10"):
        SPACE.shape("cifar100")


def test_a_cell_is_read_and_described_without_the_list_of_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(table, "read_cells", lambda: pytest.fail("a minute of hashing"))
    space = NB101()
    arch = space.parse("110011:21")
    assert str(arch) == "110011:12"
    assert space.facts(arch)[0].values["hash"] == arch.digest
    assert space.prefix(3, 2) == space.prefix(5)[2:]


@pytest.mark.realdata
def test_the_conversion_has_the_same_cells(data_dir: object) -> None:
    rows = pd.read_parquet(f"{data_dir}/nb101/nb101.parquet", columns=["adjacency", "ops"])
    few = rows.iloc[:: math.ceil(len(rows) / 1_000)]
    hashes = [parse_cell(f"{bits}:{ops}").digest for bits, ops in few.itertuples(index=False)]
    assert hashes == sorted(hashes)
    assert len(rows) == N_CELLS
