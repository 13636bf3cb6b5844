from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.storages import InMemoryStorage

from harness.errors import MismatchError, StoreError, UsageError
from harness.search import driver
from harness.search.algorithms import REGISTRY, Seen, Settings, evolve
from harness.search.candidates import Candidates
from harness.search.driver import Study
from harness.search.objectives import Measured, Objective
from harness.search.problem import Evaluation, Method, Problem, Start
from harness.search.storage import open_storage
from harness.seeding import make_rng
from harness.spaces import load_space
from tests.searches import (
    CURVE,
    SMALL,
    curves,
    make_method,
    make_problem,
    search_once,
    tiles,
)

ALGORITHMS = [name for name in REGISTRY if name != "order"]
N = 14
"""More than the first trials of each sampler, which are drawn at random."""


def make_own(name: str, batch: int = 1) -> tuple:  # type: ignore[type-arg]
    stops = REGISTRY[name].stops_early
    problem = make_problem(curves() if stops else None, stops, second=name == "nsga2")
    return problem, make_method(name, batch)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_resumed_search_equals_an_uninterrupted_one(
    name: str, batch: int, tmp_path: Path
) -> None:
    problem, method = make_own(name, batch)
    whole = search_once(problem, method, N)
    search_once(problem, method, 5, tmp_path / "a.db")
    assert search_once(problem, method, N, tmp_path / "a.db") == whole
    assert search_once(problem, method, N, tmp_path / "a.db") == whole


@pytest.mark.parametrize("name", ["evolution", "tpe-hyperband"])
def test_a_search_that_was_killed_while_it_stored_a_batch_resumes(name: str) -> None:
    """After whichever of its trials it is cut."""
    problem, method = make_own(name, batch=4)
    for seed in range(3):
        storage = InMemoryStorage()
        whole = Study(problem, method, seed, storage=storage).run(10)
        stored = optuna.load_study(study_name=None, storage=storage)
        for cut in (cut for cut in range(1, len(whole)) if cut % 4):
            rest = copy_start(stored, cut)
            assert Study(problem, method, seed, storage=rest).run(10) == whole, (seed, cut)


def copy_start(stored: optuna.Study, n: int) -> InMemoryStorage:
    """Copy the first trials of a study."""
    storage = InMemoryStorage()
    cut = optuna.create_study(
        study_name=stored.study_name, storage=storage, directions=stored.directions
    )
    for name, value in stored.user_attrs.items():
        cut.set_user_attr(name, value)
    cut.add_trials(stored.trials[:n])
    return storage


@pytest.mark.parametrize("name", ALGORITHMS)
def test_no_network_is_evaluated_twice(name: str) -> None:
    problem, method = make_own(name, batch=2)
    found = search_once(problem, method, N)
    candidates = problem.candidates
    networks = [candidates.identity(candidates.space.at(each.key)) for each in found]
    assert len(set(networks)) == len(found) >= N
    assert [each.number for each in found] == list(range(len(found)))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_another_seed_is_another_search(name: str) -> None:
    problem, method = make_own(name)
    first, second = (search_once(problem, method, 4, seed=seed) for seed in (0, 1))
    assert [each.key for each in first] != [each.key for each in second]


def test_a_search_ends_when_all_candidates_were_evaluated() -> None:
    chosen = tiles()
    problem = make_problem()
    few = Candidates(chosen.table.space, chosen.truth.keys[:7])
    found = search_once(
        type(problem)(problem.objective, few), make_method("tpe", batch=3), budget=50
    )
    n_networks = len({few.identity(chosen.table.space.at(k)) for k in few.keys.tolist()})  # type: ignore[union-attr]
    assert len(found) == n_networks


def test_the_values_are_those_of_the_table() -> None:
    found = search_once(make_problem(), make_method("random"), 6)
    table = tiles().table
    valid = table.select(tiles().query.__class__("tiles", "valid", 12, "trial=0")).by_index()
    assert [each.values[0] for each in found] == [valid[each.key] for each in found]
    assert all(each.spent == 1.0 for each in found)
    assert all((each.seconds or 0.0) > 0.0 for each in found)


