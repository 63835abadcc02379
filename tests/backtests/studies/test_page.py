"""The page of a study: figures by hand arithmetic, tables, definitions, and a browser's view of it."""

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.studies import Study, study, write_study
from backtests.studies.page import render_study
from backtests.studies.panels import HIGH, LOW, MEAN, USUAL, EventPaths, Evidence
from data_cache.errors import BadUsage
from data_cache.lab import Lab
from signals import StandingRepoUse
from tests.backtests.chromium import NEEDS_CHROMIUM, browse, told
from tests.backtests.parsed_page import Page
from tests.backtests.studies.worlds import Gauge, daily, market, random_walk

DAYS = 120
READINGS = [2.0 if day in (40, 60, 110) else 0.0 for day in range(DAYS)]
CLOSES = [100.0 + day for day in range(DAYS)]


@pytest.fixture(scope="module")
def made() -> Study:
    return study(Gauge(), market(daily(READINGS), CLOSES), "> 1", ("1d", "7d", "28d"), draws=100)


@pytest.fixture(scope="module")
def page(made: Study) -> Page:
    return Page(render_study(made))


def test_paths_go_from_28_days_before_to_the_longest_horizon(made: Study) -> None:
    frame = EventPaths(made, "BTC").frame()
    assert frame.index.tolist() == list(range(-28, 29))
    assert frame.columns.tolist() == ["2024-02-10", "2024-03-01", "2024-04-20", MEAN, USUAL, LOW, HIGH]
    assert (frame.loc[0, ["2024-02-10", MEAN, USUAL, LOW, HIGH]] == 0).all()
    # Entered at the open of bar 41, 140: ten days later the close is that of bar 50, ten days before that of bar 30.
    assert frame.at[10, "2024-02-10"] == pytest.approx(150 / 140 - 1)
    assert frame.at[-10, "2024-02-10"] == pytest.approx(130 / 140 - 1)
    # Bar 111 opens nine days before the record ends.
    assert np.isfinite(frame.at[9, "2024-04-20"])
    assert np.isnan(frame.at[10, "2024-04-20"])


def test_the_mean_path_is_of_whole_events_and_ends_where_the_table_has_it(made: Study) -> None:
    frame = EventPaths(made, "BTC").frame()
    assert frame.at[28, MEAN] == pytest.approx(made.table.at[("BTC", "28d"), "mean"])
    assert frame.at[28, USUAL] == pytest.approx(made.table.at[("BTC", "28d"), "usual"])
    assert frame.at[5, MEAN] == pytest.approx(frame.loc[5, ["2024-02-10", "2024-03-01"]].mean())
    assert (frame[LOW] <= frame[HIGH]).all()
    assert next(key.name for key in EventPaths(made, "BTC").legend()) == "Mean of 2 of 3 events"


def test_paths_of_hours_are_drawn_by_the_bar() -> None:
    readings = daily([0, 2, 0, 0, 0], at="05:30")
    hourly = study(Gauge(), market(readings, CLOSES, timeframe="1h"), "> 1", ("1h", "6h"), ("BTC",), draws=100)
    assert EventPaths(hourly, "BTC").frame().index.tolist() == pytest.approx([hour / 24 for hour in range(-6, 7)])


def test_two_events_of_a_day_are_told_apart_by_the_minute() -> None:
    readings = [(f"2024-01-03 {hour:02}:30", float(hour % 2 * 2)) for hour in range(4)]
    twice = study(Gauge(), market(readings, CLOSES, timeframe="1h"), "> 1", ("1h",), ("BTC",), draws=100)
    assert EventPaths(twice, "BTC").frame().columns[:2].tolist() == ["2024-01-03 01:30", "2024-01-03 03:30"]


def test_evidence_is_in_standard_errors(made: Study) -> None:
    table, found = made.table.loc[("ETH", "7d")], Evidence(made).frame().loc[("ETH", "7d")]
    assert found["difference"] == pytest.approx((table["mean"] - table["usual"]) / table["error"])
    assert found["low"] == pytest.approx((table["band_low"] - table["usual"]) / table["error"])


