"""The schema of record.json is stored, and true of every record that there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from harness.runs.folder import RunFolder
from harness.runs.record import Record, make_schema, render_schema
from tests.cli.commandline import TINY, invoke

ROOT = Path(__file__).parents[3]
STORED = ROOT / "docs" / "reference" / "record.schema.json"
RECORDS = sorted((ROOT / "results").rglob("record.json"))


def check(content: Any) -> None:
    schema = json.loads(STORED.read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    problems = [f"{list(e.absolute_path)}: {e.message}" for e in validator.iter_errors(content)]
    assert problems == []


def test_the_stored_schema_is_that_of_the_code() -> None:
    jsonschema.Draft202012Validator.check_schema(make_schema())
    assert STORED.read_text(encoding="utf-8") == render_schema(), "run `make schema`"


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.parent.name)
def test_every_stored_record_keeps_to_it(path: Path) -> None:
    check(json.loads(path.read_text(encoding="utf-8")))


def test_a_fresh_record_keeps_to_it_whatever_became_of_the_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert invoke(capsys, *TINY, "--strategies", "spos", "--out", tmp_path).code == 0
    (path,) = tmp_path.rglob("record.json")
    content = json.loads(path.read_text())
    check(content)
    for status in ("running", "interrupted", "failed"):
        check({**content, "status": status, "reason": "Because.", "summary": {}, "finished": None})
    just_begun = Record(
        **{key: content[key] for key in ("run_id", "started", "config")}, status="running"
    )
    check(just_begun.model_dump(mode="json"))


@pytest.mark.parametrize(
    "change",
    [{"status": "done"}, {"run_id": None}, {"config": 3}, {"started": "yesterday"}, {"sources": 1}],
)
def test_what_is_no_record_is_refused(change: dict[str, Any]) -> None:
    content = json.loads(RECORDS[0].read_text(encoding="utf-8"))
    with pytest.raises(AssertionError, match=next(iter(change))):
        check({**content, **change})


def test_a_record_of_before_the_version_was_written_is_of_version_one(tmp_path: Path) -> None:
    content = json.loads(RECORDS[0].read_text(encoding="utf-8"))
    del content["schema_version"]
    check(content)
    (tmp_path / "record.json").write_text(json.dumps(content))
    assert RunFolder(tmp_path).read_record().schema_version == 1
