"""Saved results run again: what is the same, what differs, and what explains it."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from backtests.backtest import Backtest, compare
from backtests.execution import Execution
from backtests.ledger import Ledger
from backtests.metrics import shown_metrics
from backtests.replaying.replay import Replay, replayed, rerun
from backtests.replaying.saved import execution_of, is_saved, read_saved
from backtests.replaying.shown import first_false_number, table_of
from backtests.result import Result
from backtests.tearsheet import write_tearsheet
from backtests.tearsheet.sealed import seal_of, sealed
from data_cache.bars import Bars
from data_cache.errors import BadUsage, CheckFailed, NoData
from data_cache.lab import Lab
from data_cache.market import Market
from data_cache.observations import Observations
from strategies import BuyAndHold, NetLiquidityTide, StealthQE, TrendFollowing
from strategies.strategy import Book, Now, Strategy, Weights

END = pd.Timestamp("2022-06-30", tz="UTC")
CONTENT = re.compile(r'(<script type="application/json" id="manifest">)(.*?)(</script>)', re.DOTALL)


@dataclass(frozen=True)
class Guard(Strategy):
    """Hold BTC until a fifth is lost, then half of it: a rule that looks at its own book."""

    def on_event(self, at: pd.Timestamp, now: Now, book: Book) -> Weights | None:
        return {"BTC": 0.5 if book.drawdown > 0.2 else 1.0}


@pytest.fixture(scope="module")
def lab() -> Market:
    return Lab().market()


@pytest.fixture
def again(tmp_path: Path) -> Callable[..., Replay]:
    """A replay against an empty ledger."""

    def replay(path: Path, **others: Any) -> Replay:
        return replayed(path, tmp_path / "store", ledger=Ledger(tmp_path / "ledger"), **others)

    return replay


@pytest.fixture(scope="module")
def page(lab: Market, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "two.html"
    write_tearsheet(compare([StealthQE(), NetLiquidityTide()], lab, end=END, benchmark=BuyAndHold()), path, "Two")
    return path


def saved(result: Result, path: Path, **changed: Any) -> Path:
    """A result as --json prints it, some entries of its manifest changed."""
    about = result.summary()
    path.write_text(json.dumps(about | {"manifest": about["manifest"] | changed}))
    return path


def edited(page: Path, path: Path, change: Callable[[dict[str, Any]], None], seal: bool = False) -> Path:
    """A page whose manifest was changed, and sealed again if asked."""
    text = page.read_text()
    held = CONTENT.search(text)
    assert held is not None
    content = json.loads(held[2])
    change(content)
    text = text[: held.start(2)] + json.dumps(content) + text[held.end(2) :]
    if seal:
        text = sealed(re.sub(r'<meta name="ebbtide-seal"[^>]*>\n', "", text, count=1))
    path.write_text(text)
    return path


def test_a_page_gives_the_same_numbers_to_the_last_digit(page: Path, again: Callable[..., Replay]) -> None:
    replay = again(page)
    assert [one.label for one in replay.again] == ["StealthQE", "NetLiquidityTide", "BuyAndHold (benchmark)"]
    assert replay.differences == []
    assert replay.verdict == "every number is the same to the last digit"
    replay.require()


def test_results_share_their_benchmark_as_they_did(page: Path, again: Callable[..., Replay]) -> None:
    one, two = again(page).results
    assert one.benchmark is two.benchmark is not None


@pytest.mark.parametrize(
    "result",
    [
        lambda: Backtest(TrendFollowing(), Lab().market("1h"), end=END, start=END - pd.Timedelta(days=40)).run(),
        lambda: Backtest(StealthQE(), Lab(seed=5, effect=0).market("4h"), Execution(cash="DTB3"), end=END).run(),
        lambda: Backtest(StealthQE(), Lab().market(), engine="events", end=END).run(),
    ],
    ids=["hourly", "another lab, and cash", "events"],
)
def test_what_json_printed_gives_the_same(
    result: Callable[[], Result], tmp_path: Path, again: Callable[..., Replay]
) -> None:
    replay = again(saved(result(), tmp_path / "run.json"))
    assert replay.differences == []
    assert replay.held


def test_a_rule_that_looks_at_its_book_gives_the_same(
    lab: Market, tmp_path: Path, again: Callable[..., Replay]
) -> None:
    run = Backtest(Guard(), lab, end=END, start=END - pd.Timedelta(days=200)).run()
    assert again(saved(run, tmp_path / "run.json")).held


def test_a_benchmark_with_a_window_of_its_own_keeps_it(
    toy: SimpleNamespace, tmp_path: Path, again: Callable[..., Replay]
) -> None:
    nan = float("nan")
    world = toy.market({"BTC": toy.BTC, "ETH": (nan, nan, *toy.ETH[2:])})
    (result,) = compare([BuyAndHold()], world, benchmark=BuyAndHold(mix=(("BTC", 1.0),)))
    path = tmp_path / "pair.json"
    assert result.benchmark is not None
    path.write_text(json.dumps({"results": [result.summary()], "benchmark": result.benchmark.summary()}, default=str))
    replay = again(path, market=world)
    assert [len(one.result.tape.opens) for one in replay.again] == [4, 6]
    assert replay.held


def test_other_line_endings_are_no_change(page: Path, tmp_path: Path, again: Callable[..., Replay]) -> None:
    path = tmp_path / "mailed.html"
    path.write_bytes(page.read_bytes().replace(b"\n", b"\r\n"))
    again(path).require()


def test_a_number_edited_in_the_page_is_noticed_though_the_manifest_is_whole(
    page: Path, tmp_path: Path, again: Callable[..., Replay]
) -> None:
    path = tmp_path / "better.html"
    path.write_text(page.read_text().replace("<title>Two</title>", "<title>Too good</title>"))
    replay = again(path)
    seal = seal_of(path.read_text())
    assert replay.tampering == (
        f"better.html was changed after ebbtide wrote it: its seal says {seal.said[:12]}, what it holds has "
        f"{seal.found[:12]}; what follows is of the manifest as it stands"
    )
    assert replay.same
    with pytest.raises(
        CheckFailed, match=r"^better\.html was changed after ebbtide wrote it: don't trust what it shows"
    ):
        replay.require()


def test_the_first_number_that_a_reader_sees_otherwise_than_the_manifest_has_it_is_named(
    page: Path, tmp_path: Path, again: Callable[..., Replay]
) -> None:
    text = page.read_text()
    row = text[text.index("Maximum drawdown</button></th>") :]
    deepest = row[row.index("<td>") + 4 : row.index("%")] + "%"
    better = row.replace(deepest, "−1.3%", 1)
    path = tmp_path / "ed.html"
    path.write_text(text.replace(row, better))
    assert again(path).verdict == (
        "ed.html was changed after ebbtide wrote it: don't trust what it shows. Its manifest runs to the same numbers "
        "as it holds; what a reader sees in tables may not be them. Maximum drawdown of StealthQE shows −1.3%, its "
        f"manifest says {deepest}"
    )


def test_the_table_of_a_page_is_what_its_manifest_has(page: Path) -> None:
    saved_ = read_saved(page)
    assert [len(row) for row in table_of(saved_.page)] == [4] * (len(shown_metrics([])) + 1)
    assert first_false_number(saved_.page, saved_.results) == ""
    wrong = {**saved_.results[0].benchmark.metrics, "decisions": None}
    beside = replace(saved_.results[0].benchmark, metrics=wrong)
    results = [replace(one, benchmark=beside) for one in saved_.results]
    assert first_false_number(saved_.page, results) == "Decisions of BuyAndHold shows 1, its manifest says –"


@pytest.mark.parametrize("hidden", ['"ebbtide-seal"  content', '"ebbtide-sea1" content', ""])
def test_a_page_whose_seal_was_taken_away_or_hidden_fails_the_check(
    hidden: str, page: Path, tmp_path: Path, again: Callable[..., Replay]
) -> None:
    path = tmp_path / "bare.html"
    edited_text = page.read_text().replace("<title>Two</title>", "<title>Too good</title>")
    path.write_text(edited_text.replace('"ebbtide-seal" content', hidden))
    replay = again(path)
    assert replay.tampering == "bare.html is not sealed, so it can't be told whether it was changed"
    assert replay.summary()["seal"]["missing"]
    with pytest.raises(
        CheckFailed, match=r"^bare\.html is not sealed, so it can't .*: don't trust what it shows\. Its"
    ):
        replay.require()


def _better(content: dict[str, Any]) -> None:
    content["results"][0]["metrics"]["sharpe"] = 2.5


def test_a_better_number_in_the_manifest_is_noticed(page: Path, tmp_path: Path, again: Callable[..., Replay]) -> None:
    replay = again(edited(page, tmp_path / "t.html", _better))
    assert replay.tampering
    now = replay.results[0].metrics["sharpe"]
    assert replay.verdict == (
        f"the numbers differ (Sharpe ratio of StealthQE is {now!r}, the file says 2.5); what can explain it: the file "
        "was changed"
    )


def test_a_forger_who_seals_again_is_caught_by_the_run(
    page: Path, tmp_path: Path, again: Callable[..., Replay]
) -> None:
    replay = again(edited(page, tmp_path / "t.html", _better, seal=True))
    assert replay.tampering == ""
    with pytest.raises(CheckFailed, match=r"with equal data, code and versions the numbers are others .* sealed again"):
        replay.require()


def test_a_strategy_that_is_not_the_one_it_says_is_noticed(
    lab: Market, tmp_path: Path, again: Callable[..., Replay]
) -> None:
    path = saved(Backtest(StealthQE(), lab, end=END).run(), tmp_path / "r.json", expression="StealthQE(window=5)")
    (strategy, *_) = (one for one in again(path).differences if one.entry == "strategy")
    assert strategy.cause == "the file itself"
    assert strategy.sentence.startswith("strategy: the file says StealthQE(window=21, ")


def test_a_hash_that_does_not_fit_its_vintage_is_noticed(
    lab: Market, tmp_path: Path, again: Callable[..., Replay]
) -> None:
    run = Backtest(StealthQE(), lab, end=END).run()
    path = saved(run, tmp_path / "r.json", data=run.manifest["data"] | {"SRF": "0" * 64})
    (found,) = again(path).differences
    assert found.sentence == "SRF: what the file says of it does not fit its own hash"


@pytest.mark.parametrize(
    ("entry", "value", "sentence", "cause"),
    [
        ("python", "3.9.1", "python: 3.9.1 then, ", "versions"),
        ("engine_code", "0" * 64, "code of the engines: 000000000000 then, ", "code"),
        ("code", {}, "code of CeilingSpread: – then, ", "code"),
        ("bars", 7, "bars: the file says 7, but what it tells to run has ", "the file itself"),
        ("origin", "cache", "origin: the file says cache, but what it tells to run has SIMULATED", "the file itself"),
        ("seed", 8, "seed: the file says 8, but what it tells to run has 7", "the file itself"),
        ("benchmark", "BuyAndHold()", "benchmark: the file says BuyAndHold(), but ", "the file itself"),
    ],
)
def test_each_entry_that_differs_is_told(
    entry: str, value: Any, sentence: str, cause: str, lab: Market, tmp_path: Path, again: Callable[..., Replay]
) -> None:
    path = saved(Backtest(StealthQE(), lab, end=END).run(), tmp_path / "r.json", **{entry: value})
    found = again(path).differences[0]
    assert found.sentence.startswith(sentence)
    assert found.cause == cause


def test_the_input_that_changed_is_named_with_the_year(
    toy: SimpleNamespace, tmp_path: Path, again: Callable[..., Replay]
) -> None:
    world = toy.market({"BTC": toy.BTC}, releases={"PLAN_BTC": {"01-01": 0.5, "01-04": 1.0}})
    path = saved(Backtest(Follows(), world).run(), tmp_path / "r.json")
    less = toy.market({"BTC": toy.BTC}, releases={"PLAN_BTC": {"01-01": 0.5}})
    replay = again(path, market=less)
    (found,) = replay.differences
    assert found.sentence == (
        "PLAN_BTC: 2 releases to 2024-01-04 00:00 then, 1 releases to 2024-01-01 00:00 now; "
        "the first difference is in what became known in 2024"
    )
    assert f"what can explain it: other data ({found.sentence})" in replay.verdict
    assert not replay.same


def test_a_price_that_changed_is_named(toy: SimpleNamespace, tmp_path: Path, again: Callable[..., Replay]) -> None:
    world = toy.market({"BTC": toy.BTC}, releases={"PLAN_BTC": {"01-01": 0.5}})
    path = saved(Backtest(Follows(), world).run(), tmp_path / "r.json")
    frame = world.bars["BTC"].frame * 1.01
    (found,) = again(path, market=replace(world, bars={"BTC": Bars("BTC", "1d", frame)})).differences
    assert found.sentence == (
        "bars:BTC: 6 bars to 2024-01-07 00:00 then as now, but not the same; "
        "the first difference is in what became known in 2024"
    )


def test_an_input_that_is_missing_is_named_with_the_cure(
    toy: SimpleNamespace, tmp_path: Path, again: Callable[..., Replay]
) -> None:
    world = toy.market({"BTC": toy.BTC}, releases={"PLAN_BTC": {"01-01": 0.5}})
    path = saved(Backtest(Follows(), world).run(), tmp_path / "r.json")
    cure = r"^Follows read PLAN_BTC, which a toy world does not have; fetch or import it, or name another cache with"
    with pytest.raises(NoData, match=cure):
        again(path, market=replace(world, observations=Observations({})))


def test_a_market_made_by_hand_has_to_be_given(
    toy: SimpleNamespace, tmp_path: Path, again: Callable[..., Replay]
) -> None:
    world = toy.market({"BTC": toy.BTC}, releases={"PLAN_BTC": {"01-01": 0.5}})
    path = saved(Backtest(Follows(), world).run(), tmp_path / "r.json")
    with pytest.raises(BadUsage, match="the market of Follows was made by hand, and no file holds it; in Python:"):
        again(path)


def test_trials_that_came_since_are_told_and_change_no_number(
    lab: Market, tmp_path: Path, again: Callable[..., Replay]
) -> None:
    replay = again(saved(Backtest(StealthQE(), lab, end=END).run(), tmp_path / "r.json", trials=5))
    (found,) = replay.differences
    assert (
        found.sentence == "trials of StealthQE: the file says 5, which can't be checked here, where the ledger counts 0"
    )
    assert replay.verdict == "every number is the same to the last digit"


def test_a_rerun_gives_results_for_a_page_and_what_differs(page: Path, tmp_path: Path) -> None:
    found = rerun(edited(page, tmp_path / "t.html", _better), tmp_path / "store")
    assert [result.name for result in found.results] == ["StealthQE", "NetLiquidityTide"]
    assert found.title == "Two"
    assert [sentence.split()[0] for sentence in found.differences] == ["t.html", "the"]


def test_the_manifest_of_a_rerun_keeps_what_was_asked_and_counted(
    lab: Market, tmp_path: Path, again: Callable[..., Replay]
) -> None:
    run = Backtest(StealthQE(), lab, end=END).run()
    (result,) = again(saved(run, tmp_path / "r.json", trials=5)).results
    assert result.manifest == run.manifest | {"trials": 5}


MINE = """
from dataclasses import dataclass
from strategies import Strategy