def test_a_method_starts_in_the_order_that_it_is_given() -> None:
    problem = make_problem()
    order = [int(key) for key in problem.candidates.keys[5:40]]  # type: ignore[index]
    distinct = list(
        {problem.candidates.identity(tiles().table.space.at(k)): k for k in order[::-1]}.values()
    )[::-1]
    method = make_method("evolution", start=Start("mine", 5, "hash"))
    found = search_once(problem, method, 8, order=distinct)
    assert [each.key for each in found[:5]] == distinct[:5]
    only = make_method("order", start=Start("mine", 5, "hash"))
    found = search_once(problem, only, 500, order=distinct)
    assert [each.key for each in found] == distinct


def test_trainings_are_stopped_and_paid_by_their_share() -> None:
    problem = make_problem(curves(), stops=True)
    found = search_once(problem, make_method("tpe-hyperband"), 12)
    assert {each.epochs for each in found} <= set(CURVE)
    assert len({each.epochs for each in found}) > 1, "some are stopped, some are not"
    assert [each.spent for each in found] == [each.epochs / 8 for each in found]
    assert len(found) > 12
    assert 12 <= sum(each.spent for each in found) < 13
    # A second of a core an epoch, of one training that goes on.
    assert [each.seconds for each in found] == [pytest.approx(each.epochs) for each in found]


def test_trainings_of_their_own_are_paid_each() -> None:
    """In epochs, a search pays what random search pays, though its longest trials cost more."""
    problem = make_problem(curves(), stops=True)
    problem.objective.is_curve = False
    found = search_once(problem, make_method("tpe-hyperband"), 6)
    paid = {1: 1, 2: 3, 4: 7, 8: 15}
    assert max(each.epochs for each in found) == 8
    assert [each.spent for each in found] == [paid[each.epochs] / 8 for each in found]
    assert [each.seconds for each in found] == [pytest.approx(paid[e.epochs]) for e in found]
    chance = sum(each.epochs for each in search_once(problem, make_method("random"), 6))
    assert chance == 6 * 8
    assert chance <= sum(paid[each.epochs] for each in found) < chance + 15


class Noise(Objective):
    """Trainings of any lengths, whose results are drawn; it counts those of each."""

    label = "noise"

    def __init__(self, fidelities: tuple[int, ...]) -> None:
        self.fidelities, self.trained = fidelities, Counter[int]()

    def describe(self) -> str:
        return self.label

    def evaluate(self, keys: Sequence[int], epochs: int, seed: int) -> list[Measured]:
        self.trained[epochs] += len(keys)
        return [Measured(make_rng(seed, str(key), epochs).rand(), None) for key in keys]


def search_noise(fidelities: tuple[int, ...], eta: int) -> tuple[Noise, list[Evaluation]]:
    noise = Noise(fidelities)
    method = Method(REGISTRY["tpe-hyperband"], Settings(eta=eta))
    return noise, search_once(Problem(noise, Candidates(load_space("nb201"))), method, 25)


def test_half_of_the_trainings_that_can_be_stopped_are_where_there_are_two_lengths() -> None:
    """There is a bracket that stops after 12 epochs, and one that stops nothing."""
    noise, found = search_noise((12, 200), eta=2)
    assert set(noise.trained) == {12, 200}
    stopped = sum(each.epochs == 12 for each in found) / len(found)
    assert 0.18 < stopped < 0.45


@pytest.mark.parametrize(
    ("eta", "lengths"), [(2, {1, 2, 4, 8, 16}), (3, {1, 5, 16}), (4, {1, 4, 16})]
)
def test_lengths_lie_a_factor_of_eta_apart(eta: int, lengths: set[int]) -> None:
    """A table may have each epoch; trainings are looked at after a few of them."""
    noise, found = search_noise(tuple(range(1, 17)), eta)
    assert set(noise.trained) == lengths
    assert {each.epochs for each in found} == lengths, "some are stopped at each"


def test_an_eta_that_leaves_nothing_to_stop_is_refused() -> None:
    with pytest.raises(UsageError, match="--eta 17 was given"):
        search_noise((12, 200), eta=17)


def test_a_stored_search_of_another_space_is_refused(tmp_path: Path) -> None:
    search_once(make_problem(), make_method("random"), 3, tmp_path / "a.db")
    with pytest.raises(MismatchError, match="space is nb201, not nago"):
        search_once(make_problem(curves()), make_method("random"), 3, tmp_path / "a.db")


