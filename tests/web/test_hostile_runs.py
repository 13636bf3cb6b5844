"""Everything that a page shows of runs and of the truth, made up by an attacker."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from harness.estimators.loading import load_estimators
from harness.report import TruthChoice, make_report
from harness.report.page import save_page
from harness.truth import TruthTable, find_truth
from tests.cli.test_injection import _table
from tests.made_reports import HOSTILE
from tests.made_runs import make_run
from tests.web.conftest import Open


@pytest.mark.parametrize("evil", HOSTILE)
def test_hostile_records_folders_and_truths_are_text_and_run_nothing(
    tmp_path: Path, open_page: Open, evil: str
) -> None:
    root = tmp_path / evil.replace("/", "\u2044")
    table: TruthTable = find_truth("tiles")
    for seed in (0, 1):
        run = make_run(root, np.random.RandomState(seed).normal(size=60), seed=seed, truth=table)
        path = run.path / "record.json"
        record = json.loads(path.read_text())
        record |= {"started": evil, "environment": {evil: evil}, "execution": {evil: [evil]}}
        record |= {"sources": [{"commit": evil}], "timings": {evil: 1.0}, evil: evil}
        record["data"] |= {evil: evil, "images": evil}
        path.write_text(json.dumps(record))
    truth = _table(tmp_path / "t.parquet", evil)
    report = make_report(load_estimators([root]), [TruthChoice(evil, table=str(truth))])
    file = tmp_path / "report.html"
    save_page(report, file)
    page = open_page(file).page
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("window.pwned") is None
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 2
    assert evil.strip()[:10] in page.locator("body").inner_text()
