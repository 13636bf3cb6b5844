"""The figures of a report as data: what is drawn, whoever draws it.

`plots` draws them for print, `page` for the browser.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.report.estimates import Estimate
from harness.report.report import Report, Section, TrainingResult
from harness.stats import MetricResult

Numbers = tuple[float | None, ...]


@dataclass(frozen=True)
class Series:
    """One line, or one set of points, of a figure.

    Attributes:
        label: What a legend calls it: that of the estimator, which decides its colour, or of a
            yardstick.
        x: Positions; those of categories count from 0.
        y: Values; None where there is none.
        low: Lower ends of 95% intervals, or None without them.
        high: Upper ends.
        kind: How it is drawn: "line", "points", or "reference", a thin line or mark of a yardstick.
    """

    label: str
    x: tuple[float, ...]
    y: Numbers
    low: Numbers | None = None
    high: Numbers | None = None
    kind: Literal["line", "points", "reference"] = "line"


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        name: A name for its file.
        title: Its title.
        caption: What is seen, on what, in sentences.
        x_label: What the x axis is, with its unit.
        y_label: What the y axis is.
        series: What is drawn, yardsticks last.
        categories: Names of the positions on the x axis; None where it is of numbers.
        is_y_reversed: Whether small values are at the top, as of ranks.
    """

    name: str
    title: str
    caption: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    categories: tuple[str, ...] | None = None
    is_y_reversed: bool = False


def make_figures(report: Report) -> list[Figure]:
    """Make all figures that the report has the numbers for.

    Args:
        report: The report.

    Returns:
        For each truth: score against truth, tau by population, pairs in order by true gap, tau
        over training, tau against cost; for the runs: disturbance over training, against training
        loss and by shared weights, and training loss.
    """
    figures: list[Figure] = []
    for number, section in enumerate(report.sections):
        suffix = "" if len(report.sections) == 1 else f"-{number + 1}"
        figures += _section_figures(section, report, suffix)
    return figures + list(_training_figures(report.trainings))


def _section_figures(section: Section, report: Report, suffix: str) -> list[Figure]:
    made = [
        _scatter(section, suffix),
        _tau_by_population(section, suffix),
        _order_by_gap(section, suffix),
        _tau_over_training(section, suffix),
        _tau_against_cost(section, report.trainings, suffix),
    ]
    return [figure for figure in made if figure is not None and _has_values(figure)]


def _has_values(figure: Figure) -> bool:
    """Tell whether there is anything to see besides yardsticks: all may be "too few"."""
    shown = (series for series in figure.series if series.kind != "reference")
    return any(value is not None for series in shown for value in series.y)


def _where(section: Section) -> str:
    return f"{len(section.nb201_index):,} architectures, against {section.title}"


def _scatter(section: Section, suffix: str) -> Figure:
    series = []
    for result in section.evaluations:
        scores = result.estimator.scores_of(section.nb201_index).mean(axis=0)
        ranks = (-scores).argsort(kind="stable").argsort(kind="stable") + 1
        label = result.estimator.label
        series.append(
            Series(
                label,
                tuple(section.accuracy.tolist()),
                tuple(ranks.astype(float).tolist()),
                kind="points",
            )
        )
    return Figure(
        f"rank-against-truth{suffix}",
        "Estimated rank against truth",
        f"Rank by the mean score over seeds, 1 is the best; {_where(section)}.",
        "true accuracy, %",
        "estimated rank",
        tuple(series),
        is_y_reversed=True,
    )


