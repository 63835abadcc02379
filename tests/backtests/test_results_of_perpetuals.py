"""Results and metrics of books that are short, leveraged, liquidated or ruined, by hand arithmetic."""

import math
from dataclasses import replace

import pandas as pd
import pytest

from backtests.analysis.liquidations import liquidations
from backtests.backtest import Backtest, compare
from backtests.execution import Execution
from backtests.metrics import METRICS, comparison_frame, labels, shown_metrics, with_benchmarks
from data_cache.errors import BadUsage
from tests.backtests.margin_books import (
    FLAT,
    HOLD_BTC,
    TERMS,
    Always,
    book,
    liquidated,
    perpetual_market,
    receiving,
    ruined,
)

YEARS = 4 / 365


def test_a_short_has_a_negative_weight_and_counts_as_much_as_a_long_in_gross_exposure() -> None:
    result = receiving()
    assert result.weights["BTC"].tolist() == pytest.approx([-2, -2000 / 1020, -2000 / 1020, -2000 / 1020])
    assert result.exposure.tolist() == pytest.approx(result.weights["BTC"].tolist())
    assert result.gross_exposure.tolist() == pytest.approx([2, 2000 / 1020, 2000 / 1020, 2000 / 1020])


def test_funding_stands_in_the_bar_in_which_it_was_received() -> None:
    result = receiving()
    assert result.funding["BTC"].tolist() == pytest.approx([0, 20, 0, 0])
    assert result.funding.index.equals(result.tape.known_at)
    assert result.metrics["funding_paid"] == pytest.approx(-20 / ((1000 + 3 * 1020) / 4) / YEARS)


def test_funding_of_a_book_that_was_bought_is_zero() -> None:
    bought = receiving().benchmark
    assert bought is not None
    assert bought.funding["BTC"].tolist() == [0, 0, 0, 0]
    assert bought.metrics["funding_paid"] == bought.metrics["liquidations"] == 0
    assert math.copysign(1, bought.metrics["funding_paid"]) == 1
    assert bought.metrics["gross_exposure"] == pytest.approx(bought.metrics["exposure"])


def test_a_liquidation_costs_its_fee_and_its_slippage_beside_the_fills() -> None:
    result = book(4, [FLAT, (100, 100, 80, 90)] + [FLAT] * 2, terms=replace(TERMS, slippage_bps=100))
    (closed,) = result.liquidations.itertuples()
    (cost,) = result.liquidation_costs.itertuples()
    # Sold 1 % below the price at which the margin was met.
    assert cost.slippage == pytest.approx(-closed.units * closed.price / 0.99 * 0.01)
    assert cost.fee == closed.fee == pytest.approx(-closed.units * closed.price * 0.005)
    assert len(result.costs) == len(result.fills) == 1
    every = result.costs.to_numpy().sum() + result.liquidation_costs.to_numpy().sum()
    mean_equity = result.equity.iloc[1:].mean()
    assert result.metrics["costs_paid"] == pytest.approx(every / mean_equity / YEARS)


def test_what_the_venue_bore_of_a_forced_close_is_no_cost_of_the_account() -> None:
    """Short 20 at 100 cost 2990 at 149.5, of the 3000 in cash; the fee of 14.95 finds 10, and the venue bears 4.95."""
    result = book(-2, [FLAT] + [(149.5, 149.5, 149.5, 149.5)] * 3)
    (closed,) = result.liquidations.itertuples()
    assert (closed.fee, closed.shortfall) == pytest.approx((14.95, 4.95))
    assert result.liquidation_costs.to_numpy().tolist() == [pytest.approx([10, 0])]
    assert result.metrics["costs_paid"] == pytest.approx(10 / (1000 / 4) / YEARS)
    assert liquidations(result)["costs"].tolist() == pytest.approx([10])


