"""A configuration from layers: presets, a TOML file, options and assignments.

Precedence, lowest first: field defaults, preset, `--config` file, command line. An option and a
`--set` of one command must not contradict each other.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.errors import UsageError, unknown_name
from harness.settings.base import explain
from harness.settings.conflicts import refuse_contradictions
from harness.settings.dotted import flatten, merge, nest, show_value
from harness.settings.own import find_own, fit_preset
from harness.settings.presets import (
    EVERY_PRESET,
    LEAST_OF_ROUND,
    N_ROUNDS,
    OWN_PRESETS,
    PRESETS,
    images_in_rounds,
)
from harness.settings.run import RANKING, RunConfig
from harness.settings.stored import modernise
from harness.spaces import DEFAULT, Space, load_space

MIN_ROUNDS = 7
"""Fewest batches of images for `until_tau_se`: the error is first known after 5 batches, and has to
be small three times in a row."""

COUNTS = ("n_archs", "rank_offset", "rank_every_archs", "train_loss_archs")
"""Settings that count architectures of the space."""

ROUNDS = ("rank_images", "rank_batch")
"""Settings that `until_tau_se` decides where nothing else is given."""

CHOOSING = ("n_archs", "rank_offset", "archs")
"""Settings that say which architectures are ranked."""


def make_config(*layers: Mapping[str, Any]) -> RunConfig:
    """Merge layers of settings over a preset into a validated configuration.

    Args:
        *layers: Settings, lowest precedence first; tables such as `ogd` are merged key by key.
            `dataset` and `preset` are taken from the highest layer that has them, and so is the
            choice of architectures: by a list, or by a number and an offset. The data set may be
            the path of one's own images, which are then read.

    Returns:
        The configuration.

    Raises:
        UsageError: If a name or a key is unknown or a value is not allowed.
        DataError: If one's own images cannot be read.
    """
    given: dict[str, Any] = {}
    for layer in layers:
        _check_keys(layer)
        given = merge(_without_other_choice(given, layer), layer)
    dataset, preset = str(given.get("dataset", "tiles")), str(given.get("preset", "quick"))
    space = load_space(str(given.get("space", DEFAULT)))
    own = find_own(dataset, given)
    presets = PRESETS[dataset] if own is None else OWN_PRESETS
    known = [name for name in presets if name in space.presets]
    if preset not in known:
        elsewhere = f" of space '{space.name}'" if preset in presets else ""
        raise unknown_name(f"preset{elsewhere}", preset, known)
    preset_settings: Mapping[str, Any] = {**EVERY_PRESET, **presets[preset]}
    preset_settings = merge(preset_settings, space.presets[preset])
    in_rounds = given.get("until_tau_se") is not None
    if in_rounds:
        preset_settings = merge(preset_settings, {"rank_images": images_in_rounds(dataset)})
    if own is None:
        given.pop("images", None)  # of another layer's data set
    else:
        given |= {"dataset": own.name, "images": str(own.path)}
        preset_settings = fit_preset(preset_settings, own.sizes)
    merged = merge(preset_settings, given)
    n_images = merged.get("rank_images")
    if in_rounds and "rank_batch" not in given and isinstance(n_images, int):
        merged["rank_batch"] = max(LEAST_OF_ROUND, n_images // N_ROUNDS)
    _settle_cells(merged, given, space)
    _settle_archs(merged, given, space)
    if merged.get("n_archs") == "all":
        merged["n_archs"] = size_of(space)
    try:
        config = RunConfig(**merged)
    except ValidationError as error:
        raise UsageError(explain(error)) from error
    _check_counts(config, space)
    config = _spread_snapshots(config, given)
    _check_rounds(config)
    _check_snapshots(config)
    return config


def _without_other_choice(low: Mapping[str, Any], high: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out of a layer which architectures are ranked, where a higher one says it otherwise."""
    chosen = [key for key in CHOOSING if high.get(key) is not None]
    if not chosen:
        return low
    idle = ("n_archs", "rank_offset") if "archs" in chosen else ("archs",)
    return {key: value for key, value in low.items() if key not in idle}


