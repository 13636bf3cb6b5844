"""What limits the figures of searches, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from harness.estimators.cost import find_labels
from harness.evaluation.chosen import ChosenTruth
from harness.search.objectives import Scores, Table
from harness.search.problem import Problem
from harness.truth.query import MEAN, TruthQuery


def find_notes(
    chosen: ChosenTruth | None, seeds: Sequence[int], problem: Problem, starts: Scores | None
) -> Iterator[str]:
    """Say what limits the figures.

    Args:
        chosen: The truth that judges; None without one.
        seeds: Of the searches.
        problem: What is searched.
        starts: Scores whose order methods start from; None without.
    """
    objective = problem.objective
    seen = [objective] if isinstance(objective, Scores) else []
    if starts is not None and starts.sha256 not in [each.sha256 for each in seen]:
        seen.append(starts)
    if chosen is not None and isinstance(objective, Table):
        yield from _tell_shared(objective, chosen.query)
    for scores in seen:
        yield from _tell_scores(scores, seeds)
    keys = problem.candidates.keys
    if chosen is not None and keys is not None and len(keys) < len(chosen.truth.keys):
        goodness = chosen.goodness
        gap = goodness.max() - goodness[np.searchsorted(chosen.truth.keys, keys)].max()
        side = "above" if chosen.metric.is_lower_better else "below"
        yield (
            f"Searched are the {len(keys):,} architectures that have all that is asked for; the "
            f"best of them is {gap:.3f} {chosen.metric.difference} {side} the best of all."
        )


def _tell_shared(objective: Table, judge: TruthQuery) -> Iterator[str]:
    """Say where the trainings that searches see are among those that judge them."""
    seen = objective.query
    kinds = {seen.rule.kind, judge.rule.kind}
    are_others = len(kinds) == 1 and MEAN not in kinds and seen.rule != judge.rule
    seen_of, judge_of = ((q.metric, q.dataset) for q in (seen, judge))
    is_length = seen.epochs == judge.epochs
    if seen_of != judge_of or are_others or not (objective.is_curve or is_length):
        return
    what = f"sees other {'images' if is_length else 'epochs'} of the trainings that judge it"
    if seen.rows == judge.rows:
        is_truth = seen == judge or not judge.epochs
        what = "is the truth that judges it" if is_truth else "sees the trainings that judge it"
    yield (
        f"The objective {what} ({judge}), so figures are better than with a truth that played "
        "no part in the search."
    )


def _tell_scores(scores: Scores, seeds: Sequence[int]) -> Iterator[str]:
    """Say what is known of scores that searches see: their seeds, costs, labels and choice."""
    estimator, label = scores.estimator, scores.label
    n_rows = len({scores.row_of(seed) for seed in seeds})
    if n_rows < len(seeds) and not estimator.is_deterministic:
        of = f"{n_rows} of the {scores.n_seeds}" if n_rows < scores.n_seeds else f"the {n_rows}"
        yield (
            f"The {len(seeds)} searches share {of} seed{'s' if scores.n_seeds > 1 else ''} of "
            f"{label}, so their intervals are too narrow for another seed of it."
        )
    if scores.cost is not None and scores.cost.preparation > 0.0:
        yield (
            f"Before any score, {label} took {scores.cost.preparation:,.0f} s, which are not in "
            "the costs."
        )
    labels = find_labels(estimator)
    if labels is not None:
        epochs = "" if labels.epochs is None else f", {labels.epochs:,.0f} epochs of training"
        yield (
            f"{label} was fitted to the truth of {labels.n:,.0f} architectures{epochs}, which are "
            "not in the costs."
        )
    of_parts = [note for part in estimator.parts for note in part.estimator.notes]
    yield from dict.fromkeys([*estimator.notes, *of_parts])
