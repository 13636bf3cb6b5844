"""The figures of training: disturbance over steps, at equal loss, by shared weights; and loss."""

from __future__ import annotations

from collections.abc import Iterable

from harness.report.contents import TrainingResult
from harness.report.figure import Figure, Series, spread_series
from harness.report.seed_means import SeedMean


def training_figures(trainings: tuple[TrainingResult, ...]) -> Iterable[Figure]:
    """Make the figures that the runs have the numbers for."""
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


def _estimates(label: str, x: list[float], values: list[SeedMean]) -> Series:
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
            series.append(spread_series(training.label, steps, values))
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
