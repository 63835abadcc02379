"""Episodes: what each stretch of holding earned, and what the whole is without it."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from backtests.analysis.episodes import Episodes
from backtests.backtest import Backtest
from backtests.execution import Execution
from backtests.result import Result
from data_cache.lab import Lab
from data_cache.market import Market
from data_cache.observations import Observations, observation_rows
from strategies import BuyAndHold, FixedMix, NetLiquidityTide, StealthQE, Strategy, TrendFollowing, VolatilityTarget
from strategies.strategy import Now, Weights
from tests.backtests.tearsheet.worlds import FREE, Follow, beside, market, run

BTC = (("BTC", 1.0),)
FEE = Execution(fee_bps=100, slippage_bps=0, min_notional=0, capital=1000)


def in_and_out(closes: list[float], moves: list[tuple[int, float]], execution: Execution = FREE) -> Result:
    """In on days whose number is positive, out on the others: decided at 23:00, so the next day's open fills it."""
    funding = [(f"2024-01-{day:02d} 23:00", sign * 0.001) for day, sign in moves]
    return run(market(closes, funding=funding), Follow(), execution)


def two_episodes(execution: Execution = FREE) -> Result:
    """Held on the 2nd and 3rd (100 to 110 to 121) and on the 5th (121 to 60.5)."""
    return in_and_out([100, 110, 121, 121, 60.5, 60.5], [(1, 1), (3, -1), (4, 1), (5, -1)], execution)


def test_an_episode_begins_where_its_decision_fills_and_ends_where_the_next_one_does() -> None:
    frame = Episodes(two_episodes()).frame
    assert [f"{t:%d}" for t in frame["start"]] == ["02", "05"]
    assert [f"{t:%d}" for t in frame["end"]] == ["04", "06"]
    assert frame["decision"].tolist() == [0, 2]
    assert frame["exposure"].tolist() == [1, 1]
    assert np.exp(frame["log_return"]).tolist() == pytest.approx([1.21, 0.5])


def test_without_an_episode_the_others_are_what_is_left() -> None:
    frame = Episodes(two_episodes()).frame
    assert frame["total_return"].tolist() == pytest.approx([0.5 - 1, 1.21 - 1])


def test_growth_a_year_without_an_episode_counts_the_time_that_it_lasted() -> None:
    """Six days: 1.21 is left without the second, 365 / 6 times a year."""
    frame = Episodes(two_episodes()).frame
    assert frame["cagr"][1] == pytest.approx(1.21 ** (365 / 6) - 1)


def test_the_sharpe_ratio_without_an_episode_has_cash_in_its_place() -> None:
    """Without the second, bars earn 0, 10 %, 10 %, 0, 0, 0."""
    bars = np.array([0, 0.1, 0.1, 0, 0, 0])
    expected = bars.mean() / bars.std(ddof=1) * np.sqrt(365)
    assert Episodes(two_episodes()).frame["sharpe"][1] == pytest.approx(expected)


def test_without_its_only_episode_a_book_is_cash_and_has_no_sharpe_ratio() -> None:
    frame = Episodes(run(market([110, 120, 130]), BuyAndHold(mix=BTC))).frame
    assert frame["total_return"].tolist() == [0]
    assert frame["sharpe"].isna().all()


def test_an_episode_pays_for_coming_in_and_for_going_out_to_cash() -> None:
    """At 1 %, 0.99 / 1.01 of equity is bought, so that as much can be bought after any sale; 1 % stays in cash.

    Of what is sold again 1 % goes: 0.01 + 0.99 / 1.01 x growth x 0.99.
    """
    frame = Episodes(two_episodes(FEE)).frame
    first, second = (0.01 + 0.99 / 1.01 * growth * 0.99 for growth in (1.21, 0.5))
    assert np.exp(frame["log_return"]).tolist() == pytest.approx([first, second])
    assert frame["total_return"].tolist() == pytest.approx([second - 1, first - 1])


