"""From what a user asks to what is searched, how, and what judges it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.errors import TruthError, UsageError
from harness.estimators.baselines import make_baseline
from harness.estimators.combined import find_estimator
from harness.estimators.matrix import ScoreMatrix
from harness.estimators.predictors.halving import space_lengths
from harness.evaluation.chosen import ChosenTruth
from harness.evaluation.known import find_values
from harness.search.algorithms import DEFAULTS, ORDER, RANDOM, Algorithm, Settings, find_algorithm
from harness.search.candidates import Candidates, IntArray
from harness.search.judging import Judge, judge_by_front, judge_by_regret
from harness.search.objectives import (
    TABLE,
    TRAINING,
    FreeScore,
    Objective,
    Scores,
    Table,
    Trained,
    table_queries,
)
from harness.search.problem import Method, Problem, Start
from harness.spaces import Space

if TYPE_CHECKING:
    from harness.training.pool import Pool
    from harness.truth.build import Protocol


@dataclass(frozen=True)
class Asked:
    """What a user asks of searches.

    Attributes:
        space: The space.
        algorithms: By the names of the registry; random search always runs beside them.
        estimator: The objective: `table`, `training`, or the name of a score.
        budget: Evaluations of each search.
        seeds: Of the searches.
        settings: Of algorithms.
        chosen: The truth that judges; None to search all of the space without a judge.
        given: Estimators that were loaded.
        start_from: Name of the estimator whose order algorithms start from.
        n_start: How many of that order are evaluated first.
        trade_off: Name of a second objective.
        batch: Evaluations side by side.
        workers: Trainings at a time.
        compute: Where they are computed, where any are.
        at_epochs: Length of training that the objective sees; that of the truth unless given.
        at_split: Its images.
        at_policy: How its trials become one number.
        protocol: How architectures are trained here.
        data_dir: Data folder.
    """

    space: Space
    algorithms: tuple[str, ...] = ("evolution",)
    estimator: str = TABLE
    budget: int = 50
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    settings: Settings = DEFAULTS
    chosen: ChosenTruth | None = None
    given: tuple[ScoreMatrix, ...] = ()
    start_from: str | None = None
    n_start: int = 10
    trade_off: str | None = None
    batch: int = 1
    workers: int = 1
    compute: Pool | None = None
    at_epochs: int | None = None
    at_split: str | None = None
    at_policy: str | None = None
    protocol: Protocol | None = None
    data_dir: Path | None = None


class Prepared(NamedTuple):
    """A problem, with what may be done to it.

    Attributes:
        problem: The problem.
        methods: How it is searched.
        starts: Scores whose order methods start from; None without.
        judge: What judges; None without a truth.
        note: What may surprise in the second objective.
    """

    problem: Problem
    methods: tuple[Method, ...]
    starts: Scores | None
    judge: Judge | None
    note: str


def prepare(asked: Asked, folder: Path | None = None) -> Prepared:
    """Find the objective, the candidates and the judge.

    Args:
        asked: What is asked for.
        folder: Where trainings are kept.

    Raises:
        UsageError: If something is out of range, unknown, or does not fit together.
        TruthError: If the truth lacks what is asked for.
    """
    algorithms = _check(asked)
    objective = _find_objective(asked, any(a.stops_early for a in algorithms), folder)
    second, note = None, ""
    if asked.trade_off is not None:
        second, note = _find_second(asked, asked.trade_off)
    keys = _find_keys(asked, objective, second)
    candidates = Candidates(asked.space, keys)
    for algorithm in algorithms:
        if algorithm.needs_axes and not candidates.axes:
            raise UsageError(
                f"Algorithm '{algorithm.name}' chooses along the axes of a space, and space "
                f"'{asked.space.name}' names none. Use '{RANDOM}', or give the space 'axes', "
                "'position' and 'at_position'."
            )
    config = {
        "space": asked.space.name,
        "objective": objective.describe(),
        "objective_sha256": objective.sha256,
        "fidelities": list(objective.fidelities),
        "second": asked.trade_off,
        "n_candidates": None if keys is None else len(keys),
        "candidates_sha256": "" if keys is None else hashlib.sha256(keys.tobytes()).hexdigest(),
    }
    if second is not None:
        config["second_sha256"] = hashlib.sha256(json.dumps(second).encode()).hexdigest()
    problem = Problem(objective, candidates, second, config)
    starts = None
    if asked.start_from is not None:
        starts = Scores(_find_scores(asked, asked.start_from, keys))
        if keys is not None and not np.isin(starts.keys, keys).any():
            raise UsageError(
                f"--start-from {asked.start_from} has scores of {len(starts.keys):,} architectures "
                f"and of none of the {len(keys):,} that are searched. Score these, or leave out "
                "--start-from."
            )
    methods = tuple(_make_methods(asked, algorithms, starts))
    return Prepared(problem, methods, starts, _find_judge(asked, problem), note)


def _check(asked: Asked) -> list[Algorithm]:
    at = (("epochs", asked.at_epochs), ("split", asked.at_split), ("policy", asked.at_policy))
    for name, given in at:
        if given is not None and asked.estimator != TABLE:
            raise UsageError(
                f"--at-{name} {given} is of trainings in the truth's table, and --estimator "
                f"{asked.estimator} sees none of them. Give --estimator {TABLE}, or leave it out."
            )
    for name, value in (("--budget", asked.budget), ("--batch", asked.batch)):
        if value < 1:
            raise UsageError(f"{name} {value} was given; it is 1 or more. Give a number from 1.")
    if asked.start_from is not None and asked.n_start < 1:
        raise UsageError(
            f"--n-start {asked.n_start} was given; at least 1 architecture of --start-from is "
            "evaluated first. Give 1 or more, or leave out --start-from."
        )
    algorithms = list({a.name: a for a in map(find_algorithm, asked.algorithms)}.values())
    for algorithm in algorithms:
        if asked.trade_off is not None and not algorithm.takes_several:
            raise UsageError(
                f"Algorithm '{algorithm.name}' has one objective, and --trade-off "
                f"{asked.trade_off} is a second one. Use nsga2, tpe, gp or random."
            )
        if algorithm.name == ORDER and asked.start_from is None:
            raise UsageError(
                "Algorithm 'order' takes the order of an estimator. Name it with --start-from, "
                "such as --start-from live_params."
            )
    return algorithms


def _find_objective(asked: Asked, stops_early: bool, folder: Path | None) -> Objective:
    if asked.estimator == TRAINING:
        return _make_trained(asked, stops_early, folder)
    if asked.estimator == TABLE:
        if asked.chosen is None:
            raise UsageError(
                f"--estimator {TABLE} sees a truth table, and --unjudged asks for none. Leave out "
                f"--unjudged, or give --estimator {TRAINING} or a free score."
            )
        own = (asked.at_epochs, asked.at_split, asked.at_policy)
        queries = table_queries(asked.chosen, *own, stops_early)
        return Table(asked.chosen.table, queries, asked.data_dir)
    if stops_early:
        raise UsageError(
            f"tpe-hyperband stops trainings early, and --estimator {asked.estimator} is a score "
            f"without a training. Give --estimator {TABLE} or {TRAINING}, or use 'tpe'."
        )
    is_free = asked.estimator in asked.space.baselines and asked.estimator not in {
        each.label for each in asked.given
    }
    if asked.chosen is None and (is_free or not asked.given):
        return FreeScore(asked.estimator, asked.space)
    keys = None if asked.chosen is None else asked.chosen.truth.keys
    return Scores(_find_scores(asked, asked.estimator, keys))


def _find_scores(asked: Asked, name: str, keys: IntArray | None) -> ScoreMatrix:
    """Find scores by a name: given ones, free ones of the candidates, or a combination."""
    given = list(asked.given)
    if not given and keys is not None:
        given = [make_baseline(asked.space.floor, keys, asked.space)]
    if not given:
        raise UsageError(
            f"--start-from {name} was given with --unjudged and without SCORES, so there is no "
            "list of architectures to order. Give score files or runs."
        )
    return find_estimator(name, given)


def _make_trained(asked: Asked, stops_early: bool, folder: Path | None) -> Trained:
    if folder is None or asked.protocol is None:
        raise UsageError(f"--estimator {TRAINING} keeps its trainings in a folder. Give --out.")
    longest, eta = asked.protocol.epochs, asked.settings.eta
    fidelities = space_lengths(range(1, longest) if stops_early else (), longest, eta)
    if stops_early and len(fidelities) < 2:
        raise UsageError(
            f"Trainings of {longest} epoch with eta {eta} have nothing to stop. "
            "Give --train-epochs of at least eta."
        )
    from harness.training.pool import compute_all  # torch: only where something is trained

    where = asked.workers, asked.compute or compute_all
    return Trained(asked.space, asked.protocol, tuple(fidelities), folder, *where, asked.data_dir)


def _find_second(asked: Asked, name: str) -> tuple[dict[int, float], str]:
    """Find a second objective, by key, higher is better, and what may surprise in it."""
    if asked.chosen is None:
        raise UsageError(
            f"--trade-off {name} was given with --unjudged. A second objective is known of the "
            "architectures of a truth: leave out --unjudged."
        )
    if name == asked.chosen.query.metric:
        raise UsageError(
            f"--trade-off {name} names what judges the searches ({asked.chosen.query}), and a "
            "second objective is known to them. Name a free score or another truth metric."
        )
    values = find_values(name, asked.chosen, asked.data_dir)
    oriented = values.metric.orient(values.values)
    return dict(zip(values.keys.tolist(), oriented.tolist(), strict=True)), values.note


def _find_keys(
    asked: Asked, objective: Objective, second: Mapping[int, float] | None
) -> IntArray | None:
    """Return what the objective, the judge and the second objective all cover."""
    covers = [] if objective.keys is None else [objective.keys]
    if asked.chosen is not None:
        covers.append(asked.chosen.truth.keys)
    if second is not None:
        covers.append(np.array(sorted(second), dtype=np.int64))
    if not covers:
        return None
    keys = reduce(np.intersect1d, covers)
    if len(keys) < 2:
        raise TruthError(
            f"Of the architectures that {objective.describe()} covers, {len(keys)} have a truth, "
            "so there is nothing to search. Score more architectures, or name another truth."
        )
    return keys.astype(np.int64)


def _make_methods(
    asked: Asked, algorithms: Sequence[Algorithm], starts: Scores | None
) -> Iterator[Method]:
    """Yield the methods: those asked for, then the order that they start from, and chance."""
    named = [algorithm for algorithm in algorithms if algorithm.name not in (RANDOM, ORDER)]
    if starts is not None:
        named.append(find_algorithm(ORDER))
    for algorithm in named:
        start = Start() if starts is None else Start(starts.label, asked.n_start, starts.sha256)
        yield Method(algorithm, asked.settings, start, asked.batch)
    yield Method(find_algorithm(RANDOM), asked.settings, batch=asked.batch)


def _find_judge(asked: Asked, problem: Problem) -> Judge | None:
    chosen = asked.chosen
    if chosen is None:
        return None
    goodness = dict(zip(chosen.truth.keys.tolist(), chosen.goodness.tolist(), strict=True))
    n = len(goodness)
    if problem.second is None:
        best = chosen.metric.orient(np.array([max(goodness.values())]))[0]
        words = f"the best of the {n:,} that the truth covers ({best:.2f})"
        return judge_by_regret(
            goodness, chosen.metric.difference, words, chosen.metric.is_lower_better
        )
    keys = problem.candidates.keys
    assert keys is not None, "a truth gives candidates"
    first = {key: goodness[key] for key in keys.tolist()}
    second = {key: problem.second[key] for key in keys.tolist()}
    words = f"all {len(keys):,} candidates"
    return judge_by_front(_scale(first), _scale(second), words)


def _scale(values: Mapping[int, float]) -> dict[int, float]:
    """Scale values from 0, the worst, to 1."""
    low, high = min(values.values()), max(values.values())
    if low == high:
        raise TruthError(
            f"All {len(values):,} candidates have the same value of an objective, so there is "
            "nothing to trade. Name another --trade-off."
        )
    return {key: (value - low) / (high - low) for key, value in values.items()}
