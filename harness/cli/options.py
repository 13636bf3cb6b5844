"""Options that several commands share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import click

from harness.errors import UsageError
from harness.estimators.naming import parse_names
from harness.report.parts import PARTS, parse_parts
from harness.spaces import Space, load_space

Command = TypeVar("Command", bound=Callable[..., Any])


class StrictCommand(click.Command):
    """A command that refuses an option of one value that is given twice.

    Click takes the last one, so that half of what was asked for would be missing without a word.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments.

        Raises:
            UsageError: If an option of one value is given twice.
        """
        given = self.make_parser(ctx).parse_args(list(args))[2]
        for option, count in Counter(given).items():
            if not isinstance(option, click.Option) or option.multiple or option.is_flag:
                continue
            if count > 1:
                raise UsageError(
                    f"{option.opts[0]} was given {count} times, and takes one value. Give it once."
                )
        return super().parse_args(ctx, args)


def add_options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Return a decorator that adds options in this order."""

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def format_options(command: Command) -> Command:
    """Add the options for the output format."""
    return add_options(
        click.option(
            "--format",
            "output_format",
            type=click.Choice(("table", "csv", "json", "latex", "markdown")),
            default="table",
            show_default=True,
            help="Output format.",
        ),
        click.option("--json", "as_json", is_flag=True, help="The same as --format json."),
    )(command)


def part_options(command: Command) -> Command:
    """Add the options that say how much of a report is printed."""
    return add_options(
        click.option(
            "--section",
            "parts",
            metavar="NAMES",
            callback=lambda _context, _option, given: parse_parts(given),
            help="Print these parts only, in any format, comma-separated: "
            f"{'; '.join(f'{name} ({what})' for name, what in PARTS.items())}.",
        ),
        click.option(
            "--full", is_flag=True, help="Print all parts. Formats other than table always do."
        ),
    )(command)


def check_parts(parts: Sequence[str], full: bool) -> None:
    """Refuse to print some parts and all.

    Raises:
        UsageError: If both are asked for.
    """
    if parts and full:
        raise UsageError("--section and --full were given: some parts, or all. Give one of them.")


def archs_option(command: Command) -> Command:
    """Add the option for a list of one's own of architectures to rank."""
    return click.option(
        "--archs",
        "archs_file",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Rank exactly the architectures of this file: a table as 'harness evaluate' reads "
        "it, with or without scores, or a text with one on each line.",
    )(command)


def truth_options(
    default: str = "the data set's usual", policy: str = "mean"
) -> Callable[[Command], Command]:
    """Return a decorator that adds the options that say which truth is meant, but its data set.

    Args:
        default: What split and epochs are by default, in words.
        policy: What the policy is by default, in words.
    """
    return add_options(
        click.option(
            "--split", help=f"Images that accuracy is of. [valid|test]  [default: {default}]"
        ),
        click.option(
            "--epochs",
            type=click.IntRange(min=1),
            help=f"Training length behind each accuracy, in epochs.  [default: {default}]",
        ),
        click.option(
            "--policy",
            help="How an architecture's trials become one number. [mean|trial=K|seed=S]  "
            f"[default: {policy}]",
        ),
        click.option(
            "--truth-metric",
            "metric",
            metavar="NAME",
            help="What the truth measures, such as robust:pgd@linf:eps=1 or latency:raspi4; "
            "'harness truth list' names all.  [default: accuracy]",
        ),
        click.option(
            "--truth",
            metavar="NAME|PATH",
            help="Truth table: a name from 'harness truth list', or a file.  "
            "[default: by data set]",
        ),
    )