@dataclass(frozen=True)
class Mine(Strategy):
    share: float = 0.5
    def weights(self, now):
        return {"BTC": self.share}
"""


@pytest.fixture
def mine(lab: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A result of a class in tmp_path/mine.py, saved in a folder beside it."""
    from backtests.selection import find_strategy

    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "sent").mkdir()
    return saved(Backtest(find_strategy("mine.py:Mine"), lab, end=END).run(), tmp_path / "sent" / "r.json")


@pytest.mark.parametrize("place", ["mine.py", "sent/mine.py"])
def test_a_users_own_file_is_found_here_and_beside_the_saved_one(
    place: str, mine: Path, again: Callable[..., Replay]
) -> None:
    Path("mine.py").rename(place)
    replay = again(mine)
    assert replay.differences == []
    assert replay.held


def test_a_users_own_file_elsewhere_can_be_named(mine: Path, again: Callable[..., Replay]) -> None:
    Path("lib").mkdir()
    Path("mine.py").rename("lib/other.py")
    with pytest.raises(
        BadUsage, match=r"Mine is of mine\.py, which is neither here nor beside r\.json; --strategy-file"
    ):
        again(mine)
    assert again(mine, strategy_files=[Path("lib/other.py")]).held


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("lib", "--strategy-file lib is a folder; name the file in it, such as lib/mine.py"),
        ("no.py", "--strategy-file no.py is not there; name the file in Python that holds the class"),
        (
            "sent/r.json",
            "--strategy-file sent/r.json does not end in .py; name the file in Python that holds the class",
        ),
    ],
)
def test_what_is_no_file_of_a_strategy_is_refused(
    given: str, sentence: str, mine: Path, again: Callable[..., Replay]
) -> None:
    Path("lib").mkdir()
    with pytest.raises(BadUsage, match=f"^{re.escape(sentence)}$"):
        again(mine, strategy_files=[Path(given)])


