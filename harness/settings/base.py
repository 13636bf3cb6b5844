"""The base class of the settings of strategies and estimators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.errors import UsageError, unknown_name
from harness.settings.dotted import show_value
from harness.spaces import Space, load_space

if TYPE_CHECKING:
    from harness.settings.run import RunConfig


class Settings(BaseModel):
    """Settings of one strategy or estimator: a table of the run's configuration.

    Attributes:
        table: The table's name, as in `--set table.key=value`.
        later: Names of fields that are younger than stored runs. Their defaults are what those
            runs had, and never change: a field at its default is not stored, so that such a run
            keeps its name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    table: ClassVar[str]
    later: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """Make settings from what a user gave.

        Raises:
            UsageError: If a key is unknown or a value is not allowed.
        """
        cls.check_keys(given)
        try:
            return cls(**given)
        except ValidationError as error:
            raise UsageError(explain(error, cls.table)) from error

    @classmethod
    def of(cls, config: RunConfig) -> Self:
        """Make the settings of a run, from its table.

        Raises:
            UsageError: If a key is unknown or a value is not allowed.
        """
        own = config.tables.get(cls.table, {})
        return cls.read({**cls.defaults(load_space(config.space)), **own})

    @classmethod
    def defaults(cls, space: Space) -> Mapping[str, Any]:
        """Return the defaults that a space has, where they are not the fields' own."""
        return {}

    @classmethod
    def check_keys(cls, given: Mapping[str, Any], where: str = "") -> None:
        """Refuse unknown keys.

        Args:
            given: The table.
            where: Where the user gave it, for the message.

        Raises:
            UsageError: If a key is unknown.
        """
        for key in given:
            if key not in cls.model_fields:
                allowed = [f"{cls.table}.{name}" for name in cls.model_fields]
                raise unknown_name(f"setting{where}", f"{cls.table}.{key}", allowed)

    def stored(self) -> dict[str, Any]:
        """Return the settings that have an effect: they are stored, and hashed for the name."""
        return {
            key: value
            for key, value in self.model_dump().items()
            if key not in self.later or value != type(self).model_fields[key].default
        }


class SparseSettings(Settings):
    """Settings of which those without a value are not stored."""

    def stored(self) -> dict[str, Any]:
        """Return the settings that have an effect and a value."""
        return {key: value for key, value in super().stored().items() if value is not None}


def explain(error: ValidationError, table: str = "") -> str:
    """Describe which settings are not allowed, and what is allowed instead."""

    def name(parts: Iterable[object]) -> str:
        return ".".join(str(part) for part in (table, *parts) if part != "")

    details = "; ".join(
        f"{name(item['loc'])} = {show_value(item['input'])}: {item['msg']}"
        for item in error.errors()
    )
    return f"Not an allowed setting: {details}."
