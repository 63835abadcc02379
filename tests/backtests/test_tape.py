"""The bars of all assets side by side, and the price of a deposit."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from backtests.tape import build_tape
from data_cache.errors import NoData, UnknownName
from data_cache.market import Market

MISSING = math.nan


@pytest.fixture
def pair(toy: SimpleNamespace) -> Market:
    return toy.market({"BTC": toy.BTC, "ETH": (MISSING, 10, 13, MISSING, 9, 10)}, {"01-01": (0.5, 0.5)})


def test_a_bar_is_one_at_which_every_asset_trades(toy: SimpleNamespace, pair: Market) -> None:
    tape = build_tape(pair, ["BTC", "ETH"], None, None, "0")
    assert tape.opens.index.day.tolist() == [2, 3, 5, 6]
    assert tape.opens["BTC"].tolist() == [110, 120, 95, 100]
    assert tape.opens["ETH"].tolist() == [10, 13, 9, 10]


def test_columns_stand_in_the_order_of_the_assets_asked_for(pair: Market) -> None:
    tape = build_tape(pair, ["ETH", "BTC"], None, None, "0")
    assert list(tape.opens.columns) == list(tape.closes.columns) == ["ETH", "BTC"] == tape.assets


def test_a_bar_is_known_at_its_end(toy: SimpleNamespace, pair: Market) -> None:
    tape = build_tape(pair, ["BTC"], None, None, "0")
    assert tape.known_at[0] == toy.at("01-02")
    assert tape.length == pd.Timedelta(days=1)


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        pytest.param("01-02", None, [2, 3, 4, 5, 6], id="the first bar opens at or after the start"),
        pytest.param("01-02 00:01", None, [3, 4, 5, 6], id="a bar under way at the start is left out"),
        pytest.param(None, "01-03", [1, 2], id="the last bar ends by the end"),
        pytest.param(None, "01-03 23:59", [1, 2], id="a bar under way at the end is left out"),
        pytest.param("01-02", "01-03", [2], id="one bar is a window"),
    ],
)
def test_a_window_holds_whole_bars(
    toy: SimpleNamespace, pair: Market, start: str | None, end: str | None, days: list[int]
) -> None:
    first, last = (toy.at(moment) if moment else None for moment in (start, end))
    assert build_tape(pair, ["BTC"], first, last, "0").opens.index.day.tolist() == days


def test_a_range_without_bars_says_what_there_is(toy: SimpleNamespace, pair: Market) -> None:
    with pytest.raises(NoData, match=r"no bars of BTC, ETH from 2024-02-01 .*; there are 4 from 2024-01-02"):
        build_tape(pair, ["BTC", "ETH"], toy.at("02-01"), None, "0")


def test_assets_that_never_trade_together_are_said_to_share_no_bar(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": (100, 110, MISSING, MISSING), "ETH": (MISSING, MISSING, 10, 10)})
    with pytest.raises(NoData, match="no bars of BTC, ETH; they share no bar at all"):
        build_tape(world, ["BTC", "ETH"], None, None, "0")


def test_a_deposit_is_one_at_the_start_and_grows_by_simple_interest_within_a_bar(
    toy: SimpleNamespace,
) -> None:
    world = toy.market({"BTC": toy.BTC}, releases={"RATE": {"01-01": 36.5, "01-02 12:00": 73.0}})
    tape = build_tape(world, ["BTC"], None, toy.at("01-05"), "RATE")
    assert tape.assets == ["BTC"]
    assert tape.opens["CASH"].tolist() == pytest.approx([1, 1.001, 1.001**2, 1.001**2 * 1.002], rel=1e-14)
    assert tape.closes["CASH"].tolist() == pytest.approx(
        [1.001, 1.001**2, 1.001**2 * 1.002, 1.001**2 * 1.002**2], rel=1e-14
    )


def test_a_deposit_starts_at_one_wherever_the_window_does(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": toy.BTC}, releases={"RATE": {"01-01": 36.5}})
    assert build_tape(world, ["BTC"], toy.at("01-04"), None, "RATE").opens["CASH"].iloc[0] == 1


def test_of_two_rates_published_at_one_instant_the_newer_periods_counts(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": toy.BTC}, releases={"RATE": {"01-02": 73.0, "01-03": 36.5}})
    rows = world.observations.rows("RATE")
    rows.loc[0, "known_at"] = rows.loc[1, "known_at"]
    closes = build_tape(world, ["BTC"], None, toy.at("01-04"), "RATE").closes["CASH"]
    assert closes.tolist() == pytest.approx([1, 1, 1.001])


def test_a_negative_rate_costs(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": toy.BTC}, releases={"RATE": {"01-01": -36.5}})
    assert build_tape(world, ["BTC"], None, None, "RATE").closes["CASH"].iloc[0] == pytest.approx(0.999)


def test_a_rate_that_is_not_there_is_named(toy: SimpleNamespace, pair: Market) -> None:
    with pytest.raises(UnknownName, match="the catalogue has no series 'RATE'"):
        build_tape(pair, ["BTC"], None, None, "RATE")
    with pytest.raises(NoData, match="no observations of SOFR; here are: PLAN_BTC, PLAN_ETH"):
        build_tape(pair, ["BTC"], None, None, "SOFR")


def test_a_rate_without_a_single_number_is_unknown_throughout(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": toy.BTC}, releases={"RATE": {"01-01": MISSING}})
    assert (build_tape(world, ["BTC"], None, None, "RATE").closes["CASH"] == 1).all()


def test_an_asset_that_is_not_there_is_named(pair: Market) -> None:
    with pytest.raises(NoData, match="no bars of SOL in a toy world; here are: BTC, ETH"):
        build_tape(pair, ["SOL"], None, None, "0")


def test_open_times_are_nanoseconds(pair: Market) -> None:
    tape = build_tape(pair, ["BTC"], None, None, "0")
    assert tape.open_times.dtype == np.int64
    assert tape.open_times[0] == pd.Timestamp("2024-01-01", tz="UTC").value
