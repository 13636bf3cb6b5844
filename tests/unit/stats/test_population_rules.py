"""Populations side by side: their published sizes, their members, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from nats_bench.genotype_utils import topology_str2structure

from harness.errors import UsageError
from harness.spaces import load_space
from harness.spaces.kinds import Unbounded
from harness.spaces.nb201.classes import dead_edge_class, isomorphism_string
from harness.spaces.nb201.encoding import (
    N_ARCHS,
    arch_at,
    canonical_permutation,
    enumerate_archs,
    sample_indices,
)
from harness.spaces.values import Trait
from harness.stats import (
    conclude,
    evaluate_scores,
    populations_of,
    sample_metric,
    select_population,
    top_share,
)

NB201 = load_space()
POPULATIONS = populations_of(NB201)

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
    part = select_population(name, EVERY_INDEX, make_truth(N_ARCHS), NB201)
    assert part.n == SIZES[name]
    # A top share of an odd number is rounded up where it is cut, and half to even in `size`.
    if name != "truth_stratified":
        assert abs(part.size - part.n) <= (part.share is not None)
    assert part.description


@pytest.mark.parametrize("name", POPULATIONS)
def test_a_sample_and_its_order_select_the_same_architectures(name: str) -> None:
    index = np.array(sample_indices(700))
    truth = make_truth(700)
    chosen = index[select_population(name, index, truth, NB201).mask]
    order = np.random.RandomState(1).permutation(700)
    shuffled = index[order][select_population(name, index[order], truth[order], NB201).mask]
    assert set(chosen) == set(shuffled)


@pytest.mark.parametrize("name", ["without_none", "live", "one_per_class", "one_per_string"])
def test_what_is_in_does_not_depend_on_who_else_is_at_hand(name: str) -> None:
    everyone = select_population(name, EVERY_INDEX, make_truth(N_ARCHS), NB201).mask
    index = np.array(sample_indices(500))
    assert (select_population(name, index, make_truth(500), NB201).mask == everyone[index]).all()


def test_members_have_the_traits_that_they_are_selected_by() -> None:
    truth = make_truth(N_ARCHS)
    for name, is_member in {
        "without_none": lambda arch: "none" not in str(arch),
        "live": lambda arch: arch.is_live,
    }.items():
        mask = select_population(name, EVERY_INDEX, truth, NB201).mask
        assert [is_member(arch) for arch in enumerate_archs()] == mask.tolist()


def test_each_string_is_there_once_by_its_lowest_index() -> None:
    first: dict[str, int] = {}
    for index in range(N_ARCHS):
        first.setdefault(isomorphism_string(arch_at(index)), index)
    mask = select_population("one_per_string", EVERY_INDEX, make_truth(N_ARCHS), NB201).mask
    assert np.flatnonzero(mask).tolist() == sorted(first.values())


def test_each_class_is_there_once_by_the_member_without_dead_edges() -> None:
    mask = select_population("one_per_class", EVERY_INDEX, make_truth(N_ARCHS), NB201).mask
    chosen = [arch_at(index) for index in np.flatnonzero(mask).tolist()]
    assert all(arch == arch.representative for arch in chosen)
    assert len(set(chosen)) == 9_445


def draw_members(size: int, seed: int = 0) -> np.ndarray:
    """Any one member of each of so many classes, drawn at random."""
    rng = np.random.RandomState(seed)
    classes = sorted({dead_edge_class(arch_at(index)) for index in range(N_ARCHS)})
    chosen = rng.permutation(len(classes))[:size]
    return np.array([classes[place][rng.randint(len(classes[place]))] for place in chosen])


@pytest.mark.parametrize("size", [60, 9_445])
def test_a_file_of_one_member_of_each_class_is_judged_on_all_of_them(size: int) -> None:
    index = draw_members(size)
    part = select_population("one_per_class", index, make_truth(size), NB201)
    assert part.n == part.size == size  # as many as it was drawn from: no interval to the space
    others = [arch_at(i).representative.nb201_index for i in index.tolist()]
    missing = sorted(set(others) - set(index.tolist()))
    assert part.unrepresented == tuple(missing)
    assert part.note.startswith(f"{len(missing):,} classes were scored only on members other")
    assert "these are used, so results do not describe the space" in part.note
    rng = np.random.RandomState(1)
    scores = rng.standard_normal((1, size))
    sample = sample_metric("tau", scores, make_truth(size), part.size)
    assert conclude(sample).interval is None


def test_members_of_classes_that_a_sample_lacks_the_representative_of_are_named() -> None:
    index = np.array(sample_indices(600))
    part = select_population("one_per_class", index, make_truth(600), NB201)
    representatives = {arch_at(i).representative.nb201_index for i in index.tolist()}
    assert part.n == len(representatives & set(index.tolist()))
    assert part.unrepresented == tuple(sorted(representatives - set(index.tolist())))
    assert part.size == 9_445
    assert str(part.unrepresented[0]) in part.note
    assert part.note.endswith("and are left out.")
    whole = select_population("one_per_class", EVERY_INDEX, make_truth(N_ARCHS), NB201)
    assert (whole.unrepresented, whole.note) == ((), "")


def test_the_size_of_a_class_does_not_decide_whether_a_sample_holds_it() -> None:
    sizes = np.array([len(dead_edge_class(arch_at(i))) for i in range(N_ARCHS)])
    rng, chosen = np.random.RandomState(0), []
    for _ in range(40):
        drawn = rng.permutation(N_ARCHS)[:600]
        mask = select_population("one_per_class", drawn, make_truth(600), NB201).mask
        chosen.append(sizes[drawn[mask]].mean())
    whole = select_population("one_per_class", EVERY_INDEX, make_truth(N_ARCHS), NB201).mask
    error = np.std(chosen) / np.sqrt(len(chosen))
    assert abs(np.mean(chosen) - sizes[whole].mean()) < 4 * error


class Words(Unbounded):
    """Words of any length; those of the same letters are one network."""

    name = "words"

    def format(self, arch: str) -> str:
        return arch

    @property
    def traits(self) -> dict[str, Trait]:
        return {
            "short": Trait("words of up to four letters", lambda word: len(word) <= 4),
            "one_per_class": Trait(
                "one word of each set of letters",
                lambda word: self.key("".join(sorted(word))),
                is_partition=True,
            ),
        }


Words.__abstractmethods__ = frozenset()  # what populations do not ask for is left out


def test_a_space_that_nobody_can_count_has_populations_of_no_size() -> None:
    space = Words()  # type: ignore[abstract]
    words = ["ab", "ba", "abcde", "edcba", *(f"x{i}" for i in range(96))]
    keys, truth = np.array([space.key(word) for word in words]), make_truth(100)
    found = {name: select_population(name, keys, truth, space) for name in populations_of(space)}
    assert list(found) == ["all", "short", "one_per_class", "truth_stratified", "top_50", "top_10"]
    assert {part.size for part in found.values()} == {None}
    assert found["all"].n == 100
    assert found["short"].n == 98
    assert {words[i] for i in np.flatnonzero(found["one_per_class"].mask)} >= {"ab", "abcde"}
    assert not found["one_per_class"].mask[[1, 3]].any()
    order = np.random.RandomState(2).permutation(100)
    shuffled = select_population("truth_stratified", keys[order], truth[order], space)
    assert set(keys[order][shuffled.mask]) == set(keys[found["truth_stratified"].mask])
    result = evaluate_scores(keys, truth + make_truth(100)[::-1], None, truth, space=space)
    interval = result.populations["all"].metrics["tau"].interval
    assert interval is not None
    assert interval.over == "architectures"


def test_isomorphism_strings_are_those_of_the_benchmarks_own_code() -> None:
    for arch in enumerate_archs():
        structure = topology_str2structure(str(arch))
        assert isomorphism_string(arch) == structure.to_unique_str(consider_zero=True)


def test_the_stratified_hold_equally_many_of_each_decile_the_first_in_the_permutation() -> None:
    index = np.array(sample_indices(3000))
    truth = make_truth(3000)
    mask = select_population("truth_stratified", index, truth, NB201).mask
    place = {i: p for p, i in enumerate(canonical_permutation())}
    for decile in range(10):
        members = (truth >= 300 * decile) & (truth < 300 * (decile + 1))
        chosen = {place[i] for i in index[members & mask]}
        left_out = {place[i] for i in index[members & ~mask]}
        assert len(chosen) == 100
        assert max(chosen) < min(left_out)


def test_ties_of_truth_are_put_into_strata_by_the_permutation_not_by_the_file() -> None:
    index = np.array(sample_indices(3000))
    truth = np.repeat(make_truth(6), 500)  # each decile is cut through a run of ties
    mask = select_population("truth_stratified", index, truth, NB201).mask
    for seed in range(3):
        order = np.random.RandomState(seed).permutation(3000)
        again = select_population("truth_stratified", index[order], truth[order], NB201).mask
        assert set(index[order][again]) == set(index[mask])


@pytest.mark.parametrize(("n", "expected"), [(1, 0), (9, 0), (10, 10), (57, 50), (205, 200)])
def test_small_samples_are_stratified_as_far_as_they_go(n: int, expected: int) -> None:
    index = np.array(sample_indices(n))
    assert select_population("truth_stratified", index, make_truth(n), NB201).n == expected


def test_the_top_is_that_of_top_share_ties_included() -> None:
    truth = np.repeat(np.arange(100.0), 3)
    index = np.array(sample_indices(300))
    part = select_population("top_10", index, truth, NB201)
    assert (part.mask == top_share(truth, 0.1)).all()
    assert part.share == 0.1


def test_an_empty_population_is_empty_not_an_error() -> None:
    dead = [i for i in range(N_ARCHS) if not arch_at(i).is_live][:40]
    assert select_population("live", np.array(dead), make_truth(40), NB201).n == 0


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
        select_population("all", np.array(index), truth, NB201)


def test_an_unknown_population_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="Did you mean 'one_per_class'"):
        select_population("one_per_clas", EVERY_INDEX, make_truth(N_ARCHS), NB201)