def test_of_several_liquidations_only_the_one_that_ruined_was_borne_in_part_by_the_venue() -> None:
    result = ruined()
    (last,) = result.liquidations.to_dict("records")
    earlier = last | {
        "moment": "range",
        "open_time": result.tape.opens.index[0],
        "fee": 7.0,
        "shortfall": 0.0,
        "ruined": False,
    }
    both = replace(result, liquidations=pd.DataFrame([earlier, last | {"shortfall": 5.0}]))
    assert both.liquidation_costs["fee"].tolist() == pytest.approx([7, 20 - 5])


def test_what_is_left_after_a_liquidation_is_in_cash() -> None:
    result = liquidated()
    assert result.equity.tolist() == pytest.approx([1000, 1000] + [1000 / 3 - 0.005 * 10_000 / 3] * 3)
    assert result.weights["BTC"].tolist() == pytest.approx([4, 0, 0, 0])
    assert result.metrics["liquidations"] == 1
    assert result.metrics["leverage"] == pytest.approx(4)


def test_leverage_counts_a_book_that_was_opened_and_closed_within_one_bar() -> None:
    """Long 40 at 100 pay 30 % of 4000 on the first morning: at the bar's end there is no position, nor equity."""
    result = book(4, [FLAT, FLAT], {"01-01 08:00": 0.3})
    assert result.gross_exposure.tolist() == [0, 0]
    assert result.filled_exposure.tolist() == [4]
    assert result.metrics["leverage"] == 4


def test_what_costs_nothing_fills_to_its_target_whatever_happens_later_in_the_bar() -> None:
    """Traded each day to 4 times equity: funding and a liquidation within a bar come after its fill."""
    candles = [FLAT, (100, 105, 100, 104), (104, 104, 80, 90), (90, 91, 89, 90)]
    terms = replace(TERMS, rebalance_days=1)
    result = book(4, candles, {"01-01 08:00": 0.01, "01-02 08:00": -0.01}, terms)
    assert result.filled_exposure.index.tolist() == result.tape.opens.index.tolist()
    assert result.filled_exposure.tolist() == pytest.approx([4] * 4)
    assert result.liquidations["moment"].tolist() == ["range"]


def test_of_a_book_that_was_bought_leverage_is_its_highest_exposure() -> None:
    bought = receiving().benchmark
    assert bought is not None
    assert bought.metrics["leverage"] == pytest.approx(1)


def test_no_cash_is_left_of_a_ruined_book_for_the_venue_bore_what_was_owed() -> None:
    """3000 of which 20 bought back at 200 and their fee of 20 take 4020."""
    result = ruined()
    assert result.liquidations["shortfall"].tolist() == pytest.approx([1020])
    assert result.cash.tolist() == pytest.approx([3000, 0, 0, 0], abs=1e-9)


def test_two_positions_closed_at_once_are_one_liquidation() -> None:
    result = liquidated()
    twice = pd.concat([result.liquidations, result.liquidations.assign(asset="ETH")])
    (metric,) = (metric for metric in METRICS if metric.name == "liquidations")
    assert metric.compute(replace(result, liquidations=twice)) == 1


def test_a_book_liquidated_at_the_open_and_again_within_the_bar_was_liquidated_twice() -> None:
    result = liquidated()
    twice = pd.concat([result.liquidations.assign(moment="open"), result.liquidations])
    assert replace(result, liquidations=twice).metrics["liquidations"] == 2


def test_every_metric_of_a_ruined_book_is_a_number_but_those_of_mean_returns() -> None:
    """Whatever it earned before it lost everything: the mean of its returns says nothing of what is left."""
    metrics = ruined().metrics
    assert {name for name, value in metrics.items() if not math.isfinite(value)} == {"sharpe", "sortino", "alpha"}
    # Returns of the four days: 0, -100 %, 0, 0, of which only the first bar has equity: 1000 / 4 in the mean.
    expected = {
        "total_return": -1,
        "cagr": -1,
        "max_drawdown": 1,
        "worst_day": -1,
        "best_day": 0,
        "volatility": 0.5 * math.sqrt(365),
        "calmar": -1,
        "exposure": -2 / 4,
        "gross_exposure": 2 / 4,
        "leverage": 2,
        "time_in_market": 1 / 4,
        "turnover": (2000 + 4000) / 2 / 250 / YEARS,
        "costs_paid": 0,  # the gap took all there was, so that the venue bore the fee too
        "funding_paid": 0,
        "liquidations": 1,
        "hit_rate": 0,
    }
    assert {name: metrics[name] for name in expected} == pytest.approx(expected)


