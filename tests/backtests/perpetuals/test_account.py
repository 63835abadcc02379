"""Books of perpetuals small enough to redo by hand: leverage, shorts, liquidation, ruin; the same in both engines."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from backtests.backtest import Backtest
from backtests.entries import CLOSE, OPEN, RANGE
from backtests.execution import Execution
from backtests.result import Result
from data_cache.bars import Bars
from data_cache.errors import BadUsage
from data_cache.market import Market

Candles = Sequence[tuple[float, float, float, float]]

# Nothing costs anything, a book of 1000, liquidated at a tenth of notional; at most five times levered.
TERMS: dict[str, Any] = {
    "fee_bps": 0,
    "slippage_bps": 0,
    "min_notional": 0,
    "capital": 1_000,
    "perps": True,
    "initial_margin": 0.2,
    "maintenance_margin": 0.1,
    "liquidation_fee_bps": 0,
}


def flat(*prices: float) -> Candles:
    """Days that do not move."""
    return [(price, price, price, price) for price in prices]


def run(
    toy: SimpleNamespace,
    plan: Mapping[str, tuple[float, ...]],
    candles: Mapping[str, Candles],
    rates: Mapping[str, float] | None = None,
    **terms: float,
) -> Result:
    """Daily bars (open, high, low, close) from 1 January; funding of BTC at `rates`, and 0 at each other day's end."""
    days = max(len(bars) for bars in candles.values())
    midnights = {f"01-{day:02}": 0.0 for day in range(1, days + 2)}
    funding = {f"FUNDING_{asset}": midnights | (dict(rates or {}) if asset == "BTC" else {}) for asset in candles}
    world = toy.market({asset: [bar[0] for bar in bars] for asset, bars in candles.items()}, plan, releases=funding)
    bars = {asset: as_bars(toy, asset, rows) for asset, rows in candles.items()}
    market = Market(world.observations, bars, world.origin, specs=world.specs)
    vector, events = (
        Backtest(toy.Follow(tuple(candles)), market, Execution(**(TERMS | terms)), engine=engine).run()
        for engine in ("vector", "events")
    )
    for name in ("fills", "payments", "liquidations"):
        pd.testing.assert_frame_equal(getattr(vector, name), getattr(events, name), rtol=1e-12)
    pd.testing.assert_series_equal(vector.equity, events.equity, rtol=1e-12)
    return events


def as_bars(toy: SimpleNamespace, asset: str, rows: Candles) -> Bars:
    times = pd.date_range(toy.at("01-01"), periods=len(rows), freq="D").as_unit("ns")
    frame = pd.DataFrame(list(rows), index=times, columns=["open", "high", "low", "close"])
    return Bars(asset, "1d", frame.assign(volume=1.0))


def closes(result: Result) -> list[Any]:
    """Equity at each day's end."""
    return [pytest.approx(value, abs=1e-9) for value in result.equity.iloc[1:]]


def closed(result: Result) -> list[tuple[Any, ...]]:
    """Liquidations as rows: day, moment, asset, units, price, fee, shortfall, ruined."""
    rows = result.liquidations.itertuples(index=False)
    return [
        (f"{row[0]:%m-%d}", *row[1:3], *(pytest.approx(number, abs=1e-9) for number in row[3:-1]), row[-1])
        for row in rows
    ]


# What is planned, day by day prices of BTC, and the equity at each day's end.
WITHOUT_A_CALL = {
    "At leverage 2 a tenth up is a fifth gained": ((2.0,), flat(100, 110), [1000, 1000 + 20 * 10]),
    "At leverage 2 a tenth down is a fifth lost": ((2.0,), flat(100, 90), [1000, 1000 - 20 * 10]),
    "A short of all there is gains a tenth when prices fall by one": ((-1.0,), flat(100, 90), [1000, 1000 + 10 * 10]),
    "A short loses what prices gain": ((-1.0,), flat(100, 110, 120), [1000, 1000 - 10 * 10, 1000 - 10 * 20]),
    "A target that stands is not traded again: 20 units stay 20": ((2.0,), flat(100, 110, 99), [1000, 1200, 980]),
}


