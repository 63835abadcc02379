"""When and how a decision becomes a trade: the same tables for both engines."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.execution import Execution
from data_cache.errors import BadUsage

MISSING = math.nan


def free(**conditions: object) -> Execution:
    """A thousand dollars, no costs, and what a case is about."""
    return Execution(**{"fee_bps": 0, "slippage_bps": 0, "min_notional": 0, "capital": 1_000, **conditions})


# BTC opens at 100, 110, 120, 90, 95, 100 on 1 to 6 January. A plan publishes weights; the fills follow.
SCENARIOS = {
    "A decision fills at the next open, not at the bar in which it is taken": (
        {"01-01 12:00": (1.0,)},
        free(),
        [("01-02", "BTC", 1000 / 110)],
    ),
    "A decision taken exactly at an open fills at that open": (
        {"01-02 00:00": (1.0,)},
        free(),
        [("01-02", "BTC", 1000 / 110)],
    ),
    "A number published one minute before an open is used at that open": (
        {"01-01 23:59": (1.0,)},
        free(),
        [("01-02", "BTC", 1000 / 110)],
    ),
    "A number published one minute after an open waits for the next one": (
        {"01-02 00:01": (1.0,)},
        free(),
        [("01-03", "BTC", 1000 / 120)],
    ),
    "What was known before the start is decided at the start and fills at the first open": (
        {"01-01 00:00": (0.5,)},
        free(),
        [("01-01", "BTC", 500 / 100)],
    ),
    "With 24 hours of latency a decision at an open fills exactly one day later": (
        {"01-01 00:00": (1.0,)},
        free(latency_hours=24),
        [("01-02", "BTC", 1000 / 110)],
    ),
    "With 24 hours and a minute it is too late for that open": (
        {"01-01 00:00": (1.0,)},
        free(latency_hours=24 + 1 / 60),
        [("01-03", "BTC", 1000 / 120)],
    ),
    "Latency of an hour does not delay what was decided at noon": (
        {"01-01 12:00": (1.0,)},
        free(latency_hours=1),
        [("01-02", "BTC", 1000 / 110)],
    ),
    "Of several decisions for one bar the last counts": (
        {"01-01 06:00": (1.0,), "01-01 12:00": (0.0,), "01-01 18:00": (0.5,)},
        free(),
        [("01-02", "BTC", 500 / 110)],
    ),
    "Latency can bring two decisions to one open; the later one counts": (
        {"01-01 06:00": (1.0,), "01-02 00:00": (0.5,)},
        free(latency_hours=24),
        [("01-03", "BTC", 500 / 120)],
    ),
    "A decision after the last open never fills": (
        {"01-01 00:00": (0.5,), "01-06 12:00": (1.0,)},
        free(),
        [("01-01", "BTC", 500 / 100)],
    ),
    "The same target published again is no decision; holdings drift": (
        {"01-01 00:00": (0.5,), "01-03 00:00": (0.5,)},
        free(),
        [("01-01", "BTC", 500 / 100)],
    ),
    "A target back at zero sells all": (
        {"01-01 00:00": (0.5,), "01-03 00:00": (0.0,)},
        free(),
        [("01-01", "BTC", 5), ("01-03", "BTC", -5)],
    ),
    "Within the band nothing is traded; small steps add up against the target that stands": (
        {"01-01 00:00": (0.5,), "01-02 00:00": (0.56,), "01-03 00:00": (0.62,)},
        free(band=0.1),
        # Day 3 at 120: equity 500 + 5 x 120 = 1100, of which 62 %.
        [("01-01", "BTC", 5), ("01-03", "BTC", 0.62 * 1100 / 120 - 5)],
    ),
    "A target that moved by exactly the band is not traded": (
        {"01-01 00:00": (0.5,), "01-02 00:00": (0.75,)},
        free(band=0.25),
        [("01-01", "BTC", 5)],
    ),
    "Every two days an unchanged target is traded back to": (
        {"01-01 00:00": (0.5,)},
        free(rebalance_days=2),
        # Day 3 at 120: 500 + 600 = 1100, half is 550. Day 5 at 95: 550 + 550 / 120 x 95, half of it.
        [
            ("01-01", "BTC", 5),
            ("01-03", "BTC", 550 / 120 - 5),
            ("01-05", "BTC", (550 + 550 / 120 * 95) / 2 / 95 - 550 / 120),
        ],
    ),
    "The schedule is kept after a decision in between": (
        {"01-01 00:00": (0.5,), "01-02 00:00": (1.0,), "01-03 00:00": (1.0,)},
        free(rebalance_days=3),
        # Day 2 at 110: all of 500 + 550 into BTC. Day 4 is the schedule's, and a full book is at its target.
        [("01-01", "BTC", 5), ("01-02", "BTC", 500 / 110)],
    ),
    "An order below the minimum is not sent": (
        # Day 2 at 110: equity 1050, target 530.25, held 550: an order of 19.75.
        {"01-01 00:00": (0.5,), "01-02 00:00": (0.505,)},
        free(min_notional=20),
        [("01-01", "BTC", 5)],
    ),
    "An order above the minimum is sent": (
        {"01-01 00:00": (0.5,), "01-02 00:00": (0.505,)},
        free(min_notional=19),
        [("01-01", "BTC", 5), ("01-02", "BTC", -19.75 / 110)],
    ),
}


@pytest.mark.parametrize(("plan", "execution", "fills"), SCENARIOS.values(), ids=SCENARIOS)
def test_a_plan_fills_as_written(
    toy: SimpleNamespace,
    plan: dict[str, tuple[float]],
    execution: Execution,
    fills: list[tuple[str, str, float]],
) -> None:
    assert toy.filled(toy.both(toy.market({"BTC": toy.BTC}, plan), execution)) == fills


def test_an_unchanged_target_lets_holdings_drift(toy: SimpleNamespace) -> None:
    result = toy.both(toy.market({"BTC": toy.BTC}, {"01-01": (0.5,), "01-03": (0.5,)}))
    assert len(result.decisions) == 1
    assert (result.units["BTC"] == 5).all()
    assert result.weights["BTC"].tolist() == pytest.approx([5 * p / (500 + 5 * p) for p in toy.BTC])


def test_a_decision_that_never_fills_is_still_a_decision(toy: SimpleNamespace) -> None:
    result = toy.both(toy.market({"BTC": toy.BTC}, {"01-01": (0.5,), "01-06 12:00": (1.0,)}))
    assert result.decisions.index.tolist() == [toy.at("01-01"), toy.at("01-06 12:00")]
    assert len(result.fills) == 1


def test_a_band_looks_at_the_weight_that_moved_most(toy: SimpleNamespace) -> None:
    plan = {"01-01": (0.3, 0.3), "01-02": (0.35, 0.35), "01-03": (0.3, 0.45)}
    result = toy.both(toy.market({"BTC": toy.BTC, "ETH": toy.ETH}, plan), free(band=0.1))
    assert result.decisions.index.tolist() == [toy.at("01-01"), toy.at("01-03")]


def test_a_strategy_may_ask_for_a_schedule_of_its_own_and_the_user_may_overrule_it(
    toy: SimpleNamespace,
) -> None:
    class Scheduled(toy.Follow):
        def rebalance_every(self) -> float:
            return 2

    world = toy.market({"BTC": toy.BTC}, {"01-01": (0.5,)})
    own, overruled = (toy.both(world, free(rebalance_days=days), Scheduled()) for days in (0, 3))
    assert own.decisions.index.day.tolist() == [1, 3, 5, 7]  # the seventh is the end of the last bar
    assert overruled.decisions.index.day.tolist() == [1, 4, 7]


def test_a_schedule_that_falls_into_a_gap_is_kept_at_the_next_event(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": (100, 110, MISSING, MISSING, 95, 100, 105, 100)}, {"01-01": (0.5,)})
    result = toy.both(world, free(rebalance_days=3))
    # Due at the start of the 4th, but nothing happens until the bar of the 5th ends, which is the 6th. Three days
    # after the 4th it is due again: a date that came late does not shift those that follow.
    assert result.decisions.index.day.tolist() == [1, 6, 7]


def test_fees_starve_no_asset_of_a_full_book(toy: SimpleNamespace) -> None:
    """A factor for both: what a dollar of book can buy if it must sell all and buy all at 0.1 %."""
    world = toy.market({"BTC": toy.BTC, "ETH": toy.ETH}, {"01-01": (0.6, 0.4)})
    result = toy.both(world, free(fee_bps=10))
    scale = 0.999 / 1.001
    assert toy.filled(result) == [
        ("01-01", "BTC", 600 * scale / 100),
        ("01-01", "ETH", 400 * scale / 10),
    ]
    # 1000 - 1000 x 0.999 / 1.001 x 1.001 = 1: the reserve is what selling all may cost.
    assert result.cash.iloc[0] == pytest.approx(1.0, abs=1e-9)
    assert result.weights.iloc[0].to_dict() == pytest.approx(
        {"BTC": 600 * scale / (1000 - scale), "ETH": 400 * scale / (1000 - scale)}
    )


def test_a_full_rotation_is_affordable(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": toy.BTC, "ETH": toy.ETH}, {"01-01": (1.0, 0.0), "01-02": (0.0, 1.0)})
    result = toy.both(world, free(fee_bps=10, slippage_bps=20))
    scale = 0.998 * 0.999 / (1.002 * 1.001)
    bought = 1000 * scale / 100
    equity = 1000 - bought * 100 * 1.002 * 1.001 + bought * 110  # on day 2, before selling
    assert toy.filled(result) == [
        ("01-01", "BTC", bought),
        ("01-02", "BTC", -bought),
        ("01-02", "ETH", equity * scale / 10),
    ]
    assert (result.cash > 0).all()


def test_a_target_below_what_is_affordable_is_not_scaled(toy: SimpleNamespace) -> None:
    result = toy.both(toy.market({"BTC": toy.BTC}, {"01-01": (0.99,)}), free(fee_bps=10))
    assert toy.filled(result) == [("01-01", "BTC", 9.9)]


def test_slippage_moves_the_price_against_the_order_and_fees_are_on_the_moved_notional(
    toy: SimpleNamespace,
) -> None:
    world = toy.market({"BTC": toy.BTC}, {"01-01": (0.5,), "01-03": (0.0,)})
    fills = toy.both(world, free(fee_bps=100, slippage_bps=200)).fills
    assert fills["price"].tolist() == pytest.approx([100 * 1.02, 120 * 0.98])
    assert fills["fee"].tolist() == pytest.approx([5 * 102 * 0.01, 5 * 117.6 * 0.01])


def test_capital_scales_what_is_held(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": toy.BTC}, {"01-01": (0.5,)})
    small, large = (toy.both(world, free(capital=capital)) for capital in (1_000, 50_000))
    assert large.equity.tolist() == pytest.approx((50 * small.equity).tolist())


def test_a_missing_bar_is_no_bar_to_fill_at(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": (100, MISSING, MISSING, 90, 95, 100)}, {"01-01 12:00": (1.0,)})
    assert toy.filled(toy.both(world)) == [("01-04", "BTC", 1000 / 90)]


def test_a_bar_that_one_asset_lacks_is_no_bar_for_the_other(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": toy.BTC, "ETH": (10, MISSING, 13, 14, 9, 10)}, {"01-01 12:00": (0.5, 0.5)})
    assert toy.filled(toy.both(world)) == [("01-03", "BTC", 500 / 120), ("01-03", "ETH", 500 / 13)]


def test_an_asset_with_a_shorter_history_shortens_the_run(toy: SimpleNamespace) -> None:
    eth = (MISSING, MISSING, 13, 14, 9, MISSING)
    result = toy.both(toy.market({"BTC": toy.BTC, "ETH": eth}, {"01-01": (0.5, 0.5)}))
    assert result.equity.index.tolist() == [toy.at(day) for day in ("01-03", "01-04", "01-05", "01-06")]
    assert toy.filled(result) == [("01-03", "BTC", 500 / 120), ("01-03", "ETH", 500 / 13)]


def test_a_third_symbol_is_held_like_the_others(toy: SimpleNamespace) -> None:
    world = toy.market(
        {"BTC": toy.BTC, "ETH": toy.ETH, "SOL": (1, 2, 4, 4, 5, 8)},
        {"01-01": (0.2, 0.3, 0.5), "01-02": (0.0, 0.0, 1.0)},
    )
    # Day 2: 2 x 110 + 30 x 10 + 500 x 2 = 1520, all of it into SOL at 2.
    assert toy.filled(toy.both(world)) == [
        ("01-01", "BTC", 2),
        ("01-01", "ETH", 30),
        ("01-01", "SOL", 500),
        ("01-02", "BTC", -2),
        ("01-02", "ETH", -30),
        ("01-02", "SOL", 1520 / 2 - 500),
    ]


def test_hourly_bars_fill_within_the_hour(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": toy.BTC}, {"01-01 01:59": (1.0,), "01-01 03:01": (0.0,)}, timeframe="1h")
    result = toy.both(world)
    assert result.fills["open_time"].tolist() == [toy.at("01-01 02:00"), toy.at("01-01 04:00")]
    assert result.fills["price"].tolist() == [120, 95]


# 36.5 % a year is 0.1 % a day.
def test_idle_cash_earns_the_rate(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": toy.BTC}, {"01-01": (0.0,)}, releases={"RATE": {"01-01": 36.5}})
    result = toy.both(world, free(cash="RATE"))
    assert result.equity.tolist() == pytest.approx([1000 * 1.001**day for day in range(7)], rel=1e-12)
    assert len(result.trades) == 0


def test_half_a_book_in_cash_earns_half_the_rate(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": (100,) * 3}, {"01-01": (0.5,)}, releases={"RATE": {"01-01": 36.5}})
    result = toy.both(world, free(cash="RATE"))
    assert result.equity.tolist() == pytest.approx([1000, 1000.5, 1001.0005, 1001.5015005], rel=1e-12)


def test_cash_earns_the_new_rate_from_the_open_after_it_is_known(toy: SimpleNamespace) -> None:
    rates = {"01-01": 36.5, "01-02 12:00": 73.0}
    world = toy.market({"BTC": (100,) * 4}, {"01-01": (0.0,)}, releases={"RATE": rates})
    result = toy.both(world, free(cash="RATE"))
    assert result.equity.iloc[1:].tolist() == pytest.approx(
        [1001, 1000 * 1.001**2, 1000 * 1.001**2 * 1.002, 1000 * 1.001**2 * 1.002**2], rel=1e-12
    )


def test_cash_earns_nothing_while_the_rate_is_unknown(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": (100,) * 4}, {"01-01": (0.0,)}, releases={"RATE": {"01-02 12:00": 36.5}})
    result = toy.both(world, free(cash="RATE"))
    assert result.equity.tolist() == pytest.approx([1000, 1000, 1000, 1001, 1002.001], rel=1e-12)


def test_cash_earns_nothing_once_the_rate_is_too_old(toy: SimpleNamespace) -> None:
    plan = {"01-01": (0.0,)}
    world = toy.market({"BTC": (100,) * 5}, plan, releases={"RATE": {"01-01": 36.5}}, max_age_days=2)
    result = toy.both(world, free(cash="RATE"))
    # Known at the opens of days 1, 2 and 3, when it is two days old; too old on days 4 and 5.
    assert result.equity.tolist() == pytest.approx([1000, 1001, 1000 * 1.001**2, *[1000 * 1.001**3] * 3], rel=1e-12)


def test_cash_earns_through_a_gap_in_the_bars(toy: SimpleNamespace) -> None:
    prices = (100, MISSING, MISSING, 100)
    world = toy.market({"BTC": prices}, {"01-01": (0.0,)}, releases={"RATE": {"01-01": 36.5}})
    result = toy.both(world, free(cash="RATE"))
    # The first bar ends after a day; three days pass until the next one opens, and it lasts a day.
    assert result.equity.tolist() == pytest.approx([1000, 1001, 1003 * 1.001], rel=1e-12)


def test_cash_costs_nothing_to_move(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": toy.BTC}, {"01-01": (0.0,)}, releases={"RATE": {"01-01": 0.0}})
    result = toy.both(world, Execution(fee_bps=50, slippage_bps=50, min_notional=10, cash="RATE"))
    assert result.equity.tolist() == pytest.approx([100_000] * 7)


def test_a_dollar_of_book_affords_what_is_left_after_selling_and_buying() -> None:
    assert Execution(fee_bps=100, slippage_bps=0).affordable == pytest.approx(0.99 / 1.01)
    assert Execution(fee_bps=0, slippage_bps=100).affordable == pytest.approx(0.99 / 1.01)
    assert Execution(fee_bps=0, slippage_bps=0).affordable == 1


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=4).filter(lambda w: sum(w) <= 1),
    st.floats(0, 500),
    st.floats(0, 500),
)
def test_affordable_weights_keep_their_proportions_and_never_exceed_what_is_affordable(
    weights: list[float], fee_bps: float, slippage_bps: float
) -> None:
    execution = Execution(fee_bps=fee_bps, slippage_bps=slippage_bps)
    wanted = np.array([weights])
    scaled = execution.afford(wanted)
    assert scaled.sum() <= execution.affordable + 1e-12
    np.testing.assert_allclose(scaled * wanted.sum(), wanted * scaled.sum(), atol=1e-12)


@pytest.mark.parametrize("name", ["fee_bps", "slippage_bps", "min_notional", "band", "latency_hours", "rebalance_days"])
@pytest.mark.parametrize("amount", [-1, math.inf, math.nan])
def test_a_condition_of_trading_is_zero_or_more(name: str, amount: float) -> None:
    with pytest.raises(BadUsage, match=f"{name} must be zero or more; found {amount}"):
        Execution(**{name: amount})


@pytest.mark.parametrize("capital", [0, -1, math.inf, math.nan])
def test_capital_is_more_than_zero(capital: float) -> None:
    with pytest.raises(BadUsage, match=f"capital must be more than zero; found {capital}"):
        Execution(capital=capital)


def test_costs_are_less_than_the_trade() -> None:
    with pytest.raises(BadUsage, match="fee_bps 6000 and slippage_bps 4000 cost more than the trade itself"):
        Execution(fee_bps=6000, slippage_bps=4000)


def test_a_band_that_no_weight_can_leave_is_refused() -> None:
    with pytest.raises(BadUsage, match=r"band must be at most 1, for no weight moves by more; found 1\.5"):
        Execution(band=1.5)


def test_perpetuals_are_not_paid_for_so_nothing_is_scaled_to_what_is_affordable() -> None:
    """A bought book at exposure 1 keeps something back for fees; perpetuals may be short, and above 1."""
    weights = np.array([[1.0, 0.0], [3.0, -2.0]])
    np.testing.assert_array_equal(Execution(perps=True).afford(weights), weights)
    assert Execution().afford(weights[:1]).sum() < 1


def test_gross_exposure_is_limited_by_the_initial_margin_of_perpetuals() -> None:
    assert Execution(perps=True, initial_margin=0.25, maintenance_margin=0.1).gross_limit == 4
    assert Execution().gross_limit is None
