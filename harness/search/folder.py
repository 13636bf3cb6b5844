"""The folder of a search: what was asked, when and with which versions, and all evaluations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from harness import provenance
from harness.errors import StoreError
from harness.files.atomic import write_atomically

CONFIG, STUDY, EVALUATIONS = "config.json", "study.db", "evaluations.csv"
"""The files of a search folder."""

PACKAGES = ("optuna", "sqlalchemy")
"""What evaluations depend on, beside what all results do."""


def note_session(folder: Path, problem: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Note that searches start or go on; what earlier sessions noted stays.

    Args:
        folder: The folder.
        problem: What is searched, the same for all sessions.
        asked: What this session was asked for.

    Raises:
        StoreError: If the file is damaged, or cannot be written.
    """
    path = folder / CONFIG
    sessions = []
    if path.exists():
        try:
            sessions = json.loads(path.read_text(encoding="utf-8"))["sessions"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{path} is damaged ({type(error).__name__}): it says which commands searched "
                "there. Put a copy back, or remove it; the searches themselves are elsewhere."
            ) from error
    session = {
        **asked,
        "started": provenance.now(),
        "source": provenance.commit(),
        "environment": provenance.environment(),
        "packages": provenance.versions(PACKAGES),
    }
    content = {**problem, "sessions": [*sessions, session]}
    write_atomically(path, json.dumps(content, indent=2) + "\n")


def keep_evaluations(folder: Path, table: pd.DataFrame) -> None:
    """Write evaluations; of searches that went further before, or are not among them, all stays.

    Args:
        folder: The folder.
        table: Searches from their first trial on, a row for each evaluation.

    Raises:
        StoreError: If it cannot be written.
    """
    path = folder / EVALUATIONS
    if path.exists():
        # As text, so that what is written again is what was there.
        old = pd.read_csv(path, dtype=str, keep_default_na=False)
        places = zip(table["method"], table["seed"].astype(str), table["trial"], strict=True)
        reached = {(method, seed): trial for method, seed, trial in places}
        is_further = [
            int(trial) > reached.get((method, seed), -1)
            for method, seed, trial in zip(old["method"], old["seed"], old["trial"], strict=True)
        ]
        table = pd.concat([table, old[is_further]], ignore_index=True)
    write_atomically(path, partial(table.to_csv, index=False))
