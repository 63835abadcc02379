"""The report in a browser: everything is drawn, nothing complains, nothing is wider than a phone."""

import re
from dataclasses import make_dataclass
from pathlib import Path

import pytest

from backtests.sweeps.grid import Axis
from backtests.sweeps.report import write_report
from strategies import StealthQE
from tests.backtests.chromium import NEEDS_CHROMIUM, browse, told
from tests.backtests.sweeps.report.synthetic import AXES, made

pytestmark = NEEDS_CHROMIUM

BITE = "<script>document.title='bitten'</script><img src=x onerror=\"document.title='bitten'\">"

# A page as wide as a phone around the report: a click on each kind of switch, then what came of it.
PHONE = """<!doctype html><html><body>
<iframe src="report.html" style="width:390px;height:2000px;border:0"></iframe>
<script>
addEventListener("load", async () => {
  const page = document.querySelector("iframe").contentWindow;
  const inside = page.document;
  const pause = () => new Promise((next) => setTimeout(next, 300));
  while (!inside.documentElement.dataset.drawn) await pause();
  const said = document.documentElement.dataset;
  said.page = inside.documentElement.scrollWidth;
  said.charts = Math.max(...[...inside.querySelectorAll("section > figure > .chart .main-svg, .maps .main-svg")]
    .map((svg) => svg.getBoundingClientRect().right));
  said.more = page.getComputedStyle(inside.querySelector("#best .more")).display;
  page.URL.createObjectURL = (blob) => { said.kind = blob.type; said.bytes = blob.size; return "#"; };
  inside.getElementById("download").click();
  inside.querySelector('button[data-tenths="1"]').click();
  inside.querySelector('button[data-chart="fan"]').click();
  await pause();
  said.tenths = inside.getElementById("paths").data.map((trace) => trace.visible ?? true).join(" ");
  said.hidden = inside.getElementById("fan").data[6].visible;
});
</script></body></html>
"""

# The same as wide as a screen: how much of the table of the best trials is cut off.
SCREEN = """<!doctype html><html><body>
<iframe src="report.html" style="width:1280px;height:900px;border:0"></iframe>
<script>
addEventListener("load", () => {
  const inside = document.querySelector("iframe").contentWindow.document;
  const table = inside.querySelector("#best .scroll");
  document.documentElement.dataset.cut = table.scrollWidth - table.clientWidth;
});
</script></body></html>
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    biting = make_dataclass(BITE, [], bases=(StealthQE,), frozen=True)
    path = tmp_path_factory.mktemp("report") / "report.html"
    axes = [*AXES, Axis("ceiling_bps", (5.0, 10.0)), Axis("exposure", (0.5, 1.0))]  # wider than a phone side by side
    write_report(made(axes, base=biting(), days=400, origin="SIMULATED (lab, seed 7)", notices=[BITE]), path)
    return path


def test_every_section_is_there_every_chart_is_drawn_and_the_console_is_silent(report: Path) -> None:
    dom, console = browse(report, "--dump-dom")
    sections = re.findall(r'<section id="([^"]+)"', dom)
    places = re.findall(r'<div class="chart[^"]*" id="([^"]+)"', dom)
    assert sections == ["chance", "statistics", "best", "parameters", "all-paths", "growth", "manifests"]
    assert set(places) == {"luck", *(f"map-{i}" for i in range(10)), "paths", "fan"}
    assert told(dom, "drawn") == str(len(places))
    assert "bitten</title>" not in dom
    assert not re.search(r"<img[^>]*onerror", dom)
    assert console == []


def test_nothing_is_wider_than_a_phone_and_switches_and_download_work(report: Path) -> None:
    phone = report.with_name("phone.html")
    phone.write_text(PHONE, encoding="utf-8")
    dom, console = browse(phone, "--dump-dom")
    assert int(told(dom, "page")) <= 390
    assert 200 < float(told(dom, "charts")) <= 390
    assert told(dom, "more") == "block"  # the table of the best is wider, and says so
    assert told(dom, "kind") == "text/csv"
    assert int(told(dom, "bytes")) > 1_000
    assert told(dom, "tenths") == " ".join(["false"] * 9 + ["true"] * 2)
    assert told(dom, "hidden") == "legendonly"
    assert console == []


def test_the_best_trials_of_five_parameters_are_whole_on_a_screen(report: Path) -> None:
    screen = report.with_name("screen.html")
    screen.write_text(SCREEN, encoding="utf-8")
    dom, _ = browse(screen, "--dump-dom")
    assert told(dom, "cut") == "0"