@pytest.mark.parametrize(("weights", "candles", "equity"), WITHOUT_A_CALL.values(), ids=WITHOUT_A_CALL)
def test_leverage_and_shorts(
    weights: tuple[float, ...], candles: Candles, equity: list[float], toy: SimpleNamespace
) -> None:
    result = run(toy, {"01-01": weights}, {"BTC": candles})
    assert closes(result) == equity
    assert len(result.liquidations) == 0


def test_a_book_that_turns_from_long_to_short_pays_for_both_sides(toy: SimpleNamespace) -> None:
    """20 bought at 100 cost a fee of 2. At 100 again the book is worth 998: it sells 20 + 9.98, for a fee of 2.998."""
    result = run(toy, {"01-01": (2.0,), "01-02": (-1.0,)}, {"BTC": flat(100, 100, 110)}, fee_bps=10)
    assert result.fills["units"].tolist() == [pytest.approx(20), pytest.approx(-29.98)]
    assert result.fills["fee"].tolist() == [pytest.approx(2), pytest.approx(2.998)]
    assert closes(result) == [998, 998 - 2.998, 998 - 2.998 - 9.98 * 10]


def test_slippage_is_paid_upwards_by_who_buys_and_downwards_by_who_sells(toy: SimpleNamespace) -> None:
    result = run(toy, {"01-01": (-2.0,), "01-02": (0.0,)}, {"BTC": flat(100, 100)}, slippage_bps=100)
    assert result.fills["price"].tolist() == [pytest.approx(99), pytest.approx(101)]
    assert closes(result) == [1000 - 20, 1000 - 20 - 20]


# A book of 1000 is liquidated where equity is a tenth of notional. What it held, the day's range, and where it was.
POINTS = {
    # 1000 - 40 (100 - p) = 0.1 * 40 p, so 36 p = 3000.
    "A long at leverage 4 at 83.33": ((4.0,), (100, 105, 80, 100), 3000 / 36),
    # 1000 - 40 (p - 100) = 0.1 * 40 p, so 44 p = 5000.
    "A short at leverage 4 at 113.64": ((-4.0,), (100, 115, 95, 100), 5000 / 44),
    "A long whose low is one cent higher, not at all": ((4.0,), (100, 105, 83.34, 100), None),
    "A short whose high is one cent lower, not at all": ((-4.0,), (100, 113.63, 95, 100), None),
}


@pytest.mark.parametrize(("weights", "bar", "price"), POINTS.values(), ids=POINTS)
def test_a_position_is_closed_where_the_margin_is_met(
    weights: tuple[float, ...], bar: tuple[float, float, float, float], price: float | None, toy: SimpleNamespace
) -> None:
    result = run(toy, {"01-01": weights}, {"BTC": [bar, *flat(100)]})
    units = weights[0] * 10
    if price is None:
        assert closed(result) == []
        assert closes(result) == [1000, 1000]
        return
    assert closed(result) == [("01-01", RANGE, "BTC", -units, price, 0, 0, False)]
    left = 1000 + units * (price - 100)
    assert left == pytest.approx(0.1 * abs(units) * price)
    assert closes(result) == [left, left]


def test_a_long_and_a_short_are_taken_to_their_worst_at_the_same_pace(toy: SimpleNamespace) -> None:
    """20 BTC from 100 to 80 and -200 ETH from 10 to 12: after a part x of the way equity is 1000 - 800 x.

    The notional is 2000 - 400 x and 2000 + 400 x, 4000 at any x; 400 are needed, so x = 3/4.
    """
    candles = {"BTC": [(100, 100, 80, 100)], "ETH": [(10, 12, 10, 10)]}
    result = run(toy, {"01-01": (2.0, -2.0)}, candles)
    assert closed(result) == [
        ("01-01", RANGE, "BTC", -20, 85, 0, 0, False),
        ("01-01", RANGE, "ETH", 200, 11.5, 0, 0, False),
    ]
    assert closes(result) == [1000 - 20 * 15 - 200 * 1.5]


def test_what_a_liquidation_costs(toy: SimpleNamespace) -> None:
    """The fee of liquidation, half a per cent, and not also that of trading, which the purchase paid: 4.

    So the margin is met where 996 - 40 (100 - p) = 4 p.
    """
    result = run(toy, {"01-01": (4.0,)}, {"BTC": [(100, 105, 80, 100)]}, fee_bps=10, liquidation_fee_bps=50)
    price = (4000 - 996) / 36
    assert closed(result) == [("01-01", RANGE, "BTC", -40, price, 40 * price * 0.005, 0, False)]
    assert closes(result) == [996 - 40 * (100 - price) - 40 * price * 0.005]


