"""What a training-free proxy is: an estimator that measures an untrained network."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from harness.errors import UsageError
from harness.estimators import load_estimator
from harness.estimators.base import Estimator, Needs, Scores, dead_cells, name_rows, score_cells
from harness.estimators.classes import class_key
from harness.estimators.runs import SCORE_KIND
from harness.estimators.zero_cost.group import Group, Measured
from harness.estimators.zero_cost.passes import Passes, Use
from harness.estimators.zero_cost.settings import ZeroCostSettings
from harness.images.dataset import ImageData
from harness.settings.run import RunConfig
from harness.spaces import load_space


class Proxy(Estimator):
    """One proxy: a number of an untrained network, higher is better.

    Measured is the representative of an architecture's class (`Space.canonical`), so that members
    of a class tie. A number that does not exist is null, with the status `failed`; architectures
    without a live path have none, with the status `dead`, and rank last.

    Laws of `measure`: the same bits for the same passes, whichever other proxies share them; no
    change of the network; NaN or an infinity where the number does not exist.

    Attributes:
        uses: What it takes from the shared forward pass.
    """

    needs = Needs(images=True)
    reads = frozenset({"seed", "split_seed", "train_share"})
    Settings = ZeroCostSettings
    in_place = True
    together = True
    uses: ClassVar[frozenset[Use]] = frozenset()
    _cost = 0.0

    @classmethod
    def check_images(cls, config: RunConfig, data: ImageData) -> None:
        """Refuse batches of which the data set has no two."""
        batch_size = ZeroCostSettings.of(config).batch_size
        if 2 * batch_size > len(data.train):
            raise UsageError(
                f"zero_cost.batch_size = {batch_size:,} was given; two batches are needed, and "
                f"'{data.name}' has {len(data.train):,} training images. Give "
                f"{len(data.train) // 2:,} or less."
            )

    @classmethod
    @abstractmethod
    def measure(cls, passes: Passes) -> float:
        """Measure a network by its passes."""

    def prepare(self) -> None:
        """Do nothing: no training is needed."""

    def score(self, keys: Sequence[int]) -> Scores:
        """Measure each class once, or take it from a run that shares the passes.

        Raises:
            Interrupted: If the monitor asked to stop; what was measured is in the journals.
            UsageError: If the space has no networks, or the number exists for none of them.
        """
        config = self.task.config
        space, name = load_space(config.space), config.estimator
        classes = {own: load_estimator(own, config.space) for own in (name, *self.task.beside)}
        proxies = {own: found for own, found in classes.items() if issubclass(found, Proxy)}
        group = Group(self.task, proxies)
        found: dict[int, Measured] = {}
        for key, one in group.measure_all(keys):
            found[key] = one
            self._cost += one.seconds[name]
        if found and all(one.values[name] is None for one in found.values()):
            raise UsageError(
                f"'{name}' has no number for any of {len(found):,} networks of space "
                f"'{space.name}': their passes overflow or carry no signal, or they lack the "
                "layers that it measures. Leave it out."
            )
        of_archs = [found.get(class_key(space, key)) for key in keys]
        scores = (score_cells(one.values[name]) if one else dead_cells() for one in of_archs)
        seconds = ({"seconds": one and one.seconds[name]} for one in of_archs)
        together = dict.fromkeys(own for one in found.values() for own in one.values)
        return Scores(
            rows={"scores": name_rows(keys, space, scores)},
            tables={"seconds": name_rows(keys, space, seconds)},
            facts={
                SCORE_KIND: f"{name} of the untrained network, {group.description}",
                "measured_with": [own for own in together if own != name],
            },
        )

    def cost(self) -> dict[str, float]:
        """Return the seconds that this proxy takes alone, passes that it shares counted in full.

        A start that was stopped early may not have come to what an earlier one measured.
        """
        return {"score_s": max(round(self._cost, 3), self.task.spent.get("score_s", 0.0))}
