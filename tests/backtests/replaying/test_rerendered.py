"""A page is rendered again: what it shows otherwise is named, whoever sealed it."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from backtests.backtest import compare
from backtests.findings import examined
from backtests.ledger import Ledger
from backtests.replaying.replay import Replay, replayed, rerun
from backtests.replaying.rerendered import Piece, first_difference, pieces
from backtests.result import Result
from backtests.tearsheet import write_tearsheet
from backtests.tearsheet.sealed import sealed, unsealed
from backtests.tearsheet.wording import Wording, wording_of
from data_cache.errors import CheckFailed
from data_cache.lab import Lab
from data_cache.market import Market
from data_cache.observations import Observations
from strategies import BuyAndHold, NetLiquidityTide

START, END = pd.Timestamp("2022-01-01", tz="UTC"), pd.Timestamp("2022-06-30", tz="UTC")
CONTENT = re.compile(r'(?<=<script type="application/json" id="manifest">).*?(?=</script>)', re.DOTALL)


@pytest.fixture(scope="module")
def lab() -> Market:
    return Lab().market()


@pytest.fixture(scope="module")
def results(lab: Market) -> list[Result]:
    return compare([NetLiquidityTide()], lab, start=START, end=END, benchmark=BuyAndHold())


@pytest.fixture(scope="module")
def page(results: list[Result], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "two.html"
    known = examined(results)
    notes = ["Costs are <guessed>.", "Rien ne va plus"]
    write_tearsheet(results, path, "Two & two", "A try", notes, known.findings, known.proofs)
    return path


@pytest.fixture
def forged(page: Path, tmp_path: Path, lab: Market) -> Callable[..., Replay]:
    """The replay of a page that somebody changed and sealed again."""

    def replay(change: Callable[[str], str], market: Market = lab) -> Replay:
        text = unsealed(page.read_text())
        changed = change(text)
        assert changed != text
        (tmp_path / "t.html").write_text(sealed(changed))
        return replayed(tmp_path / "t.html", market=market, ledger=Ledger(tmp_path / "ledger"))

    return replay


def manifest(change: Callable[[dict[str, Any]], object]) -> Callable[[str], str]:
    """A change of the manifest that machines read."""

    def changed(text: str) -> str:
        held = CONTENT.search(text)
        assert held is not None
        content = json.loads(held[0])
        change(content)
        return text[: held.start()] + json.dumps(content).replace("<", "\\u003c") + text[held.end() :]

    return changed


def test_a_page_is_made_again_letter_by_letter(page: Path, lab: Market, tmp_path: Path) -> None:
    replay = replayed(page, market=lab, ledger=Ledger(tmp_path))
    assert replay.shown == ""
    assert replay.differences == []
    replay.require()


def _better_drawdown(text: str) -> str:
    head, cell, rest = text.partition("Maximum drawdown</button></th><td>")
    return f"{head}{cell}−1.5%{rest[rest.index('%') + 1 :]}"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_better_drawdown, "Maximum drawdown of NetLiquidityTide: the page shows “−1.5% "),
        (lambda text: text.replace("Luck is presumed", "Luck is ruled out"), "Luck is ruled out"),
        (
            lambda text: text.replace("</footer>", "<p>Audited.</p></footer>"),
            "the foot of the page: the page shows “Au",
        ),
        (lambda text: text.replace("<li>Costs are &lt;guessed&gt;.</li>", ""), "does not show “Costs are <guessed>.”"),
        (lambda text: text.replace("<table", "<table hidden", 1), "the page has other markup than its run gives"),
        (lambda text: text.replace("</style>", "td{display:none}</style>", 1), "its style: the page shows"),
        (lambda text: re.sub(r'(id="tables">\{"[^"]*": ")', r"\1x", text), "numbers for download of "),
        (lambda text: re.sub(r'("bdata": ?")(....)', r"\1AAAA", text, count=1), "figure "),
    ],
    ids=["number", "verdict", "added", "left out", "hidden", "style", "download", "figure"],
)
def test_the_first_thing_that_is_shown_otherwise_is_named(
    change: Callable[[str], str], sentence: str, page: Path
) -> None:
    text = unsealed(page.read_text())
    assert sentence in first_difference(change(text), text)


def test_whoever_seals_a_changed_page_again_is_caught_by_the_run(forged: Callable[..., Replay]) -> None:
    replay = forged(_better_drawdown)
    assert replay.tampering == ""
    assert replay.same
    with pytest.raises(
        CheckFailed, match=r"^every number is the same to the last digit, but the page does not show what"
    ):
        replay.require()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda held: held.pop("page"), "the page does not say which notes, findings and proofs it was written with"),
        (lambda held: held["page"].update(findings=[{"code": 1}]), "the page does not say which notes"),
        (lambda held: held["page"].update(proofs=[{"of": 7}]), "the page does not say which notes"),
        (lambda held: held["results"][0].update(label="Stealth"), "manifest results: the page holds others"),
        (lambda held: held.update(title="Best"), "the page shows “Two & two”, its run gives “Best”"),
        (lambda held: held["page"].update(code="0" * 64), "the page says that other code wrote it: 000000000000 then"),
    ],
    ids=["none", "findings", "proofs", "label", "title", "code"],
)
def test_what_a_page_says_of_itself_is_compared_too(
    change: Callable[[dict[str, Any]], object], sentence: str, forged: Callable[..., Replay]
) -> None:
    replay = forged(manifest(change))
    assert sentence in replay.shown
    assert not replay.held


def test_a_finding_left_out_everywhere_is_named(
    results: list[Result], lab: Market, tmp_path: Path, forged: Callable[..., Replay]
) -> None:
    known = examined(results)
    gone = known.findings[0]
    rest = [one for one in known.findings if (one.code, one.about) != (gone.code, gone.about)]
    write_tearsheet(results, tmp_path / "p.html", "Two", findings=rest, proofs=known.proofs)
    replay = replayed(tmp_path / "p.html", market=lab, ledger=Ledger(tmp_path / "ledger"))
    assert replay.shown == f"the page does not tell a finding, {gone.code}: {gone}"


def test_a_page_made_from_a_changed_page_says_so(page: Path, tmp_path: Path) -> None:
    (tmp_path / "t.html").write_text(sealed(_better_drawdown(unsealed(page.read_text()))))
    (found,) = rerun(tmp_path / "t.html", tmp_path / "store").differences
    assert "Maximum drawdown of NetLiquidityTide: the page shows" in found


def test_a_revision_of_what_only_the_page_reads_is_named(lab: Market, tmp_path: Path) -> None:
    rows = {series: lab.observations.rows(series) for series in lab.observations}
    rows["RRPONTSYD"] = rows["RRPONTSYD"].assign(value=rows["RRPONTSYD"]["value"] * 2)
    revised = replace(lab, observations=Observations(rows))
    hold = compare([BuyAndHold()], lab, start=START, end=END)
    write_tearsheet(hold, tmp_path / "hold.html", "Hold")
    replay = replayed(tmp_path / "hold.html", market=revised, ledger=Ledger(tmp_path / "ledger"))
    (found,) = replay.differences
    assert found.sentence.startswith("RRPONTSYD, which the page reads beside the run: ")
    assert (found.cause, replay.same) == ("data", True)
    assert "other data (RRPONTSYD, which the page reads" in replay.verdict
    assert not replay.held


def test_texts_are_told_by_where_they_stand() -> None:
    page = (
        "<head><title>A</title></head><h2>Numbers</h2><table><tr><th>Metric</th><th>Stealth<wbr>QE</th></tr>"
        "<tr><th><button>Sharpe</button></th><td>1.2<small>0 to 2</small></td></tr></table>"
        '<footer>End</footer><script id="tables">{"a": 1, "b": 2}</script>'
    )
    assert pieces(page) == [
        Piece("the head of the page", "A"),
        Piece("Numbers", "Numbers"),
        Piece("Numbers", "Metric"),
        Piece("Numbers", "StealthQE"),
        Piece("Numbers", "Sharpe"),
        Piece("Numbers, Sharpe of StealthQE", "1.2 0 to 2"),
        Piece("the foot of the page", "End"),
        Piece("tables", '{"a": 1, "b": 2}'),
    ]
    assert first_difference(page.replace('"b": 2', '"b": 3'), page) == (
        "numbers for download of b: the page holds others than its run gives"
    )
    assert first_difference(page, page.replace("</footer>", "<p>More</p></footer>")) == (
        "the foot of the page: the page does not show “More”, which its run gives"
    )


@pytest.mark.parametrize(
    "told", [None, [], {}, {"notes": 1}, {"notes": [], "findings": 3, "proofs": [], "subtitle": ""}]
)
def test_a_wording_that_ebbtide_never_writes_is_none(told: Any) -> None:
    assert wording_of("A", told, []) is None


def test_a_wording_comes_back(results: list[Result]) -> None:
    known = examined(results)
    wording = Wording("A", "B", ("n",), tuple(known.findings), tuple(known.proofs))
    told = json.loads(json.dumps(wording.summary(results)))
    assert wording_of("A", told, results) == replace(wording, code=told["code"])
