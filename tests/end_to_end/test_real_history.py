"""The real history: releases are seen from their own minute, and the two engines agree on it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from backtests.backtest import Backtest, compare
from backtests.execution import Execution
from backtests.request import largest_difference
from backtests.selection import built_in
from data_cache.cache import load_market
from data_cache.market import Known, Market
from data_cache.store import Store
from signals.signal import Signal, evaluate
from strategies.strategy import Book, Now, Strategy, Weights

pytestmark = pytest.mark.real

MINUTE = pd.Timedelta(minutes=1)
# Period, value in $bn, and when it was known, from the announced publication times in New York: the repo results of a
# day at 14:01 of that day, the Treasury's statement at 16:00 of the next business day. 2025-10-31 was a Friday in
# daylight saving time (UTC-4), 2025-12-31 is in winter (UTC-5).
RELEASES = [
    ("SRF", "2025-10-31", 50.35, "2025-10-31 18:01"),
    ("SRF", "2025-12-31", 74.6, "2025-12-31 19:01"),
    ("TGA", "2025-10-30", 1000.632, "2025-10-31 20:00"),
]


@pytest.fixture(scope="module")
def market(history: Path) -> Market:
    return load_market(Store(history), "1d")


@dataclass(frozen=True)
class Newest(Signal):
    """The newest first release of a series."""

    series: str = "SRF"

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.series,)

    def compute(self, known: Known) -> pd.Series:
        return known.first(self.series)


@dataclass(frozen=True)
class Recorder(Strategy):
    """Holds half of its book in BTC and notes what it saw; with an `on_event`, so that it is asked event by event."""

    series: str = "SRF"
    seen: ClassVar[dict[pd.Timestamp, float]] = {}

    def signals(self) -> Mapping[str, Signal]:
        return {"newest": Newest(self.series)}

    def weights(self, now: Now) -> Weights:
        return {"BTC": 0.5 + 0 * now.newest}

    def on_event(self, at: pd.Timestamp, now: Now, book: Book) -> Weights:
        self.seen[at] = float(now.newest)
        return self.weights(now)


@pytest.mark.parametrize(("series", "period", "value", "minute"), RELEASES)
def test_a_release_is_unseen_one_minute_before_and_seen_from_its_own_minute(
    series: str, period: str, value: float, minute: str, market: Market
) -> None:
    known_at = pd.Timestamp(minute, tz="UTC")
    rows = market.observations.rows(series).set_index("period")
    assert rows.at[pd.Timestamp(period), "value"] == pytest.approx(value, abs=1e-9)
    assert rows.at[pd.Timestamp(period), "known_at"] == known_at

    for at, seen in ((known_at - MINUTE, False), (known_at, True), (known_at + MINUTE, True)):
        cut = market.until(at)
        by_cut = cut.observations.releases(series)
        assert (pd.Timestamp(period) in set(by_cut["period"])) is seen
        assert by_cut.index.max() <= at

        known = market.known((series,), at)
        assert (pd.Timestamp(period) in known.as_of(series, at).index) is seen
        assert (pd.Timestamp(period) in set(known.releases(series)["period"])) is seen

        newest = evaluate(Newest(series), market, until=at).iloc[-1]
        assert bool(newest == pytest.approx(value, abs=1e-9)) is seen
        pd.testing.assert_series_equal(evaluate(Newest(series), cut), evaluate(Newest(series), market, until=at))


@pytest.mark.parametrize(("series", "period", "value", "minute"), RELEASES)
def test_a_strategy_sees_a_release_at_its_known_at_and_not_at_the_event_before(
    series: str, period: str, value: float, minute: str, market: Market
) -> None:
    known_at = pd.Timestamp(minute, tz="UTC")
    start = known_at.normalize() - pd.Timedelta(days=10)
    Recorder.seen.clear()
    Backtest(Recorder(series), market, start=start, end=known_at.normalize() + pd.Timedelta(days=5)).run()
    seen = pd.Series(Recorder.seen)
    assert seen[known_at] == pytest.approx(value, abs=1e-9)
    before = seen[seen.index < known_at]
    assert known_at.normalize() in before.index  # the day's first event, the end of the last bar, is among them
    assert not np.isclose(before, value, rtol=0, atol=1e-9).any()


def both_engines(market: Market, names: list[str], **window: Any) -> dict[str, float]:
    """The largest relative difference of equity, by strategy, on the main job's window."""
    strategies = [built_in()[name]() for name in names]
    dates = (pd.Timestamp("2021-08-01", tz="UTC"), pd.Timestamp("2026-08-01", tz="UTC"))
    execution = Execution(cash="DTB3")
    vector, events = (compare(strategies, market, execution, *dates, engine) for engine in ("vector", "events"))
    for one, other in zip(vector, events, strict=True):
        pd.testing.assert_frame_equal(one.decisions, other.decisions, check_exact=True)
    return {v.name: largest_difference(v, e) for v, e in zip(vector, events, strict=True)}


def test_all_strategies_end_the_same_in_both_engines_on_daily_bars(market: Market) -> None:
    assert {name: found for name, found in both_engines(market, list(built_in())).items() if found > 1e-9} == {}


def test_three_strategies_end_the_same_in_both_engines_on_hourly_bars(history: Path) -> None:
    # Three, because the event engine evaluates its signals anew at each of 44,000 bars' news.
    hourly = load_market(Store(history), "1h")
    differences = both_engines(hourly, ["StealthQE", "TermPremiumShield", "FixedMix"])
    assert {name: found for name, found in differences.items() if found > 1e-9} == {}


def test_the_main_job_runs_from_the_command_line(ebbtide: Callable, history: Path, tmp_path: Path) -> None:
    page = tmp_path / "main.html"
    answer = ebbtide(
        *("compare", "all", "--from", "2021-08-01", "--to", "2026-07-31", "--timeframe", "1d", "--data", "cache"),
        *("--store", history, "--cash", "DTB3", "--out", page, "--json"),
    ).json
    assert [result["strategy"].partition("(")[0] for result in answer["results"]] == list(built_in())
    assert {tuple(result["manifest"]["window"]) for result in answer["results"]} == {
        ("2021-08-01 00:00:00+00:00", "2026-08-01 00:00:00+00:00")
    }
    assert "binance" in answer["results"][0]["manifest"]["origin"]
    assert "SIMULATED" not in page.read_text()
