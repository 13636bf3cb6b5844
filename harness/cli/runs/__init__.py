"""`harness runs`: the stored runs. One module per command, imported when it is called."""

from __future__ import annotations

import click

from harness.cli.lazy import LazyGroup

COMMANDS = {
    "compare": ("harness.cli.runs.compare:compare", "Compare two runs side by side."),
    "export": ("harness.cli.runs.export:export", "Write the curves of runs for TensorBoard."),
    "list": ("harness.cli.runs.list:list_", "List runs, with filters."),
    "rm": ("harness.cli.runs.rm:rm", "Remove runs."),
    "show": ("harness.cli.runs.show:show", "Show everything about one run."),
}
"""Module and short help of each command."""


@click.group(cls=LazyGroup, commands=COMMANDS)
def runs() -> None:
    """List, show, compare, export and remove stored runs."""
