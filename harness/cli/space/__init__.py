"""`harness space`: what can be ranked. One module a command, imported when it is called."""

from __future__ import annotations

import click

from harness.cli.lazy import LazyGroup

COMMANDS = {"show": ("harness.cli.space.show:show", "One architecture: graphs, size, a picture.")}
"""Where each command is, and its short help."""


@click.group(cls=LazyGroup, commands=COMMANDS)
def space() -> None:
    """Look at the architectures of search spaces."""
