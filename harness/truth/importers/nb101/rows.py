"""What both forms of NAS-Bench-101's results have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from harness.spaces import load_space
from harness.spaces.lookup import name_archs

if TYPE_CHECKING:
    import pandas as pd

EPOCHS = 108
"""The length of training that the figures of the paper are of."""
N_IMAGES = 9_984
"""Images that an accuracy is of: what its batches take of the 10,000 of either split."""

NOTES = (
    "NAS-Bench-101: the public arrays have one of three repeats, so the noise of this truth is not "
    "known, and no ceiling is shown.",
)
"""What every figure of the public arrays carries."""


def make_rows(keys: npt.NDArray[np.int64], accuracy: npt.NDArray[np.float64]) -> pd.DataFrame:
    """Make the rows of a truth table.

    Args:
        keys: Rows of the published table, [row].
        accuracy: Percent, [row].
    """
    import pandas as pd

    named = name_archs(keys, load_space("nb101"))
    return pd.DataFrame(named | {"accuracy": accuracy}).assign(dataset="cifar10", seed=-1)
