"""From scores and a truth to figures: the one path, for one estimator or many.

For each contrast, it is decided here what each seed is judged on: the architectures that have the
truth and all scores, except those whose truth the seed was fitted to (`ScoreMatrix.fitted_on`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, lru_cache, partial

import numpy as np

from harness.errors import TruthError
from harness.estimators.baselines import make_baselines
from harness.estimators.combined import find_estimator
from harness.estimators.matrix import IntArray, ScoreMatrix, common_archs
from harness.evaluation.added import measure_added
from harness.evaluation.chosen import ChosenTruth
from harness.evaluation.constraints import check_subset
from harness.evaluation.judged import check_left, judge_pair
from harness.evaluation.leaks import measure_leak_free
from harness.evaluation.margins import measure_margins
from harness.evaluation.pairs import Pair, choose_pairs
from harness.evaluation.results import Evaluated, JointEvaluation, PairResult, TruthSource
from harness.monitor import Ticks, Watch, watch_nothing
from harness.scores import on_one_line
from harness.spaces.lookup import are_judged
from harness.stats import (
    Case,
    CaseScores,
    Comparison,
    Subset,
    compare_case,
    evaluate_case,
    populations_of,
)
from harness.truth import NOTES_KEY, TruthQuery, TruthTable
from harness.truth.metric import ACCURACY
from harness.truth.query import MEAN


def evaluate_together(
    estimators: Sequence[ScoreMatrix],
    chosen: ChosenTruth,
    baseline: str | None = None,
    watch: Watch = watch_nothing,
    floor: str | None = None,
    known: Sequence[ScoreMatrix] = (),
) -> JointEvaluation:
    """Evaluate estimators on the architectures that all have scored, and compare them.

    Args:
        estimators: At least one.
        chosen: The truth.
        baseline: Label of the estimator that all others are compared with; as `choose_pairs` takes
            it.
        watch: Told of progress.
        floor: What added values are measured against: a label, a free baseline or a combination of
            these; by default the space's floor.
        known: The estimators that the names of baseline, floor and components may mean; by default
            those to evaluate.

    Returns:
        The figures.

    Raises:
        TruthError: If the estimators have no architecture with this truth in common.
        UsageError: If the baseline or the floor is unknown.
    """
    known = known or estimators
    beneath = find_estimator(floor or estimators[0].space.floor, known, "floor")
    pairs = choose_pairs(estimators, baseline, known)
    compared = [pair.second for pair in pairs]
    archs = np.intersect1d(common_archs([*estimators, beneath, *compared]), chosen.truth.keys)
    if len(archs) == 0:
        for estimator in estimators:
            check_common_seeds(estimator)
        asked = {e.label: e for e in (*estimators, beneath, *compared) if e.parts or not e.is_free}
        each = "; ".join(f"'{name}' {len(e.complete_archs):,}" for name, e in asked.items())
        raise TruthError(
            f"No architecture has a score of all estimators and a truth ({chosen.query}, "
            f"{len(chosen.truth.keys):,} architectures). Scored: {each}. Leave out the estimator "
            "that shares none, or score architectures that the others have scored."
        )
    scores_of = cache(partial(_score, chosen, archs=archs))  # a seed's figures serve all its pairs
    n_parts = count_populations(chosen)
    tick = Ticks(watch, n_parts * (len(estimators) + len(pairs)) + len(estimators))
    evaluations = tuple(_evaluate(e, chosen, archs, scores_of(e), tick=tick) for e in estimators)
    differences = tuple(PairResult(pair, _compare(pair, scores_of, tick)) for pair in pairs)
    added = {}
    for estimator in estimators:
        found = measure_added(estimator, beneath, scores_of(estimator).case)
        if found is not None:
            added[estimator.label] = found
        tick()
    of_floor = [each for each in evaluations if each.estimator.identity == beneath.identity]
    bottom = (
        of_floor[0] if of_floor else _evaluate(beneath, chosen, archs, scores_of(beneath), ("all",))
    )
    return JointEvaluation(
        truth=evaluations[0].truth,
        keys=archs,
        value=chosen.truth.value[np.isin(chosen.truth.keys, archs)],
        evaluations=evaluations,
        pairs=differences,
        floor=bottom,
        added=added,
        margins=tuple(
            measure_margins(evaluations if of_floor else (*evaluations, bottom), scores_of)
        ),
    )


def count_populations(chosen: ChosenTruth) -> int:
    """Return how many populations a truth judges on: the space's, and those of constraints."""
    return len(populations_of(chosen.table.space)) + len(chosen.subsets)


def evaluate_estimator(
    estimator: ScoreMatrix,
    chosen: ChosenTruth,
    populations: Sequence[str] | None = None,
    tick: Callable[[], object] = int,
) -> Evaluated:
    """Evaluate an estimator on the architectures that have all its scores and the truth.

    Args:
        estimator: The estimator.
        chosen: The truth.
        populations: Names of populations; by default all of the space.
        tick: Called after each population.

    Returns:
        The figures.

    Raises:
        TruthError: If no architecture has both.
    """
    archs = _find_own(estimator, chosen)
    scores = _score(chosen, estimator, archs)
    return _evaluate(estimator, chosen, archs, scores, populations, tick)


def group_by_archs(
    estimators: Sequence[ScoreMatrix], chosen: ChosenTruth
) -> list[list[ScoreMatrix]]:
    """Group estimators so that in each group all have scored the same of a truth's architectures.

    Args:
        estimators: The estimators.
        chosen: The truth.

    Raises:
        TruthError: If one has scored none of the architectures of the truth.
    """
    groups: dict[bytes, list[ScoreMatrix]] = {}
    for estimator in estimators:
        groups.setdefault(_find_own(estimator, chosen).tobytes(), []).append(estimator)
    return list(groups.values())


