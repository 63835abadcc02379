"""The eighteen traps of vectorbt 1.2 for BTC/ETH target weights: each shown, and shown not to catch us.

Where vectorbt itself is asked, the test pins what it does today: when it changes, the guard may go.
"""

import ast
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import vectorbt

import backtests
import data_cache
import signals
import strategies
from backtests.backtest import Backtest
from backtests.execution import Execution
from backtests.simulate import order_sizes
from data_cache.catalog import spec
from data_cache.errors import BadData, BadUsage
from data_cache.market import Market
from data_cache.observations import Observations, observation_rows
from data_cache.releases import known_at
from strategies.strategy import Now, Strategy, Weights

MISSING = math.nan
FEES = Execution(fee_bps=10, slippage_bps=0, min_notional=0, capital=1_000)
# A dollar of book affords this much after 0.1 % for selling and 0.1 % for buying.
AFFORDABLE = 0.999 / 1.001


@pytest.fixture
def prices(toy: SimpleNamespace) -> pd.DataFrame:
    index = pd.date_range(toy.at("01-01"), periods=6, freq="D")
    return pd.DataFrame({"BTC": toy.BTC, "ETH": toy.ETH}, index=index, dtype=float)


def raw(close: pd.DataFrame, size: Any, **arguments: Any) -> Any:
    """What a user of vectorbt writes first."""
    usual = {"size_type": "targetpercent", "group_by": True, "cash_sharing": True, "init_cash": 1000.0}
    return vectorbt.Portfolio.from_orders(close, size, **{**usual, **arguments})


def sizes(close: pd.DataFrame, rows: Mapping[int, Sequence[float]]) -> pd.DataFrame:
    """Orders at some rows, NaN elsewhere."""
    return pd.DataFrame(rows, index=close.columns, dtype=float).T.reindex(range(len(close))).set_axis(close.index)


