"""Settings of training-free proxies."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from harness.settings.base import Settings
from harness.settings.presets import PROXY_BATCH


class ZeroCostSettings(Settings):
    """How the proxies are measured.

    Attributes:
        channels: Channels C of the first stage; None: as in the truth's networks.
        cells: Cells N per stage; None: as in the truth's networks.
        batch_size: Images of each of the two batches; of one's own images, at most half of the
            training images unless given.
        draws: Draws of initial weights and batches, of whose numbers the score is the mean.
    """

    table: ClassVar[str] = "zero_cost"
    later: ClassVar[frozenset[str]] = frozenset({"draws"})

    channels: int | None = Field(None, ge=1)
    cells: int | None = Field(None, ge=1)
    batch_size: int = Field(PROXY_BATCH, ge=2)
    draws: int = Field(1, ge=1)
