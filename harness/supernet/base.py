"""What a space's networks offer to training, measuring and ranking."""

from __future__ import annotations

from typing import Protocol


class Networks(Protocol):
    """Makes the networks of one space and size."""
