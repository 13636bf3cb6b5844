"""Engines: ways to compute many runs, behind one interface.

`local`: processes on this machine. `ray`: tasks on a Ray cluster (`pip install harness[ray]`).
"""

from harness.execution.conditions import Conditions
from harness.execution.engines.base import Engine, Failure
from harness.execution.engines.local import LocalEngine

__all__ = ["Conditions", "Engine", "Failure", "LocalEngine"]
