"""The market, its past, and what a signal may read of it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_cache.bars import OHLCV, Bars
from data_cache.errors import BadData, LookAhead, NoData, UnknownName
from data_cache.market import Market
from data_cache.observations import Observations, observation_rows
from tests.own_series import MNAV

NOON_OF_THE_THIRD = pd.Timestamp("2024-01-03 12:00", tz="UTC")


def hourly(asset: str, first: str, hours: int, price: float) -> Bars:
    times = pd.date_range(first, periods=hours, freq="h", tz="UTC")
    climb = price + np.arange(hours)
    return Bars(asset, "1h", pd.DataFrame(dict.fromkeys(OHLCV[:4], climb) | {"volume": 1.0}, index=times))


def series(values: list[float], lag: str) -> pd.DataFrame:
    """One value a day from 2024-01-01 on, each known `lag` after its day began."""
    days = pd.date_range("2024-01-01", periods=len(values), freq="D")
    return observation_rows(days, (days + pd.Timedelta(lag)).tz_localize("UTC"), values)


def five_days() -> Market:
    """Five days: reserves known a day late, repo the same afternoon, BTC from day 1, ETH from noon of day 3."""
    quarter = pd.Timestamp("2024-03-29 08:00", tz="UTC")
    known_at = pd.date_range("2024-01-02", periods=4, freq="D", tz="UTC").rename("known_at")
    return Market(
        observations=Observations(
            {
                "WRESBAL": series([10.0, 11.0, 12.0, 13.0, 14.0], "38h"),
                "SRF": series([0.0, 0.0, 5.0, 0.0, 1.0], "19h"),
            }
        ),
        bars={"BTC": hourly("BTC", "2024-01-01", 120, 100), "ETH": hourly("ETH", "2024-01-03 12:00", 60, 50)},
        origin="five days in a test",
        futures={"BTC": pd.DataFrame({quarter: [101.0, 102.0, 103.0, 104.0]}, index=known_at)},
    )


MARKET = five_days()
NEEDS = ("WRESBAL", "SRF", "bars:BTC", "bars:ETH", "futures:BTC")


def served(market: Market, need: str, until: pd.Timestamp | None = None) -> pd.DataFrame | pd.Series:
    """What `known` answers when asked for a need."""
    known = market.known((need,), until)
    kind, _, name = need.rpartition(":")
    return known.first(name) if not kind else getattr(known, kind)(name)


@pytest.mark.parametrize("need", NEEDS)
@given(hours=st.integers(0, 130))
def test_cutting_never_changes_what_was_served_before_the_cut(need: str, hours: int) -> None:
    at = pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(hours=hours)
    past = MARKET.until(at)
    known_at = MARKET.known_times(need)
    assert past.known_times(need).tolist() == known_at[known_at <= at.value].tolist()
    if not past.known((need,)).has(need):
        return
    everything = served(MARKET, need)
    before = everything[everything.index <= at]
    for seen in (served(past, need), served(MARKET, need, at)):
        compare = pd.testing.assert_frame_equal if isinstance(before, pd.DataFrame) else pd.testing.assert_series_equal
        compare(seen, before, check_freq=False)


def test_the_past_serves_nothing_later() -> None:
    past = MARKET.until(NOON_OF_THE_THIRD)
    assert past.observations.rows("WRESBAL")["value"].tolist() == [10.0]  # the 11 of the 2nd comes at 14:00
    assert past.asset_bars("BTC").known_at[-1] == NOON_OF_THE_THIRD
    assert len(past.futures["BTC"]) == 2
    assert past.assets == ["BTC"]


CLOSES = MARKET.futures["BTC"]


@pytest.mark.parametrize(
    ("closes", "message"),
    [
        (CLOSES.tz_localize(None), "futures:BTC: known_at must be UTC timestamps; found Timestamp"),
        (CLOSES.set_axis(["BTC-29MAR24"], axis=1), "expiry must be UTC timestamps; found 'BTC-29MAR24'"),
        (CLOSES.iloc[[1, 0]], "known_at must ascend, each time once"),
        (CLOSES.iloc[[0, 0]], "known_at must ascend, each time once"),
    ],
    ids=["known_at without a timezone", "symbols for expiries", "closes out of order", "a close given twice"],
)
def test_futures_that_cannot_be_right_are_refused(closes: pd.DataFrame, message: str) -> None:
    with pytest.raises(BadData, match=message):
        replace(MARKET, futures={"BTC": closes})


def test_a_contract_that_has_not_traded_yet_is_not_in_the_past() -> None:
    assert MARKET.until(pd.Timestamp("2024-01-01", tz="UTC")).futures["BTC"].columns.empty


def test_a_market_before_all_its_bars_says_so() -> None:
    past = MARKET.until(pd.Timestamp("2024-01-01", tz="UTC"))
    with pytest.raises(NoData, match="no bars in five days in a test"):
        assert past.timeframe


def test_an_asset_whose_first_day_has_not_ended_has_no_daily_bars_and_hides_no_others() -> None:
    past = MARKET.until(pd.Timestamp("2024-01-03 20:00", tz="UTC"))
    assert past.assets == ["BTC", "ETH"]
    assert (len(past.daily["BTC"]), len(past.daily["ETH"])) == (2, 0)
    assert len(past.known_times("bars:ETH")) == 0


def test_daily_bars_are_known_at_the_end_of_their_day() -> None:
    assert MARKET.daily["BTC"].index[0] == pd.Timestamp("2024-01-02", tz="UTC")
    assert MARKET.daily["BTC"]["close"].iloc[0] == 100 + 23


def test_the_same_market_in_longer_bars_has_fewer_of_them() -> None:
    assert len(MARKET.asset_bars("BTC").frame) == 120
    assert len(MARKET.at_timeframe("4h").asset_bars("BTC").frame) == 120 / 4


def test_an_asset_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(NoData, match="no bars of SOL in five days in a test; here are: BTC, ETH"):
        MARKET.asset_bars("SOL")


def test_what_is_not_named_in_needs_cannot_be_read() -> None:
    known = MARKET.known(("SRF",))
    with pytest.raises(LookAhead, match="WRESBAL is read but not named in needs; name it there: SRF"):
        known.first("WRESBAL")
    with pytest.raises(LookAhead, match="bars:BTC is read but not named"):
        known.bars("BTC")


def test_history_cannot_be_asked_for_as_of_the_future() -> None:
    known = MARKET.known(("SRF",), NOON_OF_THE_THIRD)
    assert known.as_of("SRF", NOON_OF_THE_THIRD).tolist() == [0.0, 0.0]
    with pytest.raises(LookAhead, match="SRF was asked for as of 2024-01-04"):
        known.as_of("SRF", pd.Timestamp("2024-01-04", tz="UTC"))


def test_what_is_needed_but_not_there_is_no_data() -> None:
    known = MARKET.known(("futures:ETH",))
    assert not known.has("futures:ETH")
    with pytest.raises(NoData, match="no futures:ETH is cached; fetch or import it first"):
        known.futures("ETH")


def test_a_need_of_an_unknown_kind_is_answered_with_the_kinds_there_are() -> None:
    with pytest.raises(UnknownName, match="no kind of need 'bar'; did you mean 'bars'"):
        MARKET.known(("bar:BTC",))


def test_a_series_of_ones_own_may_grow_as_old_as_its_own_spec_says() -> None:
    own = replace(MARKET, specs={"MNAV": MNAV})
    assert own.max_age("MNAV") == pd.Timedelta(days=4)
    assert own.max_age("bars:BTC") == pd.Timedelta(days=3)
    with pytest.raises(UnknownName, match="no series 'MNAV'"):
        MARKET.max_age("MNAV")


def test_equal_data_have_equal_hashes() -> None:
    assert five_days().hashes() == MARKET.hashes()
    assert set(MARKET.hashes()) == {"WRESBAL", "SRF", "bars:BTC", "bars:ETH", "futures:BTC"}


@pytest.mark.parametrize(
    ("changed", "need"),
    [
        (replace(MARKET, observations=Observations({"SRF": series([0.0, 0.0, 5.1], "19h")})), "SRF"),
        (replace(MARKET, bars={"BTC": hourly("BTC", "2024-01-01", 120, 100.01)}), "bars:BTC"),
        (replace(MARKET, futures={"BTC": MARKET.futures["BTC"] + 0.01}), "futures:BTC"),
    ],
)
def test_a_changed_number_changes_the_hash(changed: Market, need: str) -> None:
    assert changed.hashes({need})[need] != MARKET.hashes({need})[need]


def test_a_hash_is_made_of_what_was_asked_for_alone() -> None:
    assert list(MARKET.hashes({"SRF", "SOFR"})) == ["SRF"]
