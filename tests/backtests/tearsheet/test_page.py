"""The tearsheet: the frame behind each panel by hand arithmetic, the page as HTML, and names that bite."""

import base64
import json
import os
from dataclasses import make_dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.backtest import compare
from backtests.execution import Execution
from backtests.metrics import shown_metrics
from backtests.result import Result
from backtests.tearsheet import document, page, write_tearsheet
from backtests.tearsheet.figures import COLORS, NEUTRAL
from backtests.tearsheet.imprint import imprint
from backtests.tearsheet.lines import lines_of
from backtests.tearsheet.sealed import sealed
from backtests.tearsheet.sections.growth import Drawdown, Equity
from backtests.tearsheet.sheet import Sheet
from data_cache.errors import BadUsage
from data_cache.lab import Lab
from strategies import BasisReset, BuyAndHold, FiscalDominance, StealthQE, TermPremiumShield, TreasuryRelease
from tests.backtests.margin_books import receiving
from tests.backtests.parsed_page import Page
from tests.backtests.tearsheet.worlds import FREE, Follow, line, market, run


def dated(frame: pd.DataFrame) -> list[str]:
    return frame.index.strftime("%m-%d").tolist()


# --- frames


def test_equity_stands_at_the_day_that_ended_and_starts_with_the_capital() -> None:
    frame = Equity([line(run(market([110, 99])))]).frame()
    assert dated(frame) == ["12-31", "01-01", "01-02"]
    assert frame["BuyAndHold"].tolist() == pytest.approx([1000, 1100, 990])


def test_a_missing_day_is_unknown_in_the_frame() -> None:
    frame = Equity([line(run(market([110, 99, 120], missing=(1,))))]).frame()
    assert dated(frame) == ["12-31", "01-01", "01-02", "01-03"]
    assert np.isnan(frame["BuyAndHold"].iloc[2])


def test_drawdown_of_hourly_bars_shows_the_worst_hour_of_each_day() -> None:
    """Day one ends at its high of 110; on day two it touches 88 and ends at 99."""
    closes = [100.0] * 23 + [110.0] + [105.0] * 11 + [88.0] + [99.0] * 12
    result = run(market(closes, timeframe="1h"))
    frame = Drawdown([line(result)]).frame()
    assert dated(frame) == ["01-01", "01-02"]
    assert frame["BuyAndHold"].tolist() == pytest.approx([0, 88 / 110 - 1])
    assert -frame["BuyAndHold"].min() == pytest.approx(result.metrics["max_drawdown"])


def test_a_figure_draws_its_frame() -> None:
    panel = Equity([line(run(market([110, 99])))])
    trace = panel.figure().to_plotly_json()["data"][0]
    drawn = np.frombuffer(base64.b64decode(trace["y"]["bdata"]), trace["y"]["dtype"])
    assert drawn.tolist() == pytest.approx(panel.frame()["BuyAndHold"].tolist(), rel=1e-6)
    assert (trace["x0"], trace["dx"]) == ("2023-12-31", 24 * 3600 * 1000)


def test_each_strategy_has_a_colour_of_its_own_and_the_benchmark_is_grey() -> None:
    results = compare([Follow(0.5), Follow(0.25)], market([110, 99]), FREE, benchmark=BuyAndHold(mix=(("BTC", 1.0),)))
    drawn = lines_of(results)
    assert [one.label for one in drawn] == ["Follow(share=0.5)", "Follow(share=0.25)", "BuyAndHold"]
    assert [one.color for one in drawn] == [*COLORS[:2], NEUTRAL]
    assert [one.is_benchmark for one in drawn] == [False, False, True]


def test_ten_lines_have_ten_colours_and_no_two_of_thirty_look_alike() -> None:
    result = run(market([110, 99]))
    drawn = lines_of([result] * 30)
    assert len({one.color for one in drawn[:10]}) == 10
    assert len({(one.color, one.dash) for one in drawn}) == 30


# --- the page


