"""Selecting from a table's columns: trials, means, one trial, one seed.

Axes: row, those of one data set, split and length of training, sorted by architecture and trial;
arch, ascending by key.
"""

from __future__ import annotations

import itertools

import numpy as np

from harness.errors import TruthError
from harness.truth.columns import ROUNDED_TO, AnyIntArray, Columns, FloatArray, IntArray
from harness.truth.query import SEED, Group, Trials, Truth, TruthQuery

_SHOWN = 8


def count_distinct(ascending: AnyIntArray) -> int:
    """Count the distinct values of a sorted array."""
    return int(len(ascending) > 0) + int(np.count_nonzero(np.diff(ascending)))


def gather_trials(columns: Columns, rows: IntArray) -> Trials:
    """Put trials side by side; of generators, a trial is the mean of a drawn network's trainings.

    Networks are what varies independently there. A mean over them is the truth, and its noise is
    theirs, that of their trainings included.

    Args:
        columns: The table.
        rows: Positions, [row], at least one.

    Returns:
        The trials, [arch, trial]; NaN where an architecture lacks one.
    """
    index = columns.key[rows]
    arch, starts = _archs(index)
    if columns.space.trainings_each is not None:
        trainings = gather_trainings(columns, rows)
        counts = np.isfinite(trainings).sum(axis=2)
        means = np.nansum(trainings, axis=2) / np.where(counts, counts, np.nan)
        return Trials(index[starts].astype(np.int64), means)
    trial, place = np.unique(columns.trial[rows], return_inverse=True)
    accuracy = np.full((len(starts), len(trial)), np.nan)
    accuracy[arch, place] = columns.value[rows]
    return Trials(index[starts].astype(np.int64), accuracy)


def gather_trainings(columns: Columns, rows: IntArray) -> FloatArray:
    """Put the trainings of a space of generators beside those of the same drawn network.

    Args:
        columns: The table.
        rows: Positions, [row], at least one.

    Returns:
        The values, [arch, draw, training]; NaN where one is missing. A training of unknown seed has
        a network of its own.
    """
    arch, starts = _archs(columns.key[rows])
    seeds, trials = columns.seed[rows].tolist(), columns.trial[rows].tolist()
    draw_of = columns.space.draw_of
    drawn = [draw_of(s) if s >= 0 else -1 - t for s, t in zip(seeds, trials, strict=True)]
    draw = np.unique(drawn, return_inverse=True)[1]
    order = np.lexsort((draw, arch))
    network = (arch * (int(draw.max()) + 1) + draw)[order]
    first = np.searchsorted(network, network)  # where each network begins
    training = np.arange(len(rows)) - first
    values = np.full((len(starts), int(draw.max()) + 1, int(training.max()) + 1), np.nan)
    values[arch[order], draw[order], training] = columns.value[rows][order]
    return values


def average(columns: Columns, rows: IntArray) -> Truth:
    """Average each architecture's trials.

    Args:
        columns: The table.
        rows: Positions, [row], at least one.

    Returns:
        The means, [arch].
    """
    trials = gather_trials(columns, rows)
    n_trials = np.isfinite(trials.value).sum(axis=1)
    mean = np.nansum(trials.value, axis=1) / n_trials
    n_trainings = np.bincount(_archs(columns.key[rows])[0]).astype(np.int64)
    return Truth(trials.keys, mean.round(ROUNDED_TO), n_trials.astype(np.int64), n_trainings)


