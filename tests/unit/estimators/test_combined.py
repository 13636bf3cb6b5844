"""Combinations by rank: their name, their population, their seeds, and what they are made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats

from harness.errors import UsageError
from harness.estimators.baselines import make_baselines
from harness.estimators.combined import find_estimator, select_estimators
from harness.estimators.matrix import ScoreMatrix
from harness.spaces import load_space

SPACE = load_space()
KEYS = np.sort(SPACE.prefix(400))
DEAD = np.array([not SPACE.is_live(SPACE.at(key)) for key in KEYS.tolist()])
RNG = np.random.RandomState(0)


def make(label: str, n_seeds: int = 1, n: int = 400) -> ScoreMatrix:
    seeds = tuple(range(n_seeds)) if n_seeds > 1 else (None,)
    scores = RNG.standard_normal((n_seeds, n)).round(1)  # with ties
    return ScoreMatrix(label, label, "file", seeds, KEYS[:n], scores, f"of {label}", arch_s=0.5)


A, B, SEEDED = make("a"), make("b", n=300), make("seeded", n_seeds=3)
GIVEN = [A, B, SEEDED]


def naive_logs(scores: npt.NDArray[np.float64], dead: npt.NDArray[np.bool_]) -> npt.ArrayLike:
    """Rank in the plain way, the dead below all others."""
    return np.log(scipy.stats.rankdata(np.where(dead, scores.min() - 1.0, scores)))


def test_a_combination_is_the_sum_of_log_ranks_over_what_all_scored() -> None:
    found = find_estimator("live_params+b+2*a", GIVEN)
    assert found.label == "live_params+b+2*a (n=300)"
    assert found.keys.tolist() == KEYS[:300].tolist()
    live = make_baselines(KEYS[:300])["live_params"]
    rows, weights = (live, B.score[0], A.score[0, :300]), (1.0, 1.0, 2.0)
    expected = sum(
        weight * np.asarray(naive_logs(row, DEAD[:300]))
        for weight, row in zip(weights, rows, strict=True)
    )
    assert np.allclose(found.score[0], expected, rtol=1e-12)
    assert found.family == "combination"
    assert not found.is_deterministic  # nothing is known of another run of a and b
    assert found.exclusions == {"without a score of b": 100}
    assert "of a" in found.score_kind
    assert "of b" in found.score_kind
    assert found.arch_s == pytest.approx(1.0)


def test_the_dead_that_a_component_was_not_asked_about_are_not_ranked() -> None:
    asked = np.arange(400) % 2 == 0
    half = replace(B, keys=KEYS[asked], score=A.score[:, asked])
    assert DEAD[asked].any()
    assert DEAD[~asked].any()
    found = find_estimator("a+b", [A, half])
    assert (found.label, found.keys.tolist()) == ("a+b (n=200)", KEYS[asked].tolist())
    assert found.exclusions == {"without a score of b": 200}
    assert any(f" {DEAD[asked].sum()} architectures tie at the bottom" in n for n in found.notes)


def test_seeds_of_components_are_paired_and_a_single_one_goes_with_each() -> None:
    other = replace(make("other", n_seeds=3), seeds=(1, 2, 5))
    found = find_estimator("seeded+other+a", [*GIVEN, other])
    assert found.seeds == (1, 2)
    for row, seed in zip(found.score, (1, 2), strict=True):
        parts = (SEEDED.score[seed], other.score[seed - 1], A.score[0])
        expected = sum(np.asarray(naive_logs(part, DEAD)) for part in parts)
        assert np.allclose(row, expected, rtol=1e-12)
    assert any("seeded has no counterpart for seeds 0" in note for note in found.notes)
    assert any("other has no counterpart for seeds 5" in note for note in found.notes)


def test_baselines_alone_are_deterministic_and_combine_over_what_was_scored() -> None:
    found = find_estimator("live_params+flops", [A, B])
    assert found.is_deterministic
    assert found.keys.tolist() == KEYS.tolist()
    assert not find_estimator("live_params+random", [A]).is_deterministic


def test_what_was_chosen_on_a_truth_says_so() -> None:
    jacov = make("jacov")
    (said,) = [
        note for note in find_estimator("live_params+jacov+a", [jacov, A]).notes if "156" in note
    ]
    assert "chosen among 156 combinations" in said
    assert not [n for n in find_estimator("live_params+a", [jacov, A]).notes if "156" in n]


def test_names_select_and_all_is_what_was_given() -> None:
    assert select_estimators([], GIVEN) == tuple(GIVEN)
    labels = [each.label for each in select_estimators(["b", "all", "a+b", "params"], GIVEN)]
    assert labels == ["b", "a", "seeded", "a+b (n=300)", "params"]


def test_a_label_goes_before_the_name_of_anything_else() -> None:
    plus = replace(A, label="b+seeded")
    assert find_estimator("b+seeded", [*GIVEN, plus]) is plus
    assert find_estimator("all", [replace(A, label="all")]).label == "all"
    assert select_estimators(["all"], [replace(A, label="all"), B])[0].method == "a"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("live_param+a", "Unknown estimator 'live_param'. Did you mean 'live_params'?"),
        ("a+a", "names a twice"),
        ("a+", "without a name"),
    ],
)
def test_wrong_names_are_refused(name: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        find_estimator(name, GIVEN)
    assert message in str(raised.value)


def test_a_combination_without_a_common_architecture_is_refused() -> None:
    apart = replace(B, label="apart", keys=KEYS[300:], score=B.score[:, :100])
    live = ~np.array(DEAD[300:])
    apart = replace(apart, keys=apart.keys[live], score=apart.score[:, live])
    part = replace(B, keys=KEYS[:300][~DEAD[:300]], score=B.score[:, ~DEAD[:300]])
    with pytest.raises(UsageError, match="No architecture has a score of all of b, apart"):
        find_estimator("b+apart", [part, apart])
