"""`harness evaluate`: how well scores rank."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import (
    StrictCommand,
    check_parts,
    data_dir_option,
    estimators_option,
    format_options,
    label_option,
    part_options,
    score_options,
    truth_options,
    where_option,
)
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.report import Report

REST = (
    "--full (every metric on every population)",
    "or a page with figures: harness report, with the same arguments and --html report.html",
)
"""What prints more than a section."""


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
@part_options
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
    parts: tuple[str, ...],
    full: bool,
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

    Prints the answer in three sentences and the leaderboard, as 'harness report' does, but judges
    each on all of its own architectures; --section prints other parts. --full prints every metric
    on every population, with its interval, and for comparison what one more training, a noiseless
    estimator, parameter counts and random scores reach. Needs no torch.
    """
    from harness.cli.progress import show_share
    from harness.estimators.combined import select_estimators
    from harness.estimators.loading import load_estimators
    from harness.evaluation import choose_truth, count_populations, evaluate_estimator
    from harness.monitor import Ticks
    from harness.report.rendering import EVALUATION_WRITERS
    from harness.report.report import report_apart

    name = "json" if as_json else output_format
    check_parts(parts, full)
    if parts and name != "table":
        raise UsageError(
            f"--section was given with --format {name}: of an evaluation, that has all figures. "
            "Leave it out, or take parts with 'harness report --section'."
        )
    loaded = load_estimators(scores, **reading)
    shown = select_estimators(estimators, loaded.estimators)
    truths = [
        choose_truth(
            dataset, split, epochs, policy, truth, data_dir, shown, metric=metric, where=where
        )
        for dataset in dict.fromkeys(datasets or (None,))
    ]
    for run in loaded.unfinished:
        click.echo(f"Left out, not finished: {run}.", err=True)
    if name == "table":
        with show_share("evaluating") as watch:
            made = report_apart(shown, truths, watch)
        _print(made, parts, full)
        return
    each = [(estimator, chosen) for chosen in truths for estimator in shown]
    with show_share("evaluating") as watch:
        tick = Ticks(watch, len(each) * count_populations(truths[0]))
        results = [evaluate_estimator(*one, tick=tick) for one in each]
    click.echo(EVALUATION_WRITERS[name](results), nl=False)


def _print(report: Report, parts: tuple[str, ...], full: bool) -> None:
    """Print an evaluation for people."""
    from harness.cli.printing import print_document
    from harness.cli.report import print_report
    from harness.report.rendering import whole_document

    if full:
        print_document(whole_document(report))
    else:
        print_report(report, parts=parts, rest=REST)
