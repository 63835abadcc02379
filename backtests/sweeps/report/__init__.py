"""The report of a sweep: one self-contained HTML file."""

from backtests.sweeps.report.page import write_report

__all__ = ["write_report"]
