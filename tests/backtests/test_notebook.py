"""What a notebook shows: cards that are HTML without a script, say what they are of, and let no name bite."""

from dataclasses import make_dataclass

import numpy as np
import pandas as pd
import pytest

from backtests.backtest import Backtest
from backtests.ledger import Ledger, record
from backtests.notebook import HEIGHT, POINTS, WIDTH, card, curve
from backtests.result import Result
from data_cache.lab import Lab
from strategies import BuyAndHold, TrendFollowing
from strategies.strategy import Strategy
from tests.backtests.parsed_page import Page

BITE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def result() -> Result:
    start = pd.Timestamp("2024-01-01", tz="UTC")
    return Backtest(TrendFollowing(), Lab().market(), start=start, benchmark=BuyAndHold()).run()


def test_a_result_shows_its_metrics_beside_the_benchmarks(result: Result) -> None:
    text = " ".join(Page(result._repr_html_()).text)
    assert "TrendFollowing" in text
    assert "BuyAndHold" in text
    assert result.benchmark is not None
    for run in (result, result.benchmark):
        assert format(run.metrics["sharpe"], ".2f") in text


def test_a_simulated_market_is_said_to_be_one(result: Result) -> None:
    assert "SIMULATED" in result._repr_html_().replace(result.market.origin, "")


def test_how_many_trials_stand_behind_it_is_said_or_that_nobody_counted(result: Result, tmp_path: object) -> None:
    assert "Not in the trial ledger" in result._repr_html_()
    recorded = record([result], "run", Ledger(tmp_path))[0]  # type: ignore[arg-type]
    assert "1 trials of TrendFollowing stand behind it." not in recorded._repr_html_()
    assert "1 trial of TrendFollowing stands behind it." in recorded._repr_html_()


def test_both_curves_are_described_for_those_who_can_not_see_them(result: Result) -> None:
    pictures = Page(result._repr_html_()).having("svg", role="img")
    assert [str(picture["aria-label"]).split()[0] for picture in pictures] == ["Equity", "Drawdown,"]


def test_a_card_is_small_and_has_no_script(result: Result) -> None:
    assert len(result._repr_html_()) < 12_000
    assert Page(result._repr_html_()).having("script") == []


def test_a_result_without_a_benchmark_has_one_column() -> None:
    start = pd.Timestamp("2026-01-01", tz="UTC")
    alone = Backtest(BuyAndHold(), Lab().market(), start=start).run()
    assert len(Page(alone._repr_html_()).having("th", scope="col")) == 2


def test_names_that_bite_are_text() -> None:
    biting = make_dataclass(BITE, [], bases=(BuyAndHold,), frozen=True)
    assert issubclass(biting, Strategy)
    start = pd.Timestamp("2026-01-01", tz="UTC")
    shown = Backtest(biting(), Lab().market(), start=start).run()._repr_html_()
    assert BITE not in shown
    assert BITE in "".join(Page(shown).text)
    everywhere = card(BITE, BITE, {BITE: [BITE]}, [BITE], [curve(pd.Series([1.0, 2.0]), BITE)], [BITE])
    assert Page(everywhere).having("script") == []


def test_a_curve_runs_from_edge_to_edge_and_from_its_lowest_to_its_highest() -> None:
    points = Page(curve(pd.Series([1.0, 3.0, 2.0]), "three values")).having("polyline")[0]["points"]
    assert points == f"1.0,{HEIGHT - 2:.1f} {WIDTH / 2:.1f},2.0 {WIDTH - 1:.1f},{HEIGHT / 2:.1f}"


def test_a_long_curve_is_thinned_but_keeps_its_ends() -> None:
    points = str(Page(curve(pd.Series(np.arange(10_000.0)), "many")).having("polyline")[0]["points"]).split()
    assert len(points) == POINTS
    assert points[-1].endswith(",2.0")


def test_what_is_unknown_is_passed_over_and_nothing_is_drawn_of_a_single_value() -> None:
    points = Page(curve(pd.Series([1.0, np.nan, 2.0]), "a hole")).having("polyline")[0]["points"]
    assert str(points).count(",") == 2
    assert curve(pd.Series([1.0]), "one") == ""
