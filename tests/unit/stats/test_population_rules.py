"""Populations side by side: their published sizes, their members, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from nats_bench.genotype_utils import topology_str2structure

from harness.errors import UsageError
from harness.spaces.nb201.classes import isomorphism_string
from harness.spaces.nb201.encoding import (
    N_ARCHS,
    arch_at,
    canonical_permutation,
    enumerate_archs,
    sample_indices,
)
from harness.stats import POPULATIONS, select_population, top_share

EVERY_INDEX = np.arange(N_ARCHS)


def make_truth(n: int) -> np.ndarray:
    return np.random.RandomState(0).permutation(n).astype(float)


# Dong & Yang, 2020, for 6,466; the others follow from the space and are held in its own tests.
SIZES = {
    "all": 15_625,
    "without_none": 4_096,
    "live": 15_284,
    "one_per_class": 9_445,
    "one_per_string": 6_466,
    "truth_stratified": 1_000,
    "top_50": 7_813,
    "top_10": 1_563,
}


@pytest.mark.parametrize("name", POPULATIONS)
def test_the_whole_space_holds_as_many_as_the_population_has(name: str) -> None:
    part = select_population(name, EVERY_INDEX, make_truth(N_ARCHS))
    assert part.n == SIZES[name]
    # A top share of an odd number is rounded up where it is cut, and half to even in `size`.
    if name != "truth_stratified":
        assert abs(part.size - part.n) <= (part.share is not None)
    assert part.description


@pytest.mark.parametrize("name", POPULATIONS)
def test_a_sample_and_its_order_select_the_same_architectures(name: str) -> None:
    index = np.array(sample_indices(700))
    truth = make_truth(700)
    chosen = index[select_population(name, index, truth).mask]
    order = np.random.RandomState(1).permutation(700)
    shuffled = index[order][select_population(name, index[order], truth[order]).mask]
    assert set(chosen) == set(shuffled)


@pytest.mark.parametrize("name", ["without_none", "live", "one_per_class", "one_per_string"])
def test_what_is_in_does_not_depend_on_who_else_is_at_hand(name: str) -> None:
    everyone = select_population(name, EVERY_INDEX, make_truth(N_ARCHS)).mask
    index = np.array(sample_indices(500))
    assert (select_population(name, index, make_truth(500)).mask == everyone[index]).all()


def test_members_have_the_traits_that_they_are_selected_by() -> None:
    truth = make_truth(N_ARCHS)
    for name, is_member in {
        "without_none": lambda arch: "none" not in str(arch),
        "live": lambda arch: arch.is_live,
    }.items():
        mask = select_population(name, EVERY_INDEX, truth).mask
        assert [is_member(arch) for arch in enumerate_archs()] == mask.tolist()


@pytest.mark.parametrize(
    ("name", "label"),
    [("one_per_class", lambda arch: arch.representative), ("one_per_string", isomorphism_string)],
)
def test_each_class_is_there_once_by_its_lowest_index(name: str, label: object) -> None:
    assert callable(label)
    first: dict[object, int] = {}
    for index in range(N_ARCHS):
        first.setdefault(label(arch_at(index)), index)
    mask = select_population(name, EVERY_INDEX, make_truth(N_ARCHS)).mask
    assert np.flatnonzero(mask).tolist() == sorted(first.values())


def test_isomorphism_strings_are_those_of_the_benchmarks_own_code() -> None:
    for arch in enumerate_archs():
        structure = topology_str2structure(str(arch))
        assert isomorphism_string(arch) == structure.to_unique_str(consider_zero=True)


def test_the_stratified_hold_equally_many_of_each_decile_the_first_in_the_permutation() -> None:
    index = np.array(sample_indices(3000))
    truth = make_truth(3000)
    mask = select_population("truth_stratified", index, truth).mask
    place = {i: p for p, i in enumerate(canonical_permutation())}
    for decile in range(10):
        members = (truth >= 300 * decile) & (truth < 300 * (decile + 1))
        chosen = {place[i] for i in index[members & mask]}
        left_out = {place[i] for i in index[members & ~mask]}
        assert len(chosen) == 100
        assert max(chosen) < min(left_out)


@pytest.mark.parametrize(("n", "expected"), [(1, 0), (9, 0), (10, 10), (57, 50), (205, 200)])
def test_small_samples_are_stratified_as_far_as_they_go(n: int, expected: int) -> None:
    index = np.array(sample_indices(n))
    assert select_population("truth_stratified", index, make_truth(n)).n == expected


def test_the_top_is_that_of_top_share_ties_included() -> None:
    truth = np.repeat(np.arange(100.0), 3)
    index = np.array(sample_indices(300))
    part = select_population("top_10", index, truth)
    assert (part.mask == top_share(truth, 0.1)).all()
    assert part.share == 0.1


def test_an_empty_population_is_empty_not_an_error() -> None:
    dead = [i for i in range(N_ARCHS) if not arch_at(i).is_live][:40]
    assert select_population("live", np.array(dead), make_truth(40)).n == 0


@pytest.mark.parametrize(
    ("index", "truth", "match"),
    [
        ([], [], "at least 1"),
        ([1, 2], [1.0], "one index and one truth"),
        ([[1], [2]], [[1.0], [2.0]], "one index and one truth"),
        ([-1, 2], [1.0, 2.0], "from -1 to 2"),
        ([1, 15_625], [1.0, 2.0], "from 0 to 15,624"),
        ([1.0, 2.0], [1.0, 2.0], "whole numbers"),
        (["a", "b"], [1.0, 2.0], "whole numbers"),
        ([True, False], [1.0, 2.0], "whole numbers"),
        ([3, 3], [1.0, 2.0], "more than once, such as 3"),
        ([1, 2], [1.0, np.nan], "missing or infinite"),
        ([1, 2], [1.0, np.inf], "missing or infinite"),
    ],
)
def test_what_is_no_list_of_architectures_is_refused(
    index: list[object], truth: list[float], match: str
) -> None:
    with pytest.raises(UsageError, match=match):
        select_population("all", np.array(index), truth)


def test_an_unknown_population_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="Did you mean 'one_per_class'"):
        select_population("one_per_clas", EVERY_INDEX, make_truth(N_ARCHS))
