from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.errors import ArchError
from harness.search.candidates import Candidates, Position
from harness.spaces import load_space

NAGO, NB201 = load_space("nago"), load_space("nb201")


def rng(seed: int = 0) -> np.random.RandomState:
    return np.random.RandomState(seed)


def measure_distance(candidates: Candidates, one: Position, other: Position) -> float:
    """The distance as the docstring says it, axis by axis."""
    total = 0.0
    for axis, a, b in zip(candidates.axes, one, other, strict=True):
        if isinstance(axis.values, range):
            total += abs(a - b) / max(1, len(axis.values) - 1)
        else:
            total += a != b
    return total


@pytest.mark.parametrize("name", ["nb201", "macro", "nago", "transnas-macro"])
def test_a_proposal_becomes_the_nearest_candidate(name: str) -> None:
    space = load_space(name)
    keys = np.array(sorted(space.prefix(40)))
    candidates = Candidates(space, keys)
    draws = rng(3)
    for seed in range(20):
        wanted = tuple(int(draws.randint(len(axis.values))) for axis in candidates.axes)
        found = candidates.settle(wanted, set(), rng(seed))
        positions = [candidates.position(space.at(key)) for key in keys.tolist()]
        identities = {candidates.identity(space.at(key)) for key in keys.tolist()}
        if find_identity(candidates, wanted) in identities and candidates.identity(found) == (
            find_identity(candidates, wanted)
        ):
            continue
        nearest = min(measure_distance(candidates, wanted, each) for each in positions)
        own = candidates.position(found)
        assert measure_distance(candidates, wanted, own) == pytest.approx(nearest)


def find_identity(candidates: Candidates, wanted: Position) -> int | None:
    """The network of a position; None where there is no architecture."""
    try:
        return candidates.identity(candidates.space.at_position(wanted))
    except ArchError:
        return None


def test_another_name_of_a_candidate_is_that_candidate() -> None:
    space = load_space("macro")
    archs = [space.at(key) for key in range(space.size or 0)]
    keys = sorted({space.key(space.identity(arch)) for arch in archs})
    candidates = Candidates(space, np.array(keys))
    others = [arch for arch in archs if space.key(arch) not in keys]
    assert len(others) > 500
    for arch in others[::40]:
        found = candidates.settle(candidates.position(arch), set(), rng())
        assert found == space.identity(arch)


def find_neighbours(candidates: Candidates, wanted: Position) -> dict[int, float]:
    """Return the identities around a proposal, one axis changed, and the least change of each."""
    found: dict[int, float] = {}
    for place, axis in enumerate(candidates.axes):
        for value in range(len(axis.values)):
            near = (*wanted[:place], value, *wanted[place + 1 :])
            try:
                identity = candidates.identity(candidates.space.at_position(near))
            except ArchError:
                continue
            distance = measure_distance(candidates, wanted, near)
            found[identity] = min(distance, found.get(identity, distance))
    return found


def test_without_a_list_a_proposal_becomes_the_nearest_neighbour_that_is_an_architecture() -> None:
    """Of generators most proposals have too many nodes."""
    candidates, draws, n_between = Candidates(NAGO), rng(3), 0
    for seed in range(40):
        wanted = tuple(int(draws.randint(len(axis.values))) for axis in candidates.axes)
        near = find_neighbours(candidates, wanted)
        found = candidates.settle(wanted, set(), rng(seed))
        assert found is not None
        if near:
            n_between += min(near.values()) > 0
            assert near[candidates.identity(found)] == min(near.values())
    assert n_between > 5


def test_without_a_list_known_networks_are_left_out_nearest_first() -> None:
    candidates, known = Candidates(NAGO), set[int]()
    wanted = candidates.position(NAGO.parse("ws(5,4,0.50)-er(2,0.50)-ws(6,4,0.50)"))
    near = find_neighbours(candidates, wanted)
    for seed in range(30):
        found = candidates.settle(wanted, known, rng(seed))
        assert found is not None
        identity = candidates.identity(found)
        known.add(identity)
        assert near.pop(identity) <= min(near.values())
    for identity in near:
        known.add(identity)
    further = candidates.settle(wanted, known, rng())
    assert further is not None
    assert candidates.identity(further) not in known


def test_a_candidate_is_found_by_its_own_position() -> None:
    candidates = Candidates(NB201, np.arange(NB201.size or 0))
    arch = NB201.at(6111)
    assert candidates.settle(candidates.position(arch), set(), rng()) == arch


def test_one_network_is_given_once_whatever_it_is_called() -> None:
    keys = np.array(sorted(NB201.prefix(300)))
    candidates = Candidates(NB201, keys)
    classes = {candidates.identity(NB201.at(key)) for key in keys.tolist()}
    assert len(classes) < len(keys), "the sample has classes of several members"
    known: set[int] = set()
    for seed in range(len(classes)):
        found = candidates.settle(None, known, rng(seed))
        assert candidates.identity(found) not in known
        assert candidates.are_left(known)
        known.add(candidates.identity(found))
    assert known == classes
    assert not candidates.are_left(known)
    assert candidates.settle(None, known, rng()) is None


def test_any_candidate_is_drawn_uniformly() -> None:
    candidates = Candidates(NB201, np.array(sorted(NB201.prefix(8))))
    counts = np.bincount(
        [int(candidates.keys.searchsorted(NB201.key(_settle(candidates, s)))) for s in range(4000)]  # type: ignore[union-attr]
    )
    assert counts.shape == (8,)
    # A binomial of 4,000 draws has a standard deviation of 21.
    assert abs(counts - 500).max() < 100


def _settle(candidates: Candidates, seed: int) -> Any:
    return candidates.settle(None, set(), rng(seed))


def test_without_a_list_every_generator_is_new_and_not_too_large() -> None:
    candidates = Candidates(NAGO)
    largest = tuple(len(axis.values) - 1 for axis in NAGO.axes)
    with pytest.raises(ArchError, match="at most 60"):
        NAGO.at_position(largest)
    known: set[int] = set()
    for seed in range(50):
        arch = candidates.settle(largest, known, rng(seed))
        assert arch is not None
        assert arch.nodes <= 60
        assert candidates.identity(arch) not in known
        known.add(candidates.identity(arch))


def test_a_mutation_changes_one_axis_to_any_other_value() -> None:
    candidates = Candidates(NB201)
    position = NB201.position(NB201.at(6111))
    found = {candidates.mutate(position, rng(seed)) for seed in range(500)}
    assert all(sum(a != b for a, b in zip(position, each, strict=True)) == 1 for each in found)
    assert len(found) == 6 * 4, "each of six slots has four other choices"
