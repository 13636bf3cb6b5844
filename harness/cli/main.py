"""The command line: `harness`. Commands are imported only when they are used."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from harness.errors import EXIT_INTERRUPTED, HarnessError, Interrupted, unknown_name

COMMANDS = {
    "report": ("harness.cli.report:report", "Make the ranking-correlation table of runs."),
    "run": ("harness.cli.run:run", "Train supernets, rank architectures, score the ranking."),
    "truth": ("harness.cli.truth:truth", "Build a table of ground truth."),
}
"""Where each command is, and its short help, so that `--help` imports none of them."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Import a command.

        Raises:
            UsageError: If there is none of that name.
        """
        if cmd_name not in COMMANDS:
            raise unknown_name("command", cmd_name, COMMANDS)
        module_name, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module_name), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="harness")
def cli() -> None:
    """Measure how well a weight-sharing supernet ranks architectures, and what disturbs it.

    Start with: harness run --space nb201
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; errors that a user can fix end it without a traceback."""
    try:
        result: Any = cli.main(args=arguments, standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("Interrupted.", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except Interrupted as error:  # asked for, so no error
        click.echo(f"{error} The same command goes on.", err=True)
        sys.exit(error.exit_code)
    except HarnessError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        sys.stderr.close()
        sys.exit(0)
    sys.exit(result if isinstance(result, int) else 0)
