"""An estimator from a Python function that scores an architecture."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from numbers import Integral
from typing import Any

import pandas as pd

from harness.errors import DataError, UsageError
from harness.estimators.matrix import CALLABLE, ScoreMatrix
from harness.scores import ReadOptions, make_score_sets, show
from harness.scores.cells import to_number
from harness.spaces import Architecture, Space, load_space
from harness.spaces.lookup import arch_columns, name_archs

Scorer = Callable[[Architecture], Any]

RAISED = "raised an exception"


def from_callable(
    score: Scorer,
    archs: Iterable[Architecture | str | int] | None = None,
    label: str | None = None,
    *,
    lower_is_better: bool = False,
    exclude_bad: bool = False,
    worst_if_bad: bool = False,
    space: Space | None = None,
) -> ScoreMatrix:
    """Score architectures with a function.

    Args:
        score: Takes an architecture (whose `str()` is its canonical string) and returns a number;
            called once for each, in the order of `archs`.
        archs: The architectures, their strings or their keys (`nb201_index`); by default all of
            the space.
        label: Its name in reports; by default the function's.
        lower_is_better: Whether a lower number is better.
        exclude_bad: Whether architectures without a finite score are left out and counted instead
            of refused.
        worst_if_bad: Whether architectures of an infinite score, or one too large for a number
            (`OverflowError`), rank last, as ties.
        space: The space; NAS-Bench-201 unless given.

    Returns:
        The estimator, of one unknown seed.

    Raises:
        ArchError: If one of `archs` is not of the space.
        UsageError: If no architectures are given and the space cannot be enumerated.
        DataError: If the function raises an exception or does not return a finite number (unless
            `exclude_bad`), an architecture occurs twice, or no score is left.

    Examples:
        >>> from harness.spaces.nb201.encoding import CONV_3X3
        >>> wide = from_callable(lambda arch: arch.count_op(CONV_3X3), range(3), "n_3x3")
        >>> wide.keys.tolist(), wide.score.tolist()
        ([0, 1, 2], [[0.0, 3.0, 2.0]])
    """
    name = label or getattr(score, "__name__", type(score).__name__)
    space = space or load_space()
    chosen = _choose(archs, space)
    kept: list[int] = []
    cells: list[object] = []
    for arch in chosen:
        try:
            cell = _to_cell(score(arch))
        except Exception as error:
            if worst_if_bad and isinstance(error, OverflowError):
                cell = math.inf
            elif exclude_bad:
                continue
            else:
                raise DataError(
                    f"'{show(name)}' raised {type(error).__name__} ({show(error)}) for "
                    f"architecture {arch} ({space.index_column or 'key'} {space.key(arch)}). "
                    "Correct it, or leave out and count such architectures with "
                    "exclude_bad=True."
                ) from error
        kept.append(space.key(arch))
        cells.append(cell)
    n_raised = len(chosen) - len(kept)
    if n_raised and not kept:
        raise DataError(f"'{show(name)}' raised an exception for all {n_raised:,} architectures.")
    frame = pd.DataFrame({**name_archs(kept, space), "score": pd.Series(cells, dtype=object)})
    options = ReadOptions(
        lower_is_better=lower_is_better,
        exclude_bad=exclude_bad,
        worst_if_bad=worst_if_bad,
        arch_column=arch_columns(space).text,
        space=space,
    )
    only = make_score_sets(frame, f"scores of '{show(name)}'", options).sets[0]
    return ScoreMatrix(
        label=show(name),
        method=show(name),
        source=CALLABLE,
        seeds=only.seeds,
        keys=only.keys,
        score=only.score,
        score_kind=f"{'minus ' if lower_is_better else ''}value of '{show(name)}'",
        exclusions=only.exclusions | ({RAISED: n_raised} if n_raised else {}),
        ranked_last=only.ranked_last,
        space=space,
    )


def _choose(
    archs: Iterable[Architecture | str | int] | None, space: Space
) -> tuple[Architecture, ...]:
    if archs is not None:
        return tuple(to_arch(arch, space) for arch in archs)
    if space.size is None:
        raise UsageError(
            f"Space '{space.name}' cannot be enumerated, and no architectures were given. Give "
            "those that the function is to score."
        )
    return tuple(map(space.at, range(space.size)))


def to_arch(arch: Architecture | str | int, space: Space) -> Architecture:
    """Return an architecture given as itself, its string or its key."""
    if isinstance(arch, str):
        return space.parse(arch)
    return space.at(int(arch)) if isinstance(arch, Integral) else arch


def _to_cell(value: object) -> object:
    """Return a function's result as a number, NaN for None; otherwise as text, to be refused."""
    number = math.nan if value is None else to_number(value)
    return show(repr(value)) if number is None else number