def _tau_by_population(section: Section, suffix: str) -> Figure:
    names = list(section.evaluations[0].populations)
    series = [
        _metric_series(
            result.estimator.label,
            [part.metrics["tau"] for part in result.populations.values()],
        )
        for result in section.evaluations
    ]
    first = section.evaluations[0].populations.values()
    places = tuple(map(float, range(len(names))))
    for label, values in (
        ("parameters", [part.baselines["params"].value for part in first]),
        ("one-seed reference", [part.reference and part.reference.tau for part in first]),
        ("ceiling", [part.ceiling and part.ceiling.tau for part in first]),
    ):
        series.append(Series(label, places, tuple(values), kind="reference"))
    return Figure(
        f"tau-by-population{suffix}",
        "Tau by population",
        f"Kendall's tau-b on parts of {_where(section)}. Bars: 95% intervals. Parameters, the "
        "one-seed reference and the modelled ceiling are on the same architectures.",
        "population",
        "tau",
        tuple(series),
        tuple(names),
    )


def _metric_series(label: str, results: list[MetricResult]) -> Series:
    intervals = [result.interval or result.over_seeds for result in results]
    return Series(
        label,
        tuple(map(float, range(len(results)))),
        tuple(result.value for result in results),
        tuple(interval and interval.low for interval in intervals),
        tuple(interval and interval.high for interval in intervals),
        kind="points",
    )


def _order_by_gap(section: Section, suffix: str) -> Figure | None:
    series = []
    for result in section.evaluations:
        bins = result.figures.gap_curve.bins
        names = tuple(
            f"over {b.low:g}" if b.high is None else f"{b.low:g}\N{EN DASH}{b.high:g}" for b in bins
        )
        places = tuple(map(float, range(len(bins))))
        shares = tuple(b.concordant for b in bins)
        series.append(Series(result.estimator.label, places, shares))
    return Figure(
        f"order-by-gap{suffix}",
        "How big must a true difference be?",
        f"Share of pairs in the right order, by their true gap; {_where(section)}. A coin has 0.5.",
        "true gap, accuracy points",
        "share in the right order",
        (*series, Series("a coin", places, (0.5,) * len(places), kind="reference")),
        names,
    )


def _tau_over_training(section: Section, suffix: str) -> Figure | None:
    series = []
    n_archs: set[int] = set()
    for result in section.evaluations:
        label = result.estimator.label
        seeds = section.taus.get(label, ())
        steps = sorted({p["step"] for seed in seeds for p in seed if p["tau"] is not None})
        points = [[p for seed in seeds for p in seed if p["step"] == step] for step in steps]
        taus = [[p["tau"] for p in at if p["tau"] is not None] for at in points]
        n_archs |= {p["n"] for at in points for p in at if p["n"]}
        if len(steps) > 1:
            series.append(_spread_series(label, steps, taus))
    if not series:
        return None
    sizes = " or ".join(f"{n:,}" for n in sorted(n_archs))
    return Figure(
        f"tau-over-training{suffix}",
        "Tau over training",
        f"Small rankings on the way, of the first {sizes} architectures of the permutation, mean "
        f"over seeds, against {section.title}; bands: least and most of any seed.",
        "step",
        "tau",
        tuple(series),
    )


def _spread_series(label: str, x: Iterable[float], values: list[list[float]]) -> Series:
    return Series(
        label,
        tuple(map(float, x)),
        tuple(float(np.mean(v)) if v else None for v in values),
        tuple(min(v) if len(v) > 1 else None for v in values),
        tuple(max(v) if len(v) > 1 else None for v in values),
    )


def _tau_against_cost(
    section: Section, trainings: tuple[TrainingResult, ...], suffix: str
) -> Figure | None:
    costs = {training.label: training.figures["cost_s"].mean for training in trainings}
    series = []
    for result in section.evaluations:
        cost = costs.get(result.estimator.label)
        if cost is not None:
            tau = result.populations["all"].metrics["tau"]
            made = _metric_series(result.estimator.label, [tau])
            series.append(Series(made.label, (cost,), made.y, made.low, made.high, "points"))
    if not series:
        return None
    return Figure(
        f"tau-against-cost{suffix}",
        "Tau against cost",
        f"Seconds of a run on its machine, all parts together, mean over seeds; {_where(section)}. "
        "Bars: 95% intervals. Scores of files have no known cost.",
        "seconds a run",
        "tau",
        tuple(series),
    )