def test_a_stored_search_with_other_settings_is_refused(tmp_path: Path) -> None:
    search_once(make_problem(), make_method("evolution"), 3, tmp_path / "a.db")
    with pytest.raises(MismatchError, match="batch is 1, not 2"):
        search_once(make_problem(), make_method("evolution", batch=2), 3, tmp_path / "a.db")


def test_a_search_without_a_trial_gives_way_to_another(tmp_path: Path) -> None:
    """A command that another of its searches refused leaves such a one."""
    problem, file = make_problem(), tmp_path / "a.db"
    refused, right = make_method("evolution", batch=2), make_method("evolution")
    early = Study(problem, refused, 0, storage=open_storage(f"sqlite:///{file}"))
    whole = search_once(problem, right, 4)
    assert search_once(problem, right, 2, file) == whole[:2]
    assert search_once(problem, right, 4, file) == whole
    with pytest.raises(MismatchError, match="batch is 1, not 2"):
        search_once(problem, refused, 4, file)
    with pytest.raises(MismatchError, match="Trial 0 is done, and 4 are stored"):
        early.run(4)


def test_a_search_whose_place_was_taken_before_its_first_trial_stores_nothing() -> None:
    problem, storage = make_problem(), InMemoryStorage()
    first = Study(problem, make_method("random", batch=2), 0, storage=storage)
    second = Study(problem, make_method("random"), 0, storage=storage)
    with pytest.raises(MismatchError, match="A command that asks for something else took"):
        first.run(2)
    assert second.run(2) == search_once(problem, make_method("random"), 2)


def test_a_search_without_a_trial_of_another_number_of_objectives_is_refused() -> None:
    """Optuna cannot change the number of a study."""
    one, two = make_problem(), make_problem(second=True)
    two = replace(two, config={**two.config, "second": "params"})
    storage, method = InMemoryStorage(), make_method("random")
    Study(two, method, 0, storage=storage)
    with pytest.raises(MismatchError, match="something else: second is params, not None"):
        Study(one, method, 0, storage=storage)


def test_trials_of_another_program_are_refused(tmp_path: Path) -> None:
    problem, method = make_problem(), make_method("random", batch=2)
    search_once(problem, method, 2, tmp_path / "a.db")
    stored = optuna.load_study(study_name=None, storage=f"sqlite:///{tmp_path / 'a.db'}")
    other = stored.trials[0]
    other.user_attrs["arch"] = stored.trials[1].user_attrs["arch"]
    stored.add_trial(other)
    with pytest.raises(MismatchError, match=r"Trial 2 evaluated .*; asked for now is"):
        search_once(problem, method, 4, tmp_path / "a.db")


def test_a_stored_search_with_a_network_twice_is_refused() -> None:
    """Where a batch is one trial, what is stored is believed; but not this."""
    problem, method, storage = make_problem(), make_method("random"), InMemoryStorage()
    Study(problem, method, 0, storage=storage).run(3)
    stored = optuna.load_study(study_name=None, storage=storage)
    stored.add_trial(stored.trials[1])
    with pytest.raises(MismatchError, match=r"Trial 3 .* that an earlier trial evaluated"):
        Study(problem, method, 0, storage=storage).run(6)


def test_a_trial_that_no_search_stored_is_refused() -> None:
    problem, method, storage = make_problem(), make_method("random"), InMemoryStorage()
    Study(problem, method, 0, storage=storage).run(1)
    stored = optuna.load_study(study_name=None, storage=storage)
    stored.add_trial(optuna.trial.create_trial(value=1.0))
    with pytest.raises(MismatchError, match="Trial 1 was not stored by a search"):
        Study(problem, method, 0, storage=storage).run(2)


def test_the_same_search_twice_at_a_time_is_refused(tmp_path: Path) -> None:
    """The second one stores nothing, so the first goes on."""
    problem, method, url = make_problem(), make_method("random"), f"sqlite:///{tmp_path / 'a.db'}"
    first, second = (Study(problem, method, 0, storage=open_storage(url)) for _ in range(2))
    first.run(3)
    with pytest.raises(MismatchError, match="Trial 0 is done, and 3 are stored"):
        second.run(3)
    again = Study(problem, method, 0, storage=open_storage(url))
    assert again.run(6) == search_once(problem, method, 6)


