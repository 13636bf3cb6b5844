"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from harness.spaces import Space, load_space

Command = TypeVar("Command", bound=Callable[..., Any])


def add_options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Return a decorator that adds options in this order."""

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def format_options(command: Command) -> Command:
    """Add the options that say how results are printed."""
    return add_options(
        click.option(
            "--format",
            "output_format",
            type=click.Choice(("table", "csv", "json", "latex", "markdown")),
            default="table",
            show_default=True,
            help="How to print it.",
        ),
        click.option("--json", "as_json", is_flag=True, help="The same as --format json."),
    )(command)


def score_options(command: Command) -> Command:
    """Add the options that say how scores are read."""
    return add_options(
        click.option(
            "--space",
            metavar="NAME|MODULE:CLASS",
            help="Search space of the scores.  [default: that of the runs, or that the files name]",
        ),
        click.option(
            "--readout",
            type=click.Choice(("shared", "refitted")),
            help="Take the scores of runs by this readout.  [default: each run's own]",
        ),
        click.option(
            "--lower-is-better", is_flag=True, help="A lower score is better (score files)."
        ),
        click.option(
            "--lower-in",
            multiple=True,
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="A lower score is better in this one of the score files; repeatable.",
        ),
        click.option(
            "--score-column",
            default="score",
            show_default=True,
            help="Column of the scores (score files).",
        ),
        click.option(
            "--exclude-bad",
            is_flag=True,
            help="Leave out bad rows, and count them, instead of refusing.",
        ),
    )(command)


def find_space(name: str | None) -> Space | None:
    """Return the space that was asked for, if one was."""
    return None if name is None else load_space(name)


def data_dir_option(command: Command) -> Command:
    """Add the option that names the data folder."""
    return click.option(
        "--data-dir",
        type=click.Path(path_type=Path),
        help="Data folder.  [default: $HARNESS_DATA, else the user cache folder]",
    )(command)