def _settle_cells(merged: dict[str, Any], given: Mapping[str, Any], space: Space) -> None:
    """Set `cells` to 1 where a space leaves nothing to choose; refuse another number."""
    if space.has_cells:
        return
    if given.get("cells", 1) != 1:
        raise UsageError(
            f"cells = {given['cells']!r:.40} was given; the number of blocks of a network of space "
            f"'{space.name}' is fixed. Leave it out; channels sets the width."
        )
    merged["cells"] = 1


def _settle_archs(merged: dict[str, Any], given: Mapping[str, Any], space: Space) -> None:
    """Let a list of one's own decide which architectures are ranked, and in which order.

    The order is that of a hash, whatever that of the list: the same architectures are the same
    run, and the first of them, by which a ranking may decide something, are no choice of anybody.

    Raises:
        UsageError: If it is no such list, an architecture is unknown or listed twice, or
            `n_archs` or `rank_offset` asks for others.
    """
    listed = merged.get("archs")
    if listed is None:
        return
    is_list = isinstance(listed, (list, tuple)) and all(isinstance(one, str) for one in listed)
    if not is_list or not listed:
        raise UsageError(
            f"archs = {show_value(listed)} was given; it is a list of at least one string of an "
            "architecture. `harness run --archs FILE` reads one from a file."
        )
    names = [space.format(space.parse(text)) for text in listed]
    if repeated := [name for name, n in Counter(names).items() if n > 1]:
        raise UsageError(
            f"archs lists {len(repeated):,} architectures more than once, such as {repeated[0]}. "
            "Each is ranked once: leave the repeats out."
        )
    asked = given.get("n_archs", len(names)), given.get("rank_offset", 0)
    if asked != (len(names), 0):
        raise UsageError(
            f"n_archs = {asked[0]} and rank_offset = {asked[1]} were asked for besides archs, a "
            f"list of {len(names):,} architectures, all of which are ranked. Leave out the list, or"
            " the others."
        )
    merged["archs"] = tuple(sorted(names, key=lambda name: sha256(name.encode()).digest()))
    merged |= {"n_archs": len(names), "rank_offset": 0}


def size_of(space: Space) -> int:
    """Return the number of architectures that figures can be of: what `all` stands for.

    Raises:
        UsageError: If the space cannot be enumerated.
    """
    if space.n_judged is None:
        raise UsageError(
            f"n_archs = 'all' was given; the architectures of space '{space.name}' cannot be "
            "enumerated. Give a number."
        )
    return space.n_judged


def _check_counts(config: RunConfig, space: Space) -> None:
    """Refuse to rank more architectures than a space has."""
    if space.size is None:
        return
    for key in COUNTS:
        value = getattr(config, key)
        most = space.size - (key == "rank_offset")
        if value is not None and value > most:
            raise UsageError(
                f"Not an allowed setting: {key} = {value}: Input should be less than or equal to "
                f"{most}: space '{space.name}' has {space.size:,} architectures."
            )


def change_ranking(
    stored: RunConfig, options: Mapping[str, Any], assigned: Mapping[str, Any]
) -> RunConfig:
    """Change settings of the ranking of a run, and nothing of its training.

    Args:
        stored: The run, resolved.
        options: Settings that options of the command give, by key.
        assigned: Settings that `--set` gives.

    Returns:
        The run with the other ranking.

    Raises:
        UsageError: If a setting is not of the ranking, is not allowed, or an option and a `--set`
            contradict each other.
    """
    for key, value in assigned.items():
        if key not in RANKING:
            raise UsageError(
                f"{key} = {value!r:.60} was given; a trained supernet can only be ranked with "
                f"other settings of the ranking: {', '.join(sorted(RANKING))}. `harness run` "
                "trains another one."
            )
    given = {key: value for key, value in stored.model_dump().items() if value is not None}
    changed = {**options, **assigned}
    if stored.until_tau_se is None and "until_tau_se" in changed:
        given = {key: value for key, value in given.items() if key not in ROUNDS}
    config = make_config(given, changed)
    refuse_contradictions(config, {key: [value] for key, value in options.items()}, assigned)
    return config


