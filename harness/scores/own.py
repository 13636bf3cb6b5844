"""The harness's own score files, strictly held to one schema: checks, reading and writing.

One row is one architecture: its score (higher is better), the validation loss and accuracy that
the score came from where there are any, and a status. A score that could not be computed is
null with the status "failed": never 0, and never NaN in the file. The status "dead" says that there
is none because no signal reaches the architecture's output: it ranks last, tied with its like. The
status "label" says that the estimator was fitted to the architecture's truth, so it has no score.
The file holds a hash of its rows, since one flipped bit can turn a score into another. Files of
`DEFAULT` have the schema `scores/1`; those of any other space say which, and have `scores/2`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from harness.errors import DataError
from harness.files.atomic import write_atomically
from harness.scores.cells import check_table
from harness.scores.source import damaged
from harness.scores.text import show
from harness.spaces import DEFAULT, Space, load_space
from harness.spaces.lookup import (
    SPACE_COLUMN,
    arch_columns,
    keys_of_rows,
    settle_space,
    space_of_rows,
    to_numbers,
)

STATUS_OK = "ok"
STATUS_FAILED = "failed"
STATUS_DEAD = "dead"
STATUS_LABEL = "label"
STATUSES = (STATUS_OK, STATUS_FAILED, STATUS_DEAD, STATUS_LABEL)
SCHEMAS = ("scores/1", "scores/2")
"""Of files of `DEFAULT`, and of any other space."""

NUMBERS = ("score", "loss", "accuracy")
"""Loss in nats and accuracy in percent, null where unknown."""

SCHEMA_KEY, SPACE_KEY, HASH_KEY = b"harness_schema", b"harness_space", b"harness_sha256"


def score_columns(space: Space) -> tuple[str, ...]:
    """Return the columns of a space's score files."""
    return (*arch_columns(space).names, *NUMBERS, "status")


COLUMNS = score_columns(load_space())
"""Those of files that name no space."""


def is_own(names: Collection[str]) -> bool:
    """Say whether columns are those of a score file of the harness, of whichever space."""
    files = (set(COLUMNS), {SPACE_COLUMN, "arch", *NUMBERS, "status"})
    return any(columns <= set(names) for columns in files)


def schema_of(space: Space) -> str:
    """Return the schema of a space's score files."""
    return SCHEMAS[space.name != DEFAULT]


def check_scores(df: pd.DataFrame, source: str, space: Space | None = None) -> None:
    """Check that a frame holds scores of the schema; columns beyond it are ignored.

    Args:
        df: The scores; a missing number is NaN.
        source: What to call them in an error, usually the file's name.
        space: Their space; `DEFAULT` unless given.

    Raises:
        DataError: If a column is missing, an architecture is unknown, occurs twice or is another
            than its index says, a number is infinite or out of range, or score and status
            contradict each other.
    """
    space = space or load_space()
    df, refuse = check_table(
        df, score_columns(space), space, source, DataError, "A scores file", "architecture"
    )
    first = arch_columns(space).index or arch_columns(space).text
    repeated_archs = pd.Series(keys_of_rows(df, space)).duplicated().to_numpy(dtype=bool)
    refuse(first, repeated_archs, "repeats an architecture")
    for name in NUMBERS:
        values = to_numbers(df[name])
        bad = np.isnan(values) & df[name].notna().to_numpy(dtype=bool)
        refuse(name, bad, "is not a number")
        problem = "is infinite; leave it empty, with status 'failed',"
        refuse(name, np.isinf(values), problem)
    accuracy = to_numbers(df["accuracy"])
    bad = (accuracy < 0) | (accuracy > 100)
    refuse("accuracy", bad, "is not from 0 to 100 (percent)")
    unknown = ~df["status"].isin(STATUSES).to_numpy(dtype=bool)
    refuse("status", unknown, f"is not one of {', '.join(STATUSES)}")
    is_ok = (df["status"] == STATUS_OK).to_numpy(dtype=bool)
    is_missing = np.isnan(to_numbers(df["score"]))
    refuse("score", is_ok & is_missing, "is missing although status is 'ok'")
    for status in STATUSES[1:]:
        contradicting = (df["status"] == status).to_numpy(dtype=bool) & ~is_missing
        refuse("score", contradicting, f"has a value although status is '{status}'")


def save_scores(df: pd.DataFrame, path: Path, space: Space | None = None) -> None:
    """Write scores as Parquet, all or nothing.

    Args:
        df: Scores in the schema; a missing number is NaN.
        path: The file, which may exist; its folder must.
        space: Their space; `DEFAULT` unless given.

    Raises:
        DataError: If `check_scores` refuses the scores.
        StoreError: If the file cannot be written; an older one is then as it was.
    """
    space = space or load_space()
    check_scores(df, f"the scores for {path.name}", space)
    kinds = dict.fromkeys(NUMBERS, pa.float64()) | {arch_columns(space).index: pa.int32()}
    names = score_columns(space)
    metadata = {SCHEMA_KEY: schema_of(space).encode(), HASH_KEY: _hash(df, space).encode()}
    if space.name != DEFAULT:
        metadata[SPACE_KEY] = space.name.encode()
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in names], metadata=metadata)
    content = pa.Table.from_pandas(
        df[list(names)], schema=schema, preserve_index=False
    ).replace_schema_metadata(metadata)
    write_atomically(path, lambda target: pq.write_table(content, target, compression="zstd"))


