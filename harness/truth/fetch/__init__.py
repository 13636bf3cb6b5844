"""What can be downloaded, and how it arrives whole. Nothing here runs without being asked for."""

from harness.truth.fetch.catalog import CATALOG, Catalog, find_entry
from harness.truth.fetch.download import Patience, Watch
from harness.truth.fetch.fetching import Fetched, data_folder, fetch
from harness.truth.fetch.state import FileState, State, check_entry, look_at, product_paths
from harness.truth.published import Download, Entry, Member, Table, Unpacked

__all__ = [
    "CATALOG",
    "Catalog",
    "Download",
    "Entry",
    "Fetched",
    "FileState",
    "Member",
    "Patience",
    "State",
    "Table",
    "Unpacked",
    "Watch",
    "check_entry",
    "data_folder",
    "fetch",
    "find_entry",
    "look_at",
    "product_paths",
]
