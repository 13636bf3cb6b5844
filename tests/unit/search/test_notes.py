from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.estimators.baselines import make_baseline
from harness.estimators.combined import combine
from harness.estimators.matrix import FILE, Part, ScoreMatrix
from harness.evaluation.chosen import ChosenTruth
from harness.search.candidates import Candidates
from harness.search.notes import find_notes
from harness.search.objectives import Scores, Table
from harness.search.problem import Problem
from harness.truth import TruthQuery
from tests.searches import make_problem, tiles

KEYS = tiles().truth.keys


def make_scores(label: str = "mine", n_seeds: int = 3) -> ScoreMatrix:
    """Make scores of all candidates."""
    rows = np.random.RandomState(0).rand(n_seeds, len(KEYS))
    return ScoreMatrix(label, label, FILE, tuple(range(n_seeds)), KEYS, rows, "made up")


def tell(
    estimator: ScoreMatrix, seeds: tuple[int, ...] = (0,), chosen: ChosenTruth | None = None
) -> list[str]:
    """Return the notes of searches of scores."""
    problem = Problem(Scores(estimator), Candidates(estimator.space, KEYS))
    return list(find_notes(chosen or tiles(), seeds, problem, None))


@pytest.mark.parametrize(
    ("n_seeds", "seeds", "shared"),
    [
        (3, (0, 3, 6), "1 of the 3 seeds of mine"),
        (3, (0, 1, 3), "2 of the 3 seeds of mine"),
        (2, (0, 1, 2), "the 2 seeds of mine"),
        (1, (0, 1), "the 1 seed of mine"),
    ],
)
def test_searches_that_see_the_same_scores_are_told(
    n_seeds: int, seeds: tuple[int, ...], shared: str
) -> None:
    (note,) = tell(make_scores(n_seeds=n_seeds), seeds)
    assert f"The {len(seeds)} searches share {shared}, so their intervals" in note


def test_nothing_is_told_where_scores_have_no_chance_or_each_search_has_its_own() -> None:
    assert tell(make_scores(), (3, 7, 11)) == []
    assert tell(make_baseline("params", KEYS, tiles().table.space), (0, 1, 2)) == []


def test_notes_of_scores_and_of_a_chosen_combination_are_told() -> None:
    jacov = replace(make_scores("jacov"), notes=("jacov was read in a hurry.",))
    both = combine([Part(make_baseline("live_params", KEYS, jacov.space)), Part(jacov)])
    told = tell(both)
    assert any("156" in note for note in told)
    assert told[-1] == "jacov was read in a hurry."


def test_labels_are_told() -> None:
    (note,) = tell(replace(make_scores(), fitted_on=(KEYS[:20],) * 3))
    assert note.startswith("mine was fitted to the truth of 20 architectures, which are not in")


def test_scores_that_are_seen_and_started_from_are_told_once() -> None:
    scores = Scores(make_scores(n_seeds=1))
    problem = Problem(scores, make_problem().candidates)
    assert len(list(find_notes(tiles(), (0, 1), problem, scores))) == 1


@pytest.mark.parametrize(
    ("seen", "judge", "is_shared"),
    [
        (("test", "mean"), ("test", "mean"), True),
        (("test", "trial=0"), ("test", "mean"), True),
        (("test", "trial=0"), ("test", "trial=1"), False),
        (("test", "trial=0"), ("test", "seed=777"), True),
        (("valid", "trial=0"), ("test", "mean"), True),
        (("valid", "trial=0"), ("test", "trial=1"), False),
    ],
)
def test_an_objective_that_judges_itself_is_told(
    seen: tuple[str, str], judge: tuple[str, str], is_shared: bool
) -> None:
    chosen = tiles()
    epochs = chosen.query.epochs
    own, its = (TruthQuery("tiles", split, epochs, policy) for split, policy in (seen, judge))
    objective = Table(chosen.table, [replace(own, policy="mean")])
    objective.query = own
    problem = Problem(objective, make_problem().candidates)
    told = list(find_notes(chosen._replace(query=its), (0, 1), problem, None))
    assert [f"it ({its}), so figures" in note for note in told] == [True] * is_shared


@pytest.mark.parametrize(
    ("epochs", "is_curve", "is_shared"),
    [(4, True, True), (5, True, True), (6, True, True), (4, False, False), (5, False, True)],
)
def test_other_epochs_of_the_trainings_that_judge_are_told(
    epochs: int, is_curve: bool, is_shared: bool
) -> None:
    chosen = tiles()
    objective = Table(chosen.table, [replace(chosen.query, split="valid")])
    objective.query, objective.is_curve = replace(objective.query, epochs=epochs), is_curve
    problem = Problem(objective, make_problem().candidates)
    judge = replace(chosen.query, epochs=5)
    told = list(find_notes(chosen._replace(query=judge), (0, 1), problem, None))
    what = "images" if epochs == 5 else "epochs"
    assert [f"sees other {what} of the trainings that judge it" in note for note in told] == (
        [True] * is_shared
    )