def test_the_stretches_between_episodes_earn_nothing_where_cash_earns_nothing() -> None:
    stretches = Episodes(two_episodes(FEE)).stretches
    idle = stretches[stretches["exposure"] == 0]
    assert idle["log_return"].tolist() == pytest.approx([0, 0, 0], abs=1e-12)
    assert stretches["decision"].tolist() == [-1, 0, 1, 2, 3]


def test_a_date_of_a_schedule_begins_no_episode() -> None:
    result = run(market([110, 120, 130, 140, 150]), FixedMix(0.5, BTC, rebalance_days=1))
    assert len(result.decisions) == 6  # one a day, and one as the last bar ends
    assert Episodes(result).frame["decision"].tolist() == [0]


@dataclass(frozen=True)
class EthBesideBtc(Follow):
    """Hold half in BTC throughout, and a third in ETH beside it while funding is positive."""

    def weights(self, now: Now) -> Weights:
        return {"BTC": 0.5 + 0 * now.funding, "ETH": (now.funding > 0) * 0.3}


def test_a_target_that_moves_in_one_asset_alone_begins_an_episode() -> None:
    """Decided on the 1st, the 2nd and the 4th, filled on the day after: a half, then 80 %, then a half again."""
    funding = [("2024-01-01 23:00", -0.1), ("2024-01-02 23:00", 0.1), ("2024-01-04 23:00", -0.1)]
    on = beside(market([100, 110, 121, 121, 100], funding=funding), [100.0] * 5)
    frame = Episodes(run(on, EthBesideBtc())).frame
    assert [f"{t:%d}" for t in frame["start"]] == ["02", "03", "05"]
    assert frame["exposure"].tolist() == pytest.approx([0.5, 0.8, 0.5])


def test_a_decision_that_another_overtook_begins_no_episode() -> None:
    result = in_and_out([100, 110, 121], [(1, 1)])
    funding = [("2024-01-01 10:00", 0.001), ("2024-01-01 20:00", -0.001), ("2024-01-01 22:00", 0.002)]
    overtaken = run(market([100, 110, 121], funding=funding), Follow())
    assert len(overtaken.decisions) == 3
    assert Episodes(overtaken).frame["decision"].tolist() == [2]
    assert Episodes(overtaken).frame["log_return"].tolist() == Episodes(result).frame["log_return"].tolist()


def test_a_decision_that_never_filled_begins_no_episode() -> None:
    result = in_and_out([100, 110, 121], [(3, 1)])
    assert len(result.decisions) == 1
    assert Episodes(result).frame.empty


def test_a_book_that_never_trades_has_no_episode() -> None:
    episodes = Episodes(run(market([110, 120]), Follow(share=0.0)))
    assert episodes.frame.empty
    assert episodes.frame.columns.tolist()[:4] == ["decision", "start", "end", "exposure"]
    assert episodes.stretches["log_return"].tolist() == [0]


def test_without_the_best_leaves_out_the_best_first() -> None:
    episodes = Episodes(two_episodes())
    assert episodes.without_best(1)["total_return"] == pytest.approx(0.5 - 1)
    assert episodes.without_best(2)["total_return"] == pytest.approx(0, abs=1e-12)


def with_cash(closes: list[float], percent: float) -> Market:
    """Funding in and out as in `two_episodes`, and bills that pay `percent` a year from the start."""
    funding = [(f"2024-01-0{day} 23:00", sign) for day, sign in [(1, 0.001), (3, -0.001), (4, 0.001), (5, -0.001)]]
    on = market(closes, funding=funding)
    known = pd.DatetimeIndex(["2024-01-01"], tz="UTC")
    bills = observation_rows(known.tz_localize(None), known, [percent])
    rows = {"FUNDING_BTC": on.observations.rows("FUNDING_BTC"), "DTB3": bills}
    return replace(on, observations=Observations(rows))


