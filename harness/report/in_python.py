"""The Python interface: scores in any form, evaluated alone or compared with each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from harness.errors import UsageError
from harness.estimators.loading import (
    ScoresLike,
    load_estimators,
    make_estimators,
    tell_apart,
)
from harness.estimators.matrix import Loaded, ScoreMatrix
from harness.evaluation import Evaluated, TruthChoice, choose_truth, evaluate_estimator
from harness.evaluation.constraints import list_constraints
from harness.evaluation.given import TruthLike, resolve_truth
from harness.report.markup import block_to_text, to_html
from harness.report.rendering import evaluation_document
from harness.report.report import Report, make_report
from harness.report.words import describe_evaluation
from harness.scores import show
from harness.scores.options import SCORE
from harness.spaces import Space, load_space
from harness.truth import TruthTable
from harness.truth.catalogue import is_table
from harness.truth.query import MEAN


@dataclass(frozen=True, eq=False)
class EvaluationResult(Evaluated):
    """How well an estimator ranks, on every population and by every metric."""

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The result in sentences: figures first, then scores and truth, then caveats."""
        return describe_evaluation(self)

    def to_dict(self) -> dict[str, Any]:
        """Return everything except the scores, ready for JSON."""
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
    truth_metric: str | None = None,
    where: str | Sequence[str] = (),
    lower_is_better: bool = False,
    score_column: str | Sequence[str] = SCORE,
    exclude_bad: bool = False,
    worst_if_bad: bool = False,
    arch_column: str | None = None,
    arch_form: str | None = None,
    rows: Mapping[str, Any] | None = None,
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
        truth: What to judge them by: the name of a data set, such as "cifar10" or "tiles"; a table,
            its path, or its name in `harness truth list`; a series or a mapping from
            architectures (likewise) to accuracies in percent; or an object of a benchmark's own
            package (`nas_201_api.NASBench201API`, `nats_bench.NATStopology`), all of whose trials
            are read. By default the table of the data set: bundled for tiles, published for others.
        dataset: The truth's data set; required unless `truth` names it, the scores are of runs,
            which know theirs, or the table has only one.
        split: "valid" or "test"; by default the usual one of the data set.
        epochs: Training length behind the truth, epochs; by default the usual one.
        policy: How an architecture's trials become one number: "mean", "trial=K" or "seed=S".
        truth_metric: What the truth measures, such as "robust:pgd@linf:eps=1" or
            "latency:raspi4"; accuracy unless given, or the only one of the table.
        where: Constraints, each a population of its own, such as "latency:raspi4 < 20".
        lower_is_better: Whether a lower score is better.
        score_column: The column of the scores in a file or a frame; it may be a pattern, as
            `harness.scores.ReadOptions` takes it.
        exclude_bad: Whether bad rows, also of a truth in memory, are left out and counted instead
            of refused.
        worst_if_bad: Whether infinite scores, and those too large for a number, rank last, as ties.
        arch_column: The column of architectures in a file or a frame; by default it is found by
            its values.
        arch_form: The form of the architectures, a key of `Space.forms`; by default it is found.
            Of a series or a mapping, also one of the truth, it counts where several can be read.
        rows: The rows to read in a file or a frame: values by column, such as
            `{"dataset": "cifar10"}`.
        label: Name for the scores; by default made from what is known.
        data_dir: Data folder, with a folder of tables for each space; by default `$HARNESS_DATA`,
            then the user cache.
        space: The search space, or `package.module:Class`; by default that of the truth, of the
            runs, or that the scores name.

    Returns:
        The figures, which print as text and show as HTML in a notebook.

    Raises:
        UsageError: If the data set is not determined, a name is unknown, or the scores are of
            several estimators.
        DataError: If the scores are refused, or the data folder does not exist.
        StoreError: If a run is damaged or not finished.
        TruthError: If the table is missing or has no such truth, or no architecture has both.

    Examples:
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
    table = resolve_truth(truth, space, arch_form=arch_form, exclude_bad=exclude_bad)
    if space is None and isinstance(table, TruthTable):
        space = table.space
    asked = (dataset, split, epochs, policy, table, folder)
    chosen = archs = None
    if callable(scores):
        chosen = choose_truth(*asked, space=space, metric=truth_metric, where=where)
        space = chosen.table.space
        archs = chosen.truth.keys.tolist()
    loaded = make_estimators(
        scores,
        label,
        archs=archs,
        score_column=score_column,
        lower_is_better=lower_is_better,
        exclude_bad=exclude_bad,
        worst_if_bad=worst_if_bad,
        arch_column=arch_column,
        arch_form=arch_form,
        rows=rows or {},
        space=space,
    )
    if len(loaded.estimators) != 1:
        names = ", ".join(f"'{estimator.label}'" for estimator in loaded.estimators[:10])
        raise UsageError(
            f"These scores are of {len(loaded.estimators)} estimators ({names}); a result is of "
            "one. Evaluate each of harness.load_estimators([path]).estimators, or use 'harness "
            "evaluate', which takes several."
        )
    if chosen is None:
        chosen = choose_truth(
            *asked, estimators=loaded.estimators, metric=truth_metric, where=where
        )
    return EvaluationResult(**vars(evaluate_estimator(loaded.estimators[0], chosen)))


