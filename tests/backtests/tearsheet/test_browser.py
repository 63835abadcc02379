"""The tearsheet in a browser: everything is drawn, nothing complains, nothing is wider than a phone."""

import re
from dataclasses import make_dataclass
from pathlib import Path

import pytest

from backtests.backtest import compare
from backtests.tearsheet import write_tearsheet
from data_cache.lab import Lab
from strategies import BuyAndHold, FixedMix, StealthQE
from tests.backtests.chromium import NEEDS_CHROMIUM, browse, told

pytestmark = NEEDS_CHROMIUM

BITE = "<script>document.title='bitten'</script><img src=x onerror=\"document.title='bitten'\">"

# Runs in the page once all is drawn: a click on each switch, then a zoom, then what came of it.
PROBE = """
<script>
(async () => {
  const root = document.documentElement;
  while (!root.dataset.drawn) await new Promise((next) => setTimeout(next, 50));
  const pause = () => new Promise((next) => setTimeout(next, 300));
  document.querySelector('button[data-scale="linear"]').click();
  document.querySelector('button[data-chart="equity"][data-trace="0"]').click();
  await pause();
  const equity = document.getElementById("equity");
  const drawdown = document.getElementById("drawdown");
  root.dataset.scale = equity.layout.yaxis.type;
  root.dataset.hidden = [equity, drawdown].map((place) => place.data[0].visible).join(" ");
  await Plotly.relayout(equity, { "xaxis.range": ["2020-01-01", "2021-01-01"] });
  await pause();
  root.dataset.followed = drawdown.layout.xaxis.range.join(" ");
})();
</script>
"""

# A page as wide as a phone around the tearsheet: a browser's own window has a least width of some 500 pixels.
PHONE = """
<iframe src="sheet.html" style="width:390px;height:2000px;border:0"></iframe>
<script>
addEventListener("load", async () => {
  const inside = document.querySelector("iframe").contentDocument.documentElement;
  while (!inside.dataset.drawn) await new Promise((next) => setTimeout(next, 50));
  const widths = [...inside.querySelectorAll(".main-svg")].map((svg) => svg.getBoundingClientRect().right);
  document.documentElement.dataset.page = inside.scrollWidth;
  document.documentElement.dataset.charts = Math.max(...widths);
});
</script>
"""


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two strategies and a benchmark on the lab, one of them with a name that bites."""
    biting = make_dataclass(BITE, [], bases=(FixedMix,), frozen=True)
    results = compare([StealthQE(), biting()], Lab().market("1d"), benchmark=BuyAndHold())
    path = tmp_path_factory.mktemp("sheet") / "sheet.html"
    write_tearsheet(results, path, "Two strategies", notes=[BITE])
    return path


def probed(sheet: Path, name: str, probe: str) -> Path:
    path = sheet.with_name(name)
    path.write_text(sheet.read_text(encoding="utf-8").replace("</body>", probe + "</body>"), encoding="utf-8")
    return path


def test_every_chart_is_drawn_and_the_console_is_silent(sheet: Path) -> None:
    dom, console = browse(sheet, "--dump-dom")
    places = re.findall(r'<div class="chart[^"]*" id="([^"]+)"', dom)
    assert {"equity", "drawdown", "positions-0", "signal-0-0", "signal-0-1", "positions-1", "costs"} == set(places)
    assert told(dom, "drawn") == str(len(places))
    assert dom.count('class="main-svg"') >= len(places)
    assert console == []


def test_a_name_that_bites_does_not(sheet: Path) -> None:
    dom, _ = browse(sheet, "--dump-dom")
    assert "<title>Two strategies</title>" in dom
    assert not re.search(r"<img[^>]*onerror", dom)


def test_switches_and_zoom_reach_every_chart_that_they_should(sheet: Path) -> None:
    dom, console = browse(probed(sheet, "probed.html", PROBE), "--dump-dom")
    assert told(dom, "scale") == "linear"
    assert told(dom, "hidden") == "legendonly legendonly"
    assert [part[:10] for part in told(dom, "followed").split(" ") if part.startswith("20")] == [
        "2020-01-01",
        "2021-01-01",
    ]
    assert console == []


def test_nothing_is_wider_than_a_phone(sheet: Path) -> None:
    phone = sheet.with_name("phone.html")
    phone.write_text(f"<!doctype html><html><body>{PHONE}</body></html>", encoding="utf-8")
    dom, _ = browse(phone, "--dump-dom")
    assert int(told(dom, "page")) <= 390
    assert float(told(dom, "charts")) <= 390


@pytest.mark.parametrize(("width", "height"), [(1280, 2000), (390, 2000)])
def test_it_can_be_pictured_at_any_width(sheet: Path, width: int, height: int) -> None:
    picture = sheet.with_name(f"{width}.png")
    browse(sheet, f"--window-size={width},{height}", f"--screenshot={picture}", "--hide-scrollbars")
    header = picture.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(header[16:20]), int.from_bytes(header[20:24])) == (width, height)
    assert picture.stat().st_size > 30_000  # an empty page of this size compresses to less than 10 kB
