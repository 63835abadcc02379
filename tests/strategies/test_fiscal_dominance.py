"""Fiscal dominance: five theses, one vote each."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from backtests.backtest import Backtest
from backtests.decisions import event_times
from data_cache.errors import UnknownName
from data_cache.market import Market
from signals.signal import values_at
from strategies import FedPurchases, FiscalDominance, Now

NOBODY = {"arbitrageurs": float("nan"), "capitulation": float("nan")}  # nobody knows who leaves
FOR = {
    "treasury_release": {"drawdown": 160.0},
    "term_premium_shield": {"bear": 0.0},
    "fed_purchases": {"bought": 37.0},
    "corridor_shield": {"position": 0.4},
    "basis_reset": {"gap": 1.0, "fall": 0.0, "share_below": 0.0, "lately_fall": 0.0, **NOBODY},
}
AGAINST = {
    "treasury_release": {"drawdown": 0.0},
    "term_premium_shield": {"bear": 1.0},
    "fed_purchases": {"bought": 0.0},
    "corridor_shield": {"position": 1.1},
    "basis_reset": {"gap": -1.0, "fall": 5.0, "share_below": 0.5, "lately_fall": 1.0, **NOBODY},
}


def ballot(*voters: str) -> dict[str, float]:
    """Values of all signals at which these theses vote for, and the others against."""
    cast = {thesis: (FOR if thesis in voters else AGAINST)[thesis] for thesis in FOR}
    return {f"{thesis}.{name}": value for thesis, values in cast.items() for name, value in values.items()}


@pytest.mark.parametrize("count", range(6))
def test_exposure_is_the_share_of_theses_in_favour(held: Callable[..., float], count: int) -> None:
    voters = list(FOR)
    for first in range(5):
        chosen = (voters[first:] + voters[:first])[:count]
        assert held(FiscalDominance(), **ballot(*chosen)) == pytest.approx(count / 5)


@pytest.mark.parametrize("thesis", FOR)
def test_each_thesis_has_one_vote(held: Callable[..., float], thesis: str) -> None:
    assert held(FiscalDominance(), **ballot(thesis)) == pytest.approx(0.2)
    assert held(FiscalDominance(exposure=0.5), **ballot(thesis)) == pytest.approx(0.1)


def test_a_thesis_that_would_hold_half_has_half_a_vote(held: Callable[..., float]) -> None:
    half = FiscalDominance(fed_purchases=FedPurchases(exposure=0.5))
    assert held(half, **ballot("fed_purchases")) == pytest.approx(0.1)


def test_a_vote_counts_whatever_the_thesis_would_spread_it_over(held: Callable[..., float]) -> None:
    ether = FiscalDominance(fed_purchases=FedPurchases(mix=(("ETH", 1.0),)))
    values = Now(None, ballot("fed_purchases"))
    assert ether.weights(values) == pytest.approx({"BTC": 0.14, "ETH": 0.06})


def test_its_signals_are_those_of_all_theses_under_their_names() -> None:
    strategy = FiscalDominance()
    assert set(strategy.signals()) == set(ballot())
    for thesis, single in strategy.theses().items():
        for name, signal in single.signals().items():
            assert strategy.signals()[f"{thesis}.{name}"] == signal
    assert strategy.theses() == {thesis: getattr(strategy, thesis) for thesis in FOR}


def test_a_parameter_of_a_thesis_reaches_its_signals() -> None:
    quarterly = replace(FiscalDominance(), fed_purchases=FedPurchases(weeks=13))
    assert quarterly.signals()["fed_purchases.bought"].weeks == 13


def test_it_can_miss_what_its_theses_can_miss() -> None:
    assert FiscalDominance().can_miss() == ("basis_reset.arbitrageurs", "basis_reset.capitulation")


def test_a_thesis_sees_its_own_signals_alone() -> None:
    now = Now(None, ballot()).of("treasury_release")
    assert now.drawdown == 0
    with pytest.raises(UnknownName, match="now has no signal 'srf'; it has: drawdown"):
        now.srf  # noqa: B018 - reading it is the test


def test_on_the_lab_it_holds_the_mean_of_what_its_theses_hold(lab: Market) -> None:
    strategy = FiscalDominance()
    backtest = Backtest(strategy, lab)
    decisions = backtest.run().decisions
    times = event_times(strategy, lab, backtest._tape())
    values = {name: values_at(signal, lab, times) for name, signal in strategy.signals().items()}
    at = decisions.index.asi8
    rows = times.searchsorted(at)
    votes = [
        sum(single.weights(Now(None, {n: values[f"{thesis}.{n}"][rows] for n in single.signals()})).values())
        for thesis, single in strategy.theses().items()
    ]
    assert decisions.sum(axis=1).tolist() == pytest.approx((sum(votes) / 5).tolist())
    assert decisions.sum(axis=1).round(9).nunique() > 2