def compare(
    scores: Mapping[str, ScoresLike] | Iterable[str | Path] | str | Path,
    dataset: str | None = None,
    *,
    split: str | None = None,
    epochs: int | None = None,
    policy: str | None = None,
    truth_metric: str | None = None,
    where: str | Sequence[str] = (),
    truth: TruthLike | None = None,
    baseline: str | None = None,
    estimators: Sequence[str] = (),
    floor: str | None = None,
    trade_off: str | None = None,
    trade_off_score: str | None = None,
    lower_is_better: bool = False,
    score_column: str | Sequence[str] = SCORE,
    exclude_bad: bool = False,
    worst_if_bad: bool = False,
    arch_column: str | None = None,
    arch_form: str | None = None,
    rows: Mapping[str, Any] | None = None,
    data_dir: str | Path | None = None,
    space: Space | str | None = None,
) -> Report:
    """Compare estimators on the architectures that all of them scored.

    Args:
        scores: By name, what `harness.evaluate` takes: paths of score files and run folders,
            frames, series and mappings from architectures to scores, functions of an
            architecture; or paths alone, whose names are made from what is known.
        dataset: The truth's data set, such as "cifar10" or "tiles"; required unless there are
            runs, which know theirs.
        split: "valid" or "test"; by default the usual one of the data set.
        epochs: Training length behind the truth, epochs; by default the usual one.
        policy: How an architecture's trials become one number; by default their mean.
        truth_metric: What the truth measures, as for `harness.evaluate`.
        where: Constraints, each a population of its own, such as "latency:raspi4 < 20".
        truth: What `harness.evaluate` takes, but for the name of a data set; by default by data
            set.
        baseline: Name of the estimator to compare all others with, of a free baseline, or of a
            combination; by default runs of "spos" with equal settings, otherwise the first.
        estimators: Which to show: names, free baselines, combinations of these such as
            "live_params+jacov", and "all" for those that were given, which is the default.
        floor: What added values are measured against, named likewise; by default the space's,
            parameters of live edges.
        trade_off: A second objective, known of all architectures, such as "latency:raspi4" or
            "params".
        trade_off_score: What estimates it, where picks are not to know its values: named as
            `estimators` are; of a free score such as "params", less is better.
        lower_is_better: Whether a lower score is better, except in run folders.
        score_column: The columns of the scores in files and frames, as
            `harness.scores.ReadOptions` takes them: several are an estimator each.
        exclude_bad: Whether bad rows, also of a truth in memory, are left out and counted instead
            of refused.
        worst_if_bad: Whether infinite scores, and those too large for a number, rank last, as ties.
        arch_column: The column of architectures in files and frames; by default it is found by
            its values.
        arch_form: The form of the architectures, a key of `Space.forms`; by default it is found.
            Of a series or a mapping, also one of the truth, it counts where several can be read.
        rows: The rows to read in files and frames: values by column, such as
            `{"dataset": "cifar10"}`.
        data_dir: Data folder, with a folder of tables for each space; by default `$HARNESS_DATA`,
            then the user cache.
        space: The search space, or `package.module:Class`; by default that of the runs, or that
            the scores name.

    Returns:
        The report, which shows as HTML in a notebook; `.words` are its sentences, and
        `.to_dict()` all its figures.

    Raises:
        UsageError: If nothing was given, a name has several estimators, the truth is not
            determined, or a name is unknown.
        DataError: If scores are refused.
        StoreError: If a run is damaged or not finished.
        TruthError: If the truth is missing, or no architecture has everything.

    Examples:
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
        >>> [line for line in report.words if "ranks better than" in line][0][:39]
        '3x3 convolutions ranks better than skip'
    """
    space = load_space(space) if isinstance(space, str) else space
    options: dict[str, Any] = {
        "score_column": score_column,
        "exclude_bad": exclude_bad,
        "worst_if_bad": worst_if_bad,
        "arch_column": arch_column,
        "arch_form": arch_form,
        "rows": rows or {},
        "space": space,
    }
    if not isinstance(scores, Mapping):
        scores = _list_paths(scores)
    table = resolve_truth(truth, space, arch_form=arch_form, exclude_bad=exclude_bad)
    asked = (dataset, split, epochs, policy, table)
    folder = None if data_dir is None else Path(data_dir)
    if isinstance(scores, Mapping):
        if space is not None and space.size is None and any(map(callable, scores.values())):
            chosen = choose_truth(*asked, folder, space=space, metric=truth_metric)
            options["archs"] = chosen.truth.keys.tolist()
        loaded = _load_named(scores, lower_is_better, **options)
    else:
        loaded = load_estimators(scores, lower_is_better=lower_is_better, **options)
    return make_report(
        loaded,
        [TruthChoice(*asked, truth_metric, list_constraints(where))],
        baseline=baseline,
        data_dir=folder,
        estimators=estimators,
        floor=floor,
        trade_off=trade_off,
        trade_off_score=trade_off_score,
    )


def _list_paths(scores: Iterable[str | Path] | str | Path) -> list[str | Path]:
    """Make a list of one path or several; scores in memory have no names of their own."""
    if isinstance(scores, (str, Path)):  # one path, which may hold several methods
        return [scores]
    if isinstance(scores, Iterable) and not isinstance(scores, (pd.DataFrame, pd.Series)):
        scores = list(scores)
        if all(isinstance(each, (str, Path)) for each in scores):
            return scores
    raise UsageError(
        f"What to compare was given as {type(scores).__name__}; allowed are paths, and a mapping "
        "from names to scores of any form. Give scores in memory by name, such as "
        "harness.compare({'mine': scores})."
    )


def _load_named(scores: Mapping[str, ScoresLike], lower_is_better: bool, **options: Any) -> Loaded:
    """Make one estimator for each name, those of runs first, as in a report of paths."""
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
                f"({names}); a name is for one. Name each, or give the paths without names."
            )
        found.append(replace(loaded.estimators[0], label=show(name)))
        unfinished += loaded.unfinished
    found.sort(key=lambda estimator: not estimator.records)
    return Loaded(tuple(tell_apart(found)), tuple(unfinished))
