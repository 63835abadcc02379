"""The tearsheet in a browser: what a reader sees, presses, hovers over, downloads, prints and hears."""

import io
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtests.backtest import compare
from backtests.findings import examined
from backtests.result import Result
from backtests.tearsheet import write_tearsheet
from backtests.tearsheet.lines import lines_of
from backtests.tearsheet.page import SECTIONS
from backtests.tearsheet.sections.growth import Equity
from data_cache.lab import Lab
from strategies import BuyAndHold, FixedMix, NetLiquidityTide, StealthQE

pytest.importorskip("playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium on the PATH"),
]

BITE = "<script>alert(1)</script>"


@dataclass
class Opened:
    """A tearsheet in a tab, and what it said and asked for meanwhile."""

    results: list[Result]
    file: Path
    tab: Any
    said: list[str] = field(default_factory=list)
    asked_for: list[str] = field(default_factory=list)

    def does(self, script: str) -> Any:
        return self.tab.evaluate(script)

    def comes_true(self, script: str) -> bool:
        """Whether it does within ten seconds; the page's policy forbids what playwright has for this."""
        look = f"left => ({script}) ? done(true) : left ? setTimeout(look, 50, left - 1) : done(false)"
        return bool(self.does(f"new Promise((done) => {{ const look = {look}; look(200); }})"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield started
        started.close()


def opened(browser: Any, results: list[Result], file: Path, title: str, **page: Any) -> Opened:
    found = examined(results)
    write_tearsheet(results, file, title, findings=found.findings, proofs=found.proofs, **page)
    tab = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light", accept_downloads=True)
    one = Opened(results, file, tab)
    tab.on("console", lambda message: one.said.append(message.text) if message.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: one.said.append(str(error)))
    tab.on("dialog", lambda dialog: (one.said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    tab.on("request", lambda request: one.asked_for.append(request.url))
    tab.route(re.compile("^(http|ws|ftp)"), lambda route: route.abort())
    tab.goto(file.as_uri())
    tab.wait_for_selector("html[data-drawn]", timeout=60_000)
    return one


@pytest.fixture(scope="module")
def one(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """One strategy and its benchmark on eight years of the lab."""
    results = compare([NetLiquidityTide()], Lab().market("1d"), benchmark=BuyAndHold())
    return opened(browser, results, tmp_path_factory.mktemp("one") / "sheet.html", "One strategy")


@pytest.fixture(scope="module")
def bitten(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """Two strategies, one of which has a script for a name, for a parameter and for its title and notes."""
    biting = make_dataclass(BITE, [("note", str, BITE)], bases=(FixedMix,), frozen=True)
    biting.__doc__ = f"Hold {BITE}."
    results = compare([StealthQE(), biting()], Lab().market("1d"), benchmark=BuyAndHold())
    file = tmp_path_factory.mktemp("two") / "sheet.html"
    return opened(browser, results, file, f"Two, {BITE}", subtitle=BITE, notes=[BITE])


FORMULA = f"=HYPERLINK({'unbreakable' * 9})"


@pytest.fixture(scope="module")
def formula(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """Two strategies whose long name and parameter have no place to break, and are a spreadsheet's formula."""
    cls = make_dataclass(FORMULA, [("note", str, FORMULA)], bases=(FixedMix,), frozen=True)
    start, end = pd.Timestamp("2022-01-01", tz="UTC"), pd.Timestamp("2022-12-31", tz="UTC")
    results = compare([cls(), cls(note="-1+2")], Lab().market("1d"), start=start, end=end, benchmark=BuyAndHold())
    return opened(browser, results, tmp_path_factory.mktemp("formula") / "sheet.html", "A formula")


# --- what is there


def test_every_section_is_there_under_its_heading_and_in_the_contents(one: Opened) -> None:
    for section in SECTIONS:
        heading = one.tab.locator(f"#{section.id} > h2")
        assert heading.is_visible(), section.id
        assert heading.inner_text().startswith(section.title)
        assert one.tab.locator(f"nav a[href='#{section.id}']").inner_text() == section.label


def test_every_chart_is_drawn_and_named(one: Opened) -> None:
    charts = one.tab.locator(".chart")
    assert charts.count() == int(one.tab.locator("html").get_attribute("data-drawn")) > 10
    assert one.does("[...document.querySelectorAll('.chart')].every((c) => c.querySelector('.main-svg'))")
    assert one.does("[...document.querySelectorAll('.chart')].every((c) => c.getAttribute('aria-label').length > 20)")


@pytest.mark.parametrize("sheet", ["one", "bitten"])
def test_the_console_is_silent_and_nothing_is_asked_of_a_network(sheet: str, request: pytest.FixtureRequest) -> None:
    at = request.getfixturevalue(sheet)
    assert at.said == []
    assert [url for url in at.asked_for if not url.startswith(("data:", "blob:"))] == [at.file.as_uri()]


# --- what can be done


def test_pointing_at_a_decision_tells_the_release_that_caused_it(one: Opened) -> None:
    place = one.tab.locator("#positions-0")
    place.scroll_into_view_if_needed()
    # The first mark of the uppermost price: marks on the others say nothing of their own.
    box = place.locator(".scatterlayer .points path.point").first.bounding_box()
    one.tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=3)
    assert one.comes_true("document.querySelector('#positions-0 .hoverlayer').textContent.includes('known')")
    said = place.locator(".hoverlayer").text_content()
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", said), said
    assert "of 20" in said, said  # the period that the release describes


def test_the_csv_of_a_chart_is_its_frame(one: Opened) -> None:
    with one.tab.expect_download() as waiting:
        one.tab.locator("button[data-csv='equity']").click()
    got = pd.read_csv(waiting.value.path(), index_col="day", parse_dates=True)
    frame = Equity(lines_of(one.results)).frame()
    assert got.columns.tolist() == frame.columns.tolist()
    assert len(got) == len(frame)
    np.testing.assert_allclose(got.to_numpy(), frame.to_numpy(), rtol=1e-6)  # drawn with seven digits


def test_the_csv_of_a_table_has_all_digits(one: Opened) -> None:
    with one.tab.expect_download() as waiting:
        one.tab.locator("button[data-csv='metrics']").click()
    text = Path(waiting.value.path()).read_text("utf-8")
    assert repr(one.results[0].metrics["cagr"]) in text
    assert len(pd.read_csv(io.StringIO(text))) > 20


def test_the_name_of_a_metric_opens_its_definition_and_escape_closes_it(one: Opened) -> None:
    one.tab.locator("#comparison button.term", has_text="Sharpe ratio").first.click()
    definition = one.tab.locator("#def-sharpe")
    assert definition.is_visible()
    assert definition.inner_text().startswith("Sharpe ratio")
    one.tab.keyboard.press("Escape")
    assert not definition.is_visible()


def test_equity_can_be_seen_on_a_linear_scale(one: Opened) -> None:
    scale = "document.getElementById('equity').layout.yaxis.type"
    one.tab.get_by_role("button", name="Linear", exact=True).first.click()
    assert one.does(scale) == "linear"
    one.tab.get_by_role("button", name="Log", exact=True).first.click()
    assert one.does(scale) == "log"


def test_a_line_can_be_hidden_in_all_charts_of_its_legend(one: Opened) -> None:
    line = one.tab.locator("button[data-chart='equity'][data-trace='0']")
    visible = "['equity', 'drawdown'].map((id) => document.getElementById(id).data[0].visible)"
    line.click()
    assert one.does(visible) == ["legendonly", "legendonly"]
    line.click()
    assert one.does(visible) == [True, True]


def test_zooming_one_chart_of_time_zooms_the_others(one: Opened) -> None:
    one.does("Plotly.relayout('equity', {'xaxis.range': ['2020-01-01', '2021-01-01']})")
    ends = "document.getElementById('drawdown').layout.xaxis.range.map((end) => String(end).slice(0, 10))"
    assert one.comes_true(f"{ends}.join() === '2020-01-01,2021-01-01'")
    whole = one.does("JSON.parse(document.getElementById('figures').textContent).equity.layout.xaxis.range")
    one.does(f"Plotly.relayout('equity', {{'xaxis.range': {whole}}})")


# --- how it looks


def test_dark_mode_changes_paper_ink_and_charts(one: Opened) -> None:
    ink = "getComputedStyle(document.querySelector('#equity .xtick text')).fill"
    paper = "getComputedStyle(document.body).backgroundColor"
    light = one.tab.screenshot(), one.does(ink), one.does(paper)
    one.tab.emulate_media(color_scheme="dark")
    assert one.comes_true(f"{ink} !== '{light[1]}'")
    dark = one.tab.screenshot(), one.does(ink), one.does(paper)
    one.tab.emulate_media(color_scheme="light")
    assert one.comes_true(f"{ink} === '{light[1]}'")
    assert all(before != after for before, after in zip(light, dark, strict=True))


@pytest.mark.parametrize("sheet", ["one", "bitten", "formula"])
def test_a_phone_never_scrolls_sideways(sheet: str, request: pytest.FixtureRequest) -> None:
    at = request.getfixturevalue(sheet)
    at.tab.set_viewport_size({"width": 390, "height": 844})
    right = "Math.max(...[...document.querySelectorAll('.main-svg')].map((svg) => svg.getBoundingClientRect().right))"
    assert at.comes_true(f"{right} <= 390")
    assert at.does("document.documentElement.scrollWidth") <= 390
    at.tab.set_viewport_size({"width": 1280, "height": 900})
    assert at.comes_true(f"{right} > 800")


def test_no_table_of_one_strategy_scrolls_sideways_on_a_common_screen(one: Opened) -> None:
    beyond = "[...document.querySelectorAll('.scroll')].filter((box) => box.scrollWidth > box.clientWidth + 1)"
    assert one.does(f"{beyond}.map((box) => box.getAttribute('aria-label'))") == []


def test_motion_is_reduced_where_that_is_asked(one: Opened) -> None:
    behaviour = "getComputedStyle(document.documentElement).scrollBehavior"
    assert one.does(behaviour) == "smooth"
    one.tab.emulate_media(reduced_motion="reduce")
    assert one.does(behaviour) == "auto"
    one.tab.emulate_media(reduced_motion="no-preference")


def test_one_strategy_fits_on_eight_sheets_of_paper(one: Opened) -> None:
    printed = one.tab.pdf(prefer_css_page_size=True, print_background=True)
    assert 3 <= len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)) <= 8
    # A4 in points, to the nearest.
    box = re.search(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", printed)
    assert box is not None
    assert [round(float(side)) for side in box.groups()] == [595, 842]


def test_after_printing_charts_are_as_before(one: Opened) -> None:
    size = "[document.getElementById('equity').clientWidth, document.querySelector('#equity .main-svg').clientHeight]"
    before = one.does(size)
    one.does("dispatchEvent(new Event('beforeprint'))")
    assert one.does("document.querySelector('#equity .main-svg').clientWidth") < 794  # as A4 has
    one.does("dispatchEvent(new Event('afterprint'))")
    assert one.does(size) == before


# --- for everybody


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(one: Opened, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    one.tab.emulate_media(color_scheme=scheme)
    found = Axe().run(one.tab, options={"resultTypes": ["violations"]})
    one.tab.emulate_media(color_scheme="light")
    serious = [
        (violation["id"], node["target"], node["failureSummary"])
        for violation in found.response["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
    assert serious == []


def test_the_keyboard_reaches_the_content_and_the_definitions(one: Opened) -> None:
    one.does("scrollTo(0, 0)")
    one.tab.reload()
    one.tab.wait_for_selector("html[data-drawn]", timeout=60_000)
    one.tab.keyboard.press("Tab")
    assert one.does("document.activeElement.className") == "skip"
    one.tab.locator("#comparison button.term").first.focus()
    one.tab.keyboard.press("Enter")
    assert one.does("document.querySelectorAll(':popover-open').length") == 1
    one.tab.keyboard.press("Escape")


# --- what bites


def test_a_name_that_bites_is_text_everywhere(bitten: Opened) -> None:
    assert bitten.said == []  # an alert would be a dialog
    assert BITE in bitten.tab.locator("h1").inner_text()
    assert BITE in bitten.tab.locator("#comparison thead").inner_text()
    assert bitten.tab.title() == f"Two, {BITE}"
    assert not bitten.does("[...document.scripts].some((script) => script.textContent === 'alert(1)')")
    assert bitten.does("JSON.parse(document.getElementById('manifest').textContent).results.length") == 2


def test_the_file_name_of_a_download_is_harmless(bitten: Opened) -> None:
    with bitten.tab.expect_download() as waiting:
        bitten.tab.locator("button[data-csv='equity']").click()
    assert re.fullmatch(r"[\w.() -]+\.csv", waiting.value.suggested_filename)
    text = Path(waiting.value.path()).read_text("utf-8")
    assert text.splitlines()[0] == f"day,StealthQE,{BITE},BuyAndHold"


@pytest.mark.parametrize("table", ["equity", "metrics"])
def test_no_cell_of_a_download_is_a_formula_and_numbers_stay_numbers(table: str, formula: Opened) -> None:
    with formula.tab.expect_download() as waiting:
        formula.tab.locator(f"button[data-csv='{table}']").click()
    got = pd.read_csv(waiting.value.path(), index_col=0)
    heads = [str(head) for head in (*got.columns, *got.index)]
    assert any(head.startswith(f"'{FORMULA}") for head in heads)
    assert not any(head.startswith(("=", "+", "-", "@")) for head in heads)
    assert not got.select_dtypes("float").empty
