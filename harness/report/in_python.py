"""For who works in Python: scores of any form, evaluated alone or compared with each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from harness.errors import UsageError
from harness.estimators.loading import ScoresLike, load_estimators, make_estimators
from harness.estimators.matrix import Loaded, ScoreMatrix
from harness.evaluation import Evaluated, TruthChoice, choose_truth, evaluate_estimator
from harness.evaluation.truths import TruthLike, make_own_truth
from harness.report.markup import block_to_text, to_html
from harness.report.rendering import evaluation_document
from harness.report.report import Report, make_report
from harness.report.words import describe_evaluation
from harness.scores import show
from harness.scores.sets import SCORE
from harness.spaces import Space, load_space
from harness.truth import TruthTable
from harness.truth.catalogue import is_table
from harness.truth.query import MEAN


@dataclass(frozen=True, eq=False)
class EvaluationResult(Evaluated):
    """How well an estimator ranks, on every population and by every metric."""

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The result in sentences: what was found, on what, by which truth, what was left out."""
        return describe_evaluation(self)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the scores, ready for JSON."""
        return {**super().to_dict(), "words": list(self.words)}

    def __str__(self) -> str:
        """Return the sentences and the table of populations."""
        document = evaluation_document([self])
        return "\n".join([*document.words, "", *block_to_text(document.blocks[0])])

    def _repr_html_(self) -> str:
        return to_html(evaluation_document([self]))


def evaluate(
    scores: ScoresLike,
    truth: TruthLike | None = None,
    *,
    dataset: str | None = None,
    split: str | None = None,
    epochs: int | None = None,
    policy: str = MEAN,
    lower_is_better: bool = False,
    score_column: str = SCORE,
    exclude_bad: bool = False,
    label: str | None = None,
    data_dir: str | Path | None = None,
    space: Space | str | None = None,
) -> EvaluationResult:
    """Evaluate how well scores rank architectures: all metrics, populations and intervals.

    Args:
        scores: The path of a score file or a run folder; a frame with the columns of a score file
            (`arch_str` or `nb201_index`, in other spaces `arch`; `score`, perhaps `seed`); a
            series or a mapping from architectures (as such, strings or `nb201_index`) to scores;
            or a function that takes an architecture, called for every one that has the truth.
        truth: What to hold them to: the name of a data set, such as "cifar10" or "tiles"; a table,
            its path, or its name in `harness truth list`; or a series or a mapping from
            architectures (likewise) to accuracies in percent. By data set
            unless given: the bundled table for tiles, else the published one.
        dataset: The truth's data set; needed unless `truth` says it, the scores are of runs, which
            know theirs, or the table has but one.
        split: "valid" or "test"; the usual one of the data set unless given.
        epochs: Length of the truth's training, epochs; the usual one unless given.
        policy: How an architecture's trials become one number: "mean", "trial=K" or "seed=S".
        lower_is_better: Whether a lower score is better.
        score_column: The column of the scores in a file or a frame.
        exclude_bad: Whether bad rows are left out and counted instead of refused.
        label: What to call the scores; made from what is known unless given.
        data_dir: Data folder, with a folder of tables for each space; `$HARNESS_DATA`, then the
            user cache, unless given.
        space: The search space, or `package.module:Class`; that of the truth, of the runs, or that
            the scores name, unless given.

    Returns:
        The figures, which print as text and show as HTML in a notebook.

    Raises:
        UsageError: If the data set cannot be told, a name is unknown, or the scores hold several
            estimators.
        DataError: If the scores are refused, or the data folder does not exist.
        StoreError: If a run is damaged or not finished.
        TruthError: If the table is not there or has no such truth, or no architecture has both.

    Example:
        >>> import harness
        >>> from harness.spaces.nb201.encoding import CONV_3X3
        >>> result = harness.evaluate(
        ...     lambda arch: arch.count_op(CONV_3X3), "tiles", label="3x3 convolutions"
        ... )
        >>> str(result.truth.query)
        'tiles test, 12 epochs, mean of trials'
        >>> everything, best = result.populations["all"], result.populations["top_50"]
        >>> everything.metrics["tau"].value > 0.5 > best.metrics["tau"].value > 0.2
        True
        >>> everything.metrics["tau"].value < everything.ceiling.tau < 1.0
        True
    """
    folder = None if data_dir is None else Path(data_dir)
    space = load_space(space) if isinstance(space, str) else space
    if isinstance(truth, str) and dataset is None and not is_table(truth, folder, space):
        truth, dataset = None, truth
    table = make_own_truth(truth, space) if isinstance(truth, (pd.Series, Mapping)) else truth
    if space is None and isinstance(table, TruthTable):
        space = table.space
    asked = (dataset, split, epochs, policy, table, folder)
    chosen = archs = None
    if callable(scores):
        chosen = choose_truth(*asked, space=space)
        space = chosen.table.space
        archs = chosen.truth.keys.tolist()
    loaded = make_estimators(
        scores,
        label,
        score_column=score_column,
        lower_is_better=lower_is_better,
        exclude_bad=exclude_bad,
        archs=archs,
        space=space,
    )
    if len(loaded.estimators) != 1:
        names = ", ".join(f"'{estimator.label}'" for estimator in loaded.estimators[:10])
        raise UsageError(
            f"These scores are of {len(loaded.estimators)} estimators ({names}); one result is of "
            "one. Evaluate each of harness.load_estimators([path]).estimators, or use "
            "'harness evaluate', which does."
        )
    if chosen is None:
        chosen = choose_truth(*asked, estimators=loaded.estimators)
    return EvaluationResult(**vars(evaluate_estimator(loaded.estimators[0], chosen)))


def compare(
    scores: Mapping[str, ScoresLike] | Iterable[str | Path] | str | Path,
    dataset: str | None = None,
    *,
    split: str | None = None,
    epochs: int | None = None,
    policy: str | None = None,
    truth: str | Path | None = None,
    baseline: str | None = None,
    lower_is_better: bool = False,
    score_column: str = "score",
    exclude_bad: bool = False,
    data_dir: str | Path | None = None,
    space: Space | str | None = None,
) -> Report:
    """Compare ways to score architectures, on the architectures that all of them have scored.

    Args:
        scores: By name, what `harness.evaluate` takes: paths of score files and run folders,
            frames, series and mappings from architectures to scores, functions of an
            architecture; or paths alone, which name themselves.
        dataset: The truth's data set, such as "cifar10" or "tiles"; needed unless there are runs,
            which know theirs.
        split: "valid" or "test"; the usual one of the data set unless given.
        epochs: Length of the truth's training, epochs; the usual one unless given.
        policy: How an architecture's trials become one number; their mean unless given.
        truth: A table's path, or its name in `harness truth list`; by data set unless given.
        baseline: Name of the one that all others are compared with; runs of "spos" with equal
            settings, else the first, unless given.
        lower_is_better: Whether a lower score is better, in all but run folders.
        score_column: The column of the scores in files and frames.
        exclude_bad: Whether bad rows are left out and counted instead of refused.
        data_dir: Data folder, with a folder of tables for each space; `$HARNESS_DATA`, then the
            user cache, unless given.
        space: The search space, or `package.module:Class`; that of the runs, or that the scores
            name, unless given.

    Returns:
        The report, which shows as HTML in a notebook; `.words` are its sentences, and
        `.to_dict()` all its figures.

    Raises:
        UsageError: If nothing was given, a name holds several estimators, the truth cannot be
            told, or a name is unknown.
        DataError: If scores are refused.
        StoreError: If a run is damaged or not finished.
        TruthError: If the truth is not there, or no architecture has everything.

    Example:
        >>> import harness
        >>> from harness.spaces.nb201.encoding import CONV_3X3, SKIP
        >>> report = harness.compare(
        ...     {
        ...         "skips": lambda arch: arch.count_op(SKIP),
        ...         "3x3 convolutions": lambda arch: arch.count_op(CONV_3X3),
        ...     },
        ...     dataset="tiles",
        ... )
        >>> difference = report.sections[0].pairs[0].comparison.differences["all"]["tau"]
        >>> difference.name, difference.n, difference.interval.low > 0
        ('tau', 600, True)
        >>> [line for line in report.words if "ranks better." in line][0][:32]
        '3x3 convolutions minus skips: ta'
    """
    space = load_space(space) if isinstance(space, str) else space
    options: dict[str, Any] = {
        "score_column": score_column,
        "exclude_bad": exclude_bad,
        "space": space,
    }
    if isinstance(scores, (str, Path)):  # one path, which may hold several methods
        scores = [scores]
    choice = TruthChoice(dataset, split, epochs, policy, None if truth is None else str(truth))
    folder = None if data_dir is None else Path(data_dir)
    if isinstance(scores, Mapping):
        if space is not None and space.size is None and any(map(callable, scores.values())):
            options["archs"] = choice.find(None, folder, space).truth.keys.tolist()
        loaded = _load_named(scores, lower_is_better, **options)
    else:
        loaded = load_estimators(scores, lower_is_better=lower_is_better, **options)
    return make_report(loaded, [choice], baseline=baseline, data_dir=folder)


def _load_named(scores: Mapping[str, ScoresLike], lower_is_better: bool, **options: Any) -> Loaded:
    """Make one estimator of each name, those of runs first, as in a report of paths."""
    found: list[ScoreMatrix] = []
    unfinished: list[str] = []
    for name, each in scores.items():
        is_runs = isinstance(each, (str, Path)) and Path(each).is_dir()
        lower = lower_is_better and not is_runs and not isinstance(each, ScoreMatrix)
        loaded = make_estimators(each, lower_is_better=lower, **options)
        if len(loaded.estimators) != 1:
            names = ", ".join(f"'{estimator.label}'" for estimator in loaded.estimators[:10])
            raise UsageError(
                f"'{show(name)}' was given scores of {len(loaded.estimators)} estimators "
                f"({names}); a name is of one. Give each a name of its own, or give the paths "
                "without names."
            )
        found.append(replace(loaded.estimators[0], label=show(name)))
        unfinished += loaded.unfinished
    found.sort(key=lambda estimator: not estimator.records)
    return Loaded(tuple(found), tuple(unfinished))
