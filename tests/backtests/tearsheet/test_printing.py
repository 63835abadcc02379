"""PDF and pictures: a browser that prints and paints, one that is missing, and some that fail."""

import re
from pathlib import Path

import pytest

from backtests.tearsheet import printing, write_tearsheet
from backtests.tearsheet.printing import Unprintable, print_pdf, print_png, safe
from data_cache.errors import BadUsage
from tests.backtests.chromium import NEEDS_CHROMIUM
from tests.backtests.tearsheet.worlds import market, run


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty days of one book, on a simulated market."""
    file = tmp_path_factory.mktemp("page") / "sheet.html"
    closes = [100 * 1.01**day for day in range(60)]
    write_tearsheet([run(market(closes, origin="SIMULATED (by hand)"))], file, "Sixty days")
    return file


def stand_in(folder: Path, script: str) -> str:
    """A browser that does what `script` says."""
    browser = folder / "browser"
    browser.write_text(f"#!/bin/sh\n{script}\n")
    browser.chmod(0o755)
    return str(browser)


# --- a browser that is there


class TestInChromium:
    pytestmark = NEEDS_CHROMIUM

    def test_a_pdf_has_pages_of_a4_and_appears_alone(self, page: Path, tmp_path: Path) -> None:
        out = tmp_path / "new" / "sheet.pdf"
        print_pdf(page, out)
        printed = out.read_bytes()
        assert printed.startswith(b"%PDF-")
        assert len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)) >= 2
        assert [file.name for file in out.parent.iterdir()] == ["sheet.pdf"]

    def test_every_chart_is_a_picture_and_so_is_the_page(self, page: Path, tmp_path: Path) -> None:
        files = print_png(page, tmp_path / "pictures")
        charts = re.findall(r'<div class="chart" id="([^"]+)"', page.read_text("utf-8"))
        assert [file.name for file in files] == ["page.png", *(f"{chart}.png" for chart in charts)]
        assert {file.name for file in files} == {file.name for file in (tmp_path / "pictures").iterdir()}
        width, height = size(files[0])
        assert width == 1280
        assert height > 3000  # the whole page, not a window of it
        assert all(size(file)[0] == 2200 for file in files[1:])  # 1100, twice as fine


def size(picture: Path) -> tuple[int, int]:
    header = picture.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(header[16:20]), int.from_bytes(header[20:24])


# --- one that is not, or fails


def test_without_a_browser_it_says_what_was_looked_for(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("EBBTIDE_CHROMIUM", raising=False)
    monkeypatch.setattr(printing, "PLACES", ())
    with pytest.raises(
        BadUsage, match=r"none was found: looked for chromium, .*google-chrome.*; install one, such as by"
    ):
        print_pdf(page, tmp_path / "sheet.pdf")
    monkeypatch.setenv("EBBTIDE_CHROMIUM", "/nowhere/chrome")
    with pytest.raises(BadUsage, match=r"looked for /nowhere/chrome; .* or name it in \$EBBTIDE_CHROMIUM"):
        print_png(page, tmp_path / "pictures")


FAILURES = [
    ("echo 'no display' >&2; exit 7", "ended with exit code 7: no display; print the page from a browser, or name"),
    ("exit 0", "the browser wrote no PDF; print the page from a browser"),
    ("sleep 20", "had not shown sheet.html after 0.5 s; print the page from a browser"),
]


@pytest.mark.parametrize(("script", "sentence"), FAILURES)
def test_a_browser_that_fails_is_a_sentence_and_the_old_file_stays(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, sentence: str
) -> None:
    monkeypatch.setenv("EBBTIDE_CHROMIUM", stand_in(tmp_path, f"exec {script}" if "sleep" in script else script))
    monkeypatch.setattr(printing, "PATIENCE", 0.5 if "sleep" in script else 60)
    out = tmp_path / "sheet.pdf"
    out.write_text("the old one")
    with pytest.raises(Unprintable, match=re.escape(sentence)):
        print_pdf(page, out)
    assert out.read_text() == "the old one"


def test_a_file_that_cannot_be_started_is_no_browser(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EBBTIDE_CHROMIUM", stand_in(tmp_path, ""))
    (tmp_path / "browser").write_bytes(b"\x00not a program")
    with pytest.raises(Unprintable, match="cannot be started: Exec format error"):
        print_pdf(page, tmp_path / "sheet.pdf")


def test_charts_that_are_not_drawn_are_no_pictures(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EBBTIDE_CHROMIUM", stand_in(tmp_path, "echo '<html></html>'"))
    with pytest.raises(Unprintable, match=r"its charts were not drawn; open it in a browser to see why"):
        print_png(page, tmp_path / "pictures")
    assert not (tmp_path / "pictures").exists()


NAMES = [
    ("StealthQE", "StealthQE"),
    ("<script>alert(1)</script>", "script_alert_1_script"),
    ("../../etc/passwd", "etc_passwd"),
    ("Trend (days=5) · ä", "Trend_days_5"),
    ("/", "tearsheet"),
]


@pytest.mark.parametrize(("name", "file"), NAMES)
def test_a_name_becomes_one_that_a_file_may_have(name: str, file: str) -> None:
    assert safe(name) == file
