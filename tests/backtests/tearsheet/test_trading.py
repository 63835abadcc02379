"""Costs, turnover, fills and capacity on the page: each number by hand arithmetic."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from backtests.backtest import compare
from backtests.execution import Execution
from backtests.result import Result
from backtests.tearsheet.sections.trading import LARGEST, TRADING, Costs, Trading, unknown_volumes
from backtests.tearsheet.sheet import Sheet
from data_cache.bars import Bars
from strategies import BuyAndHold
from tests.backtests.tearsheet.worlds import FREE, Follow, line, market, run

# In on the 1st at 100, out on the 3rd at 200: decided the evening before.
IN_AND_OUT = [("2024-01-01", 1.0), ("2024-01-02 18:00", -1.0)]
ONE_PERCENT = Execution(fee_bps=100, slippage_bps=0, min_notional=0, capital=100_000)
HOLD = BuyAndHold(mix=(("BTC", 1.0),))


def in_and_out() -> Result:
    """10 coins in for $1000 and a fee of 10, out for $2000 and a fee of 20."""
    return run(market([100, 200, 200, 200], funding=IN_AND_OUT), Follow(0.01), ONE_PERCENT)


def test_costs_are_shares_of_the_equity_before_each_fill() -> None:
    """10 of 100 000 on the 1st; on the 3rd 20 of what the 10 coins at 200 had made of it: 100 000 - 10 + 1000."""
    frame = Costs([line(in_and_out())]).frame()
    first, second = 10 / 100_000, 20 / 100_990
    assert frame["Follow"].tolist() == pytest.approx([first, first, first + second, first + second])


def test_a_book_that_never_trades_costs_nothing() -> None:
    frame = Costs([line(run(market([100, 110]), BuyAndHold(exposure=0.0, mix=(("BTC", 1.0),))))]).frame()
    assert frame["BuyAndHold"].tolist() == [0, 0]


def test_notional_and_its_share_of_equity() -> None:
    own = Trading(in_and_out())
    assert own.notional.tolist() == pytest.approx([1000, 2000])
    assert own.fractions.tolist() == pytest.approx([1000 / 100_000, 2000 / 100_990])


def test_after_missing_days_a_fill_is_a_share_of_the_equity_marked_before_them() -> None:
    """5 coins of 100 and 500 in cash; at 200 on the 2nd 1500. The 3rd is missing; sold on the 4th at 250 for 1250."""
    moves = [("2024-01-01", 1.0), ("2024-01-03 18:00", -1.0)]
    result = run(market([100, 200, 250, 300], funding=moves, missing=(2,)), Follow(0.5))
    assert Trading(result).fractions.tolist() == pytest.approx([500 / 1000, 1250 / 1500])


def test_what_was_paid_and_its_share_of_the_gain_before_costs() -> None:
    """30 were paid and 1000 - 30 gained."""
    own = Trading(in_and_out())
    assert (own.paid("fee"), own.paid("slippage")) == pytest.approx((30, 0))
    assert own.share_of_gain() == pytest.approx(30 / 1000)


def test_without_a_gain_before_costs_they_are_no_share_of_it() -> None:
    assert np.isnan(Trading(run(market([90, 80]), execution=ONE_PERCENT)).share_of_gain())


def test_turnover_of_a_year_is_half_of_what_was_traded_over_the_mean_equity_of_the_year() -> None:
    """Bought for 1000 in 2023; sold for 1000 on 2 January of 2024; equity stays 1000 at a price that stays 100."""
    moves = [("2023-12-30", 1.0), ("2024-01-01 18:00", -1.0)]
    result = run(market([100.0] * 5, start="2023-12-30", funding=moves), Follow())
    years = Trading(result).turnover_by_year()
    assert years.to_dict() == pytest.approx({2023: 1000 / 2 / 1000, 2024: 1000 / 2 / 1000})


def test_a_year_without_a_trade_has_no_turnover_and_the_mean_equity_is_over_time() -> None:
    """1000 bought at 100 in 2023; equity is 1000 and 2000 at the closes of the year's two days."""
    years = Trading(run(market([100, 200, 200], start="2023-12-30"))).turnover_by_year()
    assert years.to_dict() == pytest.approx({2023: 1000 / 2 / 1500, 2024: 0})


def test_years_of_turnover_add_up_to_the_metric() -> None:
    closes = list(100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.02, 365))))
    moves = [(f"2023-{month:02}-01", (-1.0) ** month) for month in range(1, 13)]
    result = run(market(closes, start="2023-01-01", funding=moves), Follow(), ONE_PERCENT)
    years = Trading(result).turnover_by_year()
    assert years.index.tolist() == [2023]
    assert years.item() == pytest.approx(result.metrics["turnover"])  # of one whole year


def test_the_mean_time_between_decisions() -> None:
    """00:00 on the 1st, then 18:00 on the 2nd: 42 hours."""
    assert Trading(in_and_out()).days_between_decisions() == pytest.approx(42 / 24)
    assert np.isnan(Trading(run(market([100, 110]))).days_between_decisions())


