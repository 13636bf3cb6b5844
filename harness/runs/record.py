"""The contents of `record.json`, and its JSON Schema, which programs may rely on.

Version 1 is stable: a field that is described here keeps its name, type and meaning; fields may be
added, so readers ignore those that they do not know. Anything else raises `SCHEMA_VERSION`, and
records of older versions are still read. The schema is stored as
`docs/reference/record.schema.json`.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from harness.settings.run import RunConfig

SCHEMA_VERSION = 1
Status = Literal["running", "interrupted", "finished", "failed"]
RUNNING, INTERRUPTED, FINISHED, FAILED = "running", "interrupted", "finished", "failed"

Sha256 = Field(None, pattern=r"^[0-9a-f]{64}$")
TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)$"


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Execution(_Open):
    """Where and how a run computes: chosen when it starts, and kept when it resumes."""

    device: str = Field(description="cpu or cuda")
    device_name: str = Field(description="The GPU's name, or cpu")
    cpu_capability: str = Field(description="Vector instructions that torch uses")
    torch: str = Field(description="Version, with its build")
    threads: int = Field(ge=1, description="CPU threads")
    earlier_threads: list[int] | None = Field(
        None, description="Of earlier starts, where another number was asked for"
    )
    torch_build: str | None = Field(None, description="Commit and libraries that torch is built of")
    dtype: str = Field(description="Of training steps: float32 or bf16")
    ranks: int | None = Field(None, ge=1, description="Processes that train together")


class Environment(_Open):
    """The machine and the versions of the latest start."""

    python: str
    platform: str
    cpu: str | None = None
    cpu_id: str | None = Field(None, description="Maker, family, model and stepping of the CPU")
    cores: int | None = None
    packages: dict[str, str | None] = Field({}, description="Versions by package")


class Source(_Open):
    """A commit of the harness, and a machine, that worked on the run."""

    commit: str | None = Field(None, description="None: not in a git checkout")
    dirty: bool | None = Field(None, description="Whether files differed from the commit")
    ranks: int | None = Field(None, ge=1, description="Processes together; missing: one")
    cpu: str | None = Field(None, description="Model of the CPU")


class Data(_Open):
    """What was trained and ranked on."""

    images: str = Field(description="Image data set")
    images_sha256: str | None = Sha256
    truth: str = Field(description="Truth table")
    truth_sha256: str | None = Sha256
    truth_query: str = Field(description="Which of its numbers is the truth")
    n_ranked: int = Field(ge=0, description="Architectures ranked")
    n_classes: int | None = Field(None, ge=0, description="Equivalence classes among them")
    n_with_truth: int | None = Field(None, ge=0, description="Of those ranked")


class NestedRun(_Open):
    """A run whose scores another run made use of."""

    name: str = Field(description="What the settings of the other run call it")
    run_id: str
    seed: int = Field(ge=0, description="Its own, which several runs may share")
    scores_sha256: str | None = Sha256
    cost: dict[str, Any] | None = Field(
        None, description="Unit, seconds of preparation and of each architecture; None: unknown"
    )


class RankingRecord(_Open):
    """Provenance of the scores."""

    n_images: int | None = Field(None, ge=1, description="Validation images used")
    precision: str | None = Field(None, description="float32 or bf16")
    moments: list[int] = Field([], description="Steps whose weights were ranked with")
    n_features: int | None = Field(None, ge=1, description="That a readout reads")
    measured_with: list[str] = Field([], description="Proxies that shared the passes of a proxy")
    score_kind: str | None = Field(None, description="Of estimators without a supernet: the score")
    trained_epochs: int | None = Field(None, ge=0, description="Of the truth table's trainings")
    teacher: str | None = Field(None, description="Of short trainings: whom they learn from")
    teacher_accuracy: float | None = Field(None, ge=0, le=100, description="Validation, percent")
    labels: str | None = Field(None, description="Of predictors: the truth that they are fitted to")
    nested: list[NestedRun] = Field([], description="Runs whose scores it made use of")
    weights_sha256: str | None = Sha256
    format: int | None = Field(None, description="Of the computation; others are not taken over")
    source: dict[str, Any] | None = Field(None, description="The run that did the training")
    reused: dict[str, Any] | None = Field(
        None, description="Runs whose scores were taken over, and of how many architectures"
    )


class Timings(_Open):
    """Seconds, over all starts."""

    train_s: float | None = Field(None, ge=0, description="Training steps")
    probe_s: float | None = Field(None, ge=0, description="Measuring disturbance")
    evaluate_s: float | None = Field(None, ge=0, description="Evaluations during training")
    checkpoint_s: float | None = Field(None, ge=0, description="Saving")
    rank_s: float | None = Field(None, ge=0, description="The ranking")
    score_s: float | None = Field(
        None, ge=0, description="Of a proxy alone: all passes; on a CPU, the processor's seconds"
    )
    published_s: float | None = Field(
        None, ge=0, description="Of trainings in the truth table, on whatever machine did them"
    )
    prepare_s: float | None = Field(
        None, ge=0, description="Before any score, such as a teacher's training; likewise"
    )


class Summary(_Open):
    """The figures of a finished run (docs/reference/statistics.md). None: undefined or too few."""

    truth: str | None = None
    n: int | None = Field(None, ge=0, description="Architectures with a score and a truth")
    n_unscored: int | None = Field(None, ge=0, description="Architectures without a score")
    tau: float | None = Field(None, ge=-1, le=1, description="Kendall's tau-b, all architectures")
    tau_top_half: float | None = Field(None, ge=-1, le=1)
    tau_top_10: float | None = Field(None, ge=-1, le=1)
    spearman: float | None = Field(None, ge=-1, le=1)
    weighted_tau: float | None = Field(None, ge=-1, le=1)
    train_loss: float | None = Field(None, description="Over fixed architectures, at the end")


class _Described:
    """Gives a part of the record its schema; in Python it is a plain dictionary."""

    def __init__(self, model: type[BaseModel], may_be_empty: bool = True) -> None:
        self._model = model
        self._may_be_empty = may_be_empty

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        described = handler(self._model.__pydantic_core_schema__)
        if not self._may_be_empty:
            return described
        empty = {"type": "object", "additionalProperties": {"type": "null"}}
        return {"anyOf": [described, empty]}


class Record(BaseModel):
    """The contents of record.json."""

    model_config = ConfigDict(extra="allow")

    schema_version: int = Field(
        SCHEMA_VERSION, description="Missing: 1", json_schema_extra={"minimum": 1}
    )
    run_id: str = Field(description="The name of the run's folder")
    status: Status = Field(
        description="running may also be a run that was killed: its folder is then not locked"
    )
    reason: str | None = Field(None, description="Why it failed or stopped")
    started: str = Field(description="UTC, ISO 8601", json_schema_extra={"pattern": TIME})
    finished: Annotated[str, Field(json_schema_extra={"pattern": TIME})] | None = Field(
        None, description="UTC, ISO 8601"
    )
    config: Annotated[dict[str, Any], _Described(RunConfig, may_be_empty=False)] = Field(
        description="The resolved settings"
    )
    # Empty until the run has started, or reached that stage:
    execution: Annotated[dict[str, Any], _Described(Execution)] = {}
    environment: Annotated[dict[str, Any], _Described(Environment)] = {}
    sources: list[Annotated[dict[str, Any], _Described(Source, may_be_empty=False)]] = Field(
        [], description="In the order in which they worked on it"
    )
    data: Annotated[dict[str, Any], _Described(Data)] = {}
    ranking: Annotated[dict[str, Any], _Described(RankingRecord, may_be_empty=False)] = {}
    timings: Annotated[dict[str, float], _Described(Timings, may_be_empty=False)] = {}
    summary: Annotated[dict[str, Any], _Described(Summary, may_be_empty=False)] = {}

    @property
    def training(self) -> str:
        """The training whose supernet was ranked, the same for all its rankings.

        It is the run that trained, and when that started: a run of that name may have been trained
        on another machine, too.
        """
        source = _table(self.ranking.get("source"))
        return f"{source.get('run_id', self.run_id)} {source.get('started', self.started)}"

    @property
    def origin(self) -> dict[str, str]:
        """What the rounding of the results depends on besides the settings, in so far as known."""
        execution, packages = self.execution, _table(self.environment.get("packages"))
        found = {
            "CPU": self.environment.get("cpu"),
            "GPU": execution.get("device_name") if execution.get("device") == "cuda" else None,
            "instructions": execution.get("cpu_capability"),
            "torch": execution.get("torch") or packages.get("torch"),
            "threads": execution.get("threads"),
            "commit": " then ".join(map(_name_commit, self.sources)),
        }
        return {fact: str(value) for fact, value in found.items() if value}


def _table(content: Any) -> dict[str, Any]:
    """Return a part of a record; an empty one where it is missing or something else."""
    return content if isinstance(content, dict) else {}


def _name_commit(source: dict[str, Any]) -> str:
    commit = str(source.get("commit") or "unknown")[:9]
    return f"{commit} (changed)" if source.get("dirty") else commit


def make_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12)."""
    schema = Record.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"harness record.json, version {SCHEMA_VERSION}",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def render_schema() -> str:
    """Return the schema as it is stored."""
    return json.dumps(make_schema(), indent=2) + "\n"
