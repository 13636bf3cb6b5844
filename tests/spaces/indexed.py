"""The small grid as a benchmark would publish it: with an index."""

from __future__ import annotations

from tests.spaces.toy import Toy


class Indexed(Toy):
    """The same architectures, whose keys are a published order."""

    name = "indexed"
    index_column = "arch_index"
