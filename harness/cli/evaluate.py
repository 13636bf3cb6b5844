"""`harness evaluate`: how well anybody's scores rank."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import data_dir_option, find_space, format_options, score_options


@click.command()
@click.argument("scores", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--dataset",
    help="The truth's data set: tiles, cifar10, cifar10-valid, cifar100, ImageNet16-120, or one "
    "of --truth. Needed for score files.  [default for run folders: theirs]",
)
@click.option("--split", help="Images of the truth. [valid|test]  [default: the data set's usual]")
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    help="Length of the truth's training.  [default: the data set's usual]",
)
@click.option(
    "--policy",
    default="mean",
    show_default=True,
    help="How trials become one number. [mean|trial=K|seed=S]",
)
@click.option(
    "--truth",
    metavar="NAME|PATH",
    help="A table of 'harness truth list', or a file.  [default: by --dataset]",
)
@score_options
@format_options
@data_dir_option
def evaluate(
    scores: tuple[Path, ...],
    dataset: str | None,
    split: str | None,
    epochs: int | None,
    policy: str,
    truth: str | None,
    lower_is_better: bool,
    lower_in: tuple[Path, ...],
    readout: str | None,
    space: str | None,
    score_column: str,
    exclude_bad: bool,
    output_format: str,
    as_json: bool,
    data_dir: Path | None,
) -> None:
    """Evaluate how well SCORES rank architectures, against a tabular truth.

    SCORES are score files, run folders, or folders of these. A score file (.csv, .tsv, .parquet,
    .json, .jsonl) has a column arch_str or arch (the space's strings) or nb201_index, arch_index
    or index (places in the published order), a column score, and may have space, seed and method.
    Higher scores are better unless --lower-is-better says otherwise.

    Every metric on every population, with its interval, beside what one more training, a
    noiseless estimator, parameter counts and random scores reach. Needs no torch.
    """
    from harness.cli.printing import print_document
    from harness.estimators.loading import load_estimators
    from harness.evaluation import choose_truth, evaluate_estimator
    from harness.report.rendering import EVALUATION_WRITERS, evaluation_document

    loaded = load_estimators(
        scores,
        score_column=score_column,
        lower_is_better=lower_is_better,
        lower_in=lower_in,
        readout=readout,
        exclude_bad=exclude_bad,
        space=find_space(space),
    )
    chosen = choose_truth(dataset, split, epochs, policy, truth, data_dir, loaded.estimators)
    results = [evaluate_estimator(estimator, chosen) for estimator in loaded.estimators]
    for run in loaded.unfinished:
        click.echo(f"Left out, not finished: {run}.", err=True)
    name = "json" if as_json else output_format
    if name == "table":
        print_document(evaluation_document(results))
    else:
        click.echo(EVALUATION_WRITERS[name](results), nl=False)
