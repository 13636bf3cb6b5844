"""What is judged when the twins of labels are left out."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from harness.estimators.matrix import ScoreMatrix
from harness.evaluation import choose_truth, evaluate_estimator
from harness.evaluation.leaks import find_leak_free
from harness.report.words import describe_evaluation
from harness.spaces import load_space
from harness.spaces.nb201.classes import dead_edge_class, isomorphism_class
from tests.spaces.toy import Toy

SPACE = load_space()
CHOSEN = choose_truth("tiles")
KEYS = CHOSEN.truth.keys
RNG = np.random.RandomState(0)
LABELS = tuple(np.sort(RNG.permutation(KEYS)[:60]) for _ in range(2))


def gives_away(key: int, labels: set[int]) -> bool:
    """Say whether a label is the same network as an architecture, by either rule."""
    arch = SPACE.at(key)
    return bool(labels & {*dead_edge_class(arch), *isomorphism_class(arch)})


def is_representative(key: int) -> bool:
    return SPACE.at(key).representative == SPACE.at(key)


def test_no_twin_of_a_label_is_left() -> None:
    for labels in LABELS:
        known = set(labels.tolist())
        expected = [is_representative(k) and not gives_away(k, known) for k in KEYS.tolist()]
        assert find_leak_free(KEYS, labels, SPACE).tolist() == expected
        assert 0 < sum(expected) < sum(map(is_representative, KEYS.tolist()))


def test_a_space_without_partitions_has_its_identity() -> None:
    toy = Toy()
    keys = np.sort(np.array(toy.prefix(200), dtype=np.int64))
    label = next(k for k in keys.tolist() if toy.key(toy.identity(toy.at(k))) != k)
    same = toy.key(toy.identity(toy.at(label)))
    kept = keys[find_leak_free(keys, np.array([label]), toy)]
    assert same not in kept
    own = {toy.key(toy.identity(toy.at(k))) for k in kept.tolist()}
    assert own == set(kept.tolist())


def test_tau_is_that_of_each_seed_on_its_own_and_is_told() -> None:
    rows = CHOSEN.truth.value + 8.0 * RNG.normal(size=(2, len(KEYS)))
    estimator = ScoreMatrix(
        "fitted", "fitted", "file", (0, 1), KEYS, rows, "made up", fitted_on=LABELS
    )
    result = evaluate_estimator(estimator, CHOSEN)
    assert result.leak_free is not None
    kept = [find_leak_free(KEYS, labels, SPACE) for labels in LABELS]
    taus = [
        scipy.stats.kendalltau(row[own], CHOSEN.truth.value[own]).statistic
        for row, own in zip(rows, kept, strict=True)
    ]
    assert result.leak_free.n == tuple(int(own.sum()) for own in kept)
    assert result.leak_free.per_seed == pytest.approx(taus, rel=1e-12)
    assert result.leak_free.tau == pytest.approx(np.mean(taus))
    assert result.to_dict()["leak_free"] == result.leak_free.to_dict()
    words = f"Without the twins of its labels, fitted has tau {np.mean(taus):.3f} (leak_free"
    assert any(line.startswith(words) for line in describe_evaluation(result))


def test_too_few_have_no_tau_and_others_no_such_figure() -> None:
    some = slice(0, 80)
    rows = RNG.normal(size=(1, 80))
    fields = ("own", "own", "file", (0,), KEYS[some], rows, "made up")
    few = evaluate_estimator(ScoreMatrix(*fields, fitted_on=(KEYS[:60],)), CHOSEN)
    assert few.leak_free is not None
    assert few.leak_free.tau is None
    assert any("no tau: too few architectures" in line for line in describe_evaluation(few))
    without = evaluate_estimator(ScoreMatrix(*fields), CHOSEN)
    assert without.leak_free is None
    assert not any("twins" in line for line in describe_evaluation(without))
