"""A real browser without a network, and pages to open in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from harness.report import Report
from harness.report.page import save_page

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="session", name="browser")
def _browser() -> Iterator[Browser]:
    """Debian's chromium; playwright's own is never downloaded."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        reason = f"none of {', '.join(BROWSERS)} is on the PATH; on Debian: apt install chromium"
        if os.environ.get("CI"):
            pytest.fail(f"CI needs a browser: {reason}")
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield browser
        browser.close()


@dataclass
class Opened:
    """A page that is open, and what it did.

    Attributes:
        page: The page.
        file: Its file.
        requests: Addresses that it asked for.
        complaints: Errors of scripts, and whatever came to the console.
    """

    page: Page
    file: Path
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Check that nothing was fetched but the file itself, and that nothing went wrong."""
        assert self.requests == [self.file.as_uri()]
        assert self.complaints == []


Open = Callable[..., Opened]


@pytest.fixture(name="open_page")
def _open_page(browser: Browser) -> Iterator[Open]:
    """Open a file; at the end of the test nothing may have been fetched, or gone wrong."""
    opened: list[Opened] = []

    def open_page(file: Path, width: int = 1440, height: int = 900, **options: Any) -> Opened:
        context = browser.new_context(
            viewport={"width": width, "height": height}, offline=True, **options
        )
        one = Opened(context.new_page(), file)
        one.page.on("request", lambda request: one.requests.append(request.url))
        one.page.on("console", lambda message: one.complaints.append(message.text))
        one.page.on("pageerror", lambda error: one.complaints.append(str(error)))
        one.page.on("dialog", lambda dialog: one.complaints.append(f"dialog {dialog.message}"))
        one.page.goto(file.as_uri())
        opened.append(one)
        return one

    yield open_page
    for one in opened:
        one.check()
        one.page.context.close()


@pytest.fixture(name="save")
def _save(tmp_path: Path) -> Callable[[Report], Path]:
    """Write a report as a page, in a folder with an odd name."""

    def save(report: Report) -> Path:
        file = tmp_path / "a folder & more" / "report.html"
        save_page(report, file)
        return file

    return save
