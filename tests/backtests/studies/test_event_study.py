"""A whole study: on a record that a reader can redo by hand, on the lab's planted effect, on noise, on odd windows."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from backtests.studies import Study, study
from backtests.studies.event_study import Unpriced
from data_cache.errors import BadUsage, NoData
from data_cache.lab import Lab
from data_cache.market import Market
from signals import Latch, NetLiquidityChange, StandingRepoUse
from signals.signal import Signal
from tests.backtests.studies.worlds import Gauge, daily, market, random_walk, slow_noise

DAYS = 60
# The gauge rises above one on the 11th, the 13th and the 51st day (18:00), and is entered the day after at 00:00.
READINGS = [2.0 if day in (10, 12, 50) else 0.0 for day in range(DAYS)]
CLOSES = [100.0 + day for day in range(DAYS)]


def hand_made(**options: object) -> Study:
    given: dict[str, object] = {"event": "> 1", "horizons": ("1d", "5d", "20d"), "draws": 100} | options
    return study(Gauge(), market(daily(READINGS), CLOSES), **given)  # type: ignore[arg-type]


def row(made: Study, asset: str, horizon: str) -> pd.Series:
    return made.table.loc[(asset, horizon)]


def test_events_are_listed_with_values_entries_and_returns() -> None:
    events = hand_made().events
    assert events.index.strftime("%Y-%m-%d %H:%M").tolist() == [
        "2024-01-11 18:00",
        "2024-01-13 18:00",
        "2024-02-20 18:00",
    ]
    assert events["entry"].dt.strftime("%Y-%m-%d").tolist() == ["2024-01-12", "2024-01-14", "2024-02-21"]
    assert events["made_by"].tolist() == ["GAUGE of 11 Jan 2024", "GAUGE of 13 Jan 2024", "GAUGE of 20 Feb 2024"]
    assert events["before"].tolist() == [0, 0, 0]
    # Bar 11 opens at 110, the close of bar 10; five days later it is the close of bar 15, 115.
    assert events["BTC 5d"].tolist() == pytest.approx([115 / 110 - 1, 117 / 112 - 1, 155 / 150 - 1])
    assert events["BTC 20d"].iloc[:2].tolist() == pytest.approx([130 / 110 - 1, 132 / 112 - 1])
    assert np.isnan(events["BTC 20d"].iloc[2])


def test_the_statistics_are_those_of_the_definitions() -> None:
    found = row(hand_made(), "BTC", "5d")
    after = np.array([115 / 110, 117 / 112, 155 / 150]) - 1
    assert (found["events"], found["left_out"], found["hits"]) == (3, 0, 1.0)
    assert found["mean"] == pytest.approx(after.mean())
    # Known from the open of the second day: bars 1 to 54 open at 100, 101, ... and close five days later.
    every = np.array([(100 + bar + 4) / (100 + bar - 1) - 1 for bar in range(1, 56)])
    assert found["usual"] == pytest.approx(every.mean())
    # Two events share three of five days: 9 / (3 + 2 * 0.6).
    assert found["effective"] == pytest.approx(9 / 4.2)
    # Bars 11, 13 and 51 of 1 to 55: what each bar of five days weighs in either mean, squared and summed.
    entered = np.isin(np.arange(1, 56), [11, 13, 51]) / 3
    difference, whole = (np.convolve(weights, np.ones(5)) for weights in (entered - 1 / 55, np.full(55, 1 / 55)))
    variances = (difference**2).sum() / 5, (whole**2).sum() / 5
    assert found["error"] == pytest.approx(every.std() * (variances[0] / (1 - variances[1])) ** 0.5)
    assert found["detectable"] == pytest.approx(2.801585 * found["error"])
    without = (after.sum() - after) / 2
    assert (found["least"], found["most"]) == pytest.approx((without.min(), without.max()))
    assert found["decisive"] == pd.Timestamp("2024-02-20 18:00", tz="UTC")


def test_events_whose_horizon_the_record_does_not_reach_are_counted_apart() -> None:
    found = row(hand_made(), "BTC", "20d")
    assert (found["events"], found["left_out"]) == (2, 1)


def test_every_asset_has_its_own_rows_in_the_order_asked_for() -> None:
    made = hand_made(assets=("ETH", "BTC"), horizons=("5d", "1d"))
    assert made.table.index.tolist() == [("ETH", "1d"), ("ETH", "5d"), ("BTC", "1d"), ("BTC", "5d")]
    # ETH is the tenth of the square of BTC.
    assert made.events["ETH 1d"].tolist() == pytest.approx(((1 + made.events["BTC 1d"]) ** 2 - 1).tolist())


def test_clusters_and_latency_make_fewer_and_later_events() -> None:
    clustered = hand_made(cluster="5d")
    assert clustered.events["onsets"].tolist() == [2, 1]
    later = hand_made(latency=7.0)
    assert later.events["entry"].dt.strftime("%m-%d").tolist() == ["01-13", "01-15", "02-22"]


def test_a_window_leaves_out_what_lies_outside() -> None:
    made = hand_made(end=pd.Timestamp("2024-02-10", tz="UTC"), horizons=("1d", "5d"))
    assert len(made.events) == 2
    assert made.outside == 1
    assert made.words[0].endswith(" Not counted: 1 event after 2024-02-09, the window's last open.")


def test_events_before_the_window_are_told_from_those_after_it() -> None:
    """Events on 11 and 13 January and on 20 February; prices from 15 January to the end of 18 February."""
    on = market(daily(READINGS), CLOSES[:35], start="2024-01-15")
    readings = daily([*READINGS[:25], 2.0, *READINGS[26:]])  # and one on the 26th
    made = study(Gauge(), replace(on, observations=market(readings, CLOSES).observations), "> 1", ("1d",), draws=100)
    assert made.unpriced == Unpriced(before=2, after=1, between=0)
    assert made.summary()["unpriced"] == {"before": 2, "after": 1, "between": 0}
    assert made.outside == 3
    assert made.words[0] == (
        "1 event: Gauge came to be above 1. In this window the signal was known from 2024-01-15 to 2024-02-18. "
        "Not counted: 2 events before 2024-01-15, the window's first open; "
        "1 event after 2024-02-18, the window's last open."
    )


def test_an_event_in_a_gap_of_prices_is_told_apart() -> None:
    """The second event, of 13 January 18:00, finds no bar from the 14th to the 16th."""
    on = market(daily(READINGS), CLOSES)
    missing = on.bars["BTC"].frame.index[13:16]
    bars = {asset: replace(bars, frame=bars.frame.drop(missing)) for asset, bars in on.bars.items()}
    made = study(Gauge(), replace(on, bars=bars), "> 1", ("1d",), draws=100)
    assert made.unpriced == Unpriced(before=0, after=0, between=1)
    assert made.words[0].endswith(" Not counted: 1 event after which no bar opens within a day.")


def test_the_span_is_that_of_the_signal_inside_the_window() -> None:
    made = hand_made(start=pd.Timestamp("2024-01-10", tz="UTC"), end=pd.Timestamp("2024-02-10", tz="UTC"))
    assert "In this window the signal was known from 2024-01-10 to 2024-02-09." in made.words[0]


def test_changing_prices_before_an_entry_changes_nothing_after_it() -> None:
    changed = [close * 3 if bar < 40 else close for bar, close in enumerate(CLOSES)]
    other = study(Gauge(), market(daily(READINGS), changed), "> 1", ("1d", "5d"), draws=100)
    columns = ["BTC 1d", "BTC 5d", "ETH 5d"]
    assert other.events[columns].iloc[2].tolist() == hand_made().events[columns].iloc[2].tolist()


def test_changing_the_future_changes_neither_events_nor_returns_before() -> None:
    longer = study(
        Gauge(), market(daily([*READINGS, 2, 0, 2] * 2), [*CLOSES, 50, 20, 10] * 2), "> 1", ("1d", "5d"), draws=100
    )
    made = hand_made(horizons=("1d", "5d"))
    pd.testing.assert_frame_equal(longer.events.iloc[:3].drop(columns="onsets"), made.events.drop(columns="onsets"))


def test_the_same_seed_gives_the_same_study_and_another_one_other_draws() -> None:
    one, same, other = (
        study(Gauge(), market(daily(READINGS), random_walk(DAYS, 1)), "> 1", ("1d",), draws=100, seed=seed)
        for seed in (7, 7, 8)
    )
    pd.testing.assert_frame_equal(one.table, same.table)
    assert one.table["p_resample"].tolist() != other.table["p_resample"].tolist()


def test_the_p_value_is_the_larger_of_the_two() -> None:
    table = study(Gauge(), market(daily(READINGS), random_walk(DAYS, 4)), "> 1", ("1d", "5d"), draws=100).table
    assert (table["p_shift"] - table["p_resample"]).abs().min() > 0.005
    assert table["p"].tolist() == [max(row) for row in table[["p_shift", "p_resample"]].to_numpy().tolist()]


def test_ranks_are_of_days_though_bars_be_of_hours() -> None:
    """Of 60 days, the first has no value at its start and of the last four no return over five days is known."""
    closes = random_walk(24 * DAYS, 3)
    made = study(Gauge(), market(daily(READINGS), closes, timeframe="1h"), "> 1", ("5d",), draws=100)
    assert made.table["rank_days"].tolist() == [DAYS - 1 - 4] * 2


def test_hours_are_studied_in_hours() -> None:
    readings = daily([0, 2, 0, 0], at="05:30")
    made = study(Gauge(), market(readings, CLOSES, timeframe="1h"), "> 1", ("1h", "4h"), draws=100)
    assert made.events["entry"].tolist() == [pd.Timestamp("2024-01-02 06:00", tz="UTC")]
    # Bar 30 opens at 129, and the fourth one from there closes at 133.
    assert made.events["BTC 4h"].tolist() == pytest.approx([133 / 129 - 1])


def test_a_single_event_is_shown_and_nothing_is_concluded_from_it() -> None:
    made = study(Gauge(), market(daily([0.0] * 30 + [2.0] * 30), random_walk(DAYS, 2)), "> 1", ("1d", "7d"), draws=100)
    found = row(made, "BTC", "1d")
    assert (found["events"], found["effective"]) == (1, 1.0)
    assert np.isnan(found["least"])
    assert made.verdict.startswith("These are too few events to conclude anything")


def test_an_event_at_the_end_has_no_return_and_is_no_error() -> None:
    made = study(Gauge(), market(daily([0.0] * 58 + [2.0, 2.0]), CLOSES), "> 1", ("5d",), draws=100)
    found = row(made, "BTC", "5d")
    assert (found["events"], found["left_out"]) == (0, 1)
    assert np.isnan(found[["mean", "detectable", "p"]].to_numpy(float)).all()
    assert made.words[1] == "No event is followed by as much history as the shortest horizon needs."


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"event": "> 100"}, NoData, "Gauge never was above 100; its values range from 0 to 2"),
        ({"event": "> -1"}, NoData, "Gauge did not become above -1 after not having been so"),
        ({"event": ""}, BadUsage, "say what begins an event of Gauge"),
        ({"horizons": ("1d", "90d")}, BadUsage, "90d is longer than the data: .* 2024-01-02, to 2024-03-01 are 59"),
        ({"horizons": ("12h",)}, BadUsage, "horizon 12h is no whole number of bars of 1d; add --timeframe 1h"),
        ({"horizons": ("a week",)}, BadUsage, "--horizons takes hours, days or weeks.*found 'a week'"),
        ({"horizons": ("0d",)}, BadUsage, "--horizons takes times longer than zero"),
        ({"horizons": ()}, BadUsage, "--horizons takes times longer than zero, .* found none"),
        ({"cluster": "-1d"}, BadUsage, "--cluster must be 0d or longer; found -1d"),
        ({"latency": -1.0}, BadUsage, "--latency must be 0 hours or more; found -1"),
        ({"draws": 99}, BadUsage, "--draws must be 100 or more"),
        ({"seed": -1}, BadUsage, "--study-seed must be 0 or more"),
        ({"assets": ("BTC", "BTC")}, BadUsage, "--asset takes assets, each once"),
        ({"assets": ("SOL",)}, NoData, "no bars of SOL"),
        ({"start": pd.Timestamp("2024-02-15", tz="UTC")}, NoData, "at 15 bars of the window; a study needs 30 or more"),
        ({"end": pd.Timestamp("2024-01-05", tz="UTC")}, NoData, "never was above 1; its values range from 0 to 0"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_one_sentence(options: dict[str, object], error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        hand_made(**options)


def test_events_after_the_last_bar_have_no_price() -> None:
    late = [*daily([0.0] * DAYS), ("2024-02-29 23:30", 2.0)]
    with pytest.raises(NoData, match="Gauge came to be above 1 in this window, 1 event, but no bar"):
        study(Gauge(), market(late, CLOSES), "> 1", ("1d",), draws=100)


@pytest.fixture(scope="module")
def strong() -> Market:
    return Lab(seed=3, effect=3.0).market()


def test_the_labs_planted_effect_is_found(strong: Market) -> None:
    """Three times the documented response: returns of weeks after a jump of liquidity are far from usual."""
    made = study(NetLiquidityChange(), strong, "> 150", ("7d", "28d"), ("BTC",), draws=500)
    assert (made.table["mean"] > made.table["usual"]).all()
    assert made.table["p_holm"].min() <= 0.05
    assert made.verdict.startswith("More than chance gives: BTC over ")
    assert (made.table["rank_correlation"] > 0.2).all()
    assert (made.table["rank_p_holm"] <= 0.05).all()


def test_noise_is_called_noise() -> None:
    readings = daily(slow_noise(1_500, 11).tolist())
    made = study(Gauge(), market(readings, random_walk(1_500, 12)), "> 2", ("1d", "7d"), ("BTC",), draws=300)
    assert made.table["effective"].min() > 10
    assert made.verdict.startswith("Nothing differs from chance: the smallest p-value is ")
    assert made.verdict.endswith("The prior stands: no effect.")


def test_few_events_of_a_real_signal_conclude_nothing() -> None:
    made = study(StandingRepoUse(), Lab().market(), draws=100)
    assert len(made.events) < 10
    assert made.words[1].startswith("BTC over 91d: 3 events, 1.8 effective: nothing below ±")
    assert made.words[1].endswith("could be seen.")
    assert "too few events to conclude anything" in made.verdict
    assert str(made.design.condition) == "> 1"


@pytest.mark.parametrize("signal", [Latch(Gauge(), enter=1.5, exit=0.5), Gauge(factor=2.0)])
def test_a_signal_with_parameters_is_called_by_those_that_are_not_usual(signal: Signal) -> None:
    made = study(
        signal, market(daily(READINGS), CLOSES), "== 1" if "Latch" in repr(signal) else "> 3", ("1d",), draws=100
    )
    assert len(made.events) == 3
    assert made.title in ("Latch(signal=Gauge(factor=1.0), enter=1.5, exit=0.5) == 1", "Gauge(factor=2.0) > 3")


def test_the_summary_is_json_and_holds_everything() -> None:
    made = hand_made()
    said = json.loads(json.dumps(made.summary(), default=str))
    assert said["study"] == "Gauge > 1"
    assert [entry["horizon"] for entry in said["table"]] == ["1d", "5d", "20d"] * 2
    assert said["events"][2]["BTC 20d"] is None
    assert said["manifest"]["event"] == "> 1"
    assert set(said["manifest"]["data"]) == {"GAUGE", "bars:BTC", "bars:ETH"}
    assert said["manifest"]["span"] == ["2024-01-02 00:00:00+00:00", "2024-02-29 00:00:00+00:00"]


def test_a_notebook_shows_a_compact_table_and_the_words() -> None:
    shown = hand_made()._repr_html_()
    assert shown.count("<tr") == 1 + 6
    assert "Gauge &gt; 1" in shown
    assert "SIMULATED" not in shown
    simulated = replace(hand_made(), market=replace(market(daily(READINGS), CLOSES), origin="SIMULATED (lab)"))
    assert "SIMULATED" in simulated._repr_html_()
