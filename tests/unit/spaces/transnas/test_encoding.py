"""Strings of TransNAS-Bench-101, and which architectures there are."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ArchError
from harness.spaces import load_space
from harness.spaces.transnas.encoding import (
    EDGES,
    N_CELLS,
    N_MODULES,
    OPS,
    Cell,
    Modules,
    enumerate_modules,
    parse_cell,
    parse_modules,
)

MICRO, MACRO = load_space("transnas-micro"), load_space("transnas-macro")
cells = st.tuples(*[st.integers(0, len(OPS) - 1)] * len(EDGES)).map(Cell)


def reaches(ops: tuple[int, ...], start: int, goal: int) -> bool:
    """Say by search whether a signal passes from a node to another."""
    steps = [t for (s, t), op in zip(EDGES, ops, strict=True) if s == start and op]
    return start == goal or any(reaches(ops, step, goal) for step in steps)


def test_there_are_as_many_as_the_benchmark_has() -> None:
    # Duan et al., 2021: 4,096 and 3,256
    archs = list(map(MICRO.at, range(N_CELLS)))
    assert (MICRO.size, len(set(archs))) == (4_096, 4_096)
    assert (MACRO.size, N_MODULES, len(set(enumerate_modules()))) == (3_256, 3_256, 3_256)
    assert len({arch.representative for arch in archs}) == 2_128


@given(cells)
def test_dead_edges_are_on_no_path_from_input_to_output(arch: Cell) -> None:
    live = [
        edge
        for edge, ((source, target), op) in enumerate(zip(EDGES, arch.ops, strict=True))
        if op and reaches(arch.ops, 0, source) and reaches(arch.ops, target, 3)
    ]
    assert list(arch.live_edges) == live
    assert MICRO.is_live(arch) == reaches(arch.ops, 0, 3)


@pytest.mark.parametrize(
    ("text", "ops"),
    [
        # the example of the benchmark's manual: node 2 is conv 1x1 of node 1, nothing of node 0
        ("64-41414-1_02_333", (1, 0, 2, 3, 3, 3)),
        (" 1_02_333 ", (1, 0, 2, 3, 3, 3)),
    ],
)
def test_a_cell_is_read_by_its_string(text: str, ops: tuple[int, ...]) -> None:
    assert parse_cell(text).ops == ops
    assert str(parse_cell(text)) == "64-41414-1_02_333"


def test_both_spaces_read_lists_of_digits() -> None:
    cell = MICRO.forms["digits"].read("(1, 0, 2, 3, 3, 3)")
    assert str(cell) == "64-41414-1_02_333"
    assert str(MACRO.forms["digits"].read("[1,2,3,4]")) == "64-1234-basic"


@pytest.mark.parametrize(
    "text", ["", "64-1234-basic", "1_02_334", "64-41414-1_02_33", "102333", "32-41414-1_02_333"]
)
def test_another_string_is_no_cell(text: str) -> None:
    with pytest.raises(ArchError, match="is not a micro architecture"):
        parse_cell(text)


@pytest.mark.parametrize("text", ["", "64-41414-1_02_333", "123", "1234567", "1235"])
def test_another_string_is_no_sequence_of_modules(text: str) -> None:
    with pytest.raises(ArchError, match="is not a macro architecture"):
        parse_modules(text)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("1111", "has 0 modules that widen"),
        ("2222", "has 4 modules that widen"),
        ("1222", "has 0 modules that halve"),
        ("133444", "has 5 modules that halve"),
    ],
)
def test_networks_that_the_benchmark_lacks_are_refused(text: str, what: str) -> None:
    with pytest.raises(ArchError, match=what):
        parse_modules(text)


def test_the_list_is_what_the_rule_allows() -> None:
    allowed = set()
    for length in (4, 5, 6):
        for digits in itertools.product("1234", repeat=length):
            try:
                allowed.add(parse_modules("".join(digits)))
            except ArchError:
                continue
    assert allowed == set(enumerate_modules())
    with pytest.raises(ArchError, match="has 4 to 6 modules"):
        Modules((0, 1, 2))
