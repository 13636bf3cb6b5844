"""Sample efficiency: how well estimators that differ only in their number of labels rank."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from harness.errors import UsageError
from harness.estimators.cost import LABEL_EPOCHS, LABEL_S, Labels, find_labels
from harness.estimators.matrix import SUPERNETS
from harness.estimators.naming import split_settings
from harness.estimators.runs import flatten_config
from harness.evaluation import Evaluated, JointEvaluation
from harness.report.figure import Figure, Series, spread_series

METRICS = {"tau": "tau", "tau_top_10": "tau in the top 10%"}
"""What is shown, with its name."""
_N = "n"
"""The setting that gives the number of labels, in the table of an estimator."""


class Point(NamedTuple):
    """An estimator on a curve: its labels, and its figures."""

    labels: Labels
    result: Evaluated


class Curve(NamedTuple):
    """Estimators whose settings differ only in the number of labels, at least two.

    Attributes:
        label: Their common name, such as "predictor(model=forest, features=graf)".
        points: The estimators, by number of labels.
    """

    label: str
    points: tuple[Point, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        points = []
        for labels, result in self.points:
            metrics = result.populations["all"].metrics
            shown = {name: metrics[name].to_dict() for name in METRICS}
            cost = {"n_labels": labels.n, LABEL_EPOCHS: labels.epochs, LABEL_S: labels.seconds}
            points.append({"estimator": result.label, **cost, **shown})
        return {"label": self.label, "points": points}


def find_curves(evaluations: Sequence[Evaluated]) -> list[Curve]:
    """Gather the estimators that differ only in their number of labels."""
    curves = []
    for alike in gather_alike(evaluations, _N):
        found = [(find_labels(result.estimator), result) for result in alike]
        points = [Point(labels, result) for labels, result in found if labels is not None]
        if len({point.labels.n for point in points}) == len(points) > 1:
            points.sort(key=lambda point: point.labels.n)
            curves.append(Curve(leave_out(alike[0].label, _N), tuple(points)))
    return curves


def gather_alike(evaluations: Sequence[Evaluated], setting: str) -> list[list[Evaluated]]:
    """Group the estimators with labels that differ in one setting of their own alone."""
    alike: defaultdict[str, list[Evaluated]] = defaultdict(list)
    for result in evaluations:
        estimator = result.estimator
        if estimator.fitted_on and estimator.config is not None:
            settings = flatten_config(estimator.config)
            own = {key: v for key, v in settings.items() if key.rpartition(".")[2] != setting}
            alike[repr(sorted(own.items()))].append(result)
    return list(alike.values())


def leave_out(label: str, setting: str) -> str:
    """Leave a setting out of a label."""
    try:
        base, settings = split_settings(label)
    except UsageError:  # such as `predictor(n=32) (cifar10)`
        return label
    rest = [each for each in settings if not each.startswith(f"{setting}=")]
    return f"{base}({', '.join(rest)})" if rest else base


def efficiency_figures(section: JointEvaluation, suffix: str, where: str) -> Iterator[Figure]:
    """Make the figures of tau, and of tau in the top tenth, against labels and their cost.

    Args:
        section: The figures by one truth.
        suffix: Ends the figures' names.
        where: On what, and against which truth, in words.
    """
    curves = find_curves(section.evaluations)
    are_known = all(point.labels.epochs is not None for curve in curves for point in curve.points)
    axes = {"labels": ("labels", "labels")}
    if are_known:
        axes["label-epochs"] = "the cost of labels", "epochs of training, all labels together"
    for axis, (against, x_label) in axes.items() if curves else ():
        for metric, name in METRICS.items():
            title = f"{name[:1].upper()}{name[1:]} against {against}"
            series = []
            for curve in curves:
                x = [_place(point.labels, axis) for point in curve.points]
                values = [_metric(point.result, metric).per_seed for point in curve.points]
                series.append(spread_series(curve.label, x, list(map(list, values))))
            ends = [x for one in series for x in one.x]
            series += _yardsticks(section, metric, (min(ends), max(ends)))
            yield Figure(
                f"{metric.replace('_', '-')}-against-{axis}{suffix}",
                title,
                f"{title}, each label seed on the architectures without its labels; {where}. "
                "Lines: mean over label seeds, bands: lowest and highest. Thin lines: estimators "
                "without labels.",
                x_label,
                name,
                tuple(series),
                is_x_log=True,
            )


def _place(labels: Labels, axis: str) -> float:
    return labels.n if axis == "labels" else labels.epochs or 0.0


def _metric(result: Evaluated, metric: str) -> Any:
    return result.populations["all"].metrics[metric]


def _yardsticks(
    section: JointEvaluation, metric: str, ends: tuple[float, float]
) -> Iterator[Series]:
    """Draw the floor, the best supernet and the best estimator, of those without labels."""
    free = [r for r in section.evaluations if not r.estimator.fitted_on and r.tau is not None]
    free.sort(key=lambda result: -(result.tau or 0.0))
    supernets = [result for result in free if result.estimator.family == SUPERNETS]
    shown = [section.floor, *supernets[:1], *free[:1]]
    for label, result in {result.label: result for result in shown}.items():
        if not result.estimator.fitted_on:
            yield Series(label, ends, (_metric(result, metric).value,) * 2, kind="reference")