def test_a_stored_search_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, method, storage = make_problem(), make_method("random"), InMemoryStorage()
    Study(problem, method, 0, storage=storage).run(1)
    monkeypatch.setattr(driver, "versions", lambda names: dict.fromkeys(names, "99.0"))
    with pytest.raises(MismatchError, match=r"optuna is \d.*, not 99\.0\. Give another"):
        Study(problem, method, 0, storage=storage)


@pytest.mark.parametrize("content", [b"no database", b""])
def test_a_storage_that_is_no_database_is_refused_or_made(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(content)
    if not content:
        open_storage(f"sqlite:///{path}")
        return
    with pytest.raises(StoreError, match=r"a\.db cannot be used"):
        open_storage(f"sqlite:///{path}")


def test_a_database_without_its_driver_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    with pytest.raises(StoreError, match=r"//\.\.\.@host/db needs a driver .* not installed"):
        open_storage("postgresql+psycopg2://me:secret@host/db")


def test_an_unknown_kind_of_storage_is_refused() -> None:
    with pytest.raises(StoreError, match="nonsense"):
        open_storage("nonsense")


def test_evolution_is_algorithm_1_of_its_paper() -> None:
    """The population is a queue; the best of a sample has one place changed."""
    space = load_space("nb201")
    candidates = Candidates(space)
    rng = np.random.RandomState(5)
    seen = [Seen(space.position(space.at(key)), float(rng.rand())) for key in space.prefix(9)]
    assert evolve(seen[:3], candidates, SMALL, rng) is None
    alive = seen[-SMALL.population :]
    parents = set()
    for seed in range(200):
        child = evolve(seen, candidates, SMALL, np.random.RandomState(seed))
        assert child is not None
        own = [m for m in alive if sum(a != b for a, b in zip(m.position, child, strict=True)) == 1]
        assert own, "a child is one step from a living member"
        parents |= {m.value for m in own}
    values = sorted(m.value for m in alive)
    # With a sample of two of four, the worst is a parent only where it is drawn twice.
    assert values[-1] in parents


def test_more_of_a_good_sampler_is_better_than_chance() -> None:
    """On a truth without noise, whose best choices are independent, search beats chance."""
    problem = make_problem()
    space = problem.candidates.space
    ideal = (3, 3, 3, 3, 3, 3)

    class Counts(type(problem.objective)):  # type: ignore[misc]
        def __init__(self) -> None:
            self.keys, self.label = None, "counts"

        def evaluate(self, keys: list[int], epochs: int, seed: int) -> list[object]:
            positions = [space.position(space.at(key)) for key in keys]
            return [
                Measured(float(sum(a == b for a, b in zip(p, ideal, strict=True))), None)
                for p in positions
            ]

    easy = type(problem)(Counts(), Candidates(space, np.arange(space.size or 0)))

    def best(name: str) -> float:
        runs = [search_once(easy, make_method(name), 60, seed=seed) for seed in range(3)]
        return float(np.mean([max(each.values[0] for each in run) for run in runs]))

    chance = best("random")
    assert best("evolution") > chance + 0.5
    assert best("tpe") > chance + 0.5


def test_what_is_stored_can_be_read_by_optuna(tmp_path: Path) -> None:
    found = search_once(make_problem(), make_method("gp"), 3, tmp_path / "a.db")
    study = optuna.load_study(study_name="gp, seed 0", storage=f"sqlite:///{tmp_path / 'a.db'}")
    assert [trial.values for trial in study.trials] == [list(each.values) for each in found]
    slots = tiles().table.space.axes
    assert [set(t.params) for t in study.trials] == [{axis.name for axis in slots}] * 3


def test_batches_are_chosen_before_any_of_them_is_evaluated() -> None:
    problem = make_problem()
    asked: list[int] = []
    evaluate = problem.objective.evaluate
    problem.objective.evaluate = lambda keys, *rest: (
        asked.append(len(keys)) or evaluate(keys, *rest)
    )  # type: ignore[method-assign, func-returns-value]
    found: list[Evaluation] = Study(problem, make_method("tpe", batch=4), 0).run(10)
    assert asked == [4, 4, 4]
    assert len(found) == 12
    assert all(a.number + 1 == b.number for a, b in pairwise(found))
