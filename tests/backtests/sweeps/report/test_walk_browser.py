"""The page of a walk in a browser: everything is drawn, nothing complains, nothing is wider than a phone."""

import re
from pathlib import Path

import pytest

from backtests.sweeps.report import write_walk
from tests.backtests.chromium import NEEDS_CHROMIUM, browse, told
from tests.backtests.sweeps.report.made_walk import lab, made_paths, made_walk

pytestmark = NEEDS_CHROMIUM

# A page as wide as a phone around the walk's: a click on each kind of switch, then what came of it.
PHONE = """<!doctype html><html><body>
<iframe src="walk.html" style="width:390px;height:2000px;border:0"></iframe>
<script>
addEventListener("load", async () => {
  const page = document.querySelector("iframe").contentWindow;
  const inside = page.document;
  const pause = () => new Promise((next) => setTimeout(next, 300));
  while (!inside.documentElement.dataset.drawn) await pause();
  const said = document.documentElement.dataset;
  said.page = inside.documentElement.scrollWidth;
  said.charts = Math.max(...[...inside.querySelectorAll(".chart .main-svg")]
    .map((svg) => svg.getBoundingClientRect().right));
  said.more = [...inside.querySelectorAll(".more")].map((hint) => page.getComputedStyle(hint).display).join(" ");
  page.URL.createObjectURL = (blob) => { said.kind = blob.type; said.bytes = blob.size; return "#"; };
  inside.getElementById("download").click();
  inside.querySelector('button[data-scale="linear"]').click();
  inside.querySelector('button[data-chart="equity"][data-trace="1"]').click();
  await pause();
  said.scale = inside.getElementById("equity").layout.yaxis.type;
  said.hidden = inside.getElementById("drawdown").data[1].visible;
});
</script></body></html>
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("walk") / "walk.html"
    write_walk(made_walk(lab()), made_paths(), path)
    return path


def test_every_section_is_there_every_chart_is_drawn_and_the_console_is_silent(page: Path) -> None:
    dom, console = browse(page, "--dump-dom")
    sections = re.findall(r'<section id="([^"]+)"', dom)
    places = re.findall(r'<div class="chart[^"]*" id="([^"]+)"', dom)
    assert sections == ["joined", "stretches", "drift", "kept", "cross", "metrics", "manifests"]
    assert len(places) == 7
    assert told(dom, "drawn") == "7"
    assert console == []


def test_nothing_is_wider_than_a_phone_a_wide_table_says_so_and_switches_and_download_work(page: Path) -> None:
    phone = page.with_name("phone.html")
    phone.write_text(PHONE, encoding="utf-8")
    dom, console = browse(phone, "--dump-dom")
    assert int(told(dom, "page")) <= 390
    assert 200 < float(told(dom, "charts")) <= 390
    assert told(dom, "more").split()[0] == "block"
    assert told(dom, "kind") == "text/csv"
    assert int(told(dom, "bytes")) > 300
    assert told(dom, "scale") == "linear"
    assert told(dom, "hidden") == "legendonly"
    assert console == []