def _spread_snapshots(config: RunConfig, given: Mapping[str, Any]) -> RunConfig:
    """Fit the preset's number of snapshots to the images, and their interval to the steps."""
    n, every = config.rank_snapshots, config.snapshot_every
    if "rank_snapshots" not in given:
        n = min(n, _count_batches(config), config.steps)
    if n == 1:  # an interval has no effect
        every = RunConfig.model_fields["snapshot_every"].default
    elif "snapshot_every" not in given:
        every = max(1, 2 * config.steps // (5 * n))
    return config.model_copy(update={"rank_snapshots": n, "snapshot_every": every})


def _count_batches(config: RunConfig) -> int:
    return -(-config.rank_images // config.rank_batch)


def _check_rounds(config: RunConfig) -> None:
    n_batches = _count_batches(config)
    if config.until_tau_se is not None and n_batches < MIN_ROUNDS:
        raise UsageError(
            f"until_tau_se = {config.until_tau_se} was given with rank_images = "
            f"{config.rank_images:,} in batches of rank_batch = {config.rank_batch:,}: {n_batches} "
            f"batches. The error that images leave in tau is known only after {MIN_ROUNDS} "
            "batches. Give more images, or a rank_batch of "
            f"{config.rank_images // MIN_ROUNDS} or less."
        )


def _check_snapshots(config: RunConfig) -> None:
    n_batches = _count_batches(config)
    if config.rank_snapshots > n_batches:
        raise UsageError(
            f"rank_snapshots = {config.rank_snapshots:,} was given with rank_images = "
            f"{config.rank_images:,} in batches of rank_batch = {config.rank_batch:,}: each "
            f"snapshot needs a batch, and there are only {n_batches:,}. Give more images, or a "
            "smaller rank_batch."
        )
    first = config.steps - (config.rank_snapshots - 1) * config.snapshot_every
    if first < 1:
        raise UsageError(
            f"rank_snapshots = {config.rank_snapshots:,} at intervals of snapshot_every = "
            f"{config.snapshot_every:,} do not fit into steps = {config.steps:,}. "
            f"Give a snapshot_every of {(config.steps - 1) // (config.rank_snapshots - 1):,} or "
            "less, or fewer rank_snapshots."
        )


def load_config_file(path: Path) -> dict[str, Any]:
    """Read settings from a TOML file.

    Args:
        path: The file; a run's own `config.toml` is one.

    Returns:
        The settings, with unknown keys already refused.

    Raises:
        UsageError: If the file is missing, is not TOML, or has an unknown key.
    """
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"Config file {path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML, or nested too deeply
        raise UsageError(f"Config file {path} is not TOML: {error}.") from error
    settings = modernise(settings)
    _check_keys(settings, f" in {path}")
    return settings


def parse_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """Parse `--set key=value` options.

    Args:
        assignments: Such as `lr=0.05`, `ogd.c=3` or `schedule=constant`. Values are read as
            TOML; what is not TOML is taken as a string.

    Returns:
        The settings, nested by the dots of the keys.

    Raises:
        UsageError: If there is no `=`, the key is unknown, or it is given two values.
    """
    settings: dict[str, Any] = {}
    texts: dict[str, str] = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key:
            raise UsageError(f"--set '{assignment}' is not key=value. Example: --set lr=0.05.")
        nested = nest(key.strip(), _parse_value(text.strip()))
        _check_keys(nested)
        for flat, value in flatten(nested).items():
            if flat in texts and flatten(settings)[flat] != value:
                raise UsageError(
                    f"--set {texts[flat]} and --set {assignment} contradict each other. Give one "
                    "of them."
                )
            texts[flat] = assignment
        settings = merge(settings, nested)
    return settings


def _parse_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def _check_keys(settings: Mapping[str, Any], where: str = "") -> None:
    """Refuse unknown keys; tables are checked later, when the strategy is known."""
    for key, value in settings.items():
        if key not in RunConfig.model_fields and not isinstance(value, Mapping):
            error = unknown_name(f"setting{where}", key, RunConfig.model_fields)
            raise UsageError(
                f"{error} Given was {key} = {value!r:.60}; a strategy's own settings are tables, "
                "such as ogd.alpha = 1."
            )
