"""A study: a TOML file that lists the runs to compute.

    name = "ogd-strength"         # the results' folder; without it, the file's name
    [base]                        # settings that all runs share
    dataset = "tiles"
    preset = "smoke"
    [grid]                        # each combination is a run
    strategy = ["spos", "ogd"]
    seed = [0, 1, 2]
    "ogd.c" = [1, 3]
    [[run]]                       # plus single runs
    strategy = "fairnas"

Several grids are written as one [[grid]] each. Points that resolve to the same run, such as `spos`
with two values of `ogd.c`, are run once.
"""

from __future__ import annotations

import itertools
import math
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from harness.errors import UsageError, unknown_name
from harness.settings.dotted import differences, flatten, merge, nest, show_value
from harness.settings.layers import make_config
from harness.settings.run import RunConfig

MAX_RUNS = 100_000
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
_EXAMPLE = 'Example: strategy = ["spos", "ogd"] under [grid]'


class StudyFile(BaseModel):
    """Contents of a study file.

    Attributes:
        name: Name of the study and of its folder.
        base: Settings that all runs share.
        grid: Grids: for each setting, dotted or nested, the values to combine.
        run: Settings of single runs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=_NAME)
    base: dict[str, Any] = {}
    grid: list[dict[str, Any]] = []
    run: list[dict[str, Any]] = []

    @field_validator("grid", mode="before")
    @classmethod
    def _accept_one_grid(cls, grid: object) -> object:
        return [grid] if isinstance(grid, Mapping) else grid

    @field_validator("grid")
    @classmethod
    def _check_grids(cls, grids: list[dict[str, Any]]) -> list[dict[str, list[Any]]]:
        return [_lists(grid) for grid in grids if grid]


class Study(NamedTuple):
    """A study.

    Attributes:
        name: Its name.
        points: What each run sets beyond the base, by dotted key, in the order of the file.
        configs: The runs, not yet resolved.
        given: What the file sets, all runs together, nested; of a key that varies, one value.
        text: Text of the file.
    """

    name: str
    points: list[dict[str, Any]]
    configs: list[RunConfig]
    given: dict[str, Any]
    text: str


class Repeat(NamedTuple):
    """A point of a study that is the same run as an earlier one.

    Attributes:
        point: What it sets.
        first: What the earlier one sets.
        run_id: The run.
    """

    point: dict[str, Any]
    first: dict[str, Any]
    run_id: str

    def __str__(self) -> str:
        """Describe the point, and in what it differs from the earlier one without effect."""
        same = []
        for key, _, earlier in differences(self.point, self.first):
            same.append(
                f"with {key} = {show_value(earlier)}" if key in self.first else f"without {key}"
            )
        return (
            f"{_show(self.point)}: {'the same run as ' + ', '.join(same) if same else 'repeated'}"
        )


def find_repeats(study: Study, run_ids: Sequence[str]) -> list[Repeat]:
    """Find the points that are the same run as an earlier one.

    Args:
        study: The study.
        run_ids: The run of each point, resolved.
    """
    first: dict[str, dict[str, Any]] = {}
    repeats = []
    for point, run_id in zip(study.points, run_ids, strict=True):
        earlier = first.setdefault(run_id, point)
        if earlier is not point:
            repeats.append(Repeat(point, earlier, run_id))
    return repeats


def _show(point: Mapping[str, Any]) -> str:
    return (
        ", ".join(f"{key} = {show_value(value)}" for key, value in point.items())
        or "the base alone"
    )


def load_study(path: Path) -> Study:
    """Read a study file.

    Args:
        path: The file.

    Returns:
        The study.

    Raises:
        UsageError: If the file is missing, is not TOML, has an unknown key, or a run in it has a
            setting that is not allowed.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"Study file {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"Study file {path} is not TOML: {error}.") from error
    for key in content:
        if key not in StudyFile.model_fields:
            raise unknown_name(f"part in study {path}", key, StudyFile.model_fields)
    if "name" not in content and not re.fullmatch(_NAME, path.stem):
        raise UsageError(
            f"The file name '{path.stem}' cannot be the name of a study. Name the study in the "
            'file, name = "...", with letters, digits, points, hyphens and underscores.'
        )
    try:
        study = StudyFile(**{"name": path.stem, **content})
    except ValidationError as error:
        raise UsageError(f"Study file {path}: {_explain(error)}.") from error
    points = [flatten(point) for point in _points(path, study)]
    configs = [_make(path, study.base, point) for point in points]
    return Study(study.name, points, configs, _nest_all(study.base, *points), text)


def _points(path: Path, study: StudyFile) -> Iterator[dict[str, Any]]:
    """Yield the settings of each run beyond the base."""
    sizes = (math.prod(len(values) for values in grid.values()) for grid in study.grid)
    n_runs = sum(sizes) + len(study.run)
    if n_runs > MAX_RUNS:
        raise UsageError(
            f"Study file {path} asks for {n_runs:,} runs; at most {MAX_RUNS:,} are allowed. Use a "
            "smaller grid, or several studies."
        )
    if not study.grid and not study.run:
        yield {}
    for grid in study.grid:
        for values in itertools.product(*grid.values()):
            yield dict(zip(grid, values, strict=True))
    yield from study.run


def _make(path: Path, base: Mapping[str, Any], point: Mapping[str, Any]) -> RunConfig:
    try:
        return make_config(_nest_all(base), _nest_all(point))
    except UsageError as error:
        where = f", run with {_show(point)}" if point else ""
        raise UsageError(f"Study file {path}{where}: {error}") from error


def _nest_all(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the dotted keys of layers into tables, and merge them; the last one wins."""
    return reduce(merge, (nest(*item) for layer in layers for item in layer.items()), {})


def _lists(grid: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the lists of a grid under dotted keys, however the file nests them."""
    flat = flatten(grid)
    for key, values in flat.items():
        if not (isinstance(values, list) and values):
            raise ValueError(f"{key} = {values!r} is not a list of values. {_EXAMPLE}")
    return flat


def _explain(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, item['loc']))}: {item['msg'].removeprefix('Value error, ')}"
        for item in error.errors()
    )