def test_slippage_of_a_liquidation_is_on_the_price(toy: SimpleNamespace) -> None:
    """Sold short at 99; bought back a per cent above the point: 1000 - 40 (p - 99) = 4 p."""
    result = run(toy, {"01-01": (-4.0,)}, {"BTC": [(100, 120, 95, 100)]}, slippage_bps=100)
    price = (1000 + 40 * 99) / 44
    assert closed(result) == [("01-01", RANGE, "BTC", 40, price * 1.01, 0, 0, False)]


def test_a_gap_through_the_margin_ruins_the_book_and_the_venue_bears_the_rest(toy: SimpleNamespace) -> None:
    """40 units from 100 to 70 lose 1200 of 1000. Prices come back, and new targets come; the book does not."""
    plan = {"01-01": (4.0,), "01-02": (1.0,), "01-03": (-1.0,)}
    result = run(toy, plan, {"BTC": flat(100, 70, 150, 300)})
    assert closed(result) == [("01-02", OPEN, "BTC", -40, 70, 0, 200, True)]
    assert result.equity.tolist() == [1000, 1000, 0, 0, 0]
    assert result.ruined_at == toy.at("01-03")
    assert len(result.fills) == 1


def test_a_gap_that_leaves_something_is_no_ruin(toy: SimpleNamespace) -> None:
    """40 units from 100 to 76 lose 960: 40 is left, less than the 304 that they need."""
    result = run(toy, {"01-01": (4.0,)}, {"BTC": flat(100, 76, 150)})
    assert closed(result) == [("01-02", OPEN, "BTC", -40, 76, 0, 0, False)]
    assert closes(result) == [1000, 40, 40]
    assert result.ruined_at is None


# A long at leverage 4 from 100 and its margin of a tenth of notional: what closing it costs, and whether it lives on.
EDGES = {
    "A fee of all the margin leaves nothing": ({"liquidation_fee_bps": 1_000}, True),
    "So do slippage of a half and a fee of the rest": ({"slippage_bps": 500, "liquidation_fee_bps": 500 / 0.95}, True),
    "And a fee that leaves a hundred-billionth": ({"liquidation_fee_bps": 1_000 - 1e-7}, True),
    "A hundred-millionth is something": ({"liquidation_fee_bps": 1_000 - 1e-4}, False),
}


@pytest.mark.parametrize(("costs", "ruined"), EDGES.values(), ids=EDGES)
def test_a_book_that_is_left_with_no_more_than_a_billionth_of_what_was_closed_is_ruined(
    costs: dict[str, float], ruined: bool, toy: SimpleNamespace
) -> None:
    """Whatever the last digits of prices and weights say: of twenty books none is left with a dust."""
    for step in range(20):
        low = 60 + step / 7
        plan = {"01-01": (3.7 + step / 997,), "01-03": (1.0,)}
        result = run(toy, plan, {"BTC": [(100 + step / 3, 140, low, 80), *flat(80, 80, 80)]}, **costs)
        last = result.liquidations.iloc[-1]
        assert last["ruined"] == ruined
        assert (result.ruined_at == toy.at("01-02")) if ruined else result.ruined_at is None
        if ruined:
            assert abs(last["shortfall"]) <= 1e-9 * abs(last["units"]) * last["price"]
            assert result.cash.iloc[-1] == pytest.approx(0, abs=1e-9)
            assert result.equity.iloc[1:].tolist() == [0, 0, 0, 0]
        assert len(result.fills) == (1 if ruined else 2)


def test_what_was_liquidated_is_entered_again_only_at_a_new_decision(toy: SimpleNamespace) -> None:
    """The plan says 4 all along; the book stays out on the 3rd, and enters when the plan says 2, on the 4th."""
    plan = {"01-01": (4.0,), "01-03": (4.0,), "01-04": (2.0,)}
    result = run(toy, plan, {"BTC": flat(100, 76, 80, 80, 88)})
    assert result.units["BTC"].tolist() == [pytest.approx(units, abs=1e-9) for units in (40, 0, 0, 1, 1)]
    assert closes(result) == [1000, 40, 40, 40, 48]