def bought(portfolio: Any) -> list[float]:
    return portfolio.orders.records["size"].tolist()


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What our path hands to `from_orders`."""
    seen: dict[str, Any] = {}
    original = vectorbt.Portfolio.from_orders

    def spy(*positional: Any, **arguments: Any) -> Any:
        seen.update(arguments)
        return original(*positional, **arguments)

    monkeypatch.setattr(vectorbt.Portfolio, "from_orders", spy)
    return seen


class Backwards(Strategy):
    """Names ETH before BTC, in a market that has BTC before ETH."""

    def weights(self, now: Now) -> Weights:
        return {"ETH": 0.9, "BTC": 0.1}


def test_trap_01_columns_are_matched_by_name(toy: SimpleNamespace, prices: pd.DataFrame) -> None:
    """Columns are matched by position, not by name: weights (ETH 0.9, BTC 0.1) put 0.9 into BTC, silently."""
    crossed = sizes(prices, {0: (0.9, 0.1)}).set_axis(["ETH", "BTC"], axis=1)
    assert bought(raw(prices, crossed)) == [900 / 100, 100 / 10]

    result = toy.both(toy.market({"BTC": toy.BTC, "ETH": toy.ETH}), strategy=Backwards())
    assert toy.filled(result) == [("01-01", "ETH", 90), ("01-01", "BTC", 1)]
    turned = result.decisions[["BTC", "ETH"]]
    assert order_sizes(turned, result.tape, toy.FREE).iloc[0].to_dict() == {"ETH": 0.9, "BTC": 0.1}


def test_trap_02_sales_come_before_purchases(toy: SimpleNamespace, prices: pd.DataFrame) -> None:
    """`call_seq` is left to right by default: rotating ETH -> BTC buys first, finds no cash, and ends in cash."""
    rotation = sizes(prices, {0: (0, 1), 3: (1, 0)})
    assert len(bought(raw(prices, rotation))) == 2  # ETH bought, ETH sold, BTC never

    world = toy.market({"BTC": toy.BTC, "ETH": toy.ETH}, {"01-01": (0, 1), "01-04": (1, 0)})
    assert toy.filled(toy.both(world)) == [
        ("01-01", "ETH", 100),
        ("01-04", "BTC", 100 * 14 / 90),
        ("01-04", "ETH", -100),
    ]


def test_trap_03_a_decision_never_fills_at_the_close_it_was_taken_on(
    toy: SimpleNamespace, prices: pd.DataFrame
) -> None:
    """`price` defaults to the close of the same bar, and a signal built with shift(-1) passes without a word."""
    rises = prices[["BTC"]].shift(-1) > prices[["BTC"]]
    tomorrow = raw(prices[["BTC"]], rises.astype(float))
    # In at 100, out at 120, in at 90, and 100 at the end: the two rises and not the fall.
    assert tomorrow.value().iloc[-1] == pytest.approx(1000 * 120 / 100 * 100 / 90)

    closes = (110, 121, 91, 96, 101, 99)
    world = toy.market({"BTC": toy.BTC}, {"01-02": (1.0,), "01-03": (0.0,)}, closes={"BTC": closes})
    # The bar of the 1st closes at 110 and is known on the 2nd, when the open is 110; the 2nd closes at 121.
    assert toy.both(world).fills["price"].tolist() == [110, 120]


def test_trap_04_a_book_is_valued_at_the_open_it_trades_at(toy: SimpleNamespace, prices: pd.DataFrame) -> None:
    """The valuation price decides what a weight is: the previous close ends elsewhere than the open."""
    world = toy.market(
        {"BTC": prices["BTC"] * 1.01, "ETH": prices["ETH"] * 1.01},
        {"01-01": (0.6, 0.4)},
        closes={"BTC": prices["BTC"], "ETH": prices["ETH"]},
    )
    daily = Execution(fee_bps=10, slippage_bps=0, min_notional=0, rebalance_days=1, capital=1_000)
    result = toy.both(world, daily)

    each_bar = np.tile(np.array([0.6, 0.4]) * AFFORDABLE, (6, 1))
    at_open, at_last_close = (
        raw(prices, each_bar, price=prices * 1.01, val_price=mark, fees=0.001, call_seq="auto").value().iloc[-1]
        for mark in (np.inf, -np.inf)
    )
    assert result.equity.iloc[-1] == pytest.approx(at_open)
    assert at_last_close != pytest.approx(at_open, rel=0.01)
    # By hand, on the 2nd: held units at their opens and cash are the value; 60 % of what is affordable is BTC.
    value = result.cash.iloc[0] + result.units["BTC"].iloc[0] * 111.1 + result.units["ETH"].iloc[0] * 10.1
    assert result.units["BTC"].iloc[1] * 111.1 == pytest.approx(0.6 * AFFORDABLE * value)


def test_trap_05_fees_starve_no_asset(toy: SimpleNamespace, prices: pd.DataFrame) -> None:
    """With weights that add up to 1 and fees, the asset bought last bears the whole shortfall, status Filled."""
    btc, eth = bought(raw(prices, sizes(prices, {0: (0.6, 0.4)}), fees=0.001))
    assert btc == 6
    assert eth == pytest.approx((1000 - 600 * 1.001) / 10.01)  # 39.9 instead of 40
    assert bought(raw(prices, sizes(prices, {0: (1, 0)}), fees=0.001)) == [pytest.approx(9.99001)]

    world = toy.market({"BTC": toy.BTC, "ETH": toy.ETH}, {"01-01": (0.6, 0.4)})
    assert toy.filled(toy.both(world, FEES)) == [
        ("01-01", "BTC", 6 * AFFORDABLE),
        ("01-01", "ETH", 40 * AFFORDABLE),
    ]


@pytest.mark.parametrize("engine", ["vector", "events"])
@pytest.mark.parametrize(("plan", "units"), [((2.0, 0.0), [10]), ((0.8, 0.8), [8, 20])])
def test_trap_06_leverage_is_an_error_and_no_silent_cap(
    toy: SimpleNamespace, prices: pd.DataFrame, plan: tuple[float, float], units: list[float], engine: str
) -> None:
    """A target of 200 % becomes 100 %, and 80 % of each becomes 80 % and 20 %, status Filled."""
    assert bought(raw(prices, sizes(prices, {0: plan}))) == units

    world = toy.market({"BTC": toy.BTC, "ETH": toy.ETH}, {"01-01": plan})
    with pytest.raises(BadUsage, match="exposure is above 1; leverage needs perpetuals"):
        Backtest(toy.Follow(("BTC", "ETH")), world, engine=engine).run()


@pytest.mark.parametrize("engine", ["vector", "events"])
def test_trap_07_a_short_that_would_go_bankrupt_cannot_be_taken(toy: SimpleNamespace, engine: str) -> None:
    """There is no bankruptcy: a short of all there is, through a tripling, lives on with -1000 and recovers."""
    tripling = (100, 150, 190, 260, 300, 100)
    index = pd.date_range(toy.at("01-01"), periods=6, freq="D")
    close = pd.DataFrame({"BTC": tripling}, index=index, dtype=float)
    assert raw(close, sizes(close, {0: (-1,)})).value().tolist() == [1000, 500, 100, -600, -1000, 1000]

    world = toy.market({"BTC": tripling}, {"01-01": (-1.0,)})
    with pytest.raises(BadUsage, match="a weight is below 0; selling short needs perpetuals"):
        Backtest(toy.Follow(), world, engine=engine).run()


def test_trap_08_both_assets_share_one_account(toy: SimpleNamespace, prices: pd.DataFrame) -> None:
    """`group_by` without `cash_sharing` gives each asset its own cash; `percent` is of the cash that is left."""
    half = sizes(prices, {0: (0.5, 0.5)})
    assert raw(prices, half, cash_sharing=False).value().iloc[0] == 2000
    assert bought(raw(prices, half, size_type="percent")) == [500 / 100, 250 / 10]

    result = toy.both(toy.market({"BTC": toy.BTC, "ETH": toy.ETH}, {"01-01": (0.5, 0.5)}))
    assert result.equity.iloc[0] == result.portfolio.value().iloc[0] == 1000
    assert toy.filled(result) == [("01-01", "BTC", 500 / 100), ("01-01", "ETH", 500 / 10)]


def test_trap_09_a_constant_target_trades_once(toy: SimpleNamespace, prices: pd.DataFrame) -> None:
    """Constant weights trade every bar in which prices moved."""
    assert len(bought(raw(prices, np.tile([0.6, 0.4], (6, 1)), call_seq="auto"))) == 12
    plan = dict.fromkeys(("01-01", "01-02", "01-03", "01-04", "01-05"), (0.6, 0.4))
    result = toy.both(toy.market({"BTC": toy.BTC, "ETH": toy.ETH}, plan))
    assert len(result.decisions) == 1
    assert len(result.fills) == 2


def test_trap_09_a_minimum_is_in_dollars(toy: SimpleNamespace, prices: pd.DataFrame) -> None:
    """`min_size` is in units: a minimum of 1 refuses $90 of BTC and sends $20 of ETH."""
    small = (0.09, 0.02)
    assert bought(raw(prices, sizes(prices, {0: small}), min_size=1)) == [20 / 10]

    world = toy.market({"BTC": toy.BTC, "ETH": toy.ETH}, {"01-01": small})
    fifty = Execution(fee_bps=0, slippage_bps=0, min_notional=50, capital=1_000)
    assert toy.filled(toy.both(world, fifty)) == [("01-01", "BTC", 0.9)]


def test_trap_10_a_missing_price_stops_both_assets(toy: SimpleNamespace, prices: pd.DataFrame) -> None:
    """Where a close is NaN the asset is skipped, and the other one is traded against a stale mark."""
    holed = prices.copy()
    holed.iloc[3, 1] = MISSING
    traded = raw(holed, np.tile([0.6, 0.4], (6, 1))).orders.records
    assert traded.loc[traded["idx"] == 3, "col"].tolist() == [0]

    world = toy.market({"BTC": toy.BTC, "ETH": (10, 10, 13, MISSING, 9, 10)}, {"01-01": (0.6, 0.4)})
    result = toy.both(world, Execution(fee_bps=0, slippage_bps=0, min_notional=0, rebalance_days=1))
    assert toy.at("01-04") not in result.tape.opens.index
    assert toy.at("01-04") not in result.fills["open_time"].tolist()


def test_trap_10_bars_with_a_missing_price_are_refused(toy: SimpleNamespace) -> None:
    """A hole inside a bar never gets as far as the engine."""
    frame = toy.bars("BTC", toy.BTC).frame.copy()
    frame.loc[toy.at("01-03"), "close"] = MISSING
    with pytest.raises(BadData, match=r"BTC 1d: a price is missing or not finite, first at 2024-01-03"):
        type(toy.bars("BTC", toy.BTC))("BTC", "1d", frame)


def test_trap_11_a_missing_day_changes_neither_sharpe_nor_growth_beyond_its_time(
    toy: SimpleNamespace, prices: pd.DataFrame
) -> None:
    """One missing day leaves vectorbt without a frequency, and then the Sharpe ratio raises."""
    holed = prices.drop(prices.index[2])
    with pytest.raises(ValueError, match="Index frequency is None"):
        raw(holed, sizes(holed, {0: (0.6, 0.4)})).sharpe_ratio()

    world = toy.market({"BTC": (100, 110, MISSING, 90, 95, 90)}, {"01-01": (1.0,)})
    metrics = toy.both(world).metrics
    # Bars end at 100, 110, 90, 95, 90: five returns in six days, so 365 x 5 / 6 of them a year.
    returns = np.array([100 / 100, 110 / 100, 90 / 110, 95 / 90, 90 / 95]) - 1
    assert metrics["sharpe"] == pytest.approx(returns.mean() / returns.std(ddof=1) * math.sqrt(365 * 5 / 6))
    assert metrics["cagr"] == pytest.approx(0.9 ** (365 / 6) - 1)


def test_trap_11_thirty_missing_days_are_thirty_days(toy: SimpleNamespace) -> None:
    """With the frequency forced to a day, a year of 32 bars was taken for 32 days."""
    world = toy.market({"BTC": (100, *[MISSING] * 30, 98)}, {"01-01": (1.0,)})
    assert toy.both(world).metrics["cagr"] == pytest.approx(0.98 ** (365 / 32) - 1)


def test_trap_11_hourly_bars_are_hours(toy: SimpleNamespace) -> None:
    """An explicit daily frequency silently overrides an hourly index."""
    world = toy.market({"BTC": toy.BTC}, {"01-01": (1.0,)}, timeframe="1h")
    result = toy.both(world)
    returns = np.array([100 / 100, 110 / 100, 120 / 110, 90 / 120, 95 / 90, 100 / 95]) - 1
    assert result.metrics["volatility"] == pytest.approx(returns.std(ddof=1) * math.sqrt(365 * 24))
    assert result.portfolio.wrapper.freq == pd.Timedelta(hours=1)


def test_trap_12_decisions_are_counted_and_not_partial_exits(toy: SimpleNamespace, prices: pd.DataFrame) -> None:
    """Trades and win rate count partial exits of rebalances: seven for one constant target."""
    grouped = raw(prices, np.tile([0.6, 0.4], (6, 1)), call_seq="auto")
    assert grouped.trades.count() == 7

    daily = Execution(fee_bps=0, slippage_bps=0, min_notional=0, rebalance_days=6, capital=1_000)
    metrics = toy.both(toy.market({"BTC": toy.BTC, "ETH": toy.ETH}, {"01-01": (0.6, 0.4)}), daily).metrics
    # Decided on the 1st, and again on the 7th, when the last bar has ended: one holding, which ends where it began.
    assert metrics["decisions"] == 2
    assert metrics["fills"] == 2
    assert metrics["hit_rate"] == 0


def test_trap_12_the_benchmark_is_the_one_that_was_asked_for(toy: SimpleNamespace, prices: pd.DataFrame) -> None:
    """`total_benchmark_return` is an equal split, whatever the weights."""
    five = prices.iloc[:5]
    split = raw(five, sizes(five, {0: (0.6, 0.4)})).benchmark_value().iloc[-1]
    assert split == pytest.approx(500 * 95 / 100 + 500 * 9 / 10)

    class SixtyForty(Strategy):
        def weights(self, now: Now) -> Weights:
            return {"BTC": 0.6, "ETH": 0.4}

    world = toy.market({"BTC": toy.BTC, "ETH": toy.ETH}, {"01-01": (1.0, 0.0)})
    follow = toy.Follow(("BTC", "ETH"))
    result = Backtest(follow, world, toy.FREE, end=toy.at("01-06"), benchmark=SixtyForty()).run()
    assert result.benchmark is not None
    assert result.benchmark.equity.iloc[-1] == pytest.approx(600 * 95 / 100 + 400 * 9 / 10)


def _modules() -> Iterator[tuple[Path, ast.Module]]:
    for package in (data_cache, signals, strategies, backtests):
        for path in Path(package.__path__[0]).rglob("*.py"):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def _imported(module: ast.Module) -> set[str]:
    names = [alias.name for node in ast.walk(module) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(module) if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


def test_trap_13_vectorbts_statistics_are_never_asked(toy: SimpleNamespace) -> None:
    """Its deflated Sharpe ratio was wrong up to 1.1, is NaN for one column and takes columns for trials."""
    forbidden = {"vbt", "deflated_sharpe_ratio", "sharpe_ratio", "stats", "returns_stats", "settings"}
    doors = []
    for path, module in _modules():
        if not _imported(module) & {"vectorbt", "vectorbt_rust"}:
            continue
        doors.append(path.name)
        used = {node.attr for node in ast.walk(module) if isinstance(node, ast.Attribute)}
        assert not used & forbidden, f"{path}: {used & forbidden}"
    assert doors == ["simulate.py"]


def test_trap_14_whole_weights_are_numbers_like_others(toy: SimpleNamespace, prices: pd.DataFrame) -> None:
    """The Rust engine refuses integer weights, and 'auto' falls back to Numba without telling."""
    with pytest.raises(ValueError, match="requires `size` to be float64-compatible"):
        raw(prices, np.ones((6, 2), int), engine="rust")

    class AllIn(Strategy):
        def weights(self, now: Now) -> Weights:
            return {"BTC": 1, "ETH": 0}

    result = toy.both(toy.market({"BTC": toy.BTC, "ETH": toy.ETH}), strategy=AllIn())
    assert toy.filled(result) == [("01-01", "BTC", 10)]


def test_trap_15_memory_is_taken_for_orders_and_not_for_bars(toy: SimpleNamespace, passed: dict[str, Any]) -> None:
    """Records of 56 and 280 bytes are allocated for every bar and column, unless limited."""
    from vectorbt.portfolio.enums import log_dt, order_dt

    assert (order_dt.itemsize, log_dt.itemsize) == (56, 280)
    world = toy.market({"BTC": toy.BTC, "ETH": toy.ETH}, {"01-01": (0.6, 0.4), "01-04": (0.0, 0.0)})
    Backtest(toy.Follow(("BTC", "ETH")), world, engine="vector").run()
    assert passed["max_orders"] == 4  # two decisions, two assets; not 6 bars x 2
    assert (passed["max_logs"], passed["log"]) == (0, False)


def test_trap_16_every_order_has_its_bar_and_column(
    toy: SimpleNamespace, prices: pd.DataFrame, passed: dict[str, Any]
) -> None:
    """A Series of two weights is taken for two bars: an error, or on two bars not even that."""
    two = prices.iloc[:2]
    as_bars = raw(two, pd.Series([0.9, 0.1], index=two.index)).orders.records
    assert as_bars.loc[as_bars["idx"] == 0, "size"].tolist() == [900 / 100, 100 / 10]  # 90 % twice, then 10 %

    world = toy.market({"BTC": toy.BTC[:2], "ETH": toy.ETH[:2]}, {"01-01": (0.9, 0.1)})
    assert toy.filled(toy.both(world)) == [("01-01", "BTC", 9), ("01-01", "ETH", 10)]
    np.testing.assert_array_equal(passed["size"], [[0.9, 0.1], [MISSING, MISSING]])
    assert passed["price"].shape == passed["val_price"].shape == passed["min_size"].shape == (2, 2)


def test_trap_17_a_year_has_365_days(toy: SimpleNamespace) -> None:
    """QuantStats annualises with 252 and stumbles over UTC: nobody imports it, and our year is the calendar's."""
    assert not any("quantstats" in _imported(module) for _, module in _modules())
    world = toy.market({"BTC": (100, 110, 120, 90, 95, 90)}, {"01-01": (1.0,)})
    metrics = toy.both(world).metrics
    returns = np.array([0, 110 / 100 - 1, 120 / 110 - 1, 90 / 120 - 1, 95 / 90 - 1, 90 / 95 - 1])
    assert metrics["volatility"] == pytest.approx(returns.std(ddof=1) * math.sqrt(365))
    assert metrics["sharpe"] == pytest.approx(returns.mean() / returns.std(ddof=1) * math.sqrt(365))
    assert metrics["cagr"] == pytest.approx(0.9 ** (365 / 6) - 1)


