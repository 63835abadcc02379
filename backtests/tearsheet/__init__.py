"""Tearsheets: one self-contained HTML file for one or many strategies."""

from backtests.tearsheet.page import write_tearsheet

__all__ = ["write_tearsheet"]
