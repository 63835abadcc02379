"""The reports of sweeps and walks: one self-contained HTML file each."""

from backtests.sweeps.report.page import write_report
from backtests.sweeps.report.walk_page import write_walk

__all__ = ["write_report", "write_walk"]
