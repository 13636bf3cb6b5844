"""Which truth judges scores: as the user asks, or as runs record it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import MismatchError, UsageError, unknown_name
from harness.estimators.matrix import ScoreMatrix
from harness.evaluation.chosen import ChosenTruth, find_images, find_table
from harness.evaluation.constraints import choose_subset, list_constraints
from harness.evaluation.known import find_values
from harness.spaces import Space, load_space
from harness.stats import populations_of
from harness.truth import (
    Trials,
    TruthTable,
    default_query,
)
from harness.truth.catalogue import choose_query, open_metric, open_table
from harness.truth.metric import ACCURACY
from harness.truth.published import published
from harness.truth.query import MEAN
from harness.truth.sources import has_table

_MOST_DISTINCT = 0.9
"""Share of values of their own above which equal ones are coincidences, not copies."""


def choose_truth(
    dataset: str | None = None,
    split: str | None = None,
    epochs: int | None = None,
    policy: str | None = None,
    truth: TruthTable | str | Path | None = None,
    data_dir: Path | None = None,
    estimators: Sequence[ScoreMatrix] = (),
    space: Space | None = None,
    metric: str | None = None,
    where: str | Sequence[str] = (),
) -> ChosenTruth:
    """Find the truth.

    Args:
        dataset: As for `evaluate`, and so are the others.
        split: "valid" or "test".
        epochs: Length of training, epochs.
        policy: How trials become one number.
        truth: The table, its path or its name.
        data_dir: Data folder, with a folder of tables for each space.
        estimators: What is to be evaluated; runs know their data set.
        space: The space of the table; that of the estimators unless given.
        metric: Name of what is measured, such as "latency:raspi4"; unless given, accuracy, the
            usual one of a data set that has none, or the only one of a table that is given. Its
            table is looked for unless it is given.
        where: Constraints, each a population of its own, as `parse_where` takes them.

    Returns:
        The truth.

    Raises:
        UsageError: If the data set or the metric is unknown or not determined, or the policy is
            unknown.
        TruthError: If the table is not there or has no such truth.
        DataError: If the data folder does not exist.
    """
    known = {estimator.dataset for estimator in estimators if estimator.dataset is not None}
    if space is None and estimators:
        space = estimators[0].space
    table: TruthTable | None = None
    if isinstance(truth, TruthTable):
        table = truth
    elif truth is not None:
        table = open_table(str(truth), data_dir, space)[1]
    elif metric not in (None, ACCURACY.name):
        table = open_metric(metric, data_dir, space)
    if dataset is None:
        names = known if table is None else {group.dataset for group in table.groups()}
        dataset = _only_dataset(names, space or load_space())
    if table is None:
        table = find_table(dataset, data_dir, space or load_space())
        if ACCURACY not in table.columns.metrics:  # it lies where accuracies belong, by mistake
            metric = ACCURACY.name
    check_space(estimators, table)
    query = choose_query(table, dataset, split, epochs, MEAN if policy is None else policy, metric)
    selected, trials = table.judged(query), table.trials(query)
    behind = np.isin(trials.keys, selected.keys)
    chosen = ChosenTruth(table, query, selected, Trials(trials.keys[behind], trials.value[behind]))
    find = partial(find_values, chosen=chosen, data_dir=data_dir)
    subsets = {
        each.name: each
        for each in (choose_subset(w, find, table.space.n_judged) for w in list_constraints(where))
    }
    return chosen._replace(subsets=tuple(subsets.values()), notes=tuple(_find_copies(chosen)))


def _find_copies(chosen: ChosenTruth) -> Iterator[str]:
    """Say where architectures have the value of one training, which intervals take for several."""
    keys, values = chosen.truth.keys, chosen.truth.value
    if chosen.trials.value.shape[1] > 1:
        return
    fewest, found = _MOST_DISTINCT * len(keys), ""
    for name, rule in populations_of(chosen.table.space).items():
        if not rule.is_partition:
            continue
        classes = rule.choose(keys, values)
        order = np.argsort(classes, kind="stable")
        is_new = np.diff(classes[order]) != 0
        if (is_new | (np.diff(values[order]) == 0.0)).all() and is_new.sum() + 1 < fewest:
            fewest, found = is_new.sum() + 1, name
    if found:
        yield (
            f"All members of a class of '{found}' have one value here, so {len(keys):,} "
            f"architectures are {fewest:,} trainings, and intervals on other populations, which "
            f"count copies as independent, are too narrow: read those on '{found}'."
        )


def check_space(estimators: Sequence[ScoreMatrix], table: TruthTable) -> None:
    """Refuse to judge architectures of one space by a truth of another.

    Raises:
        MismatchError: If it is of another.
    """
    for estimator in estimators:
        if estimator.space.name != table.space.name:
            raise MismatchError(
                f"'{estimator.label}' scores architectures of the space '{estimator.space.name}', "
                f"but the truth table '{table.name}' is of '{table.space.name}'. Name a table "
                "of its space with --truth."
            )


def _only_dataset(names: Iterable[str], space: Space) -> str:
    found = sorted(names)
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"The truth's data set was not given, and there are several: {', '.join(found)}. "
            "Give --dataset (in Python dataset=...)."
        )
    raise UsageError(
        f"The truth's data set was not given for the space '{space.name}', and a score file does "
        "not say which truth is to judge it: the same scores rank differently on different data "
        "sets. Give --dataset (in Python dataset=...), such as "
        f"{', '.join(find_images(space))}."
    )


@dataclass(frozen=True)
class TruthChoice:
    """What the user asks of the truth that judges estimators; None is left open.

    Attributes:
        dataset: Data set in the table's spelling.
        split: "valid" or "test".
        epochs: Length of training, epochs.
        policy: How trials become one number, as `TruthQuery` takes it.
        table: The table; its name in `harness truth list`, or its path.
        metric: Name of what is measured, such as "latency:raspi4".
        where: Constraints, each a population of its own, such as "latency:raspi4 < 20".
    """

    dataset: str | None = None
    split: str | None = None
    epochs: int | None = None
    policy: str | None = None
    table: TruthTable | str | Path | None = None
    metric: str | None = None
    where: tuple[str, ...] = ()


def choose_truths(
    estimators: Sequence[ScoreMatrix],
    choices: Sequence[TruthChoice] = (),
    data_dir: Path | None = None,
) -> list[tuple[ChosenTruth, list[ScoreMatrix]]]:
    """Find the truths, and the estimators that each judges.

    Estimators of different spaces form groups. If the choice names no data set, runs are judged by
    the truth of their own images, and runs on different data sets form groups as well; scores of
    unknown images are judged by the truth of the runs. Of several spaces, a data set that is named
    judges those that have it, and the others' runs are judged by the truth of their own images.

    Args:
        estimators: At least one.
        choices: What the user asks for; empty to leave all open.
        data_dir: Folder of the truth, for data sets that need it.

    Returns:
        The truths, by space and in the order of the choices, with their estimators.

    Raises:
        UsageError: If the data set is not determined, or the policy is unknown.
        TruthError: If a table is not there or lacks the truth.
        MismatchError: If a run was ranked against another version of its truth table, or a table
            is of another space.
    """
    spaces = {estimator.space.name: estimator.space for estimator in estimators}
    own = dict.fromkeys(spaces, choices)
    if len(spaces) > 1 and all(choice.table is None for choice in choices):
        own = _fit_choices(spaces, choices, data_dir)
    found = []
    for name, space in spaces.items():
        scored = [estimator for estimator in estimators if estimator.space.name == name]
        found += _choose_in_space(space, scored, own[name], data_dir)
    return found


def _fit_choices(
    spaces: Mapping[str, Space], choices: Sequence[TruthChoice], data_dir: Path | None
) -> dict[str, Sequence[TruthChoice]]:
    """Return each space's choices: those whose data set it has; if none, all without a data set.

    Raises:
        UsageError: If no space has a data set.
    """
    fitting = {
        name: [c for c in choices if c.dataset and has_table(c.dataset, data_dir, space)]
        for name, space in spaces.items()
    }
    fitted = {choice.dataset for own in fitting.values() for choice in own}
    for choice in choices:
        if choice.dataset is not None and choice.dataset not in fitted:
            known = {name for space in spaces.values() for name in published(space).datasets}
            kind = "data set with a truth of any of these spaces"
            raise unknown_name(kind, choice.dataset, known)
    without = [replace(choice, dataset=None) for choice in choices]
    return {name: own or without for name, own in fitting.items()}


def _choose_in_space(
    space: Space,
    estimators: Sequence[ScoreMatrix],
    choices: Sequence[TruthChoice],
    data_dir: Path | None,
) -> list[tuple[ChosenTruth, list[ScoreMatrix]]]:
    found = []
    for choice in dict.fromkeys(choices or (TruthChoice(),)):
        asked = (choice.split, choice.epochs, choice.policy, choice.table, data_dir)
        extra: dict[str, Any] = {"metric": choice.metric, "where": choice.where}
        datasets = list(dict.fromkeys(e.dataset for e in estimators if e.dataset is not None))
        if choice.dataset is not None or choice.table is not None or not datasets:
            chosen = choose_truth(choice.dataset, *asked, space=space, **extra)
            check_space(estimators, chosen.table)
            if choice.table is None:
                _check_table(estimators, chosen)
            found.append((chosen, list(estimators)))
            continue
        if len(datasets) > 1:
            _refuse_unknown_images(estimators, datasets)
        for dataset in datasets:
            own = default_query(dataset, space).dataset
            chosen = choose_truth(own, *asked, space=space, **extra)
            group = [e for e in estimators if e.dataset in (None, dataset)]
            _check_table(group, chosen)
            found.append((chosen, group))
    return found


def _refuse_unknown_images(estimators: Sequence[ScoreMatrix], datasets: Sequence[str]) -> None:
    unknown = [estimator.label for estimator in estimators if estimator.dataset is None]
    if unknown:
        raise UsageError(
            f"There are runs on {', '.join(datasets)}, and it is unclear which truth is to judge "
            f"'{unknown[0]}'. Name it with --truth-dataset, such as "
            f"{default_query(datasets[0], estimators[0].space).dataset}."
        )


def _check_table(estimators: Sequence[ScoreMatrix], chosen: ChosenTruth) -> None:
    """Refuse a table that has changed since a run; those of other images or metrics may differ."""
    if chosen.metric != ACCURACY:
        return
    for estimator in estimators:
        if estimator.dataset is None or estimator.truth_sha256 is None:
            continue
        images = find_images(estimator.space)
        own = default_query(estimator.dataset, estimator.space).dataset
        judge = chosen.query.dataset
        is_its_table = images.get(own, own) == images.get(judge, judge)
        if is_its_table and not chosen.table.is_recorded_as(estimator.truth_sha256):
            raise MismatchError(
                f"'{estimator.label}' ({estimator.records[0].run_id}) was ranked against truth "
                f"{estimator.truth_sha256[:12]}; the table found is "
                f"{chosen.table.sha256[:12]}. Give the data folder of its runs "
                "with --data-dir, or name another table explicitly with --truth."
            )
