"""Results that the benchmark's own packages hold in memory: `nas_201_api` and `nats_bench`.

Neither package is imported: their objects are known by where their classes are from. They pick a
trial at random unless told otherwise; here all trials are read, as from their files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.errors import TruthError
from harness.truth.importers.base import Imported, ImportOptions
from harness.truth.importers.nb201.nats import read_nats
from harness.truth.importers.nb201.records import check_order, count_lacking, read_record, to_frame

PACKAGES = ("nas_201_api", "nats_bench")


def read_api(api: Any) -> Imported | None:
    """Read all that an object of these packages holds.

    Args:
        api: A `NASBench201API` or a `NATStopology`, or anything else.

    Returns:
        Its rows; of one in fast mode, which has read nothing yet, those of its folder. None of
        anything else.

    Raises:
        TruthError: If it is of the size space of NATS-Bench or in another order, holds nothing, or
            its folder is damaged.
    """
    classes = [each.__module__.partition(".")[0] for each in type(api).__mro__]
    if not set(classes) & set(PACKAGES):
        return None
    name = f"the {type(api).__name__}"
    if getattr(api, "is_size", False):
        raise TruthError(
            f"{name} is of NATS-Bench's size space, and only its topology space is that of "
            "NAS-Bench-201. Give a NATStopology, or a table of the architectures' own space."
        )
    if getattr(api, "archive_dir", None) is not None:
        return read_nats(Path(api.archive_dir), ImportOptions())
    check_order(api.meta_archs, name)
    records = [
        read_record(results.state_dict(), name)
        for by_epochs in api.arch2infos_dict.values()
        for results in by_epochs.values()
    ]
    if not any(record.rows for record in records):
        raise TruthError(f"{name} holds no results. Make it of the benchmark's file or folder.")
    return Imported(to_frame(records), "", [count_lacking(records)])
