"""The options that all runs of one command share."""

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
        data_dir: Folder of images and truth, for data sets that need it.
        profile: Whether each run first writes a profile of where its time goes.
        retry_failed: Whether runs that failed before are retried.
        estimators: Estimators of the runs, of which some share work.
        study: Whether this is a study: it waits for a run that another process holds, marks one
            whose process died as failed, and keeps a log of each, `logs/<run id>.log`.
        trains: Whether supernets may be trained; if not, only those that are there are ranked.
    """

    out: Path
    data_dir: Path | None = None
    profile: bool = False
    retry_failed: bool = False
    study: bool = False
    estimators: tuple[str, ...] = ()
    trains: bool = True

    def folder(self, config: RunConfig) -> RunFolder:
        """Return a run's folder."""
        return RunFolder(self.out / config.run_id)

    def log(self, run_id: str) -> Path | None:
        """Return the path of a run's log; None outside a study."""
        return self.out / LOGS / f"{run_id}.log" if self.study else None

    def place_of_traceback(self, run_id: str) -> str:
        """Say where a traceback of a run is: in its log, or above the message."""
        log = self.log(run_id)
        return "above" if log is None else f"in {log}"