def test_the_largest_fills_come_first() -> None:
    top = Trading(in_and_out()).largest()
    assert top["notional"].tolist() == pytest.approx([2000, 1000])
    assert top["units"].tolist() == pytest.approx([-10, 10])
    assert top["participation"].tolist() == pytest.approx([2000 / 200, np.nan], nan_ok=True)  # one coin at 200


def test_only_so_many_fills_are_listed() -> None:
    moves = [(f"2024-01-{day:02} 12:00", (-1.0) ** day) for day in range(1, 20)]
    own = Trading(run(market([100.0] * 25, funding=moves), Follow()))
    assert len(own.notional) > LARGEST == len(own.largest())


def test_unknown_volumes_are_said_to_be_so() -> None:
    some = Trading(in_and_out()).participation
    none = some.assign(participation=np.nan)
    assert unknown_volumes("A", some) == "A: the volume of the day before is unknown on 1 of 2 days; they are left out."
    assert unknown_volumes("A", none).endswith("unknown on every day it traded, so its capacity is too.")
    assert unknown_volumes("A", some.iloc[1:]) == ""
    assert unknown_volumes("A", some.iloc[:0]) == ""


# --- the section


def texts(sheet: Sheet, table: int) -> dict[str, list[str]]:
    built = TRADING.build(sheet)
    assert built is not None
    return {row.label: list(cells) for row, cells in built["tables"][table].rows}


def test_the_tables_show_what_was_paid_traded_and_possible() -> None:
    result = in_and_out()
    assert texts(Sheet([result]), 0)["Follow"][:3] == ["$30", "$0", "$30"]
    assert texts(Sheet([result]), 0)["Follow"][4] == "3.0%"
    assert texts(Sheet([result]), 1)["Follow"][:5] == ["2", "$1,500", "1.5%", "$2,000", "1.8"]
    assert texts(Sheet([result]), 2)["Follow"] == ["2", "1,000.000%", "1,000.000%", "1,000.000%"]
    assert texts(Sheet([result]), 3)["Follow"] == ["$101", "$101", "$505", "$505", "$100"]  # 100 990 / 10 is 1 %


def test_capacity_on_all_days_is_that_of_the_largest_share_and_on_95_percent_of_days_is_not() -> None:
    """Of 1000 at 100 the shares of 20,000, 40,000 and 50,000 coins: in thousandths a half, a quarter and a fifth.

    1 % is a half at $20,000; of three days the 95th percentile is 0.25 + 0.9 x 0.25 = 0.475, for $21,053.
    """
    moves = [("2024-01-01", 1.0), ("2024-01-02 18:00", -1.0), ("2024-01-04 18:00", 1.0), ("2024-01-05 18:00", -1.0)]
    on = market([100.0] * 6, funding=moves)
    frame = on.bars["BTC"].frame.assign(volume=[10e3, 20e3, 30e3, 40e3, 50e3, 60e3])
    result = run(replace(on, bars={"BTC": Bars("BTC", "1d", frame)}), Follow())
    assert texts(Sheet([result]), 3)["Follow"] == ["$21.1k", "$20.0k", "$105k", "$100k", "$21.1k"]


def test_every_number_has_a_definition_and_can_be_downloaded() -> None:
    sheet = Sheet([in_and_out()])
    built = TRADING.build(sheet)
    assert built is not None
    for table in built["tables"]:
        assert all(term.definition for term in table.columns[1:])
        assert {term.name for term in table.columns[1:]} <= set(sheet.charts.terms)
    assert {"trading-costs", "trading-fills", "trading-volume", "trading-capacity"} <= set(sheet.charts.tables)
    assert sheet.charts.tables["trading-turnover"].splitlines()[0] == "year,Follow"


def test_a_book_that_never_trades_is_dashes() -> None:
    never = run(market([100, 110]), BuyAndHold(exposure=0.0, mix=(("BTC", 1.0),)))
    assert texts(Sheet([never]), 1)["BuyAndHold"] == ["0", "–", "–", "–", "–", "0.00"]
    assert texts(Sheet([never]), 3)["BuyAndHold"] == ["–"] * 5
    built = TRADING.build(Sheet([never]))
    assert built is not None
    assert built["largest"] is None
    assert built["volumes"] == []


def test_the_benchmark_is_in_the_tables_but_not_among_the_largest_fills() -> None:
    (result,) = compare([Follow()], market([100, 110, 120], funding=IN_AND_OUT), FREE, benchmark=HOLD)
    built = TRADING.build(Sheet([result]))
    assert built is not None
    assert [row.label for row, _ in built["tables"][0].rows] == ["Follow", "BuyAndHold"]
    assert {row.label for row, _ in built["largest"].rows} == {"Follow"}


def test_hourly_bars_of_three_days_are_fine() -> None:
    result = run(market([100.0 + i for i in range(72)], timeframe="1h"), execution=replace(FREE, latency_hours=30))
    own = Trading(result)
    assert own.participation["participation"].notna().all()
    assert own.participation["day"].tolist() == [pd.Timestamp("2024-01-02", tz="UTC")]
    assert TRADING.build(Sheet([result])) is not None
