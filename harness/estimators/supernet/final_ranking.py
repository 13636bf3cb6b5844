"""A ranking: batch after batch of images, every class on each, resumable in between."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from harness.errors import Interrupted
from harness.estimators.base import name_rows, score_cells
from harness.estimators.classes import class_key, distinct_classes
from harness.estimators.supernet.journal import Ledger
from harness.estimators.supernet.known import NOTHING, Known, checked_classes
from harness.estimators.supernet.measuring import BatchSums, mean_score
from harness.estimators.supernet.ranker import Ranker
from harness.estimators.supernet.readout import ReadoutSums
from harness.estimators.supernet.rounds import Goal, Round, Rounds, describe
from harness.estimators.supernet.spread import Scoring, score_all
from harness.files.journal import Journal
from harness.monitor import Progress
from harness.scores import STATUS_OK
from harness.settings.run import READOUTS, Readout
from harness.stats import kendall_tau
from harness.supernet.base import SuperNet

MIN_TAU = 0.99
"""Least tau-b between scores in bf16 and in float32 for which a ranking uses bf16."""


class Ranking(NamedTuple):
    """Scores of architectures.

    Attributes:
        rows: By readout, a row for each architecture in the order asked for, in the schema of a
            score file.
        rounds: What was known after each batch, where there was a goal.
        facts: Provenance of the scores, for the record of the run.
    """

    rows: dict[Readout, list[dict[str, Any]]]
    rounds: list[Round]
    facts: dict[str, Any]


class FinalRanking:
    """The final ranking of one run with its trained supernet; resumable."""

    def __init__(
        self,
        ranker: Ranker,
        networks: Sequence[SuperNet],
        keys: Sequence[int],
        journal: Journal,
        goal: Goal | None = None,
        known: Known = NOTHING,
    ) -> None:
        """Read what the journal has.

        Args:
            ranker: Knows the settings, the images and who is told the progress.
            networks: The supernet at one or more checkpoints; batch i of the images is scored
                with number i modulo their count.
            keys: The architectures.
            journal: Where the scores of classes are appended as they are computed.
            goal: How well tau is to be known; None: use all images.
            known: Scores that are taken over; of these classes none is computed.
        """
        self._config = config = ranker.config
        self._run_id = config.run_id
        self._recalibrate_on = ranker.recalibrate_on
        self._networks = networks
        self._space = ranker.space
        self._keys = keys
        self._known = known
        left = [
            arch
            for arch in distinct_classes(self._space, keys)
            if not known.has(self._space.key(arch))
        ]
        self._order = networks[0].order(left)
        self._ledger = Ledger(journal)
        self._ledger.precision = self._ledger.precision or known.precision
        self._goal = goal
        self._monitor = ranker.monitor
        self._spread = ranker.spread
        self._started = time.monotonic() - max(self._ledger.rounds.values(), default=0.0)
        self._detail: str | None = None
        # Statistics measured for an architecture serve all its images; what architectures share
        # is shared batch by batch. With a goal, or several checkpoints, images must come
        # in batches all the same.
        batchwise = config.until_tau_se is not None or len(networks) > 1
        whole = self._recalibrate_on is not None and not batchwise
        batches = [ranker.images.replace([batch]) for batch in ranker.images.batches]
        self._parts = [ranker.images] if whole else batches

    def rank(self) -> Ranking:
        """Score every class on one part of the images after another, to the goal or to the last.

        Raises:
            Interrupted: If the monitor asked to stop; what was scored is in the journal.
        """
        goal = self._goal
        rounds = None if goal is None else Rounds(goal, self._space, self._keys)
        used = 0
        for used, part in enumerate(self._parts, start=1):
            self._score_part(used - 1)
            if rounds is not None:
                self._end_round(rounds, part.n_images)
                if rounds.are_enough:
                    break
        if total := len(self._order) * len(self._parts):
            self._monitor.progress(Progress(self._run_id, "rank", total, total, None, self._detail))
        n_images = sum(part.n_images for part in self._parts[:used])
        rows = {readout: self._rows(readout, used, n_images) for readout in READOUTS}
        facts = {"n_images": n_images, **(self._ledger.precision or {"precision": "float32"})}
        if goal is None or rounds is None:
            return Ranking(rows, [], facts)
        facts |= {"until_tau_se": goal.se, "reached": rounds.are_enough}
        if not rounds.are_enough:
            self._monitor.notice(
                f"{self._run_id}: {describe(rounds.seen[-1])}, which are all of "
                f"rank_images; an error of {goal.se} was asked for. Increase rank_images."
            )
        return Ranking(rows, rounds.seen, facts)

    def _score_part(self, number: int) -> None:
        known = self._ledger.sums
        left = [arch for arch in self._order if (number, self._space.key(arch)) not in known]
        if not left:
            return
        scoring = self._scoring(number, self._choose_precision() == "bf16")
        before, total = len(known), len(self._order) * len(self._parts)
        scored = self._spread(scoring, left)
        for done, (arch, sums) in enumerate(scored, start=before + 1):
            self._ledger.add_sums(number, self._space.key(arch), sums)
            progress = Progress(self._run_id, "rank", done, total, None, self._detail)
            self._monitor.progress(progress)
            if self._monitor.should_stop() and done < total:
                self._ledger.flush()
                raise Interrupted(f"Stopped after {done:,} of {total:,} evaluations.")
        self._ledger.flush()

    def _scoring(self, number: int, bf16: bool) -> Scoring:
        network = self._networks[number % len(self._networks)]
        return Scoring(network, self._parts[number], self._recalibrate_on, bf16)

    def _choose_precision(self) -> str:
        """Return the type to compute in: bf16 only where it ranks as float32 does.

        Where a processor computes in bf16, an architecture takes half the time, at 8 bits.
        """
        if self._config.rank_precision == "float32":
            return "float32"
        if self._ledger.precision is None:
            self._ledger.add(self._check_bf16())
        assert self._ledger.precision is not None, "just added"
        return str(self._ledger.precision["precision"])

    def _check_bf16(self) -> dict[str, Any]:
        some = self._networks[0].order(checked_classes(self._space, self._keys))
        losses: list[list[float]] = []
        for bf16 in (False, True):
            losses.append([])
            for _, sums in score_all(self._scoring(0, bf16), some):
                losses[-1].append(self._chosen(sums).loss)
                if self._monitor.should_stop():
                    raise Interrupted("Stopped in the comparison of bf16 with float32.")
        finite = all(map(math.isfinite, itertools.chain(*losses)))
        tau = kendall_tau(*losses).value if finite else None
        agrees = tau is not None and tau >= MIN_TAU
        if not agrees:
            found = "undefined" if tau is None else f"{tau:.3f}"
            self._monitor.notice(
                f"{self._run_id}: tau between bf16 and float32 is {found} on {len(some)} "
                f"classes, and {MIN_TAU} is asked for. This run is ranked in float32."
            )
        precision = "bf16" if agrees else "float32"
        return {"precision": precision, "tau_of_bf16": tau, "n_compared": len(some)}

    def _end_round(self, rounds: Rounds, n_images: int) -> None:
        number = len(rounds.seen)
        classes = map(self._space.key, self._order)
        sums = {key: self._chosen(self._ledger.sums[number, key]) for key in classes}
        seconds = self._ledger.rounds.get(number + 1)
        if seconds is None:
            seconds = time.monotonic() - self._started
            self._ledger.add({"round": number + 1, "seconds": seconds})
        self._detail = describe(rounds.add(sums, n_images, seconds))

    def _chosen(self, sums: ReadoutSums) -> BatchSums:
        found: BatchSums = getattr(sums, self._config.rank_readout)
        return found

    def _rows(self, readout: Readout, n_parts: int, n_images: int) -> list[dict[str, Any]]:
        by_class = dict(self._known.cells[readout])
        for arch in self._order:
            key = self._space.key(arch)
            parts = [self._ledger.sums[part, key] for part in range(n_parts)]
            sums: list[BatchSums] = [getattr(part, readout) for part in parts]
            loss, accuracy = mean_score(sums, n_images)
            by_class[key] = (
                {"score": -loss, "loss": loss, "accuracy": accuracy, "status": STATUS_OK}
                if math.isfinite(loss)
                else score_cells(None)
            )
        cells = (by_class[class_key(self._space, key)] for key in self._keys)
        return name_rows(self._keys, self._space, cells)
