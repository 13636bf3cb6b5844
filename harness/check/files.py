"""The baseline's file: one JSON file, small enough for a repository, versioned and hashed.

    format          "harness-baseline"
    schema_version  1
    created, commit, dirty    when, and by which harness it was made
    truth           data set, split, epochs, policy; name and content hash of the table
    methods         one entry for each method, as `harness.check.snapshot.MethodSnapshot`
    sha256          of all the above except the format: a baseline is not edited by hand

Scores are rounded as far as no seed's ranking changes; null are those of architectures that the
seed was fitted to. Each list of numbers is on one line.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.check.snapshot import (
    SCHEMA_VERSION,
    Snapshot,
    check_worth_keeping,
    round_scores,
    to_rows,
)
from harness.errors import DataError, UsageError
from harness.files.atomic import write_atomically
from harness.runs.folder import describe_fault
from harness.scores import show

FORMAT = "harness-baseline"

_MAKE_AGAIN = "Make it again with 'harness check --save-baseline FILE X...'"
_HEADER = ("format", "schema_version", "sha256")
# A text in JSON holds no line break, so that this finds lists only.
_LIST = re.compile(r"\[\n\s*([^\[\]{}\"]*?)\n\s*\]")


def save_baseline(snapshot: Snapshot, path: Path) -> Snapshot:
    """Write a baseline, all or nothing; an older one is replaced, anything else is not.

    Args:
        snapshot: What later scores will be compared with.
        path: The file; its folder must exist.

    Returns:
        The snapshot as it was written, with rounded scores.

    Raises:
        DataError: If all scores of a seed are equal.
        UsageError: If the file exists and is not a baseline.
        StoreError: If the file cannot be written; an older one is then as it was.
    """
    check_worth_keeping(snapshot)
    _check_free(path)
    methods = tuple(
        method.model_copy(update={"scores": to_rows(round_scores(method.score_array))})
        for method in snapshot.methods
    )
    kept = snapshot.model_copy(update={"methods": methods})
    content = kept.to_content()
    header = {"format": FORMAT, "schema_version": SCHEMA_VERSION}
    text = _to_text(header | content | {"sha256": _hash(content)})
    write_atomically(path, text)
    return kept


def load_baseline(path: Path) -> Snapshot:
    """Read a baseline.

    Args:
        path: The file.

    Returns:
        The snapshot.

    Raises:
        DataError: If it cannot be read, is cut short, damaged, edited, of a newer schema, or not
            a baseline.
    """
    content = _read(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DataError(
            f'{path} is not a baseline: its content does not say "format": "{FORMAT}". Give the '
            "file that --save-baseline wrote."
        )
    version = content.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise DataError(
            f"{path} has schema {version}; this version reads up to {SCHEMA_VERSION}. Update the "
            f"harness. {_MAKE_AGAIN} only if the guarded change is not what is being checked."
        )
    if version != SCHEMA_VERSION:
        raise _damaged(path, f"its schema_version is {show(json.dumps(version))}")
    given = {key: value for key, value in content.items() if key not in _HEADER}
    try:
        snapshot = Snapshot(**given)
    except (ValidationError, TypeError) as error:
        raise _damaged(path, show(describe_fault(error), 200)) from error
    if _hash(snapshot.to_content()) != content.get("sha256"):
        raise _damaged(path, "its content was changed: hash mismatch")
    return snapshot


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(
            f"The baseline {path} cannot be read: {error.strerror or error}. Name the file that "
            "--save-baseline wrote."
        ) from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"it is not JSON: {show(str(error).splitlines()[0])}") from error


def _check_free(path: Path) -> None:
    if not path.exists():
        return
    try:
        content = _read(path)
    except DataError:
        content = None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UsageError(
            f"{path} exists and is not a baseline, so it is not replaced. Name another file, or "
            "remove it first."
        )


def _damaged(path: Path, reason: str) -> DataError:
    return DataError(
        f"The baseline {path} is damaged: {reason}. Restore it from version control. {_MAKE_AGAIN} "
        "only from the scores it was made of: a baseline of new scores lets every regression pass."
    )


def _hash(content: dict[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _to_text(content: dict[str, Any]) -> str:
    text = json.dumps(content, indent=1)
    return _LIST.sub(lambda match: f"[{re.sub(chr(10) + ' *', ' ', match[1])}]", text) + "\n"
