"""Runs as tasks of a Ray cluster (extra `ray`).

The driver, where the command was given, submits runs (`driver`); a worker computes one (`task`) and
reports to the driver through a mailbox (`mailbox`); a ranking may be spread further (`ranking`).
Trainings of truths and of searches are tasks too (`jobs`).
"""

from harness.execution.engines.ray.driver import RayEngine
from harness.execution.engines.ray.ranking import RaySpread

__all__ = ["RayEngine", "RaySpread"]