def test_cash_takes_the_place_of_an_episode_at_its_rate() -> None:
    """36.5 % a year is 0.1 % a day: without both episodes six days of it; the third stretch has them already."""
    episodes = Episodes(run(with_cash([100, 110, 121, 121, 60.5, 60.5], 36.5), Follow(), replace(FREE, cash="DTB3")))
    assert episodes.without_best(2)["total_return"] == pytest.approx(1.001**6 - 1)
    # Without the second: the first's 1.21, and cash on the 1st, 4th, 5th and 6th.
    assert episodes.frame["total_return"][1] == pytest.approx(1.21 * 1.001**4 - 1)


def test_on_hourly_bars_each_hour_counts() -> None:
    """In from 01:00 to 03:00, 100 to 110 to 121; the day ends at 60.5, in cash."""
    closes = [100.0, 110.0, 121.0] + [60.5] * 21
    funding = [("2024-01-01 00:30", 0.001), ("2024-01-01 02:30", -0.001)]
    episodes = Episodes(run(market(closes, timeframe="1h", funding=funding), Follow()))
    assert [f"{time:%H:%M}" for time in episodes.frame.loc[0, ["start", "end"]]] == ["01:00", "03:00"]
    assert np.exp(episodes.frame["log_return"]).tolist() == pytest.approx([1.21])
    assert episodes.frame["total_return"].tolist() == pytest.approx([0], abs=1e-12)
    assert len(episodes.returns_without([1])) == 24


# --- what holds for every backtest


@pytest.fixture(scope="module")
def lab() -> Market:
    return Lab().market()


@pytest.mark.parametrize("cash", ["0", "DTB3"])
@pytest.mark.parametrize(
    "strategy", [NetLiquidityTide(), StealthQE(), TrendFollowing(), VolatilityTarget()], ids=lambda s: s.family
)
def test_stretches_add_up_to_the_whole_on_the_lab(lab: Market, strategy: Strategy, cash: str) -> None:
    result = Backtest(strategy, lab, Execution(cash=cash)).run()
    episodes = Episodes(result)
    assert episodes.stretches["log_return"].sum() == pytest.approx(np.log1p(result.metrics["total_return"]), abs=1e-9)
    assert episodes.summary(result.bar_returns.to_numpy()) == pytest.approx(
        {name: result.metrics[name] for name in ("total_return", "cagr", "sharpe")}
    )


@given(
    closes=some.lists(some.floats(50, 200), min_size=2, max_size=12),
    signs=some.lists(some.sampled_from([1, -1]), min_size=12, max_size=12),
    fee=some.sampled_from([0.0, 30.0]),
    cash=some.sampled_from(["0", "DTB3"]),
)
@settings(max_examples=40, deadline=None)
def test_stretches_add_up_and_leaving_one_out_takes_its_growth_away(
    closes: list[float], signs: list[int], fee: float, cash: str
) -> None:
    funding = [(f"2024-01-{day:02d} 23:00", sign * 0.001) for day, sign in enumerate(signs, 1)]
    on = market(closes, funding=funding)
    known = pd.DatetimeIndex(["2024-01-01"], tz="UTC")
    bills = observation_rows(known.tz_localize(None), known, [5.0])
    rows = {"FUNDING_BTC": on.observations.rows("FUNDING_BTC"), "DTB3": bills}
    result = run(replace(on, observations=Observations(rows)), Follow(), replace(FREE, fee_bps=fee, cash=cash))
    episodes = Episodes(result)
    whole = np.log(result.equity.iloc[-1] / result.equity.iloc[0])
    assert episodes.stretches["log_return"].sum() == pytest.approx(whole, abs=1e-9)
    if cash == "0":  # then leaving one out leaves exactly the rest
        rest = whole - episodes.frame["log_return"]
        assert np.log1p(episodes.frame["total_return"]).tolist() == pytest.approx(rest.tolist(), abs=1e-9)
    everything = list(range(len(episodes.stretches)))
    assert episodes.returns_without(everything).tolist() == pytest.approx(result.cash_returns.tolist(), abs=1e-12)
