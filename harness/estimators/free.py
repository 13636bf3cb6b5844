"""The free scores of a space as estimators: they need no network, no image and no seed."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import unknown_name
from harness.estimators.base import Estimator, Needs, Scores, name_rows, score_cells
from harness.estimators.runs import SCORE_KIND
from harness.spaces import load_space


class Free(Estimator):
    """A baseline of the space, by the name that the run's configuration gives."""

    name = "free"
    needs = Needs(images=False)
    reads = frozenset[str]()
    in_place = True

    def prepare(self) -> None:
        """Check that the space has the baseline.

        Raises:
            UsageError: If it has not.
        """
        name, space = self.task.config.estimator, load_space(self.task.config.space)
        if name not in space.baselines:
            raise unknown_name(f"baseline of space '{space.name}'", name, space.baselines)

    def score(self, keys: Sequence[int]) -> Scores:
        """Compute the scores."""
        space = load_space(self.task.config.space)
        baseline = space.baselines[self.task.config.estimator]
        cells = (score_cells(baseline.score(space.at(key))) for key in keys)
        rows = name_rows(keys, space, cells)
        return Scores({"scores": rows}, {}, {SCORE_KIND: baseline.description})

    def cost(self) -> dict[str, float]:
        """Return nothing: it is free."""
        return {}
