"""How far the estimator of the largest tau is ahead of each of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from harness.errors import TruthError
from harness.estimators.matrix import ScoreMatrix
from harness.evaluation.judged import judge_pair
from harness.evaluation.pairs import match_seeds
from harness.evaluation.results import Evaluated, Margin
from harness.stats import CaseScores
from harness.stats.comparison import subtract_cases
from harness.stats.samples import conclude


def measure_margins(
    evaluations: Sequence[Evaluated], scores_of: Callable[[ScoreMatrix], CaseScores]
) -> Iterator[Margin]:
    """Compare the estimator of the largest tau with each of the others, over all architectures.

    Who is compared is chosen by the data, but "better than each other one" needs no correction
    for their number: it is claimed only where every single comparison shows it.

    Args:
        evaluations: All that may rank best, on the same architectures.
        scores_of: Gives the scores of an estimator beside the truth.

    Yields:
        The differences, in the order of the taus. An estimator without a tau has none, nor one
        that shares no architecture with the first that both may be judged on.
    """
    ranked = [(each.tau, each) for each in evaluations if each.tau is not None]
    ranked.sort(key=lambda item: -item[0])
    for _, other in ranked[1:]:
        pair = match_seeds(ranked[0][1].estimator, other.estimator)
        try:
            sides = judge_pair(pair, scores_of)
        except TruthError:
            continue
        tau = conclude(subtract_cases(*sides, "tau", "all", pair.rows.is_paired))
        if tau.value is not None:
            yield Margin(pair, tau)