def test_every_heading_has_its_definition(page: Page) -> None:
    asked = {str(button["popovertarget"]) for button in page.having("button", **{"class": "term"})}
    assert len(asked) > 12
    assert asked <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_tables_can_be_downloaded_in_full(made: Study, page: Page) -> None:
    tables = json.loads(page.scripts["tables"])
    assert set(tables) == {"statistics-table", "steadiness-table", "events-table"}
    statistics = pd.read_csv(StringIO(tables["statistics-table"]), index_col=[0, 1])
    assert statistics["mean"].tolist() == pytest.approx(made.table["mean"].tolist())
    events = pd.read_csv(StringIO(tables["events-table"]), index_col=0)
    assert events["BTC 7d"].tolist() == pytest.approx(made.events["BTC 7d"].tolist())


def test_the_words_and_the_manifest_are_on_the_page(made: Study, page: Page) -> None:
    text = " ".join(" ".join(page.text).split())
    assert "Gauge > 1" in text
    assert made.verdict in text
    assert "GAUGE of 10 Feb 2024" in text
    assert "SIMULATED" not in text
    assert json.loads(page.scripts["manifest"])["study"]["event"] == "> 1"


def test_a_study_on_a_market_made_by_hand_has_no_command(made: Study, page: Page) -> None:
    assert made.command is None
    assert "command" not in page.ids
    assert "No command makes this study again" in " ".join(page.text)


def test_the_command_on_the_lab_says_what_is_not_as_usual() -> None:
    on_lab = study(StandingRepoUse(), Lab(seed=3).market(), "> 1", draws=100)
    assert on_lab.command == (
        "ebbtide study 'StandingRepoUse(window=21, exclude_period_ends=False)' --event '> 1' --seed 3 --draws 100"
    )


def test_a_page_asks_for_nothing_from_elsewhere(page: Page) -> None:
    assert [a for tag, a in page.tags if tag in ("script", "img", "iframe") and "src" in a] == []
    assert [a for tag, a in page.tags if tag == "link" and a["href"] != "data:,"] == []


@pytest.mark.parametrize(
    "readings",
    [[0.0] * 60 + [2.0] * 60, [0.0] * 118 + [2.0] * 2],
    ids=["one event", "one whose horizons the record does not reach"],
)
def test_odd_studies_have_a_page_too(readings: list[float]) -> None:
    odd = study(Gauge(), market(daily(readings), random_walk(DAYS, 3)), "> 1", ("7d", "28d"), draws=100)
    assert "–" in " ".join(Page(render_study(odd)).text)


def test_a_page_appears_where_it_is_asked_for(made: Study, tmp_path: Path) -> None:
    made.page(tmp_path / "new" / "study.html")
    assert (tmp_path / "new" / "study.html").read_text("utf-8").startswith("<!doctype html>")
    with pytest.raises(BadUsage, match="is a folder; name a file in it"):
        write_study(made, tmp_path)


@pytest.mark.browser
@pytest.mark.skipif(NEEDS_CHROMIUM[1].args[0], reason="needs a Chromium on the PATH")
def test_a_browser_draws_all_charts_and_complains_of_nothing(made: Study, tmp_path: Path) -> None:
    write_study(made, tmp_path / "study.html")
    dom, said = browse(tmp_path / "study.html", "--dump-dom")
    assert told(dom, "drawn") == "3"
    assert said == []


def test_of_many_events_the_outermost_paths_do_not_set_the_scale() -> None:
    readings = [2.0 if day % 10 == 5 else 0.0 for day in range(300)]
    closes = random_walk(250, 4) + [float(price) for price in np.linspace(100, 5_000, 50)]
    many = study(Gauge(), market(daily(readings), closes), "> 1", ("7d",), ("BTC",), draws=100)
    panel = EventPaths(many, "BTC")
    low, high = panel.figure().layout.yaxis.range
    frame = panel.frame()
    assert low < frame[[MEAN, LOW]].min(axis=None)
    assert frame[[MEAN, HIGH]].max(axis=None) < high < frame.iloc[-1, :-4].max()


def test_what_is_downloaded_of_the_evidence_are_its_own_numbers(made: Study) -> None:
    traces = {trace.name: trace for trace in Evidence(made).figure().data}
    frame = Evidence(made).frame()
    assert list(traces["Chance, 5 %"].x) == ["BTC 1d", "BTC 7d", "BTC 28d", "ETH 1d", "ETH 7d", "ETH 28d"]
    assert list(traces["Chance, 5 %"].y) == pytest.approx(frame["low"].tolist(), rel=1e-6)
    assert list(traces["Chance, 95 %"].y) == pytest.approx(frame["high"].tolist(), rel=1e-6)
