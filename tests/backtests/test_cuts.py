"""Where a proof cuts: within the window of a run, and half the time where its decisions changed a weight."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from backtests.decisions import decide, traded_assets
from backtests.proofs import prove, random_cuts, turns_of
from backtests.tape import build_tape
from data_cache.lab import Lab
from data_cache.lazy import Lazy
from data_cache.market import Market
from data_cache.observations import Observations
from strategies import StealthQE, TrendFollowing


@pytest.fixture(scope="module")
def lab() -> Market:
    return Lab().market()


def test_cuts_of_a_window_lie_in_it_and_half_of_them_at_turns(lab: Market) -> None:
    window = pd.Timestamp("2019-01-01", tz="UTC"), pd.Timestamp("2019-12-31", tz="UTC")
    within = pd.date_range("2019-02-01 07:13", periods=9, freq="30D", tz="UTC")  # no release and no bar's end
    turns = within.union(pd.DatetimeIndex(["2018-12-01 07:13", "2020-01-02 07:13"], tz="UTC"))
    cuts = random_cuts(lab, 20, seed=2, window=window, turns=turns)
    assert len(cuts) == 20
    assert all(window[0] <= cut <= window[1] for cut in cuts)
    assert [cut.value + 1 for cut in cuts[::2]] == [cut.value for cut in cuts[1::2]]
    assert len(set(cuts) & set(within)) == 5
    assert not set(cuts) & set(turns.difference(within))
    assert cuts == random_cuts(lab, 20, seed=2, window=window, turns=turns)
    assert cuts != random_cuts(lab, 20, seed=3, window=window, turns=turns)
    few = random_cuts(lab, 20, seed=2, window=window, turns=within[:2])
    assert (len(few), len(set(few) & set(within))) == (20, 2)


def test_a_window_in_which_nothing_becomes_known_is_cut_anywhere(lab: Market) -> None:
    window = pd.Timestamp("2030-01-01", tz="UTC"), pd.Timestamp("2030-02-01", tz="UTC")
    assert len(random_cuts(lab, 4, window=window)) == 4


def test_the_turns_of_weights_are_the_first_and_those_that_differ() -> None:
    at = pd.date_range("2024-01-01", periods=6, tz="UTC")
    weights = pd.DataFrame({"A": [np.nan, 0.5, 0.5, np.nan, 0.5, 0.2], "B": [np.nan, 0.1, 0.2, np.nan, 0.2, 0.2]}, at)
    assert turns_of(weights).tolist() == [at[1], at[2], at[5]]
    assert turns_of(weights.iloc[:0]).empty


def test_a_proof_takes_half_its_moments_from_where_the_rule_turns(lab: Market) -> None:
    rule = TrendFollowing()
    tape = build_tape(lab, traded_assets(rule, lab), None, None, "0")
    turns = set(turns_of(decide(rule, lab, tape, 0.0, 0.0)))
    moments = prove(rule, lab, 12).moments[1::2]
    assert len(turns & set(moments)) >= 3 > 12 / 2 * len(turns) / len(tape.opens)


def test_a_proof_opens_no_series_that_no_signal_reads(lab: Market) -> None:
    """Only what the signals of StealthQE read is asked of the store."""
    rule, opened = StealthQE(), set()

    def read(series: str) -> pd.DataFrame:
        opened.add(series)
        return lab.observations.rows(series)

    lazy = replace(lab, observations=Observations(Lazy(list(lab.observations), read)))
    assert prove(rule, lazy, 4).leaks == prove(rule, lab, 4).leaks == ()
    read_by_signals = {need for signal in rule.signals().values() for need in signal.reads if ":" not in need}
    assert opened == read_by_signals & set(lab.observations)
