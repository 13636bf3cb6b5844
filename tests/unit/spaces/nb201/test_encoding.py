"""The encoding, its order, its classes: held to the published table and to brute force."""

from __future__ import annotations

from collections import Counter

import pytest
from nas_201_api import NASBench201API

from harness.errors import ArchError
from harness.spaces.nb201 import encoding as nb201
from harness.spaces.nb201.encoding import EDGES, N_ARCHS, NONE, OPS, Arch, parse_arch

# The first rows of the published table (NAS-Bench-201-v1_1-096897.pth, `meta_archs`).
PUBLISHED = {
    0: "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+"
    "|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
    6111: "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+"
    "|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|",
}
GOOD = PUBLISHED[0]


@pytest.mark.parametrize(("index", "text"), PUBLISHED.items())
def test_an_index_has_the_string_of_the_published_table(index: int, text: str) -> None:
    assert str(nb201.arch_at(index)) == text
    assert parse_arch(text).nb201_index == index


@pytest.mark.realdata
def test_every_string_of_the_published_table_is_at_its_index(data_dir) -> None:
    import pandas as pd

    rows = pd.read_parquet(
        data_dir / "nb201" / "truth_rows.parquet", columns=["nb201_index", "arch_str"]
    ).drop_duplicates()
    published = dict(zip(rows.nb201_index, rows.arch_str, strict=True))
    assert published == {i: str(arch) for i, arch in enumerate(nb201.enumerate_archs())}


def test_all_architectures_make_the_round_trip_through_string_and_index() -> None:
    for index, arch in enumerate(nb201.enumerate_archs()):
        again = parse_arch(str(arch))
        assert again == arch
        assert again.nb201_index == index
        assert nb201.arch_at(index) == arch
    assert len(set(nb201.enumerate_archs())) == N_ARCHS == 15_625


def test_parsing_agrees_with_the_benchmarks_own_parser() -> None:
    for arch in nb201.enumerate_archs()[::25]:
        nodes = NASBench201API.str2lists(str(arch))
        theirs = {
            (target, source): op
            for target, node in enumerate(nodes, start=1)
            for op, source in node
        }
        assert theirs == {edge: OPS[op] for edge, op in zip(EDGES, arch.ops, strict=True)}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (GOOD.replace("avg_pool_3x3", "max_pool_3x3"), "operation 'max_pool_3x3' is unknown"),
        (GOOD.replace("skip_connect~1|+", "skip_connect~0|+"), "node 2 comes from 0, not 1"),
        (GOOD.replace("|skip_connect~2", ""), "node 3 has 2 edges instead of 3"),
        (GOOD.replace("|skip_connect~2", "|none~2|none~3"), "node 3 has 4 edges instead of 3"),
        (GOOD.rpartition("+")[0], "has 2 nodes instead of 3"),
        (GOOD + "+|none~0|", "has 4 nodes instead of 3"),
        (GOOD[1:], "node 1, 'avg_pool_3x3~0|', does not begin and end with"),
        (GOOD.replace("skip_connect~2", "skip_connect"), "'skip_connect' of node 3 is not 'op~so"),
        ("", "has 1 nodes instead of 3"),
        (GOOD.replace("connect~2", "connect~" + "9" * 5_000), "edge .* is not 'op~source'"),
    ],
)
def test_a_string_that_is_no_architecture_is_refused_with_the_reason(
    text: str, reason: str
) -> None:
    with pytest.raises(ArchError, match=reason):
        parse_arch(text)


def test_an_error_about_a_long_string_shows_its_beginning_only() -> None:
    with pytest.raises(ArchError, match=r"x\.\.\.' is not a NAS-Bench-201") as caught:
        parse_arch("x" * 10_000)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("ops", [(), (0,) * 5, (0,) * 7, (0, 0, 0, 0, 0, 5), (0, 0, 0, 0, 0, -1)])
def test_a_wrong_number_of_operations_or_an_unknown_one_is_refused(ops: tuple[int, ...]) -> None:
    with pytest.raises(ArchError, match="has 6 operations, each 0 to 4"):
        Arch(ops)


@pytest.mark.parametrize("index", [-1, N_ARCHS])
def test_an_index_outside_the_table_is_refused(index: int) -> None:
    with pytest.raises(ArchError, match=r"the published table has 0 to 15624"):
        nb201.arch_at(index)


def live_by_brute_force(ops: tuple[int, ...]) -> set[int]:
    """Walk every route from input to output; an edge lives if it is on one of them."""
    routes = [((0, 3),), ((0, 1), (1, 3)), ((0, 2), (2, 3)), ((0, 1), (1, 2), (2, 3))]
    edge_at = {(source, target): edge for edge, (target, source) in enumerate(EDGES)}
    live: set[int] = set()
    for route in routes:
        edges = [edge_at[hop] for hop in route]
        if all(ops[edge] != NONE for edge in edges):
            live.update(edges)
    return live


def test_live_edges_are_those_on_a_route_without_none_from_input_to_output() -> None:
    for arch in nb201.enumerate_archs():
        live = live_by_brute_force(arch.ops)
        assert set(arch.live_edges) == live
        assert arch.live_edges == tuple(sorted(live))
        assert live <= set(arch.edges_to_output)
        assert arch.is_live == bool(live)
        kept = (op if e in live else NONE for e, op in enumerate(arch.ops))
        assert arch.representative.ops == tuple(kept)


def test_there_are_9445_classes_and_341_architectures_without_a_live_path() -> None:
    archs = nb201.enumerate_archs()
    sizes = Counter(arch.representative for arch in archs)
    assert len(sizes) == 9_445
    assert sum(not arch.is_live for arch in archs) == 341
    assert sizes[Arch((NONE,) * 6)] == 341


def test_shared_weights_are_the_live_convolutions() -> None:
    # 1<-0 conv3x3 lives through 3<-1 skip; 2<-0 conv1x1 is dead, since 3<-2 is none.
    arch = parse_arch(
        "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|nor_conv_1x1~0|skip_connect~1|none~2|"
    )
    assert arch.live_conv_edges == {(0, nb201.CONV_3X3), (3, nb201.CONV_1X1)}


def test_the_canonical_permutation_is_a_permutation_with_pinned_beginning() -> None:
    permutation = nb201.canonical_permutation()
    assert sorted(permutation) == list(range(N_ARCHS))
    # Pinned: every stored score file was sampled by this order.
    assert permutation[:5] == (5340, 13004, 9217, 8918, 4783)


def test_samples_are_nested_prefixes() -> None:
    large = nb201.sample_indices(1_000)
    for n in (1, 10, 999):
        assert nb201.sample_indices(n) == large[:n]


@pytest.mark.parametrize("n", [0, -3, N_ARCHS + 1])
def test_a_sample_of_an_impossible_size_is_refused(n: int) -> None:
    with pytest.raises(ArchError, match=r"were asked for; this space has 1 to 15,625"):
        nb201.sample_indices(n)


def test_a_sample_after_an_offset_begins_where_the_one_before_it_ends() -> None:
    assert nb201.sample_indices(5, 20) == nb201.sample_indices(25)[20:]
    assert nb201.sample_indices(N_ARCHS - 5, 5)[-1] == nb201.sample_indices(N_ARCHS)[-1]
    with pytest.raises(ArchError, match=r"10 architectures after the first 15,620"):
        nb201.sample_indices(10, 15_620)
