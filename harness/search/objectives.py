"""What a search sees of an architecture: a score, a training of a truth table, or one done here."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.errors import TruthError, UsageError
from harness.estimators.cost import find_cost
from harness.estimators.matrix import ScoreMatrix
from harness.evaluation.chosen import ChosenTruth
from harness.search.candidates import IntArray
from harness.seeding import derive_seed
from harness.spaces import Space
from harness.spaces.lookup import arch_columns
from harness.truth import Truth, TruthTable
from harness.truth.costs import find_seconds, is_one_training
from harness.truth.published import published
from harness.truth.query import MEAN, TruthQuery

if TYPE_CHECKING:
    from harness.training.pool import Pool
    from harness.truth.build import Protocol

TABLE, TRAINING = "table", "training"
"""Names of the objectives that are no estimator."""

TRAINING_SEEDS = (derive_seed(0, "trainings of searches"),)
"""Of each architecture that is trained here: none of a truth's, which are small."""


class Measured(NamedTuple):
    """What evaluating one architecture gave.

    Attributes:
        value: Higher is better.
        seconds: What it took, as recorded or measured; None where nobody knows.
    """

    value: float
    seconds: float | None


class Objective(ABC):
    """What a search maximises.

    Attributes:
        label: Its name in reports.
        fidelities: Epochs of training at which it can be evaluated, ascending; (0,) where there is
            no training. The last one is what a search is after.
        is_curve: Whether a longer training goes on from a shorter one, so that it costs only the
            further epochs.
        keys: What it covers, ascending, [n]; None for every architecture.
        sha256: Hash of what it says, where that is stored.
    """

    label: str
    fidelities: tuple[int, ...] = (0,)
    is_curve: bool = False
    keys: IntArray | None = None
    sha256: str = ""

    @abstractmethod
    def describe(self) -> str:
        """Say what it is."""

    @abstractmethod
    def evaluate(self, keys: Sequence[int], epochs: int, seed: int) -> list[Measured]:
        """Evaluate architectures.

        Args:
            keys: Which.
            epochs: One of `fidelities`.
            seed: Of the search.

        Returns:
            What each gave, in this order.
        """

    def spent(self, epochs: int, lengths: Sequence[int]) -> float:
        """Return what an evaluation cost, where one training of the longest length costs 1.

        Args:
            epochs: The longest training that it got.
            lengths: Those that it was trained for, up to `epochs`; where trainings do not go on,
                each is paid, so that all of them together cost more than 1.
        """
        trained = epochs if self.is_curve else sum(each for each in lengths if each <= epochs)
        return trained / self.fidelities[-1]


class Scores(Objective):
    """The scores of an estimator.

    A search with seed s sees those of its seed number s, counted round: what it sees follows from
    its seed alone, whatever other seeds are asked for beside it or after it.
    """

    keys: IntArray

    def __init__(self, estimator: ScoreMatrix) -> None:
        """Take them."""
        self.estimator, self.n_seeds = estimator, len(estimator.seeds)
        self.label, self.cost = estimator.label, find_cost(estimator)
        self.keys = estimator.keys[np.isfinite(estimator.score).all(axis=0)]
        self.sha256 = hashlib.sha256(
            estimator.keys.tobytes() + estimator.score.tobytes()
        ).hexdigest()

    def describe(self) -> str:
        """Say what it is."""
        return f"scores of {self.label} ({self.estimator.score_kind})"

    def row_of(self, seed: int) -> int:
        """Return the number of the estimator's seed that a search sees."""
        return seed % self.n_seeds

    def evaluate(self, keys: Sequence[int], epochs: int, seed: int) -> list[Measured]:
        """Look scores up."""
        row = self.estimator.score[self.row_of(seed)]
        places = np.searchsorted(self.estimator.keys, keys)
        seconds = None if self.cost is None else self.cost.per_arch
        return [Measured(value, seconds) for value in row[places].tolist()]

    def order(self, seed: int, among: IntArray | None, rng: np.random.RandomState) -> list[int]:
        """Return architectures in the order of a seed's scores, the best first; ties by chance.

        Args:
            seed: Of the search.
            among: The candidates; None for all that have scores.
            rng: Orders ties.
        """
        keys = self.keys if among is None else np.intersect1d(among, self.keys)
        scores = np.array([each.value for each in self.evaluate(keys.tolist(), 0, seed)])
        best_first = np.lexsort((rng.random_sample(len(keys)), -scores))
        return [int(key) for key in keys[best_first]]


class FreeScore(Objective):
    """A free score of a space, of any architecture."""

    def __init__(self, name: str, space: Space) -> None:
        """Take its name.

        Raises:
            UsageError: If the space has none of that name.
        """
        self.label, self._space = name, space
        if name not in space.baselines:
            raise UsageError(
                f"--estimator {name} was given. Without a truth (--unjudged) a search sees "
                f"'{TRAINING}', or a free score: {', '.join(space.baselines)}. Give one of these."
            )

    def describe(self) -> str:
        """Say what it is."""
        return f"free score {self.label}: {self._space.baselines[self.label].description}"

    def evaluate(self, keys: Sequence[int], epochs: int, seed: int) -> list[Measured]:
        """Compute it."""
        score = self._space.baselines[self.label].score
        return [Measured(float(score(self._space.at(key))), 0.0) for key in keys]


