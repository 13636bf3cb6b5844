"""`harness evaluate`: how well scores rank."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.options import (
    StrictCommand,
    data_dir_option,
    estimators_option,
    format_options,
    label_option,
    score_options,
    truth_options,
    where_option,
)


@click.command(cls=StrictCommand)
@click.argument("scores", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--dataset",
    "datasets",
    multiple=True,
    help="The truth's data set: tiles, cifar10, cifar10-valid, cifar100, ImageNet16-120, or one "
    "of --truth; repeatable. Required for score files.  [default for run folders: theirs]",
)
@truth_options()
@where_option
@score_options
@estimators_option
@label_option
@format_options
@data_dir_option
def evaluate(
    scores: tuple[Path, ...],
    datasets: tuple[str, ...],
    split: str | None,
    epochs: int | None,
    policy: str | None,
    metric: str | None,
    truth: str | None,
    where: tuple[str, ...],
    estimators: list[str],
    output_format: str,
    as_json: bool,
    data_dir: Path | None,
    **reading: Any,
) -> None:
    """Evaluate how well SCORES rank architectures, against a tabular truth.

    SCORES are score files, run folders, or folders of these; - is standard input. A score file
    (CSV, Parquet, JSON, npy or npz, perhaps packed by gzip) has a column of architectures, found by
    its values, a column score (or --score-column, or FILE::COLUMN), and optionally space, seed and
    method. Higher scores are better unless --lower-is-better is given.

    Prints every metric on every population, with its interval, and for comparison what one more
    training, a noiseless estimator, parameter counts and random scores reach. Needs no torch.
    """
    from harness.cli.printing import print_document
    from harness.cli.progress import show_share
    from harness.estimators.combined import select_estimators
    from harness.estimators.loading import load_estimators
    from harness.evaluation import choose_truth, count_populations, evaluate_estimator
    from harness.monitor import Ticks
    from harness.report.rendering import EVALUATION_WRITERS, evaluation_document

    loaded = load_estimators(scores, **reading)
    shown = select_estimators(estimators, loaded.estimators)
    truths = [
        choose_truth(
            dataset, split, epochs, policy, truth, data_dir, shown, metric=metric, where=where
        )
        for dataset in dict.fromkeys(datasets or (None,))
    ]
    each = [(estimator, chosen) for chosen in truths for estimator in shown]
    with show_share("evaluating") as watch:
        tick = Ticks(watch, len(each) * count_populations(truths[0]))
        results = [evaluate_estimator(*one, tick=tick) for one in each]
    for run in loaded.unfinished:
        click.echo(f"Left out, not finished: {run}.", err=True)
    name = "json" if as_json else output_format
    if name == "table":
        print_document(evaluation_document(results))
    else:
        click.echo(EVALUATION_WRITERS[name](results), nl=False)
