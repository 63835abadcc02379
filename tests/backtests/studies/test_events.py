"""When an event begins, what belongs to it, and what made it."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

from backtests.studies.events import (
    USUAL,
    Condition,
    clustered,
    known_values,
    made_by,
    no_event,
    onsets,
    read_condition,
)
from backtests.studies.selection import built_in
from data_cache.errors import BadUsage
from data_cache.lab import Lab
from data_cache.market import Known
from data_cache.observations import Observations, observation_rows
from signals import StandingRepoUse, Trend
from signals.signal import Signal, evaluate
from tests.backtests.studies.worlds import Gauge, daily, market

NAN = float("nan")
ABOVE_ONE = Condition(">", 1.0)


def series(*values: float) -> pd.Series:
    return pd.Series(values, pd.date_range("2024-01-01", periods=len(values), tz="UTC"), dtype=float)


@dataclass(frozen=True)
class GaugeBesideBills(Signal):
    """The gauge, where the rate of bills is known too."""

    needs = ("GAUGE", "DTB3")

    def compute(self, known: Known) -> pd.Series:
        return known.first("GAUGE")


def test_what_is_made_of_something_too_old_is_no_value() -> None:
    """Bills were known on the 2nd for the last time: the gauge's readings of the 20th and later are none any more."""
    on = market(daily([0.0] * 30), [100.0] * 30)
    known = pd.DatetimeIndex(["2024-01-02 12:00"], tz="UTC")
    bills = observation_rows(known.tz_localize(None), known, [5.0])
    both = Observations({"GAUGE": on.observations.rows("GAUGE"), "DTB3": bills})
    values = known_values(GaugeBesideBills(), replace(on, observations=both))
    last = known[0] + on.max_age("DTB3")
    assert values.index[0] == pd.Timestamp("2024-01-02 18:00", tz="UTC")
    assert last - pd.Timedelta(days=1) < values.index[-1] <= last < pd.Timestamp("2024-01-20", tz="UTC")
    assert len(known_values(Gauge(), on)) == 30


@pytest.mark.parametrize(
    ("text", "comparison", "level"),
    [
        ("> 1", ">", 1.0),
        (">=2.5", ">=", 2.5),
        (" < -0.5 ", "<", -0.5),
        ("<= 1e-3", "<=", 0.001),
        ("== 1", "==", 1.0),
        ("crosses above 1", ">", 1.0),
        ("crosses  below 0", "<", 0.0),
    ],
)
def test_a_condition_is_a_comparison_with_a_number(text: str, comparison: str, level: float) -> None:
    assert read_condition(text) == Condition(comparison, level)
    assert read_condition(str(read_condition(text))) == Condition(comparison, level)


@pytest.mark.parametrize("text", ["", "1", "> ", "=> 1", "> one", "> nan", "> inf", "above 1", "> 1 and < 2", "!= 1"])
def test_anything_else_is_an_error_that_shows_how(text: str) -> None:
    with pytest.raises(BadUsage, match='an event is a comparison with a number, such as "> 1", ">= 2", "< 0" or'):
        read_condition(text)


def test_an_event_begins_when_the_condition_becomes_true_after_having_been_false() -> None:
    found = onsets(series(0, 2, 3, 0.5, 1.0, 1.1), ABOVE_ONE)
    assert found.index.strftime("%m-%d").tolist() == ["01-02", "01-06"]
    assert found["value"].tolist() == [2, 1.1]
    assert found["before"].tolist() == [0, 1.0]


def test_what_is_true_from_the_first_value_on_has_not_begun() -> None:
    assert onsets(series(2, 3, 2), ABOVE_ONE).empty
    assert len(onsets(series(2, 0, 2), ABOVE_ONE)) == 1


def test_what_is_unknown_neither_begins_nor_ends_an_event() -> None:
    readings = daily([0, 2, NAN, 2, 0, NAN, 3])
    values = known_values(Gauge(), market(readings, [100.0] * 7))
    assert onsets(values, ABOVE_ONE).index.strftime("%m-%d").tolist() == ["01-02", "01-07"]


def test_onsets_near_the_first_of_their_cluster_belong_to_it() -> None:
    # True on days 2, 4, 6, 8, 12: within less than four days of the 2nd lies the 4th, of the 6th the 8th.
    values = series(0, 2, 0, 2, 0, 2, 0, 2, 0, 0, 0, 2)
    found = clustered(onsets(values, ABOVE_ONE), pd.Timedelta(days=4))
    assert found.index.strftime("%d").tolist() == ["02", "06", "12"]
    assert found["onsets"].tolist() == [2, 2, 1]


def test_without_a_span_every_onset_is_an_event() -> None:
    assert clustered(onsets(series(0, 2, 0, 2), ABOVE_ONE), pd.Timedelta(0))["onsets"].tolist() == [1, 1]


def test_an_event_names_what_made_it() -> None:
    lab = Lab().market()
    srf = evaluate(StandingRepoUse(), lab).index
    at = srf[srf.searchsorted(pd.Timestamp("2025-10-31", tz="UTC"))]
    assert made_by(StandingRepoUse(), lab, at) == "SRF of 31 Oct 2025"
    assert made_by(Trend(), lab, evaluate(Trend(), lab).index[-1]) == "close of BTC"


def test_changing_the_future_of_a_signal_changes_no_event_before() -> None:
    values = np.random.default_rng(3).normal(1, 1, 200)
    changed = np.append(values[:120], 5 - values[120:])
    closes = [100.0] * 200
    before, after = (
        clustered(onsets(known_values(Gauge(), market(daily(v.tolist()), closes)), ABOVE_ONE), pd.Timedelta(days=5))
        for v in (values, changed)
    )
    moment = pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(days=120)
    assert len(before[before.index < moment]) > 10
    # The last cluster before the change may gain or lose onsets after it.
    columns = ["value", "before"]
    pd.testing.assert_frame_equal(before.loc[before.index < moment, columns], after.loc[after.index < moment, columns])


def test_where_there_is_no_event_the_range_of_the_values_is_told() -> None:
    never = no_event(StandingRepoUse(), Condition(">", 100), series(0, 22.1))
    assert str(never) == "StandingRepoUse never was above 100; its values range from 0 to 22.1"
    always = no_event(StandingRepoUse(), Condition(">", -1), series(0, 22.1))
    assert str(always).startswith("StandingRepoUse did not become above -1 after not having been so; its values range")
    assert "has no value in this window" in str(no_event(StandingRepoUse(), ABOVE_ONE, series()))


def test_every_usual_line_is_of_a_signal_that_ships() -> None:
    assert set(USUAL) <= set(built_in())
    assert all(read_condition(text) for text in USUAL.values())
