"""Where the estimators of a report come from, as the page shows it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from harness.estimators.matrix import ScoreMatrix
from harness.report.cells import write_seeds
from harness.report.contents import Contents
from harness.report.markup import Block
from harness.runs.record import Record
from harness.scores.sets import describe_exclusions

Facts = list[tuple[str, str]]


class Origin(NamedTuple):
    """Where one estimator comes from.

    Attributes:
        label: Its label.
        facts: Names and values.
        runs: Its runs, one per row; None for scores of a file.
        settings: All settings of a run except the seed, as text; None for others.
        data: What the runs were trained on and ranked against, with hashes; None for others.
        environment: Machine and versions; None for others.
    """

    label: str
    facts: Facts
    runs: Block | None
    settings: str | None
    data: str | None
    environment: str | None


def origins(report: Contents) -> list[Origin]:
    """Return the origin of every estimator, each once, however many truths there are."""
    estimators = {
        result.estimator.label: result.estimator
        for section in report.sections
        for result in section.evaluations
    }
    return [_origin(estimator) for estimator in estimators.values()]


def truths_block(report: Contents) -> Block:
    """Make the table of the truths."""
    rows = [
        (
            section.truth.title,
            section.truth.table,
            section.truth.sha256,
            f"{section.truth.n_archs:,}",
            f"{len(section.keys):,}",
            "yes" if section.truth.is_recorded else "no",
        )
        for section in report.sections
    ]
    headings = (
        *("truth", "table", "SHA-256", "architectures covered", "in this report"),
        "same table as when the runs were ranked",
    )
    return Block("Truth", headings, rows, texts=3)


def _origin(estimator: ScoreMatrix) -> Origin:
    records = estimator.records
    norm = estimator.bn_mode or ("" if records else "unknown")  # a run's record knows
    facts = [
        ("source", estimator.source),
        ("method", estimator.method),
        ("seeds", write_seeds(estimator.seeds)),
        ("score", estimator.score_kind),
        ("trained on", estimator.dataset or "unknown"),
        *([("batch norm when ranking", norm)] if norm else []),
        ("settings without the seed, SHA-256", estimator.settings_sha256 or "none"),
        ("left out", describe_exclusions(estimator.exclusions) or "nothing"),
    ]
    facts += [("path", str(path)) for path in estimator.paths]
    if not records:
        return Origin(estimator.label, facts, None, None, None, None)
    settings = {name: value for name, value in records[0].config.items() if name != "seed"}
    return Origin(
        estimator.label,
        facts,
        _runs_block(records),
        _write(settings),
        _write_each(record.data for record in records),
        _write_each(record.environment | record.execution for record in records),
    )


def _runs_block(records: tuple[Record, ...]) -> Block:
    parts = list(dict.fromkeys(name for record in records for name in record.timings))
    headings = ("run", "seed", "started", "commits", *parts)
    rows = [
        (
            record.run_id,
            str(record.config.get("seed", "-")),
            record.started,
            _write_commits(record),
            *(f"{record.timings[part]:,.1f}" if part in record.timings else "-" for part in parts),
        )
        for record in records
    ]
    return Block("Runs; times in seconds", headings, rows, texts=4)


def _write_commits(record: Record) -> str:
    texts = []
    for source in record.sources:
        commit = str(source.get("commit") or "not in a checkout")[:12]
        text = f"{commit}, changed since" if source.get("dirty") else commit
        texts.append(f"{text}, {source['ranks']} ranks" if "ranks" in source else text)
    return "; ".join(texts) or "unknown"


def _write_each(values: Iterable[dict[str, Any]]) -> str:
    """Write each value once, however many runs share it."""
    return "\n\n".join(dict.fromkeys(map(_write, values)))


def _write(values: dict[str, Any]) -> str:
    return json.dumps(values, indent=2, ensure_ascii=False, default=str)