@pytest.fixture(scope="module")
def two() -> list[Result]:
    moves = [(f"2024-01-{day:02} 12:00", (-1.0) ** day) for day in range(1, 29)]
    closes = list(100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.03, 60))))
    return compare(
        [Follow(0.5), Follow(0.25)], market(closes, funding=moves), benchmark=BuyAndHold(mix=(("BTC", 1.0),))
    )


def test_a_long_fact_has_a_row_of_its_own() -> None:
    """Terms of perpetuals take two lines and more; the costs of spot do not."""
    assert '<div class="long"><dt>Costs' in page.render(Sheet([receiving()]), "Short")
    assert 'class="long"' not in page.render(Sheet([run(market([110, 120]))]), "Bought")


@pytest.fixture(scope="module")
def parsed(two: list[Result]) -> Page:
    return Page(page.render(Sheet(two), "Two shares", "of one thing", ["Nothing was chosen for its result."]))


def test_the_page_has_its_sections_and_no_id_twice(parsed: Page) -> None:
    """Sixty days are too few for a rolling window, which is left out; a section's id stands on nothing else."""
    shown = {section.id for section in page.SECTIONS} - {"rolling"}
    assert {"facts", "notes", "manifests", "manifest"} | shown <= set(parsed.ids)
    assert "rolling" not in parsed.ids
    assert len(parsed.ids) == len(set(parsed.ids))
    assert [tag for tag, _ in parsed.tags if tag in ("header", "nav", "main", "footer", "h1")] == [
        "header",
        "h1",
        "nav",
        "main",
        "footer",
    ]


def test_every_figure_has_a_place_and_every_place_a_description(parsed: Page) -> None:
    places = parsed.having("div", role="img")
    assert [place["id"] for place in places] == list(json.loads(parsed.scripts["figures"]))
    assert {"equity", "drawdown", "positions-0", "signal-0-0", "positions-1", "costs"} <= {p["id"] for p in places}
    assert all(len(str(place["aria-label"])) > 40 for place in places)


def test_links_within_the_page_lead_somewhere(parsed: Page) -> None:
    links = [str(a["href"]) for _, a in parsed.tags if a.get("href") and str(a["href"]).startswith("#")]
    assert len(links) > len(page.SECTIONS)
    assert {link.removeprefix("#") for link in links} <= set(parsed.ids)


def test_header_cells_say_what_they_are_headers_of(parsed: Page) -> None:
    assert all(header.get("scope") in ("row", "col") for header in parsed.having("th"))


def test_each_metric_is_in_the_table_with_its_definition(parsed: Page) -> None:
    opened = [button["popovertarget"] for button in parsed.having("button", **{"class": "term"})]
    shown = shown_metrics([])
    wanted = [f"def-{metric.name}" for metric in shown]
    first = opened.index(wanted[0])
    assert opened[first : first + len(shown)] == wanted
    assert set(opened) <= set(parsed.ids)
    assert all(document.prose(metric.definition).striptags() in " ".join(parsed.text) for metric in shown)


def test_the_manifest_is_there_for_machines(parsed: Page, two: list[Result]) -> None:
    manifest = json.loads(parsed.scripts["manifest"])
    assert [one["label"] for one in manifest["results"]] == ["Follow(share=0.5)", "Follow(share=0.25)"]
    for found, result in zip(manifest["results"], two, strict=True):
        assert found["manifest"] == result.manifest
        assert found["equity_sha256"] == result.equity_sha256
        assert found["metrics"]["total_return"] == result.metrics["total_return"]


def test_what_json_cannot_hold_is_null_in_the_manifest() -> None:
    result = run(market([110, 99]))
    assert np.isnan(result.metrics["beta"])
    manifest = json.loads(Page(page.render(Sheet([result]), "No benchmark")).scripts["manifest"])
    assert manifest["results"][0]["metrics"]["beta"] is None


