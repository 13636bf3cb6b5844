"""Which truths a report holds estimators against, and which of them share one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import MismatchError, UsageError
from harness.estimators.estimator import Estimator
from harness.evaluation import ChosenTruth, choose_truth
from harness.evaluation.evaluating import DATASETS
from harness.truth import default_query
from harness.truth.query import MEAN


@dataclass(frozen=True)
class TruthChoice:
    """What the user says of the truth to hold estimators against; None is left open.

    Attributes:
        dataset: Data set in the table's spelling.
        split: "valid" or "test".
        epochs: Length of training, epochs.
        policy: How trials become one number, as `TruthQuery` takes it.
        table: The table, by its name in `harness truth list` or its path.
    """

    dataset: str | None = None
    split: str | None = None
    epochs: int | None = None
    policy: str | None = None
    table: str | None = None

    def find(self, dataset: str | None, data_dir: Path | None) -> ChosenTruth:
        """Find the truth, of `dataset` where the choice leaves that open.

        Raises:
            UsageError: If the data set cannot be told, or the policy is none.
            TruthError: If the table is not there, or lacks it.
            DataError: If the data folder does not exist.
        """
        return choose_truth(
            dataset if self.dataset is None else self.dataset,
            self.split,
            self.epochs,
            MEAN if self.policy is None else self.policy,
            self.table,
            data_dir,
        )


def choose_truths(
    estimators: Sequence[Estimator],
    choices: Sequence[TruthChoice] = (),
    data_dir: Path | None = None,
) -> list[tuple[ChosenTruth, list[Estimator]]]:
    """Find the truths, and who is held against each.

    Runs are held against the truth of their own images where the choice names no data set, so
    that runs on several data sets are in groups of their own; scores of unknown images are held
    against the truth that is named, or against that of all runs.

    Args:
        estimators: At least one.
        choices: What the user said; none for all left open.
        data_dir: Where the truth lies, for data sets that need it.

    Returns:
        The truths, in the order of the choices, with their estimators.

    Raises:
        UsageError: If the data set cannot be told, or the policy is none.
        TruthError: If a table is not there or lacks the truth.
        MismatchError: If a run was ranked against another truth table than its own at hand.
    """
    found = []
    for choice in dict.fromkeys(choices or (TruthChoice(),)):
        datasets = list(dict.fromkeys(e.dataset for e in estimators if e.dataset is not None))
        if choice.dataset is not None or choice.table is not None or not datasets:
            chosen = choice.find(None, data_dir)
            if choice.table is None:
                _check_table(estimators, chosen)
            found.append((chosen, list(estimators)))
            continue
        if len(datasets) > 1:
            _refuse_unknown_images(estimators, datasets)
        for dataset in datasets:
            chosen = choice.find(default_query(dataset).dataset, data_dir)
            group = [e for e in estimators if e.dataset in (None, dataset)]
            _check_table(group, chosen)
            found.append((chosen, group))
    return found


def _refuse_unknown_images(estimators: Sequence[Estimator], datasets: Sequence[str]) -> None:
    unknown = [estimator.label for estimator in estimators if estimator.dataset is None]
    if unknown:
        raise UsageError(
            f"There are runs on {', '.join(datasets)}, and it is not said which truth "
            f"'{unknown[0]}' is to be held to. Name it with --truth-dataset, such as "
            f"{default_query(datasets[0]).dataset}."
        )


def _check_table(estimators: Sequence[Estimator], chosen: ChosenTruth) -> None:
    """Refuse a table that has changed since a run; that of other images is another matter."""
    for estimator in estimators:
        if estimator.dataset is None or estimator.truth_sha256 is None:
            continue
        is_its_table = DATASETS.get(default_query(estimator.dataset).dataset) == DATASETS.get(
            chosen.query.dataset
        )
        if is_its_table and not chosen.table.is_recorded_as(estimator.truth_sha256):
            raise MismatchError(
                f"'{estimator.label}' ({estimator.records[0].run_id}) was ranked against truth "
                f"{estimator.truth_sha256[:12]}; the table at hand is "
                f"{chosen.table.sha256[:12]}. Give the data folder of its runs "
                "with --data-dir, or name another table on purpose with --truth."
            )
