"""A real Ray cluster of several nodes on this machine."""

from __future__ import annotations

import importlib.util
import os
import secrets
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.execution.conditions import Conditions
from harness.execution.engines.local import LocalEngine
from harness.settings.run import RunConfig
from harness.settings.study import load_study
from tests.studies import write_study
from tests.tiny import Recorder

if importlib.util.find_spec("ray") is None:
    if os.environ.get("CI"):
        raise ImportError("CI needs Ray: make setup installs it, as part of the extra `dev`.")
    collect_ignore_glob = ["test_*.py"]

# Read when Ray is imported. Whatever this user's other clusters do: nothing is sent to anybody, and
# nobody else gets in.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_AUTH_MODE"] = "token"
os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)

NODE = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 100 * 2**20}


def make_cluster(head_cpus: int, *nodes_cpus: int) -> Any:
    """Start nodes; each is a set of processes of its own, as on a machine of its own."""
    from ray.cluster_utils import Cluster

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own, of files that it leaves to be closed
        cluster = Cluster(initialize_head=True, head_node_args={**NODE, "num_cpus": head_cpus})
        for num_cpus in nodes_cpus:
            cluster.add_node(**{**NODE, "num_cpus": num_cpus})
    return cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    """Two nodes of one CPU each."""
    made = make_cluster(1, 1)
    yield made
    made.shutdown()


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Compute a study's runs with the local engine, once: what Ray's are held to."""
    known: dict[str, tuple[list[RunConfig], Path]] = {}

    def compute(base: str, rest: str) -> tuple[list[RunConfig], Path]:
        from harness.execution.runner import gather, resolve_all

        text = base + rest
        if text not in known:
            folder = tmp_path_factory.mktemp("local")
            study = load_study(write_study(folder, rest, base))
            conditions = Conditions(folder / "out")
            configs = gather(resolve_all(study.configs, conditions), conditions)
            assert LocalEngine(1).run(configs, conditions, Recorder()) == []
            known[text] = configs, folder / "out"
        return known[text]

    return compute
