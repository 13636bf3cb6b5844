"""Command groups that import a command only when it is called, to keep help fast."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from harness.errors import unknown_name


class LazyGroup(click.Group):
    """A group that imports a command when it is called."""

    def __init__(self, commands: Mapping[str, tuple[str, str]], **options: Any) -> None:
        """Make the group.

        Args:
            commands: By name, `module:attribute` of the command and its short help.
            options: Options of `click.Group`.
        """
        super().__init__(**options)
        self._places = dict(commands)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the sorted names."""
        return sorted(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Import a command.

        Raises:
            UsageError: If the name is unknown.
        """
        if cmd_name not in self._places:
            raise unknown_name("command", cmd_name, self._places)
        module_name, _, attribute = self._places[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module_name), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._places[name][1]) for name in self.list_commands(ctx)])
