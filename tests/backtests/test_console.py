"""Tables in the terminal: every entry, whole numbers with commas, and no markup in what users wrote."""

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from backtests.backtest import Backtest
from backtests.console import (
    SHORT,
    Terminal,
    comparison,
    print_imported,
    print_listing,
    print_results,
    print_status,
    show,
)
from backtests.findings import Finding
from backtests.listing import KINDS, listing
from backtests.metrics import METRICS
from data_cache.cache import Status
from data_cache.sources.entries import Imported
from strategies import BuyAndHold, FixedMix


@pytest.fixture
def results(toy: SimpleNamespace) -> list[object]:
    market = toy.market({"BTC": toy.BTC, "ETH": toy.ETH})
    return [Backtest(strategy, market, benchmark=BuyAndHold()).run() for strategy in (FixedMix(), BuyAndHold())]


@pytest.mark.parametrize("kind", KINDS)
def test_every_entry_of_a_list_is_shown(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_listing({kind: listing(kind)})
    shown = capsys.readouterr().out
    assert all(entry["name"] in shown for entry in listing(kind))


def test_one_result_is_shown_with_every_metric_beside_its_benchmark(
    results: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    print_results(results[:1], [], "auto", None)
    shown = capsys.readouterr().out
    assert "BuyAndHold (benchmark)" in shown
    assert all(metric.label in shown for metric in METRICS)


def test_several_results_are_shown_a_line_each(results: list[object], capsys: pytest.CaptureFixture[str]) -> None:
    print_results(results, [Finding("CODE", "FixedMix", "is [so]")], "both", Path("a[b].html"))
    shown = capsys.readouterr().out
    assert all(heading in shown for heading in SHORT.values())
    assert "note FixedMix: is [so] [CODE]\n" in shown
    assert "Tearsheet: a[b].html\n" in shown
    assert comparison(results).row_count == 2  # the second result is the benchmark, too


def test_what_was_imported_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    day = pd.Timestamp("2024-01-02")
    print_imported([Imported("SOFR", "s.csv", rows=1234, added=12, missing=0, gaps=2, first=day, last=day)])
    line = capsys.readouterr().out.splitlines()[-1].split()
    assert line == ["SOFR", "1,234", "12", "2024-01-02", "2024-01-02", "2", "0"]


def status(**changes: object) -> Status:
    day = pd.Timestamp("2024-01-02", tz="UTC")
    said = {"kind": "series", "name": "SOFR", "first": day, "last": day, "known_until": day, "rows": 1234, "gaps": 2}
    said |= {"age": pd.Timedelta(hours=36), "sources": ("fred", "file"), "fetched_at": day}
    return Status(**(said | changes))  # type: ignore[arg-type]


def test_the_state_of_a_file_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_status(Path("store"), [status()])
    cache, *_, line = capsys.readouterr().out.splitlines()
    assert cache == "Cache: store"
    assert line.split() == ["series", "SOFR", "2024-01-02", "2024-01-02", "1,234", "2", "2", "fred,", "file"]


def test_a_damaged_file_shows_no_number_it_does_not_have(capsys: pytest.CaptureFixture[str]) -> None:
    unknown = dict.fromkeys(("first", "last", "known_until", "fetched_at", "age"), pd.NaT)
    print_status(Path("store"), [status(**unknown, rows=0, gaps=-1, sources=(), problem="SOFR is damaged [here]")])
    *_, line, problem = capsys.readouterr().out.splitlines()
    assert line.split() == ["series", "SOFR", "–", "–", "0", "–", "–", "damaged"]
    assert problem == "damaged SOFR is damaged [here]"


def test_what_is_piped_is_not_cut_to_eighty_columns(results: list[object], capsys: pytest.CaptureFixture[str]) -> None:
    show(comparison(results))
    assert all("…" not in line for line in capsys.readouterr().out.splitlines())


def test_a_reader_that_has_gone_is_told_to_the_command_line() -> None:
    with pytest.raises(BrokenPipeError):
        Terminal().on_broken_pipe()
