"""What a training-free proxy is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from harness.estimators.zero_cost.passes import Passes, Use


class Proxy(ABC):
    """One proxy: a number of an untrained network, higher is better.

    Laws: the same bits for the same passes, whichever other proxies share them; no change of the
    network; NaN or an infinity where the number does not exist, which is then stored as null.

    Attributes:
        name: What a run's configuration calls it.
        uses: What it takes from the shared forward pass.
    """

    name: ClassVar[str]
    uses: ClassVar[frozenset[Use]] = frozenset()

    @abstractmethod
    def measure(self, passes: Passes) -> float:
        """Measure a network by its passes."""
