"""The record of one architecture, as NAS-Bench-201 and NATS-Bench publish it.

A record is the state of the packages' `ArchResults`: under `all_results`, by (data set, seed), one
training with its `epochs` and, in `eval_acc1es`, the accuracy of each evaluation after each epoch,
such as `x-valid@199`. The packages themselves pick a trial at random unless told otherwise, and
need the whole benchmark in memory; so the records are read here, and the packages are what the
tests compare with.

Reference: Dong & Yang, NAS-Bench-201, 2020, arXiv 2001.00326, section 2.2 (the splits).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.errors import TruthError
from harness.spaces import load_space
from harness.spaces.lookup import strings_of_keys
from harness.spaces.nb201.encoding import N_ARCHS, arch_at
from harness.truth.importers.base import LeftOut

if TYPE_CHECKING:
    import pandas as pd

EVALUATIONS = {
    "cifar10-valid": {"valid": "x-valid", "test": "ori-test"},
    "cifar10": {"test": "ori-test"},
    "cifar100": {"valid": "x-valid", "test": "x-test"},
    "ImageNet16-120": {"valid": "x-valid", "test": "x-test"},
}
"""The benchmark's name of each split, by data set.

The `ori-test` of the last two is both halves together, which is not a split of a truth table.
"""

SHOWN = 5
"""How many missing architectures an error names."""

Row = tuple[int, str, str, int, int, int, float, int]
"""`nb201_index`, data set, split, epochs, trial, seed, accuracy, epochs of the whole training."""

_ROW = ("nb201_index", "dataset", "split", "epochs", "trial", "seed", "accuracy", "length")


class ArchRecord(NamedTuple):
    """What is kept of one architecture under one schedule.

    Attributes:
        nb201_index: The architecture.
        rows: One a training and split; the trial is the position of the seed in ascending order.
        n_lacking: Evaluations that were never made, of those that the data sets have.
    """

    nb201_index: int
    rows: list[Row]
    n_lacking: int


def read_record(state: Any, name: str, curve_epochs: Collection[int] = ()) -> ArchRecord:
    """Read accuracies out of one architecture's record: those at the end of each training.

    Args:
        state: The state of an `ArchResults`.
        name: What to call the source in an error.
        curve_epochs: Epochs before the end to read too, where they were evaluated.

    Returns:
        The rows.

    Raises:
        TruthError: If it is not such a state, names another architecture than its index does, or
            lacks an accuracy at the end of a training.
    """
    results = _field(state, "all_results", dict, name)
    index = _field(state, "arch_index", int, name)
    check_arch(index, _field(state, "arch_str", str, name), name)
    where = f"{name}, architecture {index}"
    groups: dict[tuple[str, int], dict[int, Any]] = {}
    for key, result in results.items():
        dataset, seed = _check_key(key, where)
        epochs = _field(result, "epochs", int, where)
        groups.setdefault((dataset, epochs), {})[seed] = result
    rows: list[Row] = []
    n_lacking = 0
    for (dataset, epochs), by_seed in sorted(groups.items()):
        for trial, seed in enumerate(sorted(by_seed)):
            accuracies = _final_accuracies(by_seed[seed], dataset, epochs, where)
            n_lacking += len(EVALUATIONS[dataset]) - len(accuracies)
            courses = {epochs: accuracies}
            for earlier in sorted(e for e in curve_epochs if e < epochs):
                courses[earlier] = _accuracies_after(by_seed[seed], dataset, earlier)
            rows += [
                (index, dataset, split, epoch, trial, seed, accuracy, epochs)
                for epoch, by_split in courses.items()
                for split, accuracy in by_split.items()
            ]
    return ArchRecord(index, rows, n_lacking)


def _field(state: Any, key: str, kind: type, name: str) -> Any:
    """Return one field of a state, of the right type."""
    if not isinstance(state, dict) or type(state.get(key)) is not kind:
        given = type(state.get(key)) if isinstance(state, dict) and key in state else None
        found = f"'{key}' is a {given.__name__}" if given else f"'{key}' is missing"
        raise TruthError(
            f"{name}: {found}, and a record of NAS-Bench-201 has a {kind.__name__} there. Give a "
            "file that the benchmark's authors published, and compare its checksum."
        )
    return state[key]


def _check_key(key: Any, where: str) -> tuple[str, int]:
    is_pair = isinstance(key, tuple) and len(key) == 2
    if not is_pair or key[0] not in EVALUATIONS or type(key[1]) is not int:
        raise TruthError(
            f"{where}: there are results of {key!r:.80}. NAS-Bench-201 has results of a data set "
            f"and a seed, and its data sets are {', '.join(EVALUATIONS)}. Is this a benchmark of "
            "another space?"
        )
    return str(key[0]), int(key[1])


def _final_accuracies(result: Any, dataset: str, epochs: int, where: str) -> dict[str, float]:
    """Return the accuracies at the end of one training, by split."""
    courses = _field(result, "eval_acc1es", dict, where)
    finals = _accuracies_after(result, dataset, epochs)
    for split, evaluation in EVALUATIONS[dataset].items():
        if split not in finals and any(str(key).startswith(f"{evaluation}@") for key in courses):
            raise TruthError(
                f"{where}: {dataset} has evaluations '{evaluation}' but not "
                f"'{evaluation}@{epochs - 1}', the one at the end of training. The record is "
                "damaged; get the file again."
            )
    return finals


def _accuracies_after(result: Any, dataset: str, epochs: int) -> dict[str, float]:
    """Return the accuracies after some epochs of one training, by split, where there are any."""
    courses = result["eval_acc1es"]
    keys = {split: f"{name}@{epochs - 1}" for split, name in EVALUATIONS[dataset].items()}
    return {split: float(courses[key]) for split, key in keys.items() if key in courses}


def check_arch(index: int, text: str, name: str) -> None:
    """Check that an index and a string name the same architecture.

    Args:
        index: Position in the published order.
        text: The architecture's string, as the source has it.
        name: What to call the source in an error.

    Raises:
        TruthError: If they do not.
    """
    expected = str(arch_at(index)) if 0 <= index < N_ARCHS else "no architecture"
    if text != expected:
        raise TruthError(
            f"{name}: at index {index} is '{text:.120}', where the published order of "
            f"NAS-Bench-201 has '{expected}'. The file is of another space or in another order; "
            "give one in the published order, or rows with the strings only ('--as rows')."
        )


def check_order(strings: Any, name: str) -> list[str]:
    """Check that strings begin the published order.

    Args:
        strings: `meta_archs` of a source.
        name: What to call the source in an error.

    Returns:
        The strings.

    Raises:
        TruthError: If they are no list of texts, or one is not the one that belongs there.
    """
    if not isinstance(strings, list) or not strings:
        raise TruthError(
            f"{name}: 'meta_archs' is not a list of architectures. Give a file that the "
            "benchmark's authors published, and compare its checksum."
        )
    for index, text in enumerate(strings):
        check_arch(index, str(text), name)
    return strings


def check_missing(missing: Sequence[int], n_wanted: int, allow: bool, name: str) -> LeftOut:
    """Refuse a source that lacks records, unless that was allowed.

    Args:
        missing: Indices of the architectures without a record, ascending.
        n_wanted: How many the source should have.
        allow: Whether that is allowed.
        name: What to call the source.

    Returns:
        The missing ones.

    Raises:
        TruthError: If there are any and that was not allowed, or there is nothing else.
    """
    shown = ", ".join(map(str, missing[:SHOWN])) + (", ..." if len(missing) > SHOWN else "")
    sentence = f"{name} lacks the records of {len(missing):,} of {n_wanted:,} architectures"
    sentence += f" ({shown})." if missing else "."
    if missing and (not allow or len(missing) == n_wanted):
        advice = "Get it again" if allow else "Get them, or leave them out with --allow-missing"
        raise TruthError(f"{sentence} {advice}.")
    return LeftOut("n_missing_archs", len(missing), sentence)


def count_lacking(records: Sequence[ArchRecord]) -> LeftOut:
    """Count the evaluations that records could have and do not."""
    n_lacking = sum(record.n_lacking for record in records)
    names = sorted({name for by_split in EVALUATIONS.values() for name in by_split.values()})
    sentence = (
        f"{n_lacking:,} evaluations ({', '.join(names)}) are missing from trainings that could "
        "have them; they have no row."
    )
    return LeftOut("n_lacking_evaluations", n_lacking, sentence)


def to_frame(records: Iterable[ArchRecord]) -> pd.DataFrame:
    """Lay out records as rows of a truth table.

    An epoch of a longer training is left out where trainings of that length were done, such as
    those of 12 epochs, which ended with a low learning rate; so are epochs of shorter trainings.

    Args:
        records: The records.

    Returns:
        Their rows, with all columns.
    """
    import pandas as pd

    rows = pd.DataFrame([row for record in records for row in record.rows], columns=list(_ROW))
    is_end = rows["length"] == rows["epochs"]
    if not is_end.all():
        kind = [rows[name] for name in ("nb201_index", "dataset", "split")]
        longest = rows["length"].groupby(kind).transform("max")
        ends_too = is_end.groupby([*kind, rows["epochs"]]).transform("any")
        rows = rows[is_end | ((rows["length"] == longest) & ~ends_too)].reset_index(drop=True)
    rows = rows.drop(columns="length")
    rows["arch_str"] = strings_of_keys(rows["nb201_index"].to_numpy("int64"), load_space("nb201"))
    return rows
