"""The figures of a study."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from backtests.studies.event_study import Study
from backtests.studies.forward import Prices
from backtests.studies.null import shifts
from backtests.studies.power import SEEN
from backtests.studies.statistics import BAND
from backtests.studies.words import FEW, number, percent
from backtests.tearsheet.document import Key
from backtests.tearsheet.figures import COLORS, NEUTRAL, SHADE, faded, figure

DAY = pd.Timedelta(days=1)
BEFORE = 28 * DAY
# A study of hours is drawn by the bar, one of weeks by the day.
BY_THE_DAY = 7 * DAY
SHIFTS = 500
MEAN, USUAL, LOW, HIGH = "Mean of events", "Usual", "Chance, 5 %", "Chance, 95 %"
EVENTS = "Each event"


@dataclass(frozen=True)
class EventPaths:
    """The price of one asset around each event, relative to the open at which the event is entered."""

    study: Study
    asset: str

    def frame(self) -> pd.DataFrame:
        """Indexed by days since entry: a column per event, then `MEAN`, `USUAL`, `LOW` and `HIGH`; fractions.

        MEAN : of the events whose whole path is on record, of all where none is      USUAL : the mean around every bar
        whose whole path is      LOW, HIGH : quantiles of the mean around those events shifted, at each offset by itself
        """
        return self._frame

    @cached_property
    def _frame(self) -> pd.DataFrame:
        offsets = self._offsets()
        bars, n_bars = self._mean_of()
        by = shifts(n_bars, SHIFTS, self.study.design.seed)
        shifted = (bars[:, None] + by[None, :]) % n_bars
        prices = Prices.of(self.study.sample.tape, self.asset)
        rows = [
            self._row(prices.around(offset)[self.study.sample.first :], bars, n_bars, shifted) for offset in offsets
        ]
        days = pd.Index([offset / DAY for offset in offsets], name="days")
        return pd.DataFrame(rows, index=days, columns=[*self._names(), MEAN, USUAL, LOW, HIGH])

    def _row(self, around: np.ndarray, bars: np.ndarray, n_bars: int, shifted: np.ndarray) -> list[float]:
        drawn = _means(around[shifted])
        drawn = drawn[~np.isnan(drawn)]
        band = np.quantile(drawn, BAND) if len(drawn) else (np.nan, np.nan)
        mean, usual = _means(around[bars][:, None])[0], _means(around[:n_bars][:, None])[0]
        return [*around[self.study.sample.events], mean, usual, *band]

    @property
    def whole(self) -> int:
        """How many events have their whole path on record."""
        return int(self.study.table.loc[(self.asset, list(self.study.design.horizons)[-1]), "events"])

    def _mean_of(self) -> tuple[np.ndarray, int]:
        """The events that the mean is of, and how many bars, from the first, they may be shifted over."""
        sample, horizons = self.study.sample, list(self.study.design.horizons.values())
        if not self.whole:
            return sample.events, sample.last - sample.first + 1
        n_bars = len(sample.forward(self.asset, horizons[-1]))
        return sample.events[sample.events < n_bars], n_bars

    def _offsets(self) -> list[pd.Timedelta]:
        """From 28 days before the entry to the longest horizon."""
        longest, length = list(self.study.design.horizons.values())[-1], self.study.sample.tape.length
        step, before = (DAY, BEFORE) if longest >= BY_THE_DAY else (length, longest)
        return [step * k for k in range(-int(before // step), int(longest // step) + 1)]

    def _names(self) -> list[str]:
        """Each event by the day at which it was known; by the minute where a day has two."""
        index = self.study.events.index
        days = index.strftime("%Y-%m-%d")
        return list(days if days.is_unique else index.strftime("%Y-%m-%d %H:%M"))

    def figure(self) -> Any:
        """Each path thin, their mean thick, over the band of chance."""
        frame, color = self.frame(), COLORS[0]
        paths = [self._line(str(name), frame[name], self._thin, 0.9) for name in frame.columns[: -len(self._last())]]
        low = self._line(LOW, frame[LOW], "rgba(0,0,0,0)", 0) | {"hoverinfo": "skip"}
        high = self._line(HIGH, frame[HIGH], "rgba(0,0,0,0)", 0) | {"hoverinfo": "skip"}
        band = [low, high | {"fill": "tonexty", "fillcolor": SHADE}]
        usual = self._line(USUAL, frame[USUAL], NEUTRAL, 1.6) | {
            "line": {"color": NEUTRAL, "width": 1.6, "dash": "dash"}
        }
        traces = [*band, *paths, usual, self._line(MEAN, frame[MEAN], color, 3)]
        layout = {
            "hovermode": "closest",
            "xaxis": {"title": {"text": "days since entry"}, "showgrid": False, "zeroline": True, "fixedrange": True},
            "yaxis": {"tickformat": "+~%", "zeroline": True, **self._scale()},
            "margin": {"l": 62, "r": 8, "t": 10, "b": 44},
        }
        return figure(traces, layout, 400)

    @property
    def _thin(self) -> str:
        """The colour of single events: the more there are, the fainter."""
        return faded(NEUTRAL, float(np.clip(6 / len(self.study.events), 0.2, 0.55)))

    def _scale(self) -> dict[str, Any]:
        """The range of the vertical axis: everything, or of many events all but the outermost twentieths."""
        frame = self.frame()
        if len(self.study.events) <= FEW:
            return {"fixedrange": True}
        paths, means = frame.iloc[:, : -len(self._last())].to_numpy(), frame[list(self._last())].to_numpy()
        inner = np.nanquantile(paths[-1], BAND) if np.isfinite(paths[-1]).any() else np.zeros(2)
        low, high = min(inner[0], np.nanmin(means)), max(inner[1], np.nanmax(means))
        margin = 0.05 * (high - low)
        return {"range": [float(low - margin), float(high + margin)]}

    def _line(self, name: str, values: pd.Series, color: str, width: float) -> dict[str, Any]:
        days = values.index.to_numpy()
        return {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "x0": float(days[0]),
            "dx": float(days[1] - days[0]),
            "y": values.to_numpy(np.float32),
            "line": {"color": color, "width": width},
            "hovertemplate": "%{fullData.name}: day %{x:~r}, %{y:+.1%}<extra></extra>",
        }

    def _last(self) -> tuple[str, ...]:
        return MEAN, USUAL, LOW, HIGH

    def legend(self) -> Iterator[Key]:
        """The marks of the figure."""
        counted, of = self.whole or len(self.study.events), len(self.study.events)
        yield Key(f"Mean of {counted:,} of {number(of, 'event')}" if counted < of else MEAN, "line", COLORS[0])
        yield Key(EVENTS, "line", faded(NEUTRAL, 0.55))
        yield Key("Usual: around all bars", "line", NEUTRAL, "dash")
        yield Key("Chance: 90 % of shifted means", "area", SHADE)

    def alt(self) -> str:
        """Where the mean ends, and between what chance lies."""
        last = self.frame().iloc[-1]
        return (
            f"Paths of {self.asset} around {number(len(self.study.events), 'event')}: after {last.name:g} days the "
            f"mean is {percent(last[MEAN])}, usually {percent(last[USUAL])}, by chance {percent(last[LOW])} to "
            f"{percent(last[HIGH])}."
        )


@dataclass(frozen=True)
class Evidence:
    """How far mean returns after events are from the usual ones, in standard errors, beside what chance gives."""

    study: Study

    def frame(self) -> pd.DataFrame:
        """By asset and horizon: columns difference, low and high; NaN where there is no event."""
        table = self.study.table
        columns = {"difference": "mean", "low": "band_low", "high": "band_high"}
        return pd.DataFrame({n: (table[c] - table["usual"]) / table["error"] for n, c in columns.items()})

    def figure(self) -> Any:
        """A bar of chance and a diamond for each asset and horizon; dotted lines at what would be seen."""
        frame = self.frame()
        places = [f"{asset} {horizon}" for asset, horizon in frame.index]
        # Two bars from zero and no floating one: what is downloaded are the traces' own numbers.
        chance = [
            {
                "type": "bar",
                "name": name,
                "x": places,
                "y": frame[column].to_numpy(np.float32),
                "width": 0.5,
                "marker": {"color": SHADE},
                "hovertemplate": f"{name}: %{{y:+.2f}}<extra></extra>",
            }
            for name, column in ((LOW, "low"), (HIGH, "high"))
        ]
        mean = {
            "type": "scatter",
            "mode": "markers",
            "name": "Difference of the mean, standard errors",
            "x": places,
            "y": frame["difference"].to_numpy(np.float32),
            "marker": {"color": COLORS[0], "size": 12, "symbol": "diamond"},
            "hovertemplate": "%{y:+.2f} standard errors<extra></extra>",
        }
        lines = [
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": y,
                "y1": y,
                "line": {"color": NEUTRAL, "dash": "dot"},
            }
            for y in (-SEEN, SEEN)
        ]
        reach = max(3.2, float(np.nanmax(np.abs(frame.to_numpy()), initial=0)) * 1.1)
        layout = {
            "shapes": lines,
            "barmode": "overlay",
            "xaxis": {"type": "category", "fixedrange": True, "showgrid": False},
            "yaxis": {"range": [-reach, reach], "zeroline": True, "fixedrange": True, "tickformat": "+~g"},
            "margin": {"l": 62, "r": 8, "t": 10, "b": 52},
        }
        return figure([*chance, mean], layout, 280)

    def legend(self) -> Iterator[Key]:
        """The marks of the figure."""
        yield Key("Mean after events, less the usual one", "diamond", COLORS[0])
        yield Key("Chance: 90 % of shifted means", "area", SHADE)
        yield Key("Seen in 80 % of cases from here", "line", NEUTRAL, "dot")

    def alt(self) -> str:
        """Each difference in words."""
        differences = self.frame()["difference"].dropna()
        said = "; ".join(f"{asset} {horizon} {value:+.1f}" for (asset, horizon), value in differences.items())
        return f"Evidence in standard errors: {said or 'none'}."


def _means(values: np.ndarray) -> np.ndarray:
    """Means of columns without NaN; NaN for a column of nothing else."""
    known = ~np.isnan(values)
    counts = known.sum(axis=0)
    return np.where(counts > 0, np.where(known, values, 0.0).sum(axis=0) / np.maximum(counts, 1), np.nan)
