"""`harness report`: estimators side by side, as tables, as a page, and as figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import data_dir_option, find_space, format_options, score_options

if TYPE_CHECKING:
    from harness.report import Report


@click.command()
@click.argument("scores", nargs=-1, type=click.Path(path_type=Path))
@format_options
@click.option(
    "--html",
    "html_file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write one page instead, which opens in any browser without a network.",
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
    help="Compare all others with this one, or all with params, flops or random.  [default: runs "
    "with spos of equal settings, others with the first]",
)
@click.option(
    "--truth-dataset",
    "--dataset",
    "truth_datasets",
    multiple=True,
    help="Hold the rankings against this data set of the truth, such as cifar100; repeated, "
    "against each. Needed for score files alone.  [default: that of the runs' images]",
)
@click.option(
    "--split", help="Images that truth was measured on. [valid|test]  [default: test, if any]"
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    help="Length of the trainings behind it.  [default: the longest]",
)
@click.option(
    "--policy", help="Its trials: the mean, or one. [mean|trial=K|seed=S]  [default: mean]"
)
@click.option(
    "--truth",
    metavar="NAME|PATH",
    help="A table of 'harness truth list', or a file.  [default: by data set]",
)
@score_options
@data_dir_option
def report(
    scores: tuple[Path, ...],
    output_format: str,
    as_json: bool,
    html_file: Path | None,
    plots_dir: Path | None,
    baseline: str | None,
    truth_datasets: tuple[str, ...],
    split: str | None,
    epochs: int | None,
    policy: str | None,
    truth: str | None,
    lower_is_better: bool,
    lower_in: tuple[Path, ...],
    readout: str | None,
    space: str | None,
    score_column: str,
    exclude_bad: bool,
    data_dir: Path | None,
) -> None:
    """Compare SCORES with each other (default: the runs in results/runs).

    SCORES are run folders, folders of these, and score files, in any mixture; score files are as
    'harness evaluate' takes them. All are ranked on the architectures that all have scored.
    Without --html and --plots the tables are printed. Needs no torch.

    Runs are held against the truth of their own images unless told otherwise. How a ranking
    transfers from CIFAR-10, say: --truth-dataset cifar10 --truth-dataset cifar100
    --truth-dataset ImageNet16-120.
    """
    from harness.estimators.loading import load_estimators
    from harness.report import TruthChoice, make_report

    loaded = load_estimators(
        scores or (Path("results/runs"),),
        score_column=score_column,
        lower_is_better=lower_is_better,
        lower_in=lower_in,
        exclude_bad=exclude_bad,
        readout=readout,
        space=find_space(space),
    )
    truths = [
        TruthChoice(dataset, split, epochs, policy, truth) for dataset in truth_datasets or (None,)
    ]
    made = make_report(loaded, truths, baseline=baseline, data_dir=data_dir)
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

        click.echo(REPORT_WRITERS[name](made), nl=False)
    elif html_file is None and plots_dir is None:
        print_report(made)


def print_report(made: Report) -> None:
    """Print a report for people."""
    from harness.cli.printing import print_document
    from harness.report.rendering import report_document

    print_document(report_document(made))
