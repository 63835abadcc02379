"""Bars: what is refused, what a gap is, and how prices become longer bars."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_cache.bars import OHLCV, Bars
from data_cache.errors import BadData, NoData, UnknownName


def hourly(opens: list[int], prices: list[float] | None = None) -> Bars:
    """Bars of one hour that open so many hours after 2024-01-01, each flat at its price, with volume 1."""
    times = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(opens, unit="h")
    flat = np.asarray(prices if prices else [100.0 + hour for hour in opens])
    return Bars("BTC", "1h", pd.DataFrame(dict.fromkeys(OHLCV[:4], flat) | {"volume": 1.0}, index=times))


def good_frame() -> pd.DataFrame:
    times = pd.date_range("2024-01-01", periods=3, freq="D", tz="UTC")
    return pd.DataFrame(
        {
            "open": [10.0, 11.0, 12.0],
            "high": [12.0, 13.0, 14.0],
            "low": [9.0, 10.0, 11.0],
            "close": [11.0, 12.0, 13.0],
            "volume": [1.0, 0.0, 3.0],
        },
        index=times,
    )


def with_cell(column: str, value: float) -> pd.DataFrame:
    frame = good_frame()
    frame.iloc[1, frame.columns.get_loc(column)] = value
    return frame


REFUSED = {
    "a price that is missing": (
        with_cell("close", np.nan),
        "BTC 1d: a price is missing or not finite, first at 2024-01-02",
    ),
    "a price without bound": (with_cell("high", np.inf), "a price is missing or not finite, first at 2024-01-02"),
    "a price of zero": (with_cell("low", 0.0), "a price is zero or negative, first at 2024-01-02"),
    "a negative price": (with_cell("low", -1.0), "a price is zero or negative.*low -1"),
    "a high that is not the highest": (with_cell("high", 11.5), "high is below another price of the bar"),
    "a low that is not the lowest": (with_cell("low", 11.5), "low is above another price of the bar"),
    "volume that is missing": (with_cell("volume", np.nan), "volume is missing, negative or infinite"),
    "volume below zero": (with_cell("volume", -1.0), "volume is missing, negative or infinite"),
    "volume without bound": (with_cell("volume", np.inf), "volume is missing, negative or infinite"),
    "no volume at all": (good_frame().drop(columns="volume"), "missing: volume"),
    "times without a timezone": (good_frame().tz_localize(None), "times without a timezone"),
    "times that are no times": (good_frame().reset_index(drop=True), "times without a timezone"),
    "local times": (good_frame().tz_convert("America/New_York"), "must be in UTC; found America/New_York"),
    "bars out of order": (good_frame().iloc[[0, 2, 1]], "not sorted by open_time, first at 2024-01-02"),
    "a bar given twice": (good_frame().iloc[[0, 1, 1]], "two bars open at the same time, first at 2024-01-02"),
    "a bar between two days": (good_frame().shift(1, freq="h"), "does not open on the 1 days 00:00:00 grid"),
}


@pytest.mark.parametrize(("frame", "message"), REFUSED.values(), ids=REFUSED)
def test_bars_that_cannot_be_right_are_refused_by_name_and_time(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(BadData, match=message):
        Bars("BTC", "1d", frame)


def test_no_bars_at_all_are_no_data() -> None:
    with pytest.raises(NoData, match="BTC 1d: no bars"):
        Bars("BTC", "1d", good_frame().iloc[:0])


def test_a_timeframe_that_is_not_kept_is_answered_with_those_that_are() -> None:
    with pytest.raises(UnknownName, match=r"no timeframe '1w'; it has: 1d, 1h, 4h"):
        Bars("BTC", "1w", good_frame())


def test_a_day_without_trades_is_a_bar_like_any_other() -> None:
    assert Bars("BTC", "1d", good_frame()).frame["volume"].tolist() == [1.0, 0.0, 3.0]


def test_a_bar_is_known_at_its_end() -> None:
    assert Bars("BTC", "1d", good_frame()).known_at[0] == pd.Timestamp("2024-01-02", tz="UTC")
    assert hourly([5]).known_at[0] == pd.Timestamp("2024-01-01 06:00", tz="UTC")


def test_a_gap_is_named_by_its_first_missing_bar_and_its_length() -> None:
    gaps = hourly([0, 1, 4, 5, 7]).gaps()
    assert gaps["first"].dt.hour.tolist() == [2, 6]
    assert gaps["bars"].tolist() == [2, 1]


def test_bars_without_a_hole_have_no_gaps() -> None:
    assert hourly([0, 1, 2]).gaps().empty


# The hours that the exchange was down, as they are missing from the hourly file.
OUTAGES = """
2018-01-04T04 1, 2018-02-08T01 33, 2018-06-26T02 10, 2018-06-27T13 1, 2018-07-04T01 7, 2018-10-19T06 3, 2018-11-14T02 7,
2019-03-12T02 6, 2019-05-15T03 10, 2019-08-15T02 8, 2019-11-13T02 2, 2019-11-25T02 2, 2020-02-09T02 1, 2020-02-19T12 5,
2020-03-04T10 1, 2020-04-25T02 2, 2020-06-28T02 3, 2020-11-30T06 1, 2020-12-21T14 4, 2020-12-25T02 1, 2021-02-11T04 1,
2021-03-06T02 1, 2021-04-20T02 2, 2021-04-25T05 3, 2021-08-13T02 4, 2021-09-29T07 2, 2023-03-24T13 1
"""


@pytest.mark.real
@pytest.mark.parametrize("coin", ["btc", "eth"])
def test_the_outages_of_the_exchange_are_found(shared: Path, coin: str) -> None:
    table = pd.read_csv(shared / f"prices/{coin}usdt_binance_spot_1h.csv.gz", index_col="time_utc", parse_dates=True)
    gaps = Bars(coin, "1h", table.rename(columns={"volume_base": "volume"})).gaps()
    found = [f"{first:%Y-%m-%dT%H} {bars}" for first, bars in zip(gaps["first"], gaps["bars"], strict=True)]
    assert found == [outage.strip() for outage in OUTAGES.split(",")]
    assert gaps["bars"].sum() == 122


def test_only_the_bars_that_have_ended_are_in_the_past() -> None:
    bars = hourly([0, 1, 2])
    assert len(bars.until(pd.Timestamp("2024-01-01 02:00", tz="UTC")).frame) == 2
    assert len(bars.until(pd.Timestamp("2024-01-01 02:59", tz="UTC")).frame) == 2
    assert len(bars.until(pd.Timestamp("2024-01-01 03:00", tz="UTC")).frame) == 3


def test_a_past_before_the_first_bar_is_no_data() -> None:
    with pytest.raises(NoData, match="no bars"):
        hourly([0]).until(pd.Timestamp("2024-01-01 00:59", tz="UTC"))


def test_four_hours_make_one_bar_of_four_hours() -> None:
    times = pd.date_range("2024-01-01", periods=4, freq="h", tz="UTC")
    frame = pd.DataFrame(
        {
            "open": [10.0, 11.0, 12.0, 9.0],
            "high": [11.0, 14.0, 12.0, 9.5],
            "low": [9.0, 11.0, 8.0, 9.0],
            "close": [11.0, 12.0, 9.0, 9.2],
            "volume": [1.0, 2.0, 3.0, 4.0],
        },
        index=times,
    )
    one = Bars("BTC", "1h", frame).resample("4h")
    assert one.frame.loc["2024-01-01 00:00"].tolist() == [10.0, 14.0, 8.0, 9.2, 1 + 2 + 3 + 4]


def test_a_day_that_has_not_ended_is_no_daily_bar_yet() -> None:
    assert hourly(list(range(24 + 23))).resample("1d").frame.index.strftime("%d").tolist() == ["01"]
    assert hourly(list(range(24 + 24))).resample("1d").frame.index.strftime("%d").tolist() == ["01", "02"]


def test_a_day_whose_last_hours_are_missing_has_ended_all_the_same() -> None:
    outage_from_20_to_midnight = hourly([*range(20), 24])
    assert outage_from_20_to_midnight.resample("1d").frame["close"].tolist() == [100.0 + 19]


def test_the_past_at_midnight_has_the_day_even_if_its_last_hours_are_missing() -> None:
    midnight = pd.Timestamp("2024-01-02", tz="UTC")
    past = hourly([*range(20), 24]).until(midnight)
    assert past.resample("1d").known_at.tolist() == [midnight]


def test_the_past_before_midnight_does_not_have_the_day_yet() -> None:
    past = hourly([*range(20), 24]).until(pd.Timestamp("2024-01-01 23:59", tz="UTC"))
    with pytest.raises(NoData, match="no bars"):
        past.resample("1d")


def test_long_bars_cannot_be_made_short() -> None:
    with pytest.raises(BadData, match="BTC: 1d bars cannot make 4h bars; import finer ones"):
        Bars("BTC", "1d", good_frame()).resample("4h")


@st.composite
def holed_hours(draw: st.DrawFn) -> Bars:
    """Three to six days of hourly bars with holes, and prices on a grid that adds up exactly."""
    hours = draw(st.lists(st.integers(0, 24 * 6), min_size=30, unique=True).map(sorted))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    middle = rng.integers(400, 500, len(hours)) / 4
    up, down = rng.integers(0, 40, (2, len(hours))) / 4
    frame = pd.DataFrame({"open": middle, "high": middle + up, "low": middle - down, "close": middle - down})
    frame["volume"] = rng.integers(0, 64, len(hours)) / 4
    times = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(hours, unit="h")
    return Bars("BTC", "1h", frame.set_axis(times, axis=0))


@given(holed_hours())
def test_days_are_the_same_made_from_hours_or_by_way_of_four_hours(bars: Bars) -> None:
    if bars.seen_until < pd.Timestamp("2024-01-02", tz="UTC"):
        return
    pd.testing.assert_frame_equal(bars.resample("4h").resample("1d").frame, bars.resample("1d").frame)


@given(holed_hours(), st.integers(0, 24 * 7))
def test_the_past_of_daily_bars_is_the_daily_bars_of_the_past(bars: Bars, hours: int) -> None:
    at = pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(hours=hours)
    days = bars.resample("1d")
    known = days.frame[days.known_at <= at]
    if len(known) == 0:
        return
    pd.testing.assert_frame_equal(bars.until(at).resample("1d").frame, known)
