"""Comparing scores of any form with each other: the report for who works in Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.estimators.estimator import Estimator, Loaded
from harness.estimators.loading import ScoresLike, load_estimators, make_estimators
from harness.report.report import Report, make_report
from harness.report.truths import TruthChoice
from harness.scores import show


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
) -> Report:
    """Compare ways to score architectures, on the architectures that all of them have scored.

    Args:
        scores: By name, what `harness.evaluate` takes: paths of score files and run folders,
            frames, series and mappings from architectures to scores, functions of an `Arch`; or
            paths alone, which name themselves.
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
        data_dir: Folder with `nb201/`; `$HARNESS_DATA`, then the user cache, unless given.

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
    options: dict[str, Any] = {"score_column": score_column, "exclude_bad": exclude_bad}
    if isinstance(scores, (str, Path)):  # one path, which may hold several methods
        scores = [scores]
    if isinstance(scores, Mapping):
        loaded = _load_named(scores, lower_is_better, **options)
    else:
        loaded = load_estimators(scores, lower_is_better=lower_is_better, **options)
    choice = TruthChoice(dataset, split, epochs, policy, None if truth is None else str(truth))
    folder = None if data_dir is None else Path(data_dir)
    return make_report(loaded, [choice], baseline=baseline, data_dir=folder)


def _load_named(scores: Mapping[str, ScoresLike], lower_is_better: bool, **options: Any) -> Loaded:
    """Make one estimator of each name, those of runs first, as in a report of paths."""
    found: list[Estimator] = []
    unfinished: list[str] = []
    for name, each in scores.items():
        is_runs = isinstance(each, (str, Path)) and Path(each).is_dir()
        lower = lower_is_better and not is_runs and not isinstance(each, Estimator)
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
