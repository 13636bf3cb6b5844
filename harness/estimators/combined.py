"""Combinations of estimators by their ranks, without weights to tune: `live_params+jacov`.

A combination is flat: its components are estimators, not combinations. It is ranked once, over the
architectures that all of its components scored, and their number is part of its name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import reduce

import numpy as np

from harness.errors import UsageError, unknown_name
from harness.estimators.baselines import make_baseline
from harness.estimators.matrix import (
    COMBINATION,
    BoolArray,
    IntArray,
    Part,
    ScoreMatrix,
)
from harness.estimators.naming import FLOOR, Term, find_label, parse_terms, refuse_twice
from harness.estimators.not_run import explain_not_run
from harness.spaces import Space
from harness.stats.combination import Component, LogRanks, rank_together

ALL = "all"
"""Names all estimators that were given."""


def select_estimators(
    names: Sequence[str], estimators: Sequence[ScoreMatrix]
) -> tuple[ScoreMatrix, ...]:
    """Find the estimators that names stand for, each once.

    Args:
        names: Labels, baselines of the space, combinations of these, and "all" for those given;
            none for those given.
        estimators: Those that were given, of one space, each with a label of its own.

    Raises:
        UsageError: As `find_estimator`.
    """
    found: dict[frozenset[tuple[str, float]], ScoreMatrix] = {}
    given = {estimator.label for estimator in estimators}
    for name in names or (ALL,):
        chosen = [find_estimator(name, estimators)] if name != ALL or ALL in given else estimators
        for estimator in chosen:
            found.setdefault(estimator.identity, estimator)
    return tuple(found.values())


def find_estimator(
    name: str, estimators: Sequence[ScoreMatrix], what: str = "estimator"
) -> ScoreMatrix:
    """Find the estimator of a name, or make it.

    Args:
        name: The label of one that was given, a baseline of the space, "floor" for the space's
            floor, or a combination of these such as "live_params+jacov" or "floor+2*jacov". A
            label goes before a name that only one has (`ScoreMatrix.name`), and both before a
            baseline; they may lack settings in their brackets (`find_label`).
        estimators: Those that were given, at least one.
        what: What is asked for, in an error.

    Returns:
        The estimator; a baseline has the architectures that any that was given has scored.

    Raises:
        UsageError: If a name is unknown, or known but was not run, a combination names one twice,
            its components share no seed, or no architecture has a score of all.
    """
    space = estimators[0].space
    by_label = _name_all(estimators)
    terms = _find_terms(name, by_label, space)
    refuse_twice(name, terms)
    for term in terms:
        if term.name not in {*space.baselines, *by_label}:
            raise explain_not_run(term.name, estimators) or unknown_name(
                what, term.name, {*space.baselines, *by_label, FLOOR}
            )
    given = [by_label[term.name] for term in terms if term.name in by_label]
    keys = reduce(np.union1d, [each.keys for each in given or estimators])
    parts = [
        Part(by_label.get(term.name) or make_baseline(term.name, keys, space), term.weight)
        for term in terms
    ]
    return parts[0].estimator if len(parts) == 1 else combine(parts)


def is_known(name: str, estimators: Sequence[ScoreMatrix]) -> bool:
    """Say whether all components of a name are known, as `find_estimator` takes it."""
    space, by_label = estimators[0].space, _name_all(estimators)
    terms = _find_terms(name, by_label, space)
    return {term.name for term in terms} <= {*space.baselines, *by_label}


def _name_all(estimators: Sequence[ScoreMatrix]) -> dict[str, ScoreMatrix]:
    """Return estimators by their labels, and by the names that only one has."""
    n_named = Counter(estimator.name for estimator in estimators)
    by_name = {e.name: e for e in estimators if n_named[e.name] == 1}
    return by_name | {estimator.label: estimator for estimator in estimators}


def _find_terms(name: str, by_label: Mapping[str, ScoreMatrix], space: Space) -> list[Term]:
    known = {*space.baselines, *by_label, FLOOR}
    terms = [term._replace(name=find_label(term.name, known)) for term in parse_terms(name, known)]
    floor = FLOOR if FLOOR in by_label else space.floor
    return [t._replace(name=floor) if t.name == FLOOR else t for t in terms]


def combine(parts: Sequence[Part]) -> ScoreMatrix:
    """Combine estimators by the sum of the logarithms of their ranks.

    Args:
        parts: The components and their weights, of one space, each with a label of its own.

    Returns:
        The combination, with the seeds that its components of several seeds share.

    Raises:
        UsageError: As `harness.stats.rank_together`.
    """
    ranks = rank_parts(parts)
    weights = [part.weight for part in parts]
    label = ranks.label(weights)
    estimators = [part.estimator for part in parts]
    known = {estimator.dataset for estimator in estimators} - {None}
    seconds = [0.0 if each.is_free else each.arch_s for each in estimators]
    notes = [
        f"{label}: {name} has no counterpart for seeds {', '.join(map(str, seeds))}; not used."
        for name, seeds in ranks.unused_seeds.items()
    ]
    if ranks.n_dead:
        tie = "s tie" if ranks.n_dead > 1 else " ranks"
        notes.append(
            f"{label}: {ranks.n_dead:,} architecture{tie} at the bottom of every component, "
            "without a path from input to output."
        )
    notes += tell_chosen(parts)
    return ScoreMatrix(
        label=label,
        method=label,
        source=COMBINATION,
        seeds=ranks.seeds,
        keys=ranks.keys,
        score=ranks.combine(weights),
        score_kind=f"sum of ln(rank), 1 is the worst, of {_tell_origins(parts)}",
        dataset=known.pop() if len(known) == 1 else None,
        paths=tuple(dict.fromkeys(path for each in estimators for path in each.paths)),
        exclusions={f"without a score of {name}": n for name, n in ranks.unscored.items() if n},
        arch_s=None if None in seconds else float(sum(filter(None, seconds))),
        notes=tuple(notes),
        fitted_on=_find_fitted(estimators, ranks.seeds),
        space=estimators[0].space,
        is_deterministic=all(estimator.is_deterministic for estimator in estimators),
        parts=tuple(parts),
    )


def tell_chosen(parts: Sequence[Part]) -> list[str]:
    """Say which of these estimators were combined because of their figures on a truth."""
    names = {part.estimator.method for part in parts}
    found = parts[0].estimator.space.chosen_on_truth
    return [told for chosen, told in found.items() if chosen <= names]


def rank_parts(parts: Sequence[Part]) -> LogRanks:
    """Rank estimators over the architectures that all of them scored, ascending by key.

    Args:
        parts: The components; their weights are not used.

    Raises:
        UsageError: As `harness.stats.rank_together`; also if their spaces differ.
    """
    first = parts[0].estimator.space
    for part in parts:
        if part.estimator.space.name != first.name:
            raise UsageError(
                f"'{part.estimator.label}' scores architectures of the space "
                f"'{part.estimator.space.name}', and '{parts[0].estimator.label}' those of "
                f"'{first.name}'. Combine estimators of one space."
            )
    keys = reduce(np.union1d, [part.estimator.keys for part in parts])
    components = []
    for own in (part.estimator for part in parts):
        judged = own.judged_on(keys)
        known = None if judged is None else ~judged
        components.append(Component(own.label, own.scores_of(keys), own.seeds, known))
    by_all = np.logical_and.reduce([np.isin(keys, part.estimator.keys) for part in parts])
    return rank_together(keys, components, dead=by_all & _find_dead(keys, first))


def _find_dead(keys: IntArray, space: Space) -> BoolArray:
    return np.array([not space.is_live(space.at(key)) for key in keys.tolist()], dtype=np.bool_)


def _find_fitted(
    estimators: Sequence[ScoreMatrix], seeds: Sequence[int | None]
) -> tuple[IntArray, ...]:
    """Find the architectures whose truth some component of each seed was fitted to."""
    fitted = [each for each in estimators if each.fitted_on]
    if not fitted:
        return ()
    nothing = np.zeros(0, dtype=np.int64)
    return tuple(
        reduce(
            np.union1d,
            [e.fitted_on[e.seeds.index(seed) if len(e.seeds) > 1 else 0] for e in fitted],
            nothing,
        )
        for seed in seeds
    )


def _tell_origins(parts: Sequence[Part]) -> str:
    """Say what each component is: a label of a file may be the name of something else as well."""
    return ", ".join(f"{part.estimator.label} ({part.estimator.score_kind})" for part in parts)