@pytest.mark.parametrize(
    ("wednesday", "known", "filled"),
    [
        pytest.param("2024-01-03", "2024-01-04 21:30", "2024-01-05", id="16:30 Eastern is 21:30 UTC in winter"),
        pytest.param("2024-07-10", "2024-07-11 20:30", "2024-07-12", id="and 20:30 UTC in summer"),
    ],
)
def test_trap_18_a_date_of_publication_is_no_midnight(
    toy: SimpleNamespace, wednesday: str, known: str, filled: str
) -> None:
    """A number printed at 16:30 in New York, made available at 00:00 UTC of that date, leaks a bar."""
    period = pd.DatetimeIndex([wednesday]).as_unit("ns")
    published = known_at(spec("WALCL"), period)
    assert published == pd.DatetimeIndex([known], tz="UTC")

    days = pd.date_range(wednesday, periods=4, freq="D", tz="UTC").as_unit("ns")
    frame = toy.bars("BTC", (100, 110, 120, 90)).frame.set_axis(days)
    world = Market(
        Observations({"WALCL": observation_rows(period, published, [0.5])}),
        {"BTC": type(toy.bars("BTC", (1,)))("BTC", "1d", frame)},
        "a toy world",
    )

    class Hold(Strategy):
        def signals(self) -> Mapping[str, Any]:
            return {"assets": toy.Level("WALCL")}

        def weights(self, now: Now) -> Weights:
            return {"BTC": now.assets}

    result = toy.both(world, strategy=Hold())
    assert result.decisions.index.tolist() == published.tolist()
    assert result.fills["open_time"].tolist() == [pd.Timestamp(filled, tz="UTC")]


def test_no_global_setting_reaches_us(toy: SimpleNamespace) -> None:
    """Everything that shapes a simulation is passed."""
    world = toy.market({"BTC": toy.BTC, "ETH": toy.ETH}, {"01-01": (0, 1), "01-04": (0.9, 0.1)})
    before = toy.both(world, FEES)
    ours = {"call_seq": "reversed", "init_cash": 7.0, "fees": 0.5, "slippage": 0.5, "max_size": 1.0, "price": 1.0}
    ours |= {"val_price": -np.inf, "cash_sharing": False, "lock_cash": True, "size_granularity": 1.0, "log": True}
    known = vectorbt.settings.portfolio
    vectorbt.settings.portfolio.update({name: value for name, value in ours.items() if name in known})
    try:
        after = toy.both(world, FEES)
    finally:
        vectorbt.settings.reset()
    assert len(set(ours) & set(known)) > 8
    assert after.equity_sha256 == before.equity_sha256