def test_a_simulated_market_is_said_to_be_one_and_a_real_one_is_not(parsed: Page) -> None:
    simulated = Page(page.render(Sheet([run(market([110, 99], origin="SIMULATED (lab, seed 1)"))]), "Title"))
    assert simulated.having("p", id="simulated")
    assert "SIMULATED" in "".join(simulated.text)
    assert not parsed.having("p", id="simulated")
    assert "SIMULATED" not in "".join(parsed.text)


def test_the_page_asks_nothing_of_the_network(parsed: Page) -> None:
    policy = next(meta for meta in parsed.having("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert str(policy["content"]).startswith("default-src 'none'")
    assert not [a for tag, a in parsed.tags if a.get("src") or (tag == "link" and a.get("href") != "data:,")]


BITE = "<script>alert(1)</script>"


def test_names_that_bite_are_text_everywhere() -> None:
    """A strategy named like a script, with a link in its docstring, an origin that ends a script, a title in quotes."""
    cls = make_dataclass(BITE, [("share", float, 1.0)], bases=(Follow,), frozen=True)
    cls.__doc__ = '<a href="https://example.org">click</a>'
    result = run(
        market([110, 99, 120], origin=f"</script>{BITE}<!--"), cls(), benchmark=BuyAndHold(mix=(("BTC", 1.0),))
    )
    text = page.render(Sheet([result]), f'"{BITE}', BITE, [BITE])
    parsed = Page(text)
    assert BITE not in text
    assert BITE in "".join(parsed.text)
    assert len(parsed.having("script")) == 5  # manifest, figures, tables, plotly, the page's own
    assert not parsed.having("a", href="https://example.org")
    assert json.loads(parsed.scripts["manifest"])["results"][0]["label"] == BITE
    names = [trace["name"] for trace in json.loads(parsed.scripts["figures"])["equity"]["data"]]
    assert names == ["&lt;script&gt;alert(1)&lt;/script&gt;", "BuyAndHold"]


CONDITIONS = [
    (Execution(min_notional=0), "fee 10 bps and slippage 5 bps on every fill, at the next open; cash earns nothing"),
    (
        Execution(latency_hours=6, band=0.05, rebalance_days=30, cash="DTB3", min_notional=0),
        "fee 10 bps and slippage 5 bps on every fill, at the first open 6 h or more later; "
        "no trade unless a target moves by more than 5%; back to target every 30 days; cash earns DTB3",
    ),
]


@pytest.mark.parametrize(("execution", "sentence"), CONDITIONS)
def test_conditions_of_trading_are_a_sentence(execution: Execution, sentence: str) -> None:
    assert page.conditions(execution) == sentence


def test_what_differs_between_results_is_said_once_each(two: list[Result]) -> None:
    facts = dict(page.facts(two))
    assert facts["Strategies"] == "Follow"
    assert facts["Window"] == "1 Jan 2024 to 1 Mar 2024 00:00 UTC"
    assert facts["Bars"] == "60 × 1d of BTC"


def test_two_benchmarks_of_a_class_are_told_apart() -> None:
    bitcoin, ether = (BuyAndHold(mix=((asset, 1.0),)) for asset in ("BTC", "ETH"))
    one = run(market([110, 99]), benchmark=bitcoin)
    assert one.benchmark is not None
    other = replace(one, benchmark=replace(one.benchmark, strategy=ether))
    assert dict(page.facts([one]))["Benchmark"] == "BuyAndHold"
    assert dict(page.facts([one, other, other]))["Benchmark"] == (
        "BuyAndHold(mix=(('BTC', 1.0),)); BuyAndHold(mix=(('ETH', 1.0),))"
    )


def test_a_title_names_four_strategies_and_counts_more() -> None:
    result = run(market([110, 99]))
    assert page.title_of([result] * 4) == "BuyAndHold · BuyAndHold · BuyAndHold · BuyAndHold"
    assert page.title_of([result] * 5) == "5 strategies"


def test_what_identifies_a_run_stands_on_paper_too(two: list[Result], parsed: Page) -> None:
    told = dict(imprint(two))
    about = two[0].manifest
    assert list(told) == ["Run", "Window", "Data", "Code", "Equity", "Versions", "Seal"]
    assert told["Run"] == "; ".join(result.manifest["expression"] or result.manifest["strategy"] for result in two)
    assert told["Window"] == "2024-01-01 00:00 to 2024-03-01 00:00 UTC"
    assert f"FUNDING_BTC {about['data']['FUNDING_BTC'][:12]}" in told["Data"].split(", ")
    assert told["Equity"] == "; ".join(result.equity_sha256[:12] for result in two)
    assert told["Versions"].startswith(f"ebbtide {about['ebbtide']}, Python {about['python']}, ")
    assert len(parsed.having("dl", **{"class": "only-print imprint"})) == 1


CELLS = [
    ("=1+1", "'=1+1"),
    ("+1+1", "'+1+1"),
    ("-cmd", "'-cmd"),
    ("@SUM(A1)", "'@SUM(A1)"),
    ("\t=1+1", "'\t=1+1"),
    ("-0.25", "-0.25"),
    ("+1e3", "+1e3"),
    ("-inf", "-inf"),
    ("a=b", "a=b"),
    ("", ""),
]


@pytest.mark.parametrize(("cell", "written"), CELLS)
def test_no_text_of_a_csv_is_a_spreadsheets_formula(cell: str, written: str) -> None:
    """In cells and in all heads; what is a number stays one, also where it is negative."""
    frame = pd.DataFrame({cell: [cell, "b"], "number": [-1.5, np.nan]}, index=pd.Index([cell, "c"], name=cell))
    assert document.as_csv(frame).splitlines() == [
        f"{written},{written},number",
        f"{written},{written},-1.5",
        "c,b,",
    ]


def test_heads_of_several_levels_are_no_formulas_either() -> None:
    heads = pd.MultiIndex.from_tuples([("=a", "x"), ("=a", "@y")], names=["-n", None])
    assert document.as_csv(pd.DataFrame([[1, 2]], columns=heads)).splitlines() == ["'-n,'=a,'=a", ",x,'@y", "0,1,2"]


# --- the file


def test_the_file_appears_whole_and_alone_in_a_folder_that_was_not_there(two: list[Result], tmp_path: Path) -> None:
    path = tmp_path / "new" / "sheet.html"
    write_tearsheet(two, path, "Two shares")
    assert path.read_text(encoding="utf-8") == sealed(page.render(Sheet(two), "Two shares"))
    assert os.listdir(path.parent) == ["sheet.html"]
    assert path.stat().st_mode & 0o400


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    two: list[Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sheet.html"
    path.write_text("the old one")

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(document.os, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        write_tearsheet(two, path, "Two shares")
    assert path.read_text() == "the old one"
    assert os.listdir(tmp_path) == ["sheet.html"]


def test_nothing_to_show_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match="a tearsheet needs at least one result; found none"):
        write_tearsheet([], tmp_path / "sheet.html", "Nothing")


def test_a_folder_is_no_file(two: list[Result], tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match=r"is a folder; name a file in it, such as .*tearsheet\.html"):
        write_tearsheet(two, tmp_path, "Two shares")


def test_two_pages_of_one_run_are_equal_to_the_last_byte(two: list[Result]) -> None:
    assert page.render(Sheet(two), "Two shares") == page.render(Sheet(two), "Two shares")


@pytest.mark.parametrize("timeframe", ["1d", "1h"])
def test_five_strategies_over_eight_years_stay_small(timeframe: str, tmp_path: Path) -> None:
    five = [StealthQE(), TreasuryRelease(), TermPremiumShield(), BasisReset(), FiscalDominance()]
    results = compare(five, Lab().market(timeframe), benchmark=BuyAndHold())
    path = tmp_path / "five.html"
    write_tearsheet(results, path, "Five theses")
    assert path.stat().st_size < 5_500_000
