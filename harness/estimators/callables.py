"""An estimator from a Python function that scores an architecture."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

from harness.errors import DataError
from harness.estimators.matrix import CALLABLE, ScoreMatrix
from harness.scores import make_score_sets, show
from harness.scores.cells import to_number
from harness.spaces.nb201.encoding import Arch, arch_at, enumerate_archs, parse_arch

Scorer = Callable[[Arch], Any]

RAISED = "raised an exception"


def from_callable(
    score: Scorer,
    archs: Iterable[Arch | str | int] | None = None,
    label: str | None = None,
    *,
    lower_is_better: bool = False,
    exclude_bad: bool = False,
) -> ScoreMatrix:
    """Score architectures with a function.

    Args:
        score: Takes an `Arch` (whose `str()` is the benchmark's string) and returns a number;
            called once an architecture, in the order of `archs`.
        archs: The architectures, as such, as strings or as `nb201_index`; all 15,625 unless given.
        label: What reports call it; the function's name unless given.
        lower_is_better: Whether a lower number is better.
        exclude_bad: Whether architectures whose score cannot be had, or is not finite, are left
            out and counted instead of refused.

    Returns:
        The estimator, of one unknown seed.

    Raises:
        ArchError: If one of `archs` is none.
        DataError: If the function raises an exception or returns no finite number (unless
            `exclude_bad`), an architecture is there twice, or no score is left.

    Example:
        >>> from harness.spaces.nb201.encoding import CONV_3X3
        >>> wide = from_callable(lambda arch: arch.count_op(CONV_3X3), range(3), "n_3x3")
        >>> wide.nb201_index.tolist(), wide.score.tolist()
        ([0, 1, 2], [[0.0, 3.0, 2.0]])
    """
    name = label or getattr(score, "__name__", type(score).__name__)
    chosen = enumerate_archs() if archs is None else tuple(map(_to_arch, archs))
    index: list[int] = []
    cells: list[object] = []
    for arch in chosen:
        try:
            cell = _to_cell(score(arch))
        except Exception as error:
            if not exclude_bad:
                raise DataError(
                    f"'{show(name)}' raised {type(error).__name__} ({show(error)}) for "
                    f"architecture {arch} (nb201_index {arch.nb201_index}). Correct it, or have "
                    "such architectures left out and counted with exclude_bad=True."
                ) from error
            continue
        index.append(arch.nb201_index)
        cells.append(cell)
    n_raised = len(chosen) - len(index)
    if n_raised and not index:
        raise DataError(f"'{show(name)}' raised an exception for all {n_raised:,} architectures.")
    frame = pd.DataFrame({"nb201_index": index, "score": pd.Series(cells, dtype=object)})
    sets = make_score_sets(
        frame, f"scores of '{show(name)}'", lower_is_better=lower_is_better, exclude=exclude_bad
    )
    only = sets.sets[0]
    return ScoreMatrix(
        label=show(name),
        method=show(name),
        source=CALLABLE,
        seeds=only.seeds,
        nb201_index=only.nb201_index,
        score=only.score,
        score_kind=f"{'minus ' if lower_is_better else ''}value of '{show(name)}'",
        exclusions=only.exclusions | ({RAISED: n_raised} if n_raised else {}),
    )


def _to_arch(arch: Arch | str | int) -> Arch:
    if isinstance(arch, Arch):
        return arch
    return parse_arch(arch) if isinstance(arch, str) else arch_at(int(arch))


def _to_cell(value: object) -> object:
    """Return what a function gave as a number, NaN for None, or else as text to be refused."""
    number = math.nan if value is None else to_number(value)
    return show(repr(value)) if number is None else number
