"""Tearsheets as a user asks for them: of strategies, run files and saved results; as a page, a PDF and pictures."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from backtests.ledger import Ledger
from tests.backtests.chromium import NEEDS_CHROMIUM

TREND = "TrendFollowing(days=5)"


def test_a_page_is_written_where_nobody_said_where(
    ebbtide: Callable, cached: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = ebbtide("tearsheet", "FixedMix", TREND, *cached)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines()[-1] == "Tearsheet: tearsheets/FixedMix-TrendFollowing.html"
    page = (tmp_path / "tearsheets" / "FixedMix-TrendFollowing.html").read_text("utf-8")
    assert "<title>FixedMix · TrendFollowing</title>" in page


def test_json_tells_results_findings_proofs_and_files(
    ebbtide: Callable, cached: tuple[object, ...], tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    answer = ebbtide("tearsheet", TREND, *cached, "--out", page, "--cuts", 6, "--json")
    assert answer.err == ""
    assert answer.json["files"] == [str(page)]
    assert [result["strategy"][:22] for result in answer.json["results"]] == ["TrendFollowing(days=5,"]
    assert [proof["cuts"] for proof in answer.json["proofs"]] == [6]
    told = ebbtide("run", TREND, *cached, "--json").json
    assert answer.json["results"][0]["metrics"] == told["metrics"]
    assert answer.json["findings"] == told["findings"]


def test_the_trials_are_recorded_and_those_of_saved_results_are_not_again(
    ebbtide: Callable, cached: tuple[object, ...], tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    ebbtide("tearsheet", TREND, *cached, "--out", page)
    assert Ledger.default().count("TrendFollowing", distinct=False) == 1
    again = ebbtide("tearsheet", page, *cached[2:], "--out", tmp_path / "again.html")
    assert (again.code, again.err) == (0, "")
    assert Ledger.default().count("TrendFollowing", distinct=False) == 1


def test_saved_results_give_the_same_numbers_again(
    ebbtide: Callable, cached: tuple[object, ...], tmp_path: Path
) -> None:
    store = cached[2:]
    saved, page = tmp_path / "saved.json", tmp_path / "page.html"
    told = ebbtide("compare", "FixedMix", TREND, *cached, "--fee-bps", 20, "--out", page, "--json")
    saved.write_text(told.out)
    for file in (saved, page):
        again = ebbtide("tearsheet", file, *store, "--out", tmp_path / "again.html", "--json").json
        assert [r["equity_sha256"] for r in again["results"]] == [r["equity_sha256"] for r in told.json["results"]]
        assert "CHANGED_SINCE" not in {finding["code"] for finding in again["findings"]}
        assert f"Run again from {file.name}" in (tmp_path / "again.html").read_text("utf-8")


def test_what_is_no_longer_as_it_was_saved_is_a_finding(
    ebbtide: Callable, cached: tuple[object, ...], tmp_path: Path
) -> None:
    saved = tmp_path / "saved.json"
    told = ebbtide("run", "FixedMix", *cached, "--json").json
    told["metrics"]["cagr"] += 0.01
    saved.write_text(json.dumps(told))
    again = ebbtide("tearsheet", saved, *cached[2:], "--out", tmp_path / "again.html", "--json").json
    changed = [finding["sentence"] for finding in again["findings"] if finding["code"] == "CHANGED_SINCE"]
    assert changed
    assert all(sentence.startswith("saved.json: ") for sentence in changed)


def test_a_page_that_is_handed_round_does_not_tell_where_the_store_lies(
    ebbtide: Callable, cached: tuple[object, ...], sixty_days: Path, tmp_path: Path
) -> None:
    """The path of a store often holds the name of whoever wrote the page."""
    told = ebbtide("run", TREND, *cached, "--out", tmp_path / "page.html", "--json")
    assert told.json["manifest"]["origin"].startswith("cache: BTC from ")
    assert str(sixty_days) not in (tmp_path / "page.html").read_text("utf-8")
    assert str(sixty_days) not in json.dumps(told.json["manifest"])


def test_an_edited_rule_of_a_saved_result_is_run_where_it_is_named(
    ebbtide: Callable, cached: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rule = Path("own.py")
    rule.write_text("from strategies import FixedMix\n\n\nclass Own(FixedMix):\n    pass\n")
    Path("own.json").write_text(ebbtide("run", "own.py:Own", *cached, "--json").out)
    rule.write_text(rule.read_text() + "# edited\n")
    again = ("tearsheet", "own.json", *cached[2:], "--out", "again.html")
    assert ebbtide(*again).sentence().endswith("look at it, then pass --strategy-file own.py")
    told = ebbtide(*again, "--strategy-file", "own.py", "--json").json
    assert [one["code"] for one in told["findings"]].count("CHANGED_SINCE") == 1
    sentence = ebbtide("tearsheet", "FixedMix", *cached, "--strategy-file", "own.py").sentence()
    assert sentence == "--strategy-file is for saved results; name a strategy of your own as own.py:Class"


def test_a_run_file_names_what_the_page_is_of(
    ebbtide: Callable, cached: tuple[object, ...], sixty_days: Path, tmp_path: Path
) -> None:
    file = tmp_path / "run.toml"
    file.write_text(f'strategy = "{TREND}"\ndata = "cache"\nstore = "{sixty_days}"\nout = "mine.html"\ncuts = 3\n')
    assert ebbtide("tearsheet", file).out.splitlines()[-1] == f"Tearsheet: {tmp_path / 'mine.html'}"
    assert (tmp_path / "mine.html").exists()


def test_a_walk_writes_a_tearsheet_of_its_joined_run_beside_its_own_page(
    ebbtide: Callable, cached: tuple[object, ...], tmp_path: Path
) -> None:
    steps = ("--set", "days=2:4:1", "--train", "20d", "--test", "10d")
    own, sheet = tmp_path / "walk.html", tmp_path / "sheet.html"
    answer = ebbtide("walk", "TrendFollowing", *steps, *cached, "--out", own, "--tearsheet", sheet)
    assert [line for line in answer.out.splitlines() if ".html" in line] == [f"Tearsheet: {sheet}", f"Report: {own}"]
    assert "TrendFollowing-stretches.csv" in own.read_text("utf-8")
    assert "<title>TrendFollowing, walked forward</title>" in sheet.read_text("utf-8")


def test_without_a_browser_the_page_is_written_all_the_same(
    ebbtide: Callable, cached: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EBBTIDE_CHROMIUM", "no-such-browser")
    page = tmp_path / "page.html"
    sentence = ebbtide("tearsheet", "FixedMix", *cached, "--out", page, "--pdf", tmp_path / "page.pdf").sentence()
    assert "looked for no-such-browser; install one" in sentence
    assert sentence.endswith(f"(the page itself is written: {page})")
    assert page.exists()
    assert not (tmp_path / "page.pdf").exists()


class TestInChromium:
    pytestmark = NEEDS_CHROMIUM

    def test_a_pdf_and_pictures_are_made_of_the_page(
        self, ebbtide: Callable, cached: tuple[object, ...], tmp_path: Path
    ) -> None:
        page, pdf, pictures = tmp_path / "page.html", tmp_path / "page.pdf", tmp_path / "pictures"
        answer = ebbtide("tearsheet", TREND, *cached, "--out", page, "--pdf", pdf, "--png", pictures)
        assert (answer.code, answer.err) == (0, "")
        count = len(list(pictures.iterdir()))
        said = [f"Tearsheet: {page}", f"PDF: {pdf}", f"Pictures: {pictures}, {count} files"]
        assert answer.out.splitlines()[-3:] == said
        assert pdf.read_bytes().startswith(b"%PDF-")
        assert {"page.png", "equity.png", "drawdown.png"} <= {picture.name for picture in pictures.iterdir()}


MISTAKES = [
    (("saved.html", "FixedMix"), "give saved results or strategies, not both; found saved.html, FixedMix"),
    (
        ("saved.html", "--from", "2024-01-01", "--fee-bps", "5"),
        "a saved result says itself how it was run; leave out --from, --fee-bps, or name the strategy instead",
    ),
    (("FixedMix", "--cuts", "0"), "--cuts must be one or more; found 0"),
    (("FixedMix", "--out", "."), "--out . is a folder; name a file in it, such as page.html"),
    (("FixedMix", "--pdf", "."), "--pdf . is a folder; name a file in it, such as page.pdf"),
    (("FixedMix", "--png", "file"), "--png file is a file; name a folder for the pictures"),
    *[
        (("FixedMix", "--pdf", name), f"--pdf {name} is named like a page; name it otherwise, such as page.pdf")
        for name in ("z.html", "Z.HTM")
    ],
    (("FixedMix", "--png", "z.html"), "--png z.html is named like a page; name it otherwise, such as pictures"),
    *[
        (
            ("FixedMix", *places),
            f"{' '.join(places[:2])} and {' '.join(places[2:])} would overwrite each other; name two places",
        )
        for places in (
            ("--out", "z", "--pdf", "z"),
            ("--out", "z", "--pdf", "Z"),
            ("--out", "z", "--pdf", "link"),
            ("--out", "z/page", "--pdf", "z"),
            ("--out", "z", "--png", "z"),
            ("--out", "z", "--png", "z/pictures"),
            ("--out", "pictures/page.png", "--png", "pictures"),
            ("--pdf", "z", "--png", "z"),
        )
    ],
    (("FixdMix",), "ebbtide has no strategy 'FixdMix'; did you mean 'FixedMix'?"),
]


@pytest.mark.parametrize(("arguments", "sentence"), MISTAKES)
def test_a_mistake_is_told_before_anything_is_run(
    ebbtide: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("z")
    assert ebbtide("tearsheet", *arguments).sentence() == sentence
    assert Ledger.default().count(distinct=False) == 0
