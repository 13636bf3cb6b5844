"""The harness's own score files, strictly held to one schema: checks, reading and writing.

One row is one architecture: its score (higher is better), the validation loss and accuracy that
the score came from where there are such, and a status. A score that could not be computed is
null with the status "failed": never 0, and never NaN in the file. The file holds a hash of its
rows, as one flipped bit can make another score of a score.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from harness.errors import DataError
from harness.files.atomic import write_atomically
from harness.scores.text import show
from harness.spaces.nb201.encoding import N_ARCHS
from harness.spaces.nb201.lookup import indices_of_strings

STATUS_OK = "ok"
STATUS_FAILED = "failed"
STATUSES = (STATUS_OK, STATUS_FAILED)
SCHEMA = "scores/1"

COLUMNS = ("nb201_index", "arch_str", "score", "loss", "accuracy", "status")
"""Columns of a scores file; loss in nats and accuracy in percent, null where unknown."""

_NUMBERS = ("score", "loss", "accuracy")
_SCHEMA_KEY, HASH_KEY = b"harness_schema", b"harness_sha256"
_ARROW_SCHEMA = pa.schema(
    [
        ("nb201_index", pa.int32()),
        ("arch_str", pa.string()),
        ("score", pa.float64()),
        ("loss", pa.float64()),
        ("accuracy", pa.float64()),
        ("status", pa.string()),
    ],
    metadata={_SCHEMA_KEY: SCHEMA.encode()},
)


def check_scores(df: pd.DataFrame, source: str) -> None:
    """Check that a frame holds scores of the schema; columns beyond it are ignored.

    Args:
        df: The scores; a missing number is NaN.
        source: What to call them in an error, usually the file's name.

    Raises:
        DataError: If a column is missing, an architecture is unknown, occurs twice or is another
            than its index says, a number is infinite or out of range, or score and status
            contradict each other.
    """
    missing = [name for name in COLUMNS if name not in df.columns]
    if missing:
        given = show(", ".join(map(str, df.columns)), 400) or "none"
        raise DataError(
            f"{source}: column '{missing[0]}' is missing. A scores file has the columns "
            f"{', '.join(COLUMNS)}; this one has {given}. Rename or add what is missing."
        )
    repeated = [name for name in COLUMNS if (df.columns == name).sum() > 1]
    if repeated:
        raise DataError(
            f"{source}: column '{repeated[0]}' is there more than once. Remove all but one."
        )
    if df.empty:
        raise DataError(f"{source}: there are no rows. A scores file has one an architecture.")
    _check_archs(df, source)
    for name in _NUMBERS:
        bad = np.isnan(_numbers(df[name])) & df[name].notna().to_numpy(dtype=bool)
        _refuse(df, source, name, bad, "is not a number")
        bad = np.isinf(_numbers(df[name]))
        _refuse(df, source, name, bad, "is infinite; leave it empty, with status 'failed',")
    accuracy = _numbers(df["accuracy"])
    bad = (accuracy < 0) | (accuracy > 100)
    _refuse(df, source, "accuracy", bad, "is not from 0 to 100 (percent)")
    _check_status(df, source)


def _check_archs(df: pd.DataFrame, source: str) -> None:
    index = _numbers(df["nb201_index"])
    known = (index >= 0) & (index < N_ARCHS) & (index == np.floor(index))
    problem = f"is not an integer from 0 to {N_ARCHS - 1}"
    _refuse(df, source, "nb201_index", ~known, problem)
    named = indices_of_strings(df["arch_str"])
    problem = "names no architecture of NAS-Bench-201"
    _refuse(df, source, "arch_str", named < 0, problem)
    problem = "names another architecture than nb201_index (the published order) says"
    _refuse(df, source, "arch_str", named != index, problem)
    repeated = df["nb201_index"].duplicated().to_numpy(dtype=bool)
    _refuse(df, source, "nb201_index", repeated, "repeats an architecture")


def _check_status(df: pd.DataFrame, source: str) -> None:
    unknown = ~df["status"].isin(STATUSES).to_numpy(dtype=bool)
    _refuse(df, source, "status", unknown, f"is not one of {', '.join(STATUSES)}")
    is_ok = (df["status"] == STATUS_OK).to_numpy(dtype=bool)
    is_missing = np.isnan(_numbers(df["score"]))
    _refuse(df, source, "score", is_ok & is_missing, "is missing although status is 'ok'")
    contradicting = ~is_ok & ~is_missing
    _refuse(df, source, "score", contradicting, "has a value although status is 'failed'")


def _numbers(column: pd.Series[Any]) -> npt.NDArray[np.float64]:
    numbers = pd.to_numeric(column, errors="coerce")
    return numbers.to_numpy(dtype=np.float64, na_value=np.nan)


def _refuse(
    df: pd.DataFrame, source: str, column: str, bad: npt.NDArray[np.bool_], problem: str
) -> None:
    """Raise an error with the first bad row, if there is one."""
    if not bad.any():
        return
    row = int(np.flatnonzero(bad)[0])
    shown = ", ".join(f"{name}={show(df[name].iloc[row])}" for name in COLUMNS)
    raise DataError(
        f"{source}: column '{column}' {problem} in {int(bad.sum()):,} of {len(df):,} rows. The "
        f"first is row {row}: {shown}. Correct or remove such rows and try again."
    )


def save_scores(df: pd.DataFrame, path: Path) -> None:
    """Write scores as Parquet, all or nothing.

    Args:
        df: Scores in the schema; a missing number is NaN.
        path: The file, which may exist; its folder must.

    Raises:
        DataError: If `check_scores` refuses the scores.
        StoreError: If the file cannot be written; an older one is then as it was.
    """
    check_scores(df, f"the scores for {path.name}")
    content = pa.Table.from_pandas(
        df[list(COLUMNS)], schema=_ARROW_SCHEMA, preserve_index=False
    ).replace_schema_metadata({**_ARROW_SCHEMA.metadata, HASH_KEY: _hash(df).encode()})
    write_atomically(path, lambda target: pq.write_table(content, target, compression="zstd"))


def load_scores(path: Path) -> pd.DataFrame:
    """Read scores, the harness's own or anybody's in the schema.

    Args:
        path: A Parquet file; or a CSV file, if its name ends in `.csv`.

    Returns:
        The columns of `COLUMNS` in the file's order of rows; a missing number is NaN.

    Raises:
        DataError: If the file is missing, cannot be read, has a newer schema, or holds scores
            that `check_scores` refuses.
    """
    if not path.is_file():
        raise DataError(
            f"There is no scores file at '{path}'. Give the path of a Parquet or CSV file with "
            f"the columns {', '.join(COLUMNS)}."
        )
    sha256 = None
    try:
        if path.suffix == ".csv":
            df = pd.read_csv(path)
        else:
            df, sha256 = _read_parquet(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = show((str(error).splitlines() or [type(error).__name__])[0], 160)
        raise DataError(
            f"{path}: this is no whole Parquet (or .csv) file ({reason}). It may have been cut "
            "short; get or make it again."
        ) from error
    check_scores(df, str(path))
    scores = df[list(COLUMNS)].copy()
    for name in _NUMBERS:
        scores[name] = _numbers(df[name])
    scores = scores.astype({"nb201_index": np.int32})
    if sha256 not in (None, _hash(scores)):
        raise DataError(
            f"{path}: the rows are not those that were written: their hash differs. The file is "
            "damaged or was edited; get or make it again."
        )
    return scores


def _read_parquet(path: Path) -> tuple[pd.DataFrame, str | None]:
    """Read a file, and the hash of its rows if it has one."""
    with pq.ParquetFile(path) as file:
        content = file.read(use_threads=False)
    metadata = content.schema.metadata or {}
    check_schema(metadata, str(path))
    frame: pd.DataFrame = content.to_pandas()
    sha256 = metadata.get(HASH_KEY)
    return frame, None if sha256 is None else sha256.decode(errors="replace")


def _hash(scores: pd.DataFrame) -> str:
    """Hash checked scores; the strings follow from the indices."""
    digest = hashlib.sha256(SCHEMA.encode())
    digest.update(scores["nb201_index"].to_numpy(dtype="<i8").tobytes())
    for name in _NUMBERS:
        values = _numbers(scores[name])
        with np.errstate(invalid="ignore"):  # a damaged number can be a NaN that signals
            values = np.where(np.isnan(values), np.nan, values + 0.0)  # one NaN, one zero
        digest.update(values.astype("<f8").tobytes())
    digest.update("".join(scores["status"]).encode())
    return digest.hexdigest()


def check_schema(metadata: Mapping[bytes, bytes] | None, source: str) -> None:
    """Check that a Parquet file names no other schema; one that names none is anybody's.

    Args:
        metadata: The file's key-value metadata.
        source: What to call the file in an error.

    Raises:
        DataError: If it names another schema than this version's.
    """
    schema = (metadata or {}).get(_SCHEMA_KEY, SCHEMA.encode()).decode(errors="replace")
    if schema != SCHEMA:
        raise DataError(
            f"{source}: its schema is '{show(schema)}', and this version reads '{SCHEMA}'. Upgrade "
            "the harness, or rank again with this version."
        )