def score_options(command: Command) -> Command:
    """Add the options for how scores are read."""
    return add_options(
        click.option(
            "--space",
            metavar="NAME|MODULE:CLASS",
            callback=lambda _context, _option, name: find_space(name),
            help="Search space of the scores.  [default: that of the runs, or that the files name]",
        ),
        click.option(
            "--readout",
            type=click.Choice(("shared", "refitted")),
            help="Use the scores of runs by this readout.  [default: each run's own]",
        ),
        click.option(
            "--lower-is-better", is_flag=True, help="Lower scores are better (score files)."
        ),
        click.option(
            "--lower-in",
            multiple=True,
            metavar="FILE[::COLUMN]",
            type=click.Path(path_type=Path),
            help="Lower scores are better in this score file, or this column of it; repeatable.",
        ),
        click.option(
            "--score-column",
            multiple=True,
            metavar="NAME",
            default=("score",),
            show_default="score",
            help="Column of score files that holds scores. Several, repeated, as a,b, or by a "
            "pattern such as '*' for all of numbers, are an estimator each. Of one file: "
            "FILE::COLUMN.",
        ),
        click.option(
            "--arch-column",
            metavar="NAME",
            help="Column of score files that names the architectures.  [default: found by its "
            "values]",
        ),
        click.option(
            "--arch-form",
            metavar="FORM",
            help="Form of the architectures, where a file can be read in two, such as ops or naslib"
            " for six digits.  [default: found by the values]",
        ),
        click.option(
            "--rows",
            multiple=True,
            metavar="COLUMN=VALUE",
            callback=lambda _context, _option, given: _parse_rows(given),
            help="Read only such rows of score files; repeatable: another column narrows further, "
            "another value of a column is added.",
        ),
        click.option(
            "--exclude-bad",
            is_flag=True,
            help="Leave out and count bad rows instead of refusing the file.",
        ),
        click.option(
            "--worst-if-bad",
            is_flag=True,
            help="Rank infinite scores, and those too large for a number, last, as ties.",
        ),
    )(command)


def list_reading(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those options of a command that `load_estimators` takes."""
    from harness.scores import ReadOptions

    taken = {field.name for field in fields(ReadOptions)} | {"lower_in", "readout"}
    return {name: options[name] for name in taken & options.keys()}


def _parse_rows(given: tuple[str, ...]) -> dict[str, list[str]]:
    """Gather the values of each column."""
    rows: dict[str, list[str]] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not (name and sign):
            raise UsageError(f"--rows '{text}' is not COLUMN=VALUE, such as dataset=cifar10.")
        rows.setdefault(name.strip(), []).append(value)
    return rows


def where_option(command: Command) -> Command:
    """Add the option that makes populations of architectures that satisfy constraints."""
    return click.option(
        "--where",
        multiple=True,
        metavar="CONDITIONS",
        help="Also rank those architectures alone that satisfy this, such as 'latency:raspi4 < 20 "
        "and params < 1000000': truth metrics and free scores; repeatable, a population each.",
    )(command)


def estimators_option(command: Command) -> Command:
    """Add the option that chooses among the estimators that were given, and combines them."""
    return click.option(
        "--estimators",
        metavar="NAMES",
        callback=lambda _context, _option, given: parse_names(given, "--estimators"),
        help="Which to take, comma-separated: labels, free baselines, 'floor' for the "
        "space's floor, and combinations by rank such as live_params+jacov; 'all' is those that "
        "were given.  [default: all]",
    )(command)


def label_option(command: Command) -> Command:
    """Add the option that names each path of scores."""
    return click.option(
        "--label",
        "labels",
        multiple=True,
        metavar="NAME",
        help="Name of each of SCORES, in their order, such as the machine of its runs: equal runs "
        "of two machines can then be compared.  [default: made from what is known]",
    )(command)


def find_space(name: str | None) -> Space | None:
    """Return the space that was asked for, if any."""
    return None if name is None else load_space(name)


def data_dir_option(command: Command) -> Command:
    """Add the option that names the data folder."""
    return click.option(
        "--data-dir",
        type=click.Path(path_type=Path),
        help="Data folder.  [default: $HARNESS_DATA, else the user cache folder]",
    )(command)