def test_a_decision_that_fills_where_a_gap_liquidates_trades_what_is_left(toy: SimpleNamespace) -> None:
    """40 is left of the 1000 at the open of the 2nd; the decision of that moment sells 40 / 76 short there."""
    result = run(toy, {"01-01": (4.0,), "01-02": (-1.0,)}, {"BTC": flat(100, 76, 38)})
    assert closed(result) == [("01-02", OPEN, "BTC", -40, 76, 0, 0, False)]
    assert result.fills["units"].tolist() == [40, pytest.approx(-40 / 76)]
    assert closes(result) == [1000, 40, 60]


def test_funding_alone_can_meet_the_margin_at_a_close(toy: SimpleNamespace) -> None:
    """Short 40 at 100; 15 per cent against it at midnight are 600, and 400 is what 4000 need."""
    result = run(toy, {"01-01": (-4.0,)}, {"BTC": flat(100, 100)}, {"01-02": -0.15})
    assert closed(result) == [("01-01", CLOSE, "BTC", 40, 100, 0, 0, False)]
    assert closes(result) == [400, 400]


def test_funding_within_the_day_can_meet_it_before_prices_move(toy: SimpleNamespace) -> None:
    """The same at noon: closed at the open's price, though the range would have been kind."""
    result = run(toy, {"01-01": (-4.0,)}, {"BTC": [(100, 100, 80, 80)]}, {"01-01 12:00": -0.15})
    assert closed(result) == [("01-01", RANGE, "BTC", 40, 100, 0, 0, False)]
    assert closes(result) == [400]


def test_a_book_that_is_flat_owes_nothing(toy: SimpleNamespace) -> None:
    """Neither margin nor funding, whatever prices do."""
    result = run(toy, {"01-01": (0.0,)}, {"BTC": flat(100, 10, 500)}, {"01-02": 0.5})
    assert closes(result) == [1000, 1000, 1000]
    assert len(result.payments) == len(result.liquidations) == 0


@pytest.mark.parametrize("engine", ["vector", "events"])
def test_more_than_the_initial_margin_allows_is_refused(engine: str, toy: SimpleNamespace) -> None:
    releases = {"FUNDING_BTC": {"01-02": 0.0}, "FUNDING_ETH": {"01-02": 0.0}}
    world = toy.market({"BTC": [100], "ETH": [10]}, {"01-01": (3.0, -2.5)}, releases=releases)
    sentence = (
        "Follow: gross exposure is above 5, the most that an initial margin of 0.2 allows; ask for less, or set "
        "--initial-margin; found BTC 3, ETH -2.5 at 2024-01-01"
    )
    with pytest.raises(BadUsage, match=sentence):
        Backtest(toy.Follow(("BTC", "ETH")), world, Execution(**TERMS), engine=engine).run()


def test_all_that_the_initial_margin_allows_is_taken(toy: SimpleNamespace) -> None:
    result = run(toy, {"01-01": (3.0, -2.0)}, {"BTC": flat(100), "ETH": flat(10)})
    assert result.fills["units"].tolist() == [30, -200]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "A maintenance margin of nothing": (
        {"maintenance_margin": 0},
        r"margins are fractions of notional: 0 < maintenance_margin < initial_margin <= 1; found 0 and 0\.2",
    ),
    "A maintenance margin as high as the initial one": ({"maintenance_margin": 0.2}, r"found 0\.2 and 0\.2"),
    "An initial margin of more than all": ({"initial_margin": 1.5}, r"found 0\.1 and 1\.5"),
    "A liquidation fee below nothing": (
        {"liquidation_fee_bps": -1},
        "liquidation_fee_bps must be zero or more, and less than all; found -1",
    ),
    "Cash that earns": (
        {"cash": "DTB3"},
        "with perps the cash is collateral, which earns nothing here; leave out cash DTB3",
    ),
    "Costs that could leave who closes a position in debt": (
        {"fee_bps": 600, "slippage_bps": 400},
        r"fee_bps 600 and slippage_bps 400 cost as much as the margin of 0\.1: whoever closes a position could owe",
    ),
}


@pytest.mark.parametrize(("terms", "sentence"), REFUSED.values(), ids=REFUSED)
def test_terms_that_make_no_sense_are_refused(terms: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadUsage, match=sentence):
        Execution(**(TERMS | terms))