class Table(Objective):
    """The accuracies of a truth table after trainings of some lengths."""

    label = TABLE

    def __init__(
        self, table: TruthTable, queries: Sequence[TruthQuery], data_dir: Path | None = None
    ) -> None:
        """Look everything up.

        Args:
            table: The table.
            queries: One a fidelity, ascending by epochs.
            data_dir: Where the seconds of published trainings are.

        Raises:
            TruthError: If the table has no such rows.
        """
        self._metric, self.query = table.metric(queries[-1].metric), queries[-1]
        self._truths: dict[int, Truth] = {each.epochs: table.select(each) for each in queries}
        means = [replace(each, policy=MEAN) for each in queries]
        self._seconds = {each.epochs: find_seconds(table, each, data_dir) for each in means}
        self.fidelities = tuple(self._truths)
        self.sha256 = table.sha256
        self.is_curve = is_one_training(table)
        self.keys = reduce(np.intersect1d, [truth.keys for truth in self._truths.values()])
        self._is_mean = self.query.rule.kind == MEAN

    def describe(self) -> str:
        """Say what it is."""
        shorter = ", ".join(map(str, self.fidelities[:-1]))
        return f"{self.query}{f' (and after {shorter})' if shorter else ''}"

    def evaluate(self, keys: Sequence[int], epochs: int, seed: int) -> list[Measured]:
        """Look accuracies up; what trainings took is what their number took."""
        truth, seconds = self._truths[epochs], self._seconds[epochs]
        places = np.searchsorted(truth.keys, keys)
        goodness, trainings = self._metric.orient(truth.value[places]), truth.n_trainings[places]
        each = [None if seconds is None else seconds.get(key) for key in keys]
        spent = [
            None if one is None else one * (n if self._is_mean else 1)
            for one, n in zip(each, trainings.tolist(), strict=True)
        ]
        return [Measured(*both) for both in zip(goodness.tolist(), spent, strict=True)]


class Trained(Objective):
    """Validation accuracy after a training done here, as `harness truth build` trains.

    Each length of training is one of its own, since the learning rate follows from it. Trainings
    are kept in the folder: an architecture is trained once, for all algorithms and seeds.
    """

    label = TRAINING

    def __init__(
        self,
        space: Space,
        protocol: Protocol,
        fidelities: tuple[int, ...],
        folder: Path,
        workers: int,
        compute: Pool,
        data_dir: Path | None = None,
    ) -> None:
        """Take what says how to train; nothing is trained yet."""
        self._space, self._protocol, self._folder = space, protocol, folder
        self._workers, self._compute, self.fidelities = workers, compute, fidelities
        from harness.images import load_images  # torch: only where something is trained

        self._images = load_images(protocol.dataset, data_dir)
        content = json.dumps([asdict(protocol), TRAINING_SEEDS], sort_keys=True)
        content += self._images.sha256
        self.sha256 = hashlib.sha256(content.encode()).hexdigest()

    def describe(self) -> str:
        """Say what it is."""
        of = self._protocol
        return f"accuracy on {of.dataset} valid after {self.fidelities[-1]} epochs, trained here"

    def evaluate(self, keys: Sequence[int], epochs: int, seed: int) -> list[Measured]:
        """Train what was not trained before."""
        from harness.truth.build import build_truth

        rows = build_truth(
            self._folder / f"trainings-{epochs}.rows.jsonl",
            replace(self._protocol, epochs=epochs),
            keys,
            TRAINING_SEEDS,
            self._workers,
            space=self._space,
            images=self._images,
            compute=self._compute,
        )
        space, text = self._space, arch_columns(self._space).text
        found = {
            space.key(space.parse(row[text])): Measured(row["accuracy"], row["cost_s"])
            for row in rows
            if row["split"] == "valid"
        }
        return [found[key] for key in keys]


def table_queries(
    chosen: ChosenTruth,
    epochs: int | None,
    split: str | None,
    policy: str | None,
    with_shorter: bool,
) -> list[TruthQuery]:
    """Find which rows of the judge's table a search sees, one query a fidelity, ascending.

    Args:
        chosen: The truth that judges.
        epochs: Length of training; that of the truth unless given.
        split: "valid" or "test"; "valid" where the table has it, unless given.
        policy: How trials become one number; the first training unless given, as a searcher has
            one, or the mean where a single training is no truth.
        with_shorter: Whether all shorter trainings of the table are seen as well.

    Raises:
        TruthError: If the table lacks it.
        UsageError: If there is no shorter training.
    """
    judge, table = chosen.query, chosen.table
    wanted = epochs or judge.epochs
    policy = policy or (MEAN if table.space.trainings_each or not judge.epochs else "trial=0")
    validated = published(table.space).validated_as.get(judge.dataset, judge.dataset)
    sources = [(validated, "valid"), (judge.dataset, "valid"), (judge.dataset, "test")]
    if split is not None:
        sources = [one for one in sources if one[1] == split] or [(judge.dataset, split)]
    for dataset, of_split in sources:
        own = replace(judge, dataset=dataset, split=of_split, epochs=wanted, policy=policy)
        if len(table.columns.where(dataset, of_split, wanted, judge.metric)):
            break
    else:
        raise TruthError(
            f"The truth table '{table.name}' has no rows for {own}. It has: "
            f"{'; '.join(table.describe())}. Ask for one of these with --at-epochs and --at-split."
        )
    if not with_shorter:
        return [own]
    lengths = {
        group.epochs
        for group in table.groups()
        if (group.dataset, group.split, group.metric) == (own.dataset, own.split, own.metric)
        and 0 < group.epochs <= wanted
    }
    if len(lengths) < 2:
        raise UsageError(
            f"The truth table '{table.name}' has {own.rows} and no shorter training of it, so "
            "tpe-hyperband has nothing to stop. It has: "
            f"{'; '.join(table.describe())}. Use 'tpe', or a table with several lengths."
        )
    return [replace(own, epochs=length) for length in sorted(lengths)]
