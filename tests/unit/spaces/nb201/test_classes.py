"""Equivalence classes: members, and the benchmark's isomorphism string."""

from __future__ import annotations

from collections import Counter

import pytest

from harness.spaces.nb201.classes import dead_edge_class, isomorphism_class, isomorphism_string
from harness.spaces.nb201.encoding import N_ARCHS, arch_at, enumerate_archs, parse_arch


def test_dead_edge_classes_are_9445_and_cover_the_space_once() -> None:
    classes = {dead_edge_class(arch) for arch in enumerate_archs()}
    assert len(classes) == 9445
    members = Counter(index for members in classes for index in members)
    assert len(members) == N_ARCHS
    assert set(members.values()) == {1}


def test_members_of_a_class_have_one_representative_which_is_a_member() -> None:
    for index in range(0, N_ARCHS, 500):
        arch = arch_at(index)
        members = dead_edge_class(arch)
        assert {arch_at(member).representative for member in members} == {arch.representative}
        assert index in members
        assert arch.representative.nb201_index in members
        assert list(members) == sorted(members)


def test_the_class_without_a_live_path_has_341_members() -> None:
    nothing = parse_arch("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")
    assert len(dead_edge_class(nothing)) == 341


def test_isomorphism_strings_are_6466_as_published() -> None:
    # Dong & Yang, 2020, section 2.1: 6,466 after zeros and skips are considered.
    assert len({isomorphism_string(arch) for arch in enumerate_archs()}) == 6466


@pytest.mark.parametrize(
    ("arch", "label"),
    [
        ("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", "#+#+#"),
        ("|skip_connect~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|", "#+#+0"),
        # Node 1 is nothing, so its edges are; node 2 is a sum of two nothings and stays a sum.
        (
            "|none~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_1x1~1|avg_pool_3x3~2|",
            "#+(#+#)@avg_pool_3x3+0",
        ),
        (
            "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|nor_conv_1x1~2|",
            "#+#+(#+(0)@nor_conv_3x3)@nor_conv_1x1",
        ),
    ],
)
def test_isomorphism_strings_simplify_zeros_and_skips(arch: str, label: str) -> None:
    assert isomorphism_string(parse_arch(arch)) == label


def test_isomorphic_architectures_share_the_string_and_nothing_else_does() -> None:
    for index in range(0, N_ARCHS, 1500):
        arch = arch_at(index)
        label = isomorphism_string(arch)
        naive = [
            i for i, other in enumerate(enumerate_archs()) if isomorphism_string(other) == label
        ]
        assert list(isomorphism_class(arch)) == naive


def test_neither_kind_of_class_is_finer_than_the_other() -> None:
    archs = enumerate_archs()
    pairs = {(dead_edge_class(arch)[0], isomorphism_class(arch)[0]) for arch in archs}
    assert len(pairs) > len({dead for dead, _ in pairs}) > len({iso for _, iso in pairs})
