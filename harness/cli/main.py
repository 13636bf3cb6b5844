"""The command line, `harness`. Commands are imported only when they are used."""

from __future__ import annotations

import io
import sys
from typing import Any

import click

from harness.cli.lazy import LazyGroup
from harness.cli.output import code_of_output, lasting_output
from harness.cli.printing import clean_lines
from harness.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, HarnessError, Interrupted
from harness.provenance import DISTRIBUTION

COMMANDS = {
    "check": ("harness.cli.check:check", "Fail if a new ranking is worse than the baseline."),
    "data": ("harness.cli.data:data", "Fetch, list and verify data sets."),
    "evaluate": (
        "harness.cli.evaluate:evaluate",
        "Evaluate any scores against the truth.",
    ),
    "rank": ("harness.cli.rank:rank", "Rank the trained supernets of runs again."),
    "report": ("harness.cli.report:report", "Compare runs and score files: tables, page, figures."),
    "run": ("harness.cli.run:run", "Train supernets, rank architectures, evaluate the ranking."),
    "runs": ("harness.cli.runs:runs", "List, show, compare and remove runs."),
    "search": ("harness.cli.search:search", "Search a space; judge what was found by the truth."),
    "space": ("harness.cli.space:space", "Look at an architecture: graphs, size, picture."),
    "sweep": ("harness.cli.sweep:sweep", "Run a study: a grid or a list of runs."),
    "truth": ("harness.cli.truth:truth", "Build, import, inspect and export truth tables."),
}
"""Module and short help of each command, so that `--help` does not import them."""


@click.group(
    cls=LazyGroup, commands=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name=DISTRIBUTION)
def cli() -> None:
    """Measure how well estimators, such as weight-sharing supernets, rank architectures.

    Start with: harness run --space nb201
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line, and exit with its code.

    A class of one's own, `module:Class`, is found in the current folder too, after all else.
    """
    if "" not in sys.path:
        sys.path.append("")
    with lasting_output() as output:
        code = _run(arguments)
    sys.exit(code_of_output(output, code))


def _run(arguments: list[str] | None) -> int:
    """Run a command; an error that a user can fix is printed without a traceback."""
    try:
        result: Any = cli.main(args=arguments, standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("Interrupted.", err=True)
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        click.echo(clean_lines(shown.getvalue()), err=True, nl=False)
        return error.exit_code
    except Interrupted as error:  # asked for: not an error
        click.echo(f"{error} Run the same command to resume.", err=True)
        return error.exit_code
    except HarnessError as error:
        click.echo(clean_lines(f"Error: {error}"), err=True)
        return error.exit_code
    except ModuleNotFoundError as error:  # a report needs no torch, so it may be missing
        if error.name != "torch":
            raise
        click.echo(
            "Error: This command computes with torch, which is not installed: pip install torch.",
            err=True,
        )
        return EXIT_FAILED
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else EXIT_FAILED
    return result if isinstance(result, int) else EXIT_OK
