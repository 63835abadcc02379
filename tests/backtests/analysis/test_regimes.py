"""Regimes: what state the world was in, by hand, as it was known at each moment."""

import numpy as np
import pandas as pd
import pytest

from backtests.analysis.regimes import REGIMES, Regime, regimes_at_open, regimes_of, states_at
from data_cache.lab import Lab
from data_cache.market import Market
from data_cache.observations import Observations, observation_rows
from signals import ReverseRepoBuffer
from tests.backtests.tearsheet.worlds import Funding, market, run

SIGN = Regime("sign_regime", "Funding", "Positive above 0, else not.", Funding(), (0.0,), ("negative", "positive"))


def moments(*texts: str) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(texts, tz="UTC")


def reverse_repo(*amounts: float) -> Market:
    """Operations from 1 January 2025 on, one a day, known at 18:01 of their day."""
    days = pd.date_range("2025-01-01", periods=len(amounts))
    rows = observation_rows(days, days.tz_localize("UTC") + pd.Timedelta("18h1min"), np.array(amounts))
    return Market(Observations({"RRPONTSYD": rows}), {}, "made by hand")


def test_a_state_begins_when_its_number_is_known_and_not_before() -> None:
    found = market([100] * 3, funding=[("2024-01-01 08:00", 0.5), ("2024-01-02 08:00", -0.5)])
    at = moments("2024-01-01 07:59", "2024-01-01 08:00", "2024-01-02 07:59", "2024-01-02 08:00")
    states = states_at(found, at, (SIGN,))
    assert states.frame["sign_regime"].tolist() == ["unknown", "positive", "positive", "negative"]


def test_a_number_that_has_grown_too_old_leaves_its_state_unknown() -> None:
    """Funding counts for two days."""
    found = market([100] * 9, funding=[("2024-01-01", 0.5)])
    states = states_at(found, moments("2024-01-03", "2024-01-08"), (SIGN,))
    assert states.frame["sign_regime"].tolist() == ["positive", "unknown"]


def test_a_value_that_is_an_edge_belongs_to_the_lower_state() -> None:
    three = Regime("heat_regime", "Heat", "By two edges.", Funding(), (0.0, 20.0), ("cold", "mild", "hot"))
    assert three.state(np.array([0.0, 0.1, 20.0, 20.1, np.nan])).tolist() == ["cold", "mild", "mild", "hot", "unknown"]


def test_the_states_of_a_result_are_those_known_at_the_end_of_its_bars_and_at_their_opens() -> None:
    """Known in the evening of the 2nd: that bar's end knows it, its open does not."""
    result = run(market([100, 100, 100], funding=[("2024-01-01", 0.5), ("2024-01-02 18:00", -0.5)]))
    at_end, at_open = regimes_of(result, (SIGN,)).frame["sign_regime"], regimes_at_open(result, (SIGN,)).frame
    assert at_end.tolist() == ["positive", "negative", "negative"]
    assert at_end.index.tolist() == result.tape.known_at.tolist()
    assert at_open["sign_regime"].tolist() == ["positive", "positive", "negative"]


def test_the_buffer_is_the_mean_of_five_operations_against_a_hundred_billion() -> None:
    """(200 + 100 + 80 + 70 + 60) / 5 = 102 is full; the next five make (100 + 80 + 70 + 60 + 180) / 5 = 98, empty."""
    buffer = next(regime for regime in REGIMES if regime.signal == ReverseRepoBuffer())
    at = moments("2025-01-04 20:00", "2025-01-05 20:00", "2025-01-06 18:00", "2025-01-06 18:01")
    states = states_at(reverse_repo(200, 100, 80, 70, 60, 180), at, (buffer,))
    assert states.left_out == ()
    assert states.frame["buffer_regime"].tolist() == ["unknown", "full", "full", "empty"]


def test_what_the_market_lacks_is_left_out_with_a_sentence() -> None:
    states = regimes_of(run(market([100, 110])), (SIGN, *REGIMES))
    assert states.regimes == (SIGN,)
    assert states.frame.columns.tolist() == ["sign_regime"]
    assert states.left_out[2] == (
        "RRP is left out: ReverseRepoBuffer(window=5) needs RRPONTSYD, not in a hand-made market; "
        "fetch or import it first"
    )


def test_what_is_never_known_in_the_window_is_left_out_with_a_sentence() -> None:
    states = states_at(reverse_repo(200, 100), moments("2025-01-03"), (REGIMES[-1],))
    assert states.left_out == ("RRP is left out: ReverseRepoBuffer(window=5) is never known in this window",)
    assert states.frame.empty


@pytest.mark.parametrize("regime", REGIMES, ids=lambda regime: regime.name)
def test_the_lab_sees_every_state_of_every_regime_and_cutting_the_future_changes_none(regime: Regime) -> None:
    lab = Lab().market()
    times = lab.asset_bars("BTC").known_at[200:]
    whole = states_at(lab, times, (regime,)).frame[regime.name]
    assert set(whole) >= set(regime.states)
    for cut in (500, 1500, 2500):
        past = states_at(lab.until(times[cut]), times[: cut + 1], (regime,)).frame[regime.name]
        assert past.tolist() == whole.tolist()[: cut + 1]
