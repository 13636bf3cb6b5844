"""The figures of training: disturbance over steps, at equal loss, by shared weights; and loss."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.contents import TrainingResult
from harness.report.figure import Figure, Series, make_series, spread_series
from harness.report.seed_means import SeedMean

_PD = "recent other paths' loss on held-out images, around single steps"


def training_figures(trainings: Sequence[TrainingResult]) -> list[Figure]:
    """Make the figures of the runs; one that the runs lack the numbers for has no series."""
    over_steps = [
        _over_steps(trainings, *row)
        for row in (
            ("positive-pd", "Harm to other paths over training", "PD+, nats", "positive_pd"),
            ("mean-pd", "Disturbance of other paths over training", "mean PD, nats", "mean_pd"),
            ("progress", "Progress on the trained path", "progress, nats", "progress"),
        )
    ]
    return [*over_steps, _against_loss(trainings), _by_shared(trainings), _losses(trainings)]


def _over_steps(
    trainings: Sequence[TrainingResult], name: str, title: str, y_label: str, figure: str
) -> Figure:
    series = tuple(
        _estimates(
            t.label, [b.step for b in t.over_steps], [getattr(b, figure) for b in t.over_steps]
        )
        for t in trainings
        if t.over_steps
    )
    what = f"Change of {_PD}"
    if figure == "progress":
        what = "Decrease of the trained path's own loss"
    elif figure == "positive_pd":
        what = f"Positive part of the change of {_PD}"
    caption = f"{what}, in twentieths of training, mean over seeds; bands: 95% over seeds."
    return Figure(name, title, caption, "step", y_label, series)


def _estimates(label: str, x: Sequence[float], values: Sequence[SeedMean]) -> Series:
    return make_series(label, x, [v.mean for v in values], [v.interval for v in values])


def _against_loss(trainings: Sequence[TrainingResult]) -> Figure:
    series = []
    for training in trainings:
        found = [(b.train_loss, b) for b in training.over_steps if b.train_loss is not None]
        if len(found) > 1:
            losses, values = [loss for loss, _ in found], [b.positive_pd for _, b in found]
            series.append(_estimates(training.label, losses, values))
    return Figure(
        "positive-pd-against-loss",
        "Harm at equal training loss",
        "PD+ at equal training loss, so that a slower learner does not win by standing still; mean "
        "over seeds, bands: 95% over seeds.",
        "training loss, nats",
        "PD+, nats",
        tuple(series),
    )


def _by_shared(trainings: Sequence[TrainingResult]) -> Figure:
    counts = sorted({part.shared_convs for t in trainings for part in t.by_shared})
    series = tuple(
        _estimates(
            t.label,
            [counts.index(part.shared_convs) for part in t.by_shared],
            [part.positive_pd for part in t.by_shared],
        )
        for t in trainings
        if t.by_shared
    )
    return Figure(
        "positive-pd-by-shared",
        "Harm by shared convolutions",
        "PD+ by the number of live convolutions that the trained and the other path share; with "
        "none they still share stem, reduction blocks and classifier. Mean over seeds; bars: 95% "
        "over seeds.",
        "shared convolutions",
        "PD+, nats",
        series,
        tuple(map(str, counts)),
    )


def _losses(trainings: Sequence[TrainingResult]) -> Figure:
    series = []
    for training in trainings:
        curves = [run.curve for run in training.runs if run.curve is not None]
        steps = sorted({int(step) for curve in curves for step in curve["step"]})
        values = [
            [float(v) for c in curves for v in c.loc[c["step"] == step, "train_loss"]]
            for step in steps
        ]
        if len(steps) > 1:
            series.append(spread_series(training.label, steps, values))
    return Figure(
        "training-loss",
        "Training loss",
        "Mean loss over fixed architectures and training images, mean over seeds; bands: lowest "
        "and highest seed.",
        "step",
        "training loss, nats",
        tuple(series),
    )
