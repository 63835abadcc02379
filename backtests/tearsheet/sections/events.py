"""What each strategy's result would be if one of its episodes had not happened."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from backtests.analysis.causes import sentences
from backtests.analysis.episodes import Episodes
from backtests.analysis.liquidations import liquidations
from backtests.metrics import METRICS, days_of
from backtests.tearsheet.document import Chart, Charts, Definition, Key, Table
from backtests.tearsheet.figures import COLORS, NEUTRAL, figure, plain
from backtests.tearsheet.lines import Line
from backtests.tearsheet.sections.trading import dollars
from backtests.tearsheet.sheet import Section, Sheet

# Rows of the table, and episodes at each end of the chart; the CSV of the table holds all of them.
SHOWN, EACH_END = 10, 30
# One episode that makes more than this share of the whole result is said aloud.
LARGE_SHARE = 0.5
# Where without the best episodes nothing but cash is left, the next sentence has nothing to say.
BEST = 3
# A book that is left with less than this share of its capital is as good as dead.
DEAD = 0.01
TOTAL, CAGR, SHARPE = (next(m for m in METRICS if m.name == name) for name in ("total_return", "cagr", "sharpe"))
FALL, RISE = COLORS[1], COLORS[0]

EPISODE = Definition(
    "episode",
    "Episode",
    "A stretch for which one target was held: from the open at which its decision filled to the open at which the next "
    "one did. The cost of entering is its own, and that of leaving too where nothing was held afterwards.",
)
RETURN = Definition(
    "episode_return", "Return", "Growth of the whole book over the episode, after costs, at the weights then held."
)
SIDE = Definition("episode_side", "Side", "What the target held: longs, shorts, or both at once.")
SHARE = Definition(
    "episode_share",
    "Share of growth",
    "Log return of the episode over that of the whole test. The shares of all episodes and of the time between them "
    "add up to 100 %; with losses among them, one alone can have more. Not told where the whole did not gain.",
)
WITHOUT = {
    metric.name: Definition(
        f"episode_{metric.name}",
        f"{metric.label} without it",
        f"{metric.definition} Computed as if the book had been in cash during the episode.",
    )
    for metric in (TOTAL, CAGR, SHARPE)
}
CAUSE = Definition(
    "episode_cause",
    "What began it",
    "What became known at the moment of the decision that began the episode, among what the strategy's signals read, "
    "and its own book where the rule looks there.",
)


MOMENT = Definition(
    "liquidation-moment",
    "When in the bar",
    "At the open, on the way from the open to the worst prices of the bar, or at the close, after its funding.",
)
IN_WORDS = {"open": "at the open", "range": "on the way to the bar's worst", "close": "at the close"}
LOST = Definition(
    "liquidation-lost",
    "Equity lost",
    "Of the equity at the end of the bar before, by the end of this one; what positions lost until they were closed is "
    "in it, and so is what forced closes cost.",
)
CLOSE_COSTS = Definition(
    "liquidation-costs", "Forced closes cost", "Slippage and the liquidation fee on all that was closed."
)
SHORTFALL = Definition(
    "liquidation-shortfall",
    "Venue bore",
    "What closing everything left owing, because prices went through the margin, or because the costs of it were more "
    "than the margin. The book owes nothing, and is ruined.",
)


@dataclass(frozen=True)
class WithoutEach:
    """Total return and Sharpe ratio of one strategy without each of its episodes, the dearest first."""

    line: Line
    episodes: Episodes

    def frame(self) -> pd.DataFrame:
        """Columns episode (its dates), total_return and sharpe without it, lowest total return first; index: rank.

        Of more than 2 x `EACH_END` episodes, as many from each end.
        """
        frame = self.episodes.frame.sort_values("total_return", kind="stable")
        rows = pd.DataFrame(
            {"episode": _spans(frame), "total_return": frame["total_return"], "sharpe": frame["sharpe"]}
        ).set_axis(pd.RangeIndex(1, len(frame) + 1, name="rank"))
        middle = slice(EACH_END, max(len(rows) - EACH_END, EACH_END))
        return rows.drop(rows.index[middle])

    def figure(self) -> Any:
        """A bar per episode, from what is to what would be: total return above, Sharpe ratio below."""
        frame, metrics = self.frame(), self.line.result.metrics
        layout = {
            "xaxis": {"visible": False, "type": "category", "fixedrange": True},
            # Names stand above the bars, and labels of any length have room.
            "margin": {"l": 62, "r": 8, "t": 26, "b": 10},
            "yaxis": {"domain": [0, 0.44], "nticks": 5, "fixedrange": True, "hoverformat": ".2f", "automargin": True},
            "yaxis2": {
                "domain": [0.56, 1],
                "automargin": True,
                "nticks": 5,
                "fixedrange": True,
                "tickformat": ",~%",
                "hoverformat": ",.1%",
            },
            "hovermode": "x unified",
            "hoversubplots": "axis",
            "bargap": 0.25,
        }
        bars = [
            _bars(frame, "total_return", metrics["total_return"], "Total return without it", "y2", ",.1%"),
            _bars(frame, "sharpe", metrics["sharpe"], "Sharpe ratio without it", "y", ".2f"),
        ]
        drawn = figure(bars, layout, 300)
        for axis, name, words in (("y2", "total_return", "Total return"), ("y", "sharpe", "Sharpe ratio")):
            drawn.add_shape(_actual(metrics[name], axis))
            place: dict[str, Any] = {"xref": "paper", "yref": f"{axis} domain", "x": 0, "y": 1, "showarrow": False}
            drawn.add_annotation(place | {"text": f"<b>{words}</b>", "xanchor": "left", "yanchor": "bottom"})
        return drawn

    def alt(self) -> str:
        """The range of what the total return would be."""
        frame, actual = self.episodes.frame["total_return"], self.line.result.metrics["total_return"]
        return (
            f"{self.line.label} without each of its {len(frame)} episodes: total return between "
            f"{TOTAL.text(frame.min())} and {TOTAL.text(frame.max())}, with all of them {TOTAL.text(actual)}."
        )


@dataclass(frozen=True)
class Part:
    """What the page says of one strategy."""

    line: Line
    episodes: Episodes
    number: int

    @cached_property
    def causes(self) -> list[str]:
        """What began each episode."""
        told = sentences(self.line.result)
        return [told[decision] for decision in self.episodes.frame["decision"]]

    @property
    def sentence(self) -> str:
        """How the Sharpe ratio stands without the episode of highest return, and without the three of highest."""
        count, sharpe = len(self.episodes.frame), self.line.result.metrics["sharpe"]
        if count == 0:
            return "It never held anything: there is no episode to leave out."
        if ruin := self.line.result.ruin_day:
            return f"The book was ruined on {_date_hyphens(ruin)}, in {_ruined_in(count)}."
        if count == 1:
            return "It held one target throughout: without its only episode nothing but cash is left."
        without = self.episodes.without_best(1)["sharpe"]
        said = f"Without the best by return of its {count} episodes, the Sharpe ratio {_moves(sharpe, without)}"
        if count <= BEST:
            return f"{said}."
        rest = SHARPE.text(self.episodes.without_best(BEST)["sharpe"])
        joint = "to" if _told_apart(sharpe, without) else "it is"
        return f"{said}; without the best {BEST}, {joint} {rest}."

    @property
    def dead(self) -> str:
        """Said where hardly anything was left for later episodes to earn on; else "", as for a ruined book."""
        equity = self.line.result.equity
        below = equity[equity < DEAD * self.line.result.execution.capital]
        if below.empty or self.line.result.ruin_day:
            return ""
        day = _date_hyphens(f"{days_of(below.index[:1])[0]:%Y-%m-%d}")
        return f"Its equity fell below {DEAD:.0%} of capital on {day}: what came after is of what was left."

    @property
    def warning(self) -> str:
        """Said where one episode makes more than half of the whole; else ""."""
        frame, whole = self.episodes.frame, self._growth
        if len(frame) < 2 or not whole > 0 or not frame["log_return"].max() > LARGE_SHARE * whole:
            return ""
        best = frame["log_return"].idxmax()
        share = frame["log_return"].max() / whole
        made = f"{share:.0%} of all growth" if share < 1 else "more than all of the growth there is"
        rest = TOTAL.text(frame["total_return"][best])
        said = f"One episode, {_date_hyphens(_spans(frame)[best])}, made {made}: without it the total return is {rest}."
        return f"{said} It began with {_date_hyphens(self.causes[best])}."

    def table(self, charts: Charts) -> Table:
        """The episodes that matter most, gains and losses alike; all of them in the CSV."""
        frame = self.episodes.frame.assign(cause=self.causes)
        order = frame["log_return"].abs().sort_values(ascending=False, kind="stable").index[:SHOWN]
        spans, shares = _spans(frame), self._shares()
        named_shares, perps = [SHARE] * (len(shares) > 0), self.line.result.execution.perps
        rows = [
            (
                spans[i],
                [
                    *([frame["side"][i]] * perps),
                    TOTAL.text(float(np.expm1(frame["log_return"][i]))),
                    *shares[i : i + 1],
                    *(metric.text(frame[metric.name][i]) for metric in (TOTAL, CAGR, SHARPE)),
                    _date_hyphens(self.causes[i]),
                ],
            )
            for i in order
        ]
        columns = [EPISODE, *([SIDE] * perps), RETURN, *named_shares, *WITHOUT.values(), CAUSE]
        named = frame.rename(columns={name: f"{name}_without" for name in WITHOUT})
        label = f"The episodes of {self.line.label} that matter most"
        return charts.table(f"episodes-{self.number}", label, named.rename_axis("episode"), columns, rows)

    def liquidations(self, charts: Charts) -> Table | None:
        """What the venue closed, and what that cost; None for a book that was never liquidated."""
        found = liquidations(self.line.result)
        if found.empty:
            return None
        rows = [
            (
                _date_hyphens(f"{opened:%Y-%m-%d %H:%M}"),
                [_moment(moment), closed, f"{lost:.1%}", dollars(after), dollars(costs), dollars(shortfall)],
            )
            for opened, moment, closed, _, after, lost, costs, shortfall in found.itertuples(name=None)
        ]
        heads = ["Bar opened (UTC)", MOMENT, "What was closed", LOST, "Equity left", CLOSE_COSTS, SHORTFALL]
        label = f"Liquidations of {self.line.label}"
        return charts.table(f"liquidations-{self.number}", label, found, heads, rows)

    def chart(self, charts: Charts) -> Chart:
        """Total return and Sharpe ratio without each."""
        keys = [Key("with every episode", "line", NEUTRAL, "dash"), Key("lower without it", "area", FALL)]
        keys.append(Key("higher without it", "area", RISE))
        return charts.add(f"without-{self.number}", WithoutEach(self.line, self.episodes), keys)

    @property
    def _growth(self) -> float:
        """The log of the growth of the whole; minus infinity for a ruined book."""
        result = self.line.result
        return float(np.log1p(result.metrics["total_return"])) if result.ruined_at is None else -np.inf

    def _shares(self) -> list[str]:
        """Of each episode; none at all where the whole did not gain."""
        whole = self._growth
        return [f"{log / whole:.0%}" for log in self.episodes.frame["log_return"]] if whole > 0 else []


def build(sheet: Sheet) -> dict[str, Any] | None:
    """A part per strategy that held something; None where none did."""
    parts = [Part(line, Episodes(line.result), number) for number, line in enumerate(sheet.strategies)]
    if not any(len(part.episodes.frame) for part in parts):
        return None
    sheet.charts.define(EPISODE)
    return {"parts": [_shown(part, sheet.charts) for part in parts], "term": EPISODE, "shown": SHOWN}


def _shown(part: Part, charts: Charts) -> dict[str, Any]:
    several = len(part.episodes.frame) > 1
    return {
        "line": part.line,
        "sentence": part.sentence,
        "dead": part.dead,
        "warning": part.warning,
        "count": len(part.episodes.frame),
        "cut": len(part.episodes.frame) > 2 * EACH_END,
        "each_end": EACH_END,
        "chart": part.chart(charts) if several else None,
        "table": part.table(charts) if several else None,
        "liquidations": part.liquidations(charts),
    }


def _spans(frame: pd.DataFrame) -> pd.Series:
    """From when to when each episode was held, days that follow each other told apart by the hour."""
    start, end = frame["start"], frame["end"]
    hourly = not ((start == start.dt.normalize()) & (end == end.dt.normalize())).all()
    form = "%Y-%m-%d %H:%M" if hourly else "%Y-%m-%d"
    return start.dt.strftime(form) + " to " + end.dt.strftime(form)


def _date_hyphens(text: str) -> str:
    """The same text with hyphens in its dates that the page does not take for minus signs, nor breaks a line at."""
    return re.sub(r"(?<=\d)-(?=\d)", "\u2011", text)


def _moves(sharpe: float, without: float) -> str:
    if np.isnan(without):
        return f"goes from {SHARPE.text(sharpe)} to undefined"
    if not _told_apart(sharpe, without):
        return f"stays at {SHARPE.text(sharpe)}"
    verb = "falls" if without < sharpe else "rises"
    return f"{verb} from {SHARPE.text(sharpe)} to {SHARPE.text(without)}"


def _ruined_in(count: int) -> str:
    """Which of so many episodes ruined a book, and what leaving one out would change."""
    if count == 1:
        return "its only episode: without it nothing but cash is left"
    return f"the last of its {count} episodes: without any other it would have been ruined all the same"


def _told_apart(sharpe: float, without: float) -> bool:
    """Whether the two differ as they are written."""
    return SHARPE.text(sharpe) != SHARPE.text(without)


def _moment(moment: str) -> str:
    """When in a bar the book was liquidated, in words.

    >>> _moment("open and range")
    "at the open and on the way to the bar's worst"
    """
    return " and ".join(IN_WORDS[one] for one in moment.split(" and "))


def _bars(frame: pd.DataFrame, name: str, actual: float, words: str, axis: str, form: str) -> dict[str, Any]:
    """Bars from `actual` to the value without each episode."""
    without = frame[name]
    return {
        "type": "bar",
        "name": words,
        "x": frame["episode"].map(plain).tolist(),
        "y": (without - actual).to_numpy(np.float32),
        "base": actual if np.isfinite(actual) else 0.0,
        "yaxis": axis,
        "marker": {"color": np.where(without < actual, FALL, RISE).tolist(), "line": {"width": 0}},
        "customdata": without.to_numpy(np.float32),
        "hovertemplate": f"%{{customdata:{form}}}",
    }


def _actual(value: float, axis: str) -> dict[str, Any]:
    level = value if np.isfinite(value) else 0.0
    line = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": axis, "y0": level, "y1": level}
    return line | {"line": {"color": NEUTRAL, "width": 1.4, "dash": "dash"}}


EVENTS = Section("events", "Single events", "If one event had not happened", build)
