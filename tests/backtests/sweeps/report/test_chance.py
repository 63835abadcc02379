"""Trials beside their placebos, and the growth of the best tenth."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from backtests.statistics.placebo import Placebo
from backtests.sweeps.report.chance import Fan, Luck
from backtests.sweeps.report.scored import scored
from tests.backtests.sweeps.report.synthetic import Given, made

SHIFTS = np.arange(30, 50)


def luck(placebo: Placebo | None) -> Luck:
    return Luck(scored(made(scores=[number / 29 for number in range(30)])), placebo)


def test_shares_of_each_sample_add_up_to_all_of_it() -> None:
    frame = luck(Placebo(1.0, SHIFTS, np.linspace(0, 2, 20), np.linspace(-1, 1, 500))).frame()
    assert frame[["trials", "placebos", "bests"]].sum().tolist() == pytest.approx([1, 1, 1])
    assert (frame["left"].iloc[0], frame["right"].iloc[-1]) == (-1, 2)


def test_a_bin_counts_the_trials_between_its_ends() -> None:
    frame = luck(Placebo(1.0, SHIFTS, np.linspace(0, 2, 20), np.linspace(-1, 1, 500))).frame()
    scores = np.arange(30) / 29
    inside = [((scores >= row.left) & (scores < row.right)).sum() / 30 for row in frame.itertuples()]
    assert frame["trials"].tolist()[:-1] == pytest.approx(inside[:-1])


def test_the_line_of_the_placebos_is_where_nineteen_of_twenty_bests_lie_below() -> None:
    """Of 0, 1, ..., 100 the 95 % quantile is 95; a rotation without a score has no part in it."""
    scores = np.append(np.arange(101.0), np.nan)
    assert luck(Placebo(1.0, np.arange(102), scores, np.array([0.5]))).beaten_by_luck == pytest.approx(95)


def test_without_a_placebo_the_trials_are_alone() -> None:
    alone = luck(None)
    assert alone.frame()[["placebos", "bests"]].isna().all(axis=None)
    assert alone.alt().endswith("best 1.00; there is no placebo beside them.")
    assert np.isnan(alone.beaten_by_luck)
    assert len(alone.figure().data) == 5


def test_the_alternative_text_says_where_both_lie() -> None:
    told = luck(Placebo(1.0, SHIFTS, np.full(20, 1.5), np.linspace(-1, 0, 501))).alt()
    assert told == (
        "Sharpe ratio of 30 trials: median 0.50, best 1.00. At the wrong time: median −0.50; the best of a rotation is "
        "below 1.50 in 95 % of them."
    )


def fan(returns: list[list[float]], benchmark: list[float]) -> Fan:
    """Thirty trials over as many days as there are rows; the first three are the best, in this order."""
    sweep = made(scores=[30.0 - number for number in range(30)], days=len(returns))
    days = sweep.plan.days.days
    given = Given(days, range(30), np.array([[*row, *[0.0] * (30 - len(row))] for row in returns]))
    return Fan(replace(sweep, returns=given, benchmark=pd.Series(benchmark, days, name="B")), scored(sweep))


def test_growth_is_compounded_from_one_dollar_on_the_day_before() -> None:
    """The best: 1.1 * 0.5; the three of the best tenth end at 0.55, 1.5 and 2."""
    frame = fan([[0.1, 0.5, 1.0], [-0.5, 0.0, 0.0]], [0.2, 0.0]).frame()
    assert frame.index.strftime("%Y-%m-%d").tolist() == ["2015-12-31", "2016-01-01", "2016-01-02"]
    assert frame["best"].tolist() == pytest.approx([1, 1.1, 0.55])
    assert frame["median"].tolist() == pytest.approx([1, 1.5, 1.5])
    assert frame["benchmark"].tolist() == pytest.approx([1, 1.2, 1.2])


def test_a_day_without_bars_leaves_all_as_it_was() -> None:
    own = fan([[0.1, 0.5, 1.0], [-0.5, 0.0, 0.0]], [0.2, 0.0])
    days = pd.DatetimeIndex(["2016-01-01", "2016-01-03"], tz="UTC")
    holed = Given(days, range(30), own.sweep.returns.take(range(30)))
    frame = Fan(replace(own.sweep, returns=holed), own.trials).frame()
    assert frame.index.strftime("%d").tolist() == ["31", "01", "02", "03"]
    assert frame["best"].tolist() == pytest.approx([1, 1.1, 1.1, 0.55])


def test_bands_are_quantiles_of_the_best_tenth_by_day() -> None:
    """Between 0.55, 1.5 and 2 the quarters lie half-way: 1.025 and 1.75."""
    last = fan([[0.1, 0.5, 1.0], [-0.5, 0.0, 0.0]], [0.2, 0.0]).frame().iloc[-1]
    assert last[["lower", "upper"]].tolist() == pytest.approx([1.025, 1.75])
    assert last[["low", "high"]].tolist() == pytest.approx([0.55 + 0.1 * 0.95, 2 - 0.1 * 0.5])


def test_the_fan_has_the_best_tenth_and_of_many_five_hundred_evenly_taken() -> None:
    small = scored(made())
    assert len(Fan(made(), small).members) == 3
    many = pd.Series(np.arange(10_000.0)[::-1])
    large = Fan(made(), replace(small, scores=many))
    assert (large.decile, len(large.members)) == (1_000, 500)
    assert (large.members[0], large.members[-1]) == (0, 999)
    assert set(np.diff(large.members)) == {2, 3} or set(np.diff(large.members)) == {2}


def test_a_single_trial_is_its_own_best_tenth() -> None:
    found = scored(made())
    one = replace(found, scores=found.scores.iloc[[4]], parameters=found.parameters.iloc[[4]], best=4)
    assert Fan(made(), one).members.tolist() == [4]


def test_the_fan_says_in_words_where_it_ends() -> None:
    assert fan([[0.1, 0.5, 1.0], [-0.5, 0.0, 0.0]], [0.2, 0.0]).alt() == (
        "Growth of one dollar in excess of cash until 2 January 2016: best trial 0.55, median of the best tenth 1.50 "
        "(5 to 95 %: 0.65 to 1.95), benchmark 1.20."
    )
