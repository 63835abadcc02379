"""What a book is worth at opens, and the analyses that stand on it: shorts, funding, liquidations and ruin included."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from backtests.analysis.attribution import by_regime, by_signal, by_trigger
from backtests.analysis.capacity import participation
from backtests.analysis.causes import causes
from backtests.analysis.episodes import Episodes
from backtests.analysis.intervals import intervals
from backtests.analysis.sensitivity import Sensitivity
from backtests.analysis.worth import log_growth, worth_at_opens
from backtests.execution import Execution
from backtests.perpetuals.funding import BEFORE, INSIDE, Funding
from backtests.perpetuals.kernel import MarginKernel
from backtests.result import Result
from backtests.tape import Perpetuals, Tape
from data_cache.bars import TIMEFRAMES
from tests.backtests.perpetuals.generated_books import Plan, World, generated_market, outcome, worlds

FREE = Execution(fee_bps=0, slippage_bps=0, min_notional=0, capital=1_000, perps=True)
HOUR = 3_600_000_000_000
DAYS = ["2024-01-01", "2024-01-02", "2024-01-04"]


def result_of(weight: float, opens: list[float], execution: Execution = FREE) -> Result:
    """So much BTC from the first open on, three days of which the third is missing; a rate of 1 % at noon of each."""
    times = pd.DatetimeIndex(DAYS, tz="UTC").as_unit("ns")
    at = pd.date_range(DAYS[0], DAYS[-1], tz="UTC").as_unit("ns").asi8 + 12 * HOUR
    row, when = np.array([0, 1, 2, 2]), np.array([INSIDE, INSIDE, BEFORE, INSIDE])
    funding = Funding(at, row, np.zeros(4, int), np.full(4, 0.01), when)
    prices = pd.DataFrame({"BTC": opens}, times, dtype=float)
    tape = Tape(prices, prices, TIMEFRAMES["1d"], Perpetuals(prices, prices, funding))
    decisions = pd.DataFrame({"BTC": [weight]}, times[:1].rename("at"))
    entered = MarginKernel(tape, execution).entries(decisions)
    return Result(None, execution, None, tape, decisions, manifest={}, **vars(entered))


def test_worth_at_an_open_is_after_the_funding_of_missing_bars_before_it() -> None:
    """20 short at 100: 20 received on day 1; at 101, 20.2 on day 2 and again on the missing day 3; at 99, 19.8."""
    result = result_of(-2, [100, 101, 99])
    on_2, on_4 = 3020 - 20 * 101, 3020 + 20.2 + 20.2 - 20 * 99
    assert worth_at_opens(result) == pytest.approx([1000, on_2, on_4, on_4 + 19.8])
    assert worth_at_opens(result)[-1] == result.equity.iloc[-1]


def test_worth_at_an_open_is_after_the_liquidation_there() -> None:
    """50 long at 100 owe 4050 once funding is paid; at 84 equity of 150 is below 5 % of 4200, and 0.5 % is the fee."""
    result = result_of(5, [100, 84, 84])
    assert result.liquidations["moment"].tolist() == ["open"]
    assert worth_at_opens(result) == pytest.approx([1000, *[150 - 0.005 * 4200] * 3])


def test_a_ruined_book_is_worth_nothing_from_the_open_that_ruined_it() -> None:
    result = result_of(5, [100, 70, 70])
    assert worth_at_opens(result).tolist() == [1000, 0, 0, 0]
    assert log_growth(worth_at_opens(result)).tolist() == [-np.inf, 0, 0]


def test_of_log_growth_what_is_lost_is_lost() -> None:
    assert log_growth(np.array([1.0, 2.0, 0.0, 0.0])).tolist() == [np.log(2), -np.inf, 0]


def test_what_is_earned_adds_up_in_any_world_of_perpetuals() -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=60, database=None)
    @given(worlds())
    def adds_up(world: World) -> None:
        result = outcome(world, "vector")
        if isinstance(result, str):
            return
        ruined = result.ruined_at is not None
        whole = -np.inf if ruined else np.log1p(result.metrics["total_return"])
        seen.update(runs=1, ruined=ruined, liquidated=len(result.liquidations) > 0)
        regimes, triggers, episodes = by_regime(result), by_trigger(result, causes(result)), Episodes(result)
        for parts in (regimes.loc["window"], triggers, episodes.stretches):
            assert parts["log_return"].sum() == pytest.approx(whole, rel=1e-6, abs=1e-9)
        assert triggers["time"].sum() == pytest.approx(1)
        assert (episodes._marks >= 0).all()
        assert triggers["share"].isna().all() or triggers["share"].sum() == pytest.approx(1, rel=1e-6)
        if ruined:
            assert regimes["share"].isna().all()
            assert intervals(result).block == 0
        again = Sensitivity(result).again(result.execution)
        for name in ("fills", "payments", "liquidations"):
            pd.testing.assert_frame_equal(getattr(again, name), getattr(result, name), check_exact=True)
        entered = pd.concat([result.trades, result.liquidations[["units", "price"]]])
        traded = participation(result)["notional"].sum()
        assert traded == pytest.approx((entered["units"] * entered["price"]).abs().sum())
        assert by_signal(result)["decisions"].notna().any() or by_signal(result)["total_return"].isna().all()

    adds_up()
    print(seen)
    assert seen["ruined"] >= 2
    assert seen["liquidated"] > seen["runs"] / 5


def test_costs_that_the_margin_could_not_bear_are_not_tried() -> None:
    """A margin of 1 % bears 75 basis points of fee a side, and not 100."""
    thin = Execution(fee_bps=25, slippage_bps=0, perps=True, maintenance_margin=0.01)
    sensitivity = Sensitivity(result_of_published(thin))
    assert sensitivity.costs.index.tolist() == [0, 12.5, 25, 50, 75]
    assert sensitivity.curve.index.tolist() == [0, 25, 50]


def result_of_published(execution: Execution) -> Result:
    """A generated world under these conditions."""
    market = generated_market(3, 1, "1d", 30, 1.0)
    found = outcome(World(market, Plan(("BTC",)), execution, {}), "vector")
    assert isinstance(found, Result)
    return found