def test_a_ruined_book_holds_nothing_and_earns_nothing() -> None:
    result = ruined()
    assert result.weights["BTC"].tolist() == pytest.approx([-2, 0, 0, 0])
    assert result.equity.tolist() == [1000, 1000, 0, 0, 0]
    assert result.bar_returns.tolist() == [0, -1, 0, 0]


def test_what_is_told_a_year_of_mean_equity_is_undefined_where_there_never_was_any() -> None:
    """Long 40 at 100 pay 30 % of 4000 on the first morning: 200 more than there is."""
    result = book(4, [FLAT, FLAT], {"01-01 08:00": 0.3})
    assert result.equity.tolist() == [1000, 0, 0]
    undefined = {name for name, value in result.metrics.items() if math.isnan(value)}
    assert undefined >= {"turnover", "costs_paid", "funding_paid"}
    assert undefined & {"cagr", "volatility", "hit_rate", "leverage"} == set()


def test_metrics_of_perpetuals_stand_only_in_tables_that_have_some() -> None:
    short = receiving()
    assert short.benchmark is not None
    own = {metric.name for metric in METRICS if metric.perps}
    assert own == {"gross_exposure", "leverage", "funding_paid", "liquidations"}
    assert own & {metric.name for metric in shown_metrics([short.benchmark])} == set()
    assert own <= {metric.name for metric in shown_metrics([short.benchmark, short])}
    assert comparison_frame([short]).loc["Funding paid a year"].tolist() == ["-179.80%", "0.00%"]


def test_the_benchmark_of_perpetuals_is_bought_at_spot_and_says_so() -> None:
    short = receiving()
    assert short.benchmark is not None
    assert short.benchmark.execution == TERMS.spot == replace(TERMS, perps=False)
    assert "perps=False" in short.benchmark.manifest["execution"]
    assert labels(with_benchmarks([short])) == ["Always", "BuyAndHold at spot"]
    (compared,) = compare([Always(-2)], short.market, TERMS, benchmark=HOLD_BTC)
    assert compared.benchmark is not None
    assert compared.benchmark.equity.equals(short.benchmark.equity)


def test_one_strategy_in_perpetuals_and_at_spot_is_two_columns() -> None:
    market = perpetual_market([FLAT] * 4, {"01-02 08:00": 0.01})
    held = Backtest(HOLD_BTC, market, TERMS, benchmark=HOLD_BTC).run()
    assert labels(with_benchmarks([held])) == ["BuyAndHold", "BuyAndHold at spot"]
    assert held.equity.iloc[-1] == pytest.approx(1000 - 10)


def test_a_benchmark_that_is_short_is_refused_with_what_to_do() -> None:
    with pytest.raises(BadUsage) as refused:
        Backtest(Always(1), perpetual_market([FLAT] * 4), TERMS, benchmark=Always(-1)).run()
    assert str(refused.value) == (
        "a benchmark is bought at spot, with --perps too, and Always: a weight is below 0; "
        "run it beside the strategy: ebbtide compare STRATEGY BENCHMARK --perps"
    )


def test_without_perpetuals_the_sentence_about_a_benchmark_is_that_of_a_run() -> None:
    with pytest.raises(BadUsage, match=r"^Always: a weight is below 0; selling short needs perpetuals: add --perps"):
        Backtest(Always(1), perpetual_market([FLAT] * 4), Execution(), benchmark=Always(-1)).run()


def test_vectorbt_has_no_portfolio_of_perpetuals() -> None:
    with pytest.raises(BadUsage, match="neither funding nor margin"):
        _ = receiving().portfolio


def test_a_notebook_shows_a_ruined_book_as_far_as_it_had_a_logarithm() -> None:
    card = ruined()._repr_html_()
    assert "BuyAndHold at spot" in card
    assert "nan" not in card
    assert "inf" not in card
