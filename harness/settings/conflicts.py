"""Settings of one command that have no effect, or contradict each other."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from harness.errors import UsageError
from harness.settings.dotted import show_value
from harness.settings.run import RunConfig

IDLE: dict[str, tuple[str, Any]] = {
    "recalibration_images": ("bn_mode", "batch"),
    "probe_paths": ("probe_every", 0),
    "probe_images": ("probe_every", 0),
    "rank_every_archs": ("rank_every", 0),
    "snapshot_every": ("rank_snapshots", 1),
}
"""Settings that another one can leave without effect, with it and its value that does so."""


def find_idle(
    config: RunConfig, given: Mapping[str, Any], read: Container[str] = RunConfig.model_fields
) -> list[str]:
    """Find the settings that have no effect in a run, each with what makes it so.

    Args:
        config: The run.
        given: What a user gave for this very command.
        read: The settings that some estimator that is asked for reads.

    Returns:
        A line for each.
    """
    unread = [
        f"{key} = {show_value(value)}, since no requested estimator reads it."
        for key, value in given.items()
        if key in RunConfig.model_fields and key not in read
    ]
    return unread + [
        f"{key} = {given[key]!r}, since {other} is {value!r}."
        for key, (other, value) in IDLE.items()
        if key in given and key in read and getattr(config, other) == value
    ]


def refuse_contradictions(
    config: RunConfig, options: Mapping[str, Sequence[Any]], assigned: Mapping[str, Any]
) -> None:
    """Refuse an option and a `--set` that give one setting different values.

    Args:
        config: The run that has the assigned values, validated.
        options: By setting, the values that options of the command give it: several seeds, else
            one.
        assigned: The settings that `--set` gives.

    Raises:
        UsageError: If there is such a setting; both values are named.
    """
    for key, values in options.items():
        if key in assigned and list(values) != [getattr(config, key)]:
            option = _OPTIONS.get(key, key).replace("_", "-")
            given = ",".join(map(str, values))
            raise UsageError(
                f"--{option} {given} and --set {key}={assigned[key]} contradict each other. Give "
                "one of them."
            )


_OPTIONS = {
    "seed": "seeds",
    "rank_readout": "readout",
}
"""Names of options by setting, where they differ."""
