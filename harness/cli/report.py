"""`harness report`: estimators side by side, as tables, as a page, and as figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

REST = ("--full, or --html report.html (a page with figures)",)
"""What prints more than a section."""


@click.command(cls=StrictCommand)
@click.argument("scores", nargs=-1, type=click.Path(path_type=Path))
@part_options
@format_options
@click.option(
    "--html",
    "html_file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write an HTML page instead, which opens in any browser, offline.",
)
@click.option(
    "--plots",
    "plots_dir",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the figures instead, as PDF and SVG.",
)
@click.option(
    "--compare-with",
    "baseline",
    metavar="LABEL",
    help="Estimator to compare all others with, a free baseline such as live_params, or a "
    "combination.  [default: for supernets, spos with equal settings; for proxies and combinations,"
    " the space's floor; for others, the first]",
)
@estimators_option
@click.option(
    "--floor",
    metavar="NAME",
    help="What added values are measured against, such as live_params+jacov.  [default: "
    "the space's floor, of nb201 live_params]",
)
@click.option(
    "--trade-off",
    metavar="NAME",
    help="Second objective, known of all architectures, such as latency:raspi4 or params: what the "
    "10 and 50 picks by score and objective reach of the best hypervolume.",
)
@click.option(
    "--trade-off-score",
    metavar="NAME",
    help="What estimates the second objective, where picks are not to know it: named as with "
    "--estimators; of a free score such as flops, less is better.  [default: it is known]",
)
@click.option(
    "--truth-dataset",
    "--dataset",
    "truth_datasets",
    multiple=True,
    help="The truth's data set, such as cifar100; repeatable. Required if only score files are "
    "given.  [default: that of the runs' images]",
)
@truth_options()
@where_option
@score_options
@label_option
@data_dir_option
def report(
    scores: tuple[Path, ...],
    parts: tuple[str, ...],
    full: bool,
    output_format: str,
    as_json: bool,
    html_file: Path | None,
    plots_dir: Path | None,
    baseline: str | None,
    estimators: list[str],
    floor: str | None,
    trade_off: str | None,
    trade_off_score: str | None,
    truth_datasets: tuple[str, ...],
    split: str | None,
    epochs: int | None,
    policy: str | None,
    metric: str | None,
    truth: str | None,
    where: tuple[str, ...],
    data_dir: Path | None,
    **reading: Any,
) -> None:
    """Compare SCORES with each other (default: the runs in results/runs).

    SCORES are run folders, folders of these, and score files (as for 'harness evaluate'), in any
    mixture. All are judged on the architectures that all have scored. Prints the answer in three
    sentences and the leaderboard; --section and --full print the rest, --html and --plots write
    files instead. Needs no torch.

    Runs are judged by the truth of their own images by default. To see how a ranking transfers,
    for instance from CIFAR-10: --truth-dataset cifar10 --truth-dataset cifar100
    --truth-dataset ImageNet16-120.
    """
    from harness.cli.progress import show_share
    from harness.estimators.loading import load_estimators
    from harness.report import TruthChoice, make_report

    _check_options(parts, full, {"--html": html_file, "--plots": plots_dir})
    loaded = load_estimators(scores or (Path("results/runs"),), **reading)
    truths = [
        TruthChoice(dataset, split, epochs, policy, truth, metric, where)
        for dataset in truth_datasets or (None,)
    ]
    with show_share("evaluating") as watch:
        made = make_report(
            loaded,
            truths,
            baseline=baseline,
            data_dir=data_dir,
            watch=watch,
            estimators=estimators,
            floor=floor,
            trade_off=trade_off,
            trade_off_score=trade_off_score,
        )
    if html_file is not None:
        from harness.report.page import save_page

        save_page(made, html_file)
        click.echo(f"Wrote {html_file}.", err=True)
    if plots_dir is not None:
        from harness.report.plots import save_plots

        n_files = len(save_plots(made, plots_dir))
        click.echo(f"Wrote {n_files} files to {plots_dir}.", err=True)
    name = "json" if as_json else output_format
    if name != "table":
        from harness.report.rendering import REPORT_WRITERS

        click.echo(REPORT_WRITERS[name](made, parts), nl=False)
    elif html_file is None and plots_dir is None:
        print_report(made, parts=parts, full=full)


def _check_options(parts: Sequence[str], full: bool, files: Mapping[str, Path | None]) -> None:
    """Refuse options of what is printed that contradict each other.

    Raises:
        UsageError: If they do.
    """
    given = [name for name, file in files.items() if file is not None]
    check_parts(parts, full)
    if given and (parts or full):
        raise UsageError(
            f"{'--section' if parts else '--full'} was given with {given[0]}: a file has all parts."
            f" Leave it out, or print them without {given[0]}."
        )


def print_report(
    report: Report,
    command: str | None = None,
    parts: Sequence[str] = (),
    full: bool = False,
    rest: Sequence[str] = REST,
) -> None:
    """Print a report for people: the answer and the leaderboard, or parts of it, or all.

    Args:
        report: The report.
        command: What prints it again; by default the one that was given.
        parts: The parts to print, names of `PARTS`.
        full: Whether to print all.
        rest: What else to add to the command, besides names of parts.
    """
    from harness.cli.printing import print_document, print_short
    from harness.report.answer import answer_document
    from harness.report.leaderboard import EXPENDABLE
    from harness.report.rendering import list_parts, report_document

    if parts or full:
        print_document(report_document(report, parts))
        return
    names = "|".join(list_parts(report))
    more = (
        "More, by adding to the same command:" if command is None else f"More: {command}",
        f"  --section {names}",
        *(f"  {line}" for line in rest),
    )
    print_short(answer_document(report), EXPENDABLE, more)
