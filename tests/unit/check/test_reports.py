"""What a check tells CI systems: JUnit XML and GitHub's workflow commands, with hostile names."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from harness.check import (
    CheckResult,
    annotate,
    check_estimators,
    describe,
    make_annotations,
    parse_rules,
    save_junit,
    to_junit,
)
from harness.check.sentences import HEADINGS, make_rows
from harness.errors import StoreError
from tests.check_cases import draw_scores, keep, make_estimator, make_truth

CHOSEN, SIGNAL = make_truth()
SCORES = draw_scores(SIGNAL)
HOSTILE = (
    "a\"]]></testcase><failure message='x'>&amp;&<!--",
    "\x00\x1b[31m\ud800\ufffe\u202e evil\u2028",
    "::error title=x::y\n::stop-commands::z\r##[error]%0A",
    "x" * 3000,
    "\U0001f600 \u00e9 \u4e2d",
)


def check(
    failing: tuple[str, ...], open_ones: tuple[str, ...], same: tuple[str, ...] = ()
) -> CheckResult:
    """Check methods of these names, and one more that is missing."""
    parts = {
        **dict.fromkeys(failing, -SCORES),
        **dict.fromkeys(open_ones, draw_scores(SIGNAL, own=1)),
        **dict.fromkeys(same, SCORES),
    }
    labels = (*parts, "gone" + HOSTILE[1])
    old = keep(CHOSEN, *(make_estimator(CHOSEN, SCORES, label=label) for label in labels))
    new = [make_estimator(CHOSEN, scores, label=label) for label, scores in parts.items()]
    return check_estimators(old, new, CHOSEN, parse_rules(["tau:0.02", "spearman:0.02"]))


RESULT = check(HOSTILE[:2], HOSTILE[2:4], HOSTILE[4:])


@pytest.mark.parametrize("strict", [False, True])
def test_junit_is_xml_whatever_the_names(tmp_path: Path, strict: bool) -> None:
    save_junit(RESULT, tmp_path / "junit.xml", strict)
    content = (tmp_path / "junit.xml").read_bytes()
    assert content == to_junit(RESULT, strict)
    root = ET.fromstring(content)  # refuses what XML 1.0 does
    (suite,) = root.findall("testsuite")
    cases = suite.findall("testcase")
    assert len(cases) == 2 * len(HOSTILE) + 1
    n_failures, n_skipped = (9, 0) if strict else (4, 5)
    assert len(suite.findall("testcase/failure")) == n_failures
    assert len(suite.findall("testcase/skipped")) == n_skipped
    for element in (root, suite):
        counts = [element.get(key) for key in ("tests", "failures", "errors", "skipped")]
        assert counts == [str(n) for n in (len(cases), n_failures, 0, n_skipped)]
    assert {child.tag for case in cases for child in case} <= {"failure", "skipped", "system-out"}


def test_junit_follows_the_order_of_the_usual_schema() -> None:
    root = ET.fromstring(to_junit(RESULT))
    assert root.tag == "testsuites"
    for case in root.iter("testcase"):
        assert set(case.attrib) == {"classname", "name", "time"}
        tags = [child.tag for child in case]
        assert tags == sorted(tags, key=["skipped", "failure", "system-out"].index)
        for child in case.findall("failure") + case.findall("skipped"):
            assert child.get("message")


def test_names_survive_in_junit_as_far_as_xml_can_say_them() -> None:
    names = {case.get("classname") for case in ET.fromstring(to_junit(RESULT)).iter("testcase")}
    assert {HOSTILE[0], HOSTILE[3], HOSTILE[4]} <= names
    assert "\ufffd\ufffd[31m\ufffd\ufffd\u202e evil\u2028" in names


def test_a_pass_has_neither_failure_nor_skip() -> None:
    old = make_estimator(CHOSEN, SCORES)
    result = check_estimators(keep(CHOSEN, old), [old], CHOSEN, parse_rules([]))
    (case,) = ET.fromstring(to_junit(result)).iter("testcase")
    assert [child.tag for child in case] == ["system-out"]
    assert make_annotations(result) == []


def test_junit_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="could not be written"):
        save_junit(RESULT, tmp_path / "no" / "junit.xml")


@pytest.mark.parametrize("strict", [False, True])
def test_annotations_are_one_command_a_line(strict: bool) -> None:
    lines = make_annotations(RESULT, strict)
    kinds = [re.match(r"::(error|warning) title=harness check%3A [a-z]+::", li) for li in lines]
    assert all(kinds)
    found = [match[1] for match in kinds if match]
    assert found == (["error"] * 9 if strict else ["error"] * 4 + ["warning"] * 5)
    for line in lines:
        assert len(line.splitlines()) == 1
        assert line.encode("utf-8", errors="strict")


def test_an_annotation_is_escaped_as_github_reads_it() -> None:
    line = annotate("error", "a: b, 5%", "100%\r\n::error::x, y: z")
    assert line == "::error title=a%3A b%2C 5%25::100%25%0D%0A::error::x, y: z"
    assert annotate("error", "\u2028", "\x1b\ud800") == "::error title=\\u2028::\\x1b\\ud800"


def test_every_sentence_and_cell_is_one_printable_line() -> None:
    texts = [*describe(RESULT), *(cell for row in make_rows(RESULT) for cell in row)]
    assert all(text.isprintable() for text in texts)
    assert not any("##[" in text or text.lstrip().startswith(":") for text in describe(RESULT))
    assert max(map(len, texts)) < 2000
    assert {len(row) for row in make_rows(RESULT)} == {len(HEADINGS)}


def test_json_holds_everything_and_no_nan() -> None:
    content = json.loads(json.dumps(RESULT.to_dict(), allow_nan=False))
    assert content["outcome"] == "regression"
    assert len(content["findings"]) == 10
    first = content["findings"][0]
    assert first["rule"] == "tau:0.02"
    assert first["low"] <= first["difference"] <= first["high"]
    assert first["baseline_seeds"] == first["new_seeds"] == [0, 1, 2, 3, 4]
    assert content["missing"] == ["gone" + HOSTILE[1]]


def test_json_of_an_undefined_ranking_is_null() -> None:
    old = make_estimator(CHOSEN, SCORES)
    new = make_estimator(CHOSEN, np.ones_like(SCORES))
    result = check_estimators(keep(CHOSEN, old), [new], CHOSEN, parse_rules([]))
    (finding,) = json.loads(json.dumps(result.to_dict(), allow_nan=False))["findings"]
    assert [finding[key] for key in ("new", "difference", "low", "high", "visible")] == [None] * 5
    assert "undefined" in " ".join(describe(result))
