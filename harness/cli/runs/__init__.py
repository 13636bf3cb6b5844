"""`harness runs`: the runs that are stored. One module a command, imported when it is called."""

from __future__ import annotations

import click

from harness.cli.lazy import LazyGroup

COMMANDS = {
    "compare": ("harness.cli.runs.compare:compare", "How two runs differ, side by side."),
    "export": ("harness.cli.runs.export:export", "Write the curves of runs for TensorBoard."),
    "list": ("harness.cli.runs.list:list_", "Which runs there are, with filters."),
    "rm": ("harness.cli.runs.rm:rm", "Remove runs."),
    "show": ("harness.cli.runs.show:show", "All that is known of one run."),
}
"""Where each command is, and its short help."""


@click.group(cls=LazyGroup, commands=COMMANDS)
def runs() -> None:
    """List, show, compare, export and remove stored runs."""