def _training_figures(trainings: tuple[TrainingResult, ...]) -> Iterable[Figure]:
    for name, title, y_label, get in (
        ("positive-pd", "Harm to other paths over training", "PD+, nats", "positive_pd"),
        ("mean-pd", "Disturbance of other paths over training", "mean PD, nats", "mean_pd"),
        ("progress", "Progress on the trained path", "progress, nats", "progress"),
    ):
        yield from _over_steps(trainings, name, title, y_label, get)
    yield from _against_loss(trainings)
    yield from _by_shared(trainings)
    yield from _losses(trainings)


_PD = "recent other paths' loss on held-out images, around single steps"


def _over_steps(
    trainings: tuple[TrainingResult, ...], name: str, title: str, y_label: str, figure: str
) -> Iterable[Figure]:
    series = [
        _estimates(
            t.label,
            [b.step for b in t.over_steps],
            [getattr(b, figure) for b in t.over_steps],
        )
        for t in trainings
        if t.over_steps
    ]
    if series:
        what = "Change of the trained path's own loss" if figure == "progress" else f"Of {_PD}"
        where = "in twentieths of training, mean over seeds"
        caption = f"{what}, {where}; bands: 95% over seeds, if several."
        yield Figure(name, title, caption, "step", y_label, tuple(series))


def _estimates(label: str, x: list[float], values: list[Estimate]) -> Series:
    return Series(
        label,
        tuple(x),
        tuple(v.mean for v in values),
        tuple(v.interval and v.interval[0] for v in values),
        tuple(v.interval and v.interval[1] for v in values),
    )


def _against_loss(trainings: tuple[TrainingResult, ...]) -> Iterable[Figure]:
    series = []
    for training in trainings:
        bins = [part for part in training.over_steps if part.train_loss is not None]
        losses = [part.train_loss for part in bins if part.train_loss is not None]
        if len(bins) > 1:
            values = [part.positive_pd for part in bins]
            series.append(_estimates(training.label, losses, values))
    if series:
        yield Figure(
            "positive-pd-against-loss",
            "Harm at equal training loss",
            "PD+ where training loss was the same, so that a slower learner does not win by "
            "standing still; mean over seeds, bands: 95% over seeds, if several.",
            "training loss, nats",
            "PD+, nats",
            tuple(series),
        )


def _by_shared(trainings: tuple[TrainingResult, ...]) -> Iterable[Figure]:
    counts = sorted({part.shared_convs for t in trainings for part in t.by_shared})
    series = [
        _estimates(
            t.label,
            [float(counts.index(part.shared_convs)) for part in t.by_shared],
            [part.positive_pd for part in t.by_shared],
        )
        for t in trainings
        if t.by_shared
    ]
    if series:
        yield Figure(
            "positive-pd-by-shared",
            "Harm by shared convolutions",
            "PD+ by how many live convolutions the trained and the other path share; with none "
            "they still share stem, reduction blocks and classifier. Mean over seeds; bars: 95% "
            "over seeds, if several.",
            "shared convolutions",
            "PD+, nats",
            tuple(series),
            tuple(map(str, counts)),
        )


def _losses(trainings: tuple[TrainingResult, ...]) -> Iterable[Figure]:
    series = []
    for training in trainings:
        curves = [run.curve for run in training.training.runs if run.curve is not None]
        steps = sorted({int(step) for curve in curves for step in curve["step"]})
        values = [
            [float(v) for c in curves for v in c.loc[c["step"] == step, "train_loss"]]
            for step in steps
        ]
        if len(steps) > 1:
            series.append(_spread_series(training.label, steps, values))
    if series:
        yield Figure(
            "training-loss",
            "Training loss",
            "Mean loss over fixed architectures and training images, mean over seeds; bands: least "
            "and most of any seed.",
            "step",
            "training loss, nats",
            tuple(series),
        )
