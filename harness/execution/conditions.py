"""What all runs of one command are called with."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from harness.runs.folder import RunFolder
from harness.settings.run import RunConfig

LOGS = "logs"


class Conditions(NamedTuple):
    """What all runs of one command share.

    Attributes:
        out: Folder of run folders.
        data_dir: Where images and truth lie, for data sets that need it.
        profile: Whether each run first writes a profile of where its time goes.
        retry_failed: Whether runs that failed before are retried.
        study: Whether this is a study: a run that another process holds is waited for, one whose
            process died is marked as failed, and each has a log, `logs/<run id>.log`.
    """

    out: Path
    data_dir: Path | None = None
    profile: bool = False
    retry_failed: bool = False
    study: bool = False

    def folder(self, config: RunConfig) -> RunFolder:
        """Return a run's folder."""
        return RunFolder(self.out / config.run_id)

    def log(self, run_id: str) -> Path | None:
        """Return where a run's log belongs, or None where runs have none."""
        return self.out / LOGS / f"{run_id}.log" if self.study else None
