"""The report as one page that opens in any browser, without a network."""

from harness.report.page.page import render_page, save_page

__all__ = ["render_page", "save_page"]