def load_scores(path: Path, space: Space | None = None) -> pd.DataFrame:
    """Read scores, the harness's own or anybody's in the schema.

    Args:
        path: A Parquet file; or a CSV file, if its name ends in `.csv`.
        space: The space to read; whichever the file names unless given.

    Returns:
        The columns of `score_columns` in the file's order of rows; a missing number is NaN.
        `keys_of_rows` gives its architectures.

    Raises:
        DataError: If the file is missing, cannot be read, is of another space, has a newer
            schema, or holds scores that `check_scores` refuses.
    """
    if not path.is_file():
        raise DataError(
            f"There is no scores file at '{path}'. Give the path of a Parquet or CSV file with "
            f"the columns {', '.join(score_columns(space or load_space()))}."
        )
    metadata: Mapping[bytes, bytes] = {}
    try:
        if path.suffix == ".csv":
            df = pd.read_csv(path)
        else:
            df, metadata = _read_parquet(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise damaged(str(path), "Parquet (or .csv)", error) from error
    return _check_own(df, metadata, str(path), space)


def _check_own(
    df: pd.DataFrame, metadata: Mapping[bytes, bytes], source: str, space: Space | None
) -> pd.DataFrame:
    named = metadata.get(SPACE_KEY, b"").decode(errors="replace")
    named_in_rows = space_of_rows(df, source, DataError)
    space = settle_space(named or named_in_rows or DEFAULT, space, source, DataError)
    check_scores(df, source, space)
    scores = df[list(score_columns(space))].copy()
    for name in NUMBERS:
        scores[name] = to_numbers(df[name])
    if (index := arch_columns(space).index) is not None:
        scores = scores.astype({index: np.int32})
    if metadata.get(HASH_KEY, (sha256 := _hash(scores, space).encode())) != sha256:
        raise DataError(
            f"{source}: the rows are not those that were written: their hash differs. The file is "
            "damaged or was edited; get or make it again."
        )
    return scores


def check_content(content: pa.Table, source: str, space: Space | None = None) -> None:
    """Check somebody's table: its schema, if it names one, and that its rows fit its hash, if any.

    Args:
        content: A whole Parquet file.
        source: What to call it in an error.
        space: As `load_scores` takes it.

    Raises:
        DataError: As `load_scores` does.
    """
    metadata = content.schema.metadata or {}
    check_schema(metadata, source)
    if HASH_KEY in metadata:
        _check_own(content.to_pandas(), metadata, source, space)


def _read_parquet(path: Path) -> tuple[pd.DataFrame, Mapping[bytes, bytes]]:
    """Read a file, and its metadata."""
    with pq.ParquetFile(path) as file:
        content = file.read(use_threads=False)
    metadata = content.schema.metadata or {}
    check_schema(metadata, str(path))
    frame: pd.DataFrame = content.to_pandas()
    return frame, metadata


def _hash(scores: pd.DataFrame, space: Space) -> str:
    """Hash checked scores; the strings follow from the keys."""
    digest = hashlib.sha256(schema_of(space).encode())
    if space.name != DEFAULT:
        digest.update(space.name.encode())
    digest.update(keys_of_rows(scores, space).astype("<i8").tobytes())
    for name in NUMBERS:
        values = to_numbers(scores[name])
        with np.errstate(invalid="ignore"):  # a damaged number can be a NaN that signals
            values = np.where(np.isnan(values), np.nan, values + 0.0)  # one NaN, one zero
        digest.update(values.astype("<f8").tobytes())
    digest.update("".join(scores["status"]).encode())
    return digest.hexdigest()


def check_schema(metadata: Mapping[bytes, bytes] | None, source: str) -> None:
    """Check that a Parquet file has a schema that is known; one that names none is anybody's.

    Args:
        metadata: The file's key-value metadata.
        source: What to call the file in an error.

    Raises:
        DataError: If it names another schema than this version's, or its schema does not fit its
            space.
    """
    metadata = metadata or {}
    expected = SCHEMAS[metadata.get(SPACE_KEY, DEFAULT.encode()) != DEFAULT.encode()]
    schema = metadata.get(SCHEMA_KEY, expected.encode()).decode(errors="replace")
    if schema != expected:
        raise DataError(
            f"{source}: its schema is '{show(schema)}', and this version reads '{expected}'. "
            "Upgrade the harness, or rank again with this version."
        )