def test_an_edited_rule_is_told_by_its_class(mine: Path, again: Callable[..., Replay]) -> None:
    Path("mine.py").write_text(MINE.replace('"BTC": self.share', '"BTC": self.share / 2'))
    replay = again(mine, strategy_files=[Path("mine.py")])
    assert [one.entry for one in replay.differences] == ["code of Mine"]
    assert "what can explain it: other code (code of Mine: " in replay.verdict


@pytest.mark.parametrize("where", ["/tmp/mine.py", "../mine.py"])
def test_a_file_that_was_sent_reaches_no_other_folder(where: str, mine: Path, again: Callable[..., Replay]) -> None:
    content = json.loads(mine.read_text())
    content["manifest"]["expression"] = f"{where}:Mine(share=0.5)"
    mine.write_text(json.dumps(content))
    Path("mine.py").rename("sent/other.py")
    with pytest.raises(BadUsage, match="which is neither here nor beside"):
        again(mine)


def test_a_class_from_a_notebook_has_to_be_named(lab: Market, tmp_path: Path, again: Callable[..., Replay]) -> None:
    path = saved(Backtest(StealthQE(), lab, end=END).run(), tmp_path / "r.json", expression="__main__:Mine()")
    with pytest.raises(BadUsage, match="StealthQE was typed into a notebook or a console; save the class of StealthQE"):
        again(path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("<html></html>", "has no manifest of ebbtide's; give a tearsheet that ebbtide wrote"),
        ("{", "holds of its results is damaged: "),
        ("{}", "has no manifest of ebbtide's"),
        ('{"results": []}', "holds no results"),
        ('{"results": [3]}', "has no manifest of ebbtide's"),
        ('{"manifest": {"expression": "StealthQE()"}}', r"is of a sweep, .* ebbtide run 'StealthQE\(\)'"),
        (
            '{"manifest": {"ebbtide": "0.0.1"}, "metrics": {}, "equity_sha256": ""}',
            r"\(ebbtide 0\.0\.1\) does not say what running it again needs: strategy, .*; run the strategy anew",
        ),
    ],
)
def test_what_holds_no_run_is_refused_with_a_sentence(content: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(content)
    with pytest.raises(BadUsage, match=sentence):
        read_saved(tmp_path / "file")


def test_what_is_no_file_or_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "picture.html").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadUsage, match="is no text in UTF-8"):
        read_saved(tmp_path / "picture.html")
    with pytest.raises(BadUsage, match="there is no file"):
        read_saved(tmp_path / "none.html")


