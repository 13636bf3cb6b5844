"""A check as JUnit XML, which CI systems show: one test case a method and rule."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

from harness.check.result import CheckResult, Outcome
from harness.check.sentences import describe_finding, verdict
from harness.files.atomic import check_replaceable, write_atomically

SUITE = "harness check"

# XML 1.0, production 2: what no escape can carry either.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def save_junit(result: CheckResult, path: Path, strict: bool = False) -> None:
    """Write a check as JUnit XML, all or nothing.

    A regression is a failure. JUnit has no word for an inconclusive check: it is skipped, or a
    failure where `strict` makes it one; so is a method of the baseline that is missing.

    Args:
        result: The check.
        path: The file, which may exist; its folder must.
        strict: Whether inconclusive checks count as failures.

    Raises:
        UsageError: If there is a file that is no XML.
        StoreError: If the file cannot be written.
    """
    content = to_junit(result, strict)
    check_replaceable(path, b"<?xml", "JUnit file")
    write_atomically(path, content)


def to_junit(result: CheckResult, strict: bool = False) -> bytes:
    """Make the XML, UTF-8.

    Args:
        result: The check.
        strict: Whether inconclusive checks count as failures.

    Returns:
        The document.
    """
    suite = ET.Element("testsuite", {"name": SUITE})
    for finding in result.findings:
        case = _add_case(suite, finding.label, str(finding.rule))
        text = describe_finding(finding)
        if finding.outcome is not Outcome.PASS:
            _mark(case, finding.outcome, text, strict)
        ET.SubElement(case, "system-out").text = _clean(text)
    for label in result.missing:
        case = _add_case(suite, label, "missing")
        text = "This method of the baseline is not among what was checked."
        _mark(case, Outcome.INCONCLUSIVE, text, strict)
    counts = {
        "tests": len(suite),
        "failures": len(suite.findall("testcase/failure")),
        "errors": 0,
        "skipped": len(suite.findall("testcase/skipped")),
        "time": 0,
    }
    root = ET.Element("testsuites", {"name": SUITE})
    for element in (root, suite):
        for key, count in counts.items():
            element.set(key, str(count))
    ET.SubElement(suite, "system-out").text = _clean(verdict(result, strict))
    root.append(suite)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _add_case(suite: ET.Element, label: str, name: str) -> ET.Element:
    attributes = {"classname": _clean(label), "name": name, "time": "0"}
    return ET.SubElement(suite, "testcase", attributes)


def _mark(case: ET.Element, outcome: Outcome, text: str, strict: bool) -> None:
    attributes = {"message": _clean(text)}
    if outcome is Outcome.FAIL or strict:
        attributes["type"] = outcome.value
        ET.SubElement(case, "failure", attributes)
    else:
        ET.SubElement(case, "skipped", attributes)


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
