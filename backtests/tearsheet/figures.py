"""Colours, axes and traces that all charts share."""

import html
from typing import Any, Protocol

import numpy as np
import pandas as pd

from backtests.metrics import DAY

# Okabe and Ito's palette: told apart by all forms of colour vision; yellow is left out, white paper swallows it.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
# For more lines than that; they are dashed too, so that no colour has to be told from its neighbour by itself.
MORE_COLORS = ("#7B5EA7", "#946C21", "#B8336A", "#6B8E00")
DASHES = ("solid", "dash", "dot")
NEUTRAL = "#7f7f7f"
SHADE = "rgba(127,127,127,0.22)"

# Labels of one line each, whatever the zoom: hours, days, months, years (milliseconds, then "M" for months).
TICKS = [
    {"dtickrange": [None, 86_399_999], "value": "%H:%M"},
    {"dtickrange": [86_400_000, "M0.9"], "value": "%-d %b %y"},
    {"dtickrange": ["M0.9", "M11"], "value": "%b %Y"},
    {"dtickrange": ["M12", None], "value": "%Y"},
]


class Panel(Protocol):
    """A frame and the figure that draws it."""

    def frame(self) -> pd.DataFrame:
        """What is drawn, a row per point."""

    def figure(self) -> Any:
        """A plotly Figure of the frame."""

    def alt(self) -> str:
        """The figure in a sentence, for those who cannot see it."""


def every_day(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` (a row per UTC day that has a bar) with a row of NaN for each day that has none."""
    days = pd.date_range(frame.index.min(), frame.index.max(), freq="D", name="day").as_unit("ns")
    return frame.reindex(days)


def trace(
    values: pd.Series, name: str, color: str, dash: str = "solid", width: float = 1.6, yaxis: str = "y", hover: str = ""
) -> dict[str, Any]:
    """A line through a value of every UTC day; NaN is passed over."""
    # A first day and a step instead of thousands of dates, and 4-byte floats (7 digits): a tenth of the file's size.
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x0": f"{values.index[0]:%Y-%m-%d}",
        "dx": DAY // pd.Timedelta(1, "ms"),
        "y": values.to_numpy(np.float32),
        "yaxis": yaxis,
        "line": {"color": color, "dash": dash, "width": width},
        "connectgaps": True,
    }
    return line | ({"hovertemplate": hover} if hover else {})


def marks(at: pd.Series, name: str, color: str) -> dict[str, Any]:
    """A cross at each value of `at`, indexed by UTC day."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": at.index.strftime("%Y-%m-%d").tolist(),
        "y": at.to_numpy(np.float32),
        "marker": {"symbol": "x", "color": color, "size": 9, "line": {"width": 1, "color": "#ffffff"}},
        "hovertemplate": "%{fullData.name}<extra></extra>",
    }


def dollar_ticks(low: float, high: float) -> list[float]:
    """Round numbers between `low` and `high` for a logarithmic axis: 1, 2, 5 and powers of ten; all tens if many.

    >>> dollar_ticks(9_000, 120_000)
    [10000.0, 20000.0, 50000.0, 100000.0]
    >>> dollar_ticks(3, 50_000)
    [10.0, 100.0, 1000.0, 10000.0]
    """
    tens = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    ticks = np.outer(tens, [1.0, 2.0, 5.0]).ravel()
    inside = ticks[(ticks >= low) & (ticks <= high)]
    return (inside if len(inside) <= 8 else tens[(tens >= low) & (tens <= high)]).tolist()  # type: ignore[no-any-return]


def dollars(values: pd.DataFrame | pd.Series) -> dict[str, Any]:
    """A logarithmic axis of money over the range of `values`; it has no 0, so the 0 of a ruined book is not on it."""
    above = values.where(values > 0)
    ticks = dollar_ticks(float(above.min(axis=None)), float(above.max(axis=None)))
    if len(ticks) < 3:  # a narrow range is best left to plotly
        return {"type": "log", "tickprefix": "$", "tickformat": "~s", "nticks": 6}
    return {"type": "log", "tickvals": ticks, "ticktext": [_dollar(tick) for tick in ticks]}


def _dollar(value: float) -> str:
    unit, letter = (1e6, "m") if value >= 1e6 else (1e3, "k") if value >= 1e3 else (1.0, "")
    return f"${value / unit:g}{letter}"


def dated(frame: pd.DataFrame, traces: list[dict[str, Any]], layout: dict[str, Any], height: int) -> Any:
    """A figure over the UTC days of `frame`."""
    ends = (frame.index[0], frame.index[-1] + DAY)
    days = {
        "type": "date",
        "hoverformat": "%-d %b %Y",
        "showgrid": False,
        # Given, not found: marks would widen the span of some charts, and the others would not line up with them.
        "range": [f"{end:%Y-%m-%d}" for end in ends],
        "tickformatstops": TICKS,
    }
    axes = {name: {"fixedrange": True} | axis for name, axis in layout.items()}
    return figure(traces, {"hovermode": "x unified", "xaxis": days} | axes, height)


def figure(traces: list[dict[str, Any]], layout: dict[str, Any], height: int) -> Any:
    """A figure with the looks of all."""
    import plotly.graph_objects as go  # a tenth of a second that a run without a page need not wait

    shared = {
        "template": "none",
        "height": height,
        "margin": {"l": 62, "r": 8, "t": 10, "b": 28},
        "showlegend": False,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "size": 12},
    }
    return go.Figure(traces, shared | layout)


def plain(text: str) -> str:
    """Text as plotly shows it: it reads a little HTML, links among it."""
    return html.escape(text)


def faded(color: str, opacity: float = 0.55) -> str:
    """`color`, #rrggbb, through which others can be seen."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"