def test_costs_are_read_back_and_never_evaluated() -> None:
    execution = Execution(fee_bps=7, latency_hours=1.5, cash="DTB3", capital=5e6)
    levered = Execution(perps=True, initial_margin=1, maintenance_margin=0.5, liquidation_fee_bps=1.0)
    assert execution_of(repr(execution)) == execution
    assert execution_of(repr(levered)) == levered
    assert not execution_of("Execution(fee_bps=10.0)").perps  # as it was written before there were perpetuals
    odd = "Execution(perps=1)", "Execution(perps='True')", "Execution(fee_bps=True)", "Execution(initial_margin='0.1')"
    for text in (*odd, "Execution(fee_bps=open('x'))", "Execution(tax=1.0)", "Execution('0')", "print()", "Execution("):
        with pytest.raises(BadUsage, match="the manifest's execution is"):
            execution_of(text)


def test_saved_files_are_told_by_how_they_end() -> None:
    assert [is_saved(name) for name in ("a.html", "B.HTM", "run.json", "run.toml", "StealthQE", "a.py:X")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]


@dataclass(frozen=True)
class Follows(Strategy):
    """Hold BTC as PLAN_BTC says."""

    def signals(self) -> Any:
        from tests.backtests.conftest import Level

        return {"plan": Level("PLAN_BTC")}

    def weights(self, now: Now) -> Weights:
        return {"BTC": now.plan}