def _find_own(estimator: ScoreMatrix, chosen: ChosenTruth) -> IntArray:
    """Find the architectures that have all scores of an estimator, and the truth.

    Raises:
        TruthError: If there are none.
    """
    complete = estimator.complete_archs
    archs = np.intersect1d(complete, chosen.truth.keys)
    if len(archs) == 0:
        check_common_seeds(estimator)
        raise TruthError(
            f"None of the {len(complete):,} architectures that '{estimator.label}' scores (with "
            f"every seed) has a truth ({chosen.query}, {len(chosen.truth.keys):,} architectures). "
            "Score some of those, or ask for another truth."
        )
    return archs


def _evaluate(
    estimator: ScoreMatrix,
    chosen: ChosenTruth,
    archs: IntArray,
    scores: CaseScores,
    populations: Sequence[str] | None = None,
    tick: Callable[[], object] = int,
) -> Evaluated:
    """Evaluate an estimator on architectures that have all its scores and the truth."""
    truth, complete = chosen.truth, estimator.complete_archs
    n_known = int(np.isin(truth.keys, complete).sum())
    n_other_names = int((~are_judged(complete, estimator.space)).sum())
    source = TruthSource(
        query=chosen.query,
        table=on_one_line(chosen.table.name),
        sha256=chosen.table.sha256,
        metric=chosen.metric,
        space=chosen.table.space.name,
        is_recorded=estimator.truth_sha256 is None
        or chosen.metric != ACCURACY
        or chosen.table.is_recorded_as(estimator.truth_sha256),
        n_archs=len(truth.keys),
        n_missing=truth.n_missing,
        notes=(*chosen.table.metadata.get(NOTES_KEY, "").splitlines(), *chosen.notes),
    )
    return Evaluated(
        estimator=estimator,
        truth=source,
        n_scored=len(estimator.keys),
        n_incomplete=int((~np.isin(estimator.keys, complete)).sum()),
        n_other_names=n_other_names,
        n_without_truth=len(complete) - n_other_names - n_known,
        n_uncommon=n_known - len(archs),
        keys=archs,
        figures=evaluate_case(
            scores, baselines=_score_baselines(scores), populations=populations, tick=tick
        ),
        leak_free=measure_leak_free(scores, estimator.fitted_on) if estimator.fitted_on else None,
    )


def check_common_seeds(estimator: ScoreMatrix) -> None:
    """Refuse an estimator whose seeds scored no architecture in common.

    Raises:
        TruthError: If that is so: each architecture is judged over all seeds.
    """
    if len(estimator.complete_archs) or len(estimator.seeds) == 1:
        return
    scored = np.isfinite(estimator.score).sum(axis=1)
    each = ", ".join(f"seed {s}: {n:,}" for s, n in zip(estimator.seeds, scored, strict=True))
    raise TruthError(
        f"The {len(estimator.seeds)} seeds of '{estimator.label}' have no scored architecture in "
        f"common ({each}), and each architecture is judged over all seeds. Score the same "
        "architectures with every seed, or give each seed as a method of its own."
    )


def _compare(
    pair: Pair, scores_of: Callable[[ScoreMatrix], CaseScores], tick: Callable[[], object]
) -> Comparison:
    """Compare two estimators, each pair of seeds on architectures that neither was fitted to."""
    return compare_case(
        *judge_pair(pair, scores_of),
        names=(pair.first.label, pair.second.label),
        is_paired=pair.rows.is_paired,
        tick=tick,
    )


def _score(chosen: ChosenTruth, estimator: ScoreMatrix, archs: IntArray) -> CaseScores:
    """Hold an estimator's scores of some architectures against the truth."""
    for subset in chosen.subsets:
        check_subset(subset, archs)
    case = _make_case(chosen.table, chosen.query, archs.astype(np.int64).tobytes(), chosen.subsets)
    judged = estimator.judged_on(archs)
    if judged is None:
        return CaseScores(case, estimator.scores_of(archs))
    check_left(judged, estimator.label)
    return CaseScores(case, estimator.scores_of(archs), known=~judged)


def _score_baselines(scores: CaseScores) -> dict[str, CaseScores]:
    """Hold the free scores against the same truth, evaluated on the same."""
    if scores.judged is None:
        return _score_baselines_once(scores.case)
    return {
        name: CaseScores(scores.case, np.broadcast_to(row, scores.rows.shape), judged=scores.judged)
        for name, row in make_baselines(scores.case.keys, scores.case.space).items()
    }


@lru_cache(maxsize=16)
def _score_baselines_once(case: Case) -> dict[str, CaseScores]:
    free = make_baselines(case.keys, case.space)
    return {name: CaseScores(case, row) for name, row in free.items()}


@lru_cache(maxsize=16)
def _make_case(
    table: TruthTable, query: TruthQuery, archs: bytes, subsets: tuple[Subset, ...]
) -> Case:
    """Make what all estimators share that one truth judges on the same architectures.

    Cached: a ceiling on all of a large space takes seconds.
    """
    keys, truth = np.frombuffer(archs, dtype=np.int64), table.select(query)
    known = np.isin(truth.keys, keys)
    trials, metric = table.trials(query), table.metric(query.metric)
    return Case(
        keys,
        metric.orient(trials.value[np.isin(trials.keys, keys)]),
        metric.orient(truth.value[known]),
        None if query.rule.kind == MEAN else truth.n_trials[known],
        space=table.space,
        subsets=subsets,
    )
