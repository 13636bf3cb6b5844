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


def score_options(command: Command) -> Command:
    """Add the options for how scores are read."""
    return add_options(
        click.option(
            "--space",
            metavar="NAME|MODULE:CLASS",
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
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="Lower scores are better in this score file; repeatable.",
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
            help="Leave out and count bad rows instead of refusing the file.",
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