def pick(columns: Columns, rows: IntArray, query: TruthQuery, name: str) -> Truth:
    """Take one trial, or one seed, of each architecture that has it.

    Args:
        columns: The table.
        rows: Positions, [row], at least one.
        query: What was asked for, with the policy "trial=K" or "seed=S".
        name: What to call the table in an error.

    Returns:
        The accuracies of single trainings, [arch], and how many architectures lack it.

    Raises:
        TruthError: If no architecture has it, one has the seed in several trials, or architectures
            are generators of networks.
    """
    kind, number = query.rule
    if columns.space.trainings_each is not None:
        raise TruthError(
            f"'{query.policy}' was asked for; architectures of space '{columns.space.name}' are "
            "generators of networks, and the truth of one is a mean over networks. Ask for the "
            "mean."
        )
    labels = (columns.seed if kind == SEED else columns.trial)[rows]
    index = columns.key[rows]
    wanted = rows[labels == number]
    if len(wanted) == 0:
        raise TruthError(
            f"The truth table '{name}' has nothing for {query}: no architecture has that {kind}. "
            f"It has {_list_present(labels, kind)}. Ask for one that occurs, or for the mean."
        )
    found = columns.key[wanted]
    n_found = count_distinct(found)
    if n_found < len(wanted):
        first = int(found[np.flatnonzero(np.diff(found) == 0)[0]])
        trials = ", ".join(map(str, columns.trial[wanted[found == first]].tolist()))
        raise TruthError(
            f"The truth table '{name}' has seed {number} in several trials of "
            f"{_count_repeated(found):,} of {n_found:,} architectures for {query.dataset} "
            f"{query.split}, {query.epochs} epochs (the first is {first}, trials {trials}), so "
            f"'{query.policy}' does not say which is meant. Ask for a trial, such as "
            f"trial={trials.partition(',')[0]}, or for the mean."
        )
    accuracy = columns.value[wanted].round(ROUNDED_TO)
    n_missing = count_distinct(index) - n_found
    ones = np.ones(n_found, dtype=np.int64)
    return Truth(found.astype(np.int64), accuracy, ones, ones, n_missing)


def list_groups(columns: Columns) -> list[Group]:
    """List what can be asked for, sorted by metric, data set, split and number of epochs."""
    names = (columns.metric.names, columns.dataset.names, columns.split.names)
    groups = []
    for metric, dataset, split in itertools.product(*names):
        for epochs in np.unique(columns.epochs).tolist():
            rows = columns.where(dataset, split, epochs, metric)
            if len(rows):
                groups.append(_describe_group(columns, rows, (dataset, split, epochs), metric))
    return groups


def _describe_group(
    columns: Columns, rows: IntArray, key: tuple[str, str, int], metric: str
) -> Group:
    _, starts = _archs(columns.key[rows])
    sizes = np.diff(np.append(starts, len(rows)))
    seeds = columns.seed[rows]
    return Group(
        *key,
        n_archs=len(starts),
        n_rows=len(rows),
        trials=_count(sizes),
        trial_numbers=_count(columns.trial[rows]),
        seeds=_count(seeds[seeds >= 0]),
        metric=metric,
    )


def _archs(index: AnyIntArray) -> tuple[IntArray, IntArray]:
    """Number the architectures of rows, [row], and say where each one begins, [arch]."""
    begins = np.append(True, np.diff(index) != 0)
    return np.cumsum(begins) - 1, np.flatnonzero(begins)


def _count(values: AnyIntArray) -> dict[int, int]:
    distinct, counts = np.unique(values, return_counts=True)
    return dict(zip(distinct.tolist(), counts.tolist(), strict=True))


def _count_repeated(ascending: AnyIntArray) -> int:
    return int((np.unique(ascending, return_counts=True)[1] > 1).sum())


def _list_present(labels: AnyIntArray, kind: str) -> str:
    counts = _count(labels)
    n_unknown = counts.pop(-1, 0) if kind == SEED else 0
    parts = [f"{kind} {number} ({n:,} rows)" for number, n in counts.items()]
    if len(parts) > _SHOWN:
        parts = [*parts[:_SHOWN], f"{len(parts) - _SHOWN:,} more"]
    if n_unknown:
        parts.append(f"{n_unknown:,} rows of unknown {SEED}")
    return ", ".join(parts)
