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
    print_checks,
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
from data_cache.catalog import CATALOG, FAMILIES, IMPORTED
from data_cache.second_sources import Check
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


def test_a_series_is_listed_with_its_source_and_one_that_nothing_fetches_as_own_data(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_listing({"series": listing("series")})
    shown = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert shown["SOFR"].endswith("New York Fed")
    assert shown["OPEN_INTEREST_{asset}"].endswith("exchanges")
    own = [name for name, line in shown.items() if line.endswith("own data")]
    assert own == [spec.id for spec in (*CATALOG, *FAMILIES, *IMPORTED) if spec.source == "file"]
    assert {"ETF_FLOW_{fund}", "COMPANY_COINS_{company}", "STABLECOINS", "GOLD"} <= set(own)


def test_one_result_is_shown_with_every_metric_beside_its_benchmark(
    results: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    print_results(results[:1], [], "auto", None)
    shown = capsys.readouterr().out
    assert "BuyAndHold (benchmark)" in shown
    assert all((metric.label in shown) is not metric.perps for metric in METRICS)


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
    said |= {"due": 0, "due_since": pd.NaT, "group": "macro"}
    return Status(**(said | changes))  # type: ignore[arg-type]


def test_the_state_of_a_file_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_status(Path("store"), [status()])
    cache, title, _, line = capsys.readouterr().out.splitlines()
    assert (cache, title.strip()) == ("Cache: store", "Series")
    assert line.split() == ["SOFR", "2024-01-02", "2024-01-02", "1,234", "2", "0", "fred,", "file"]


def test_what_is_due_is_named_with_what_brings_it(capsys: pytest.CaptureFixture[str]) -> None:
    late = [status(name=name, due=3) for name in ("SOFR", "TGA", "SRF")]
    bars = [status(kind="bars", name="binance BTC/USDT 1d", due=1, group="prices"), status(kind="bars", name="hand")]
    own = status(name="MNAV", due=1, group="")
    print_status(Path("store"), [*late, own, *bars])
    *_, fetched, imported = capsys.readouterr().out.splitlines()
    assert fetched == "due SOFR, TGA, SRF, binance BTC/USDT 1d; run: ebbtide fetch macro prices"
    assert imported == "due MNAV; run: ebbtide import MANIFEST.toml, with newer files"


def test_of_many_that_are_due_the_first_few_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    print_status(Path("store"), [status(name=f"S{number}", due=1) for number in range(7)])
    assert capsys.readouterr().out.splitlines()[-1] == "due S0, S1, S2, S3, S4 and 2 more; run: ebbtide fetch macro"


def test_where_nothing_is_due_nothing_is_said_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    print_status(Path("store"), [status()])
    assert "run:" not in capsys.readouterr().out


def test_an_empty_cache_says_how_to_fill_it(capsys: pytest.CaptureFixture[str]) -> None:
    print_status(Path("store"), [])
    said = "Nothing is cached yet; run: ebbtide fetch, or ebbtide import MANIFEST.toml"
    assert capsys.readouterr().out.splitlines() == ["Cache: store", said]


def test_a_damaged_file_shows_no_number_it_does_not_have(capsys: pytest.CaptureFixture[str]) -> None:
    unknown = dict.fromkeys(("first", "last", "known_until", "fetched_at", "age"), pd.NaT)
    damaged = status(**unknown, rows=0, gaps=-1, due=-1, sources=(), problem="SOFR is damaged [here]")
    print_status(Path("store"), [damaged])
    *_, line, problem = capsys.readouterr().out.splitlines()
    assert line.split() == ["SOFR", "–", "–", "0", "–", "–", "damaged"]
    assert problem == "damaged SOFR is damaged [here]"


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("THREEFYTP10", ["THREEFYTP10"]),
        ("binance BTC/USDT 1d", ["binance BTC/USDT 1d"]),
        ("binance BTC/USDT:USDT 1d mark", ["binance BTC/USDT:USDT 1d", "mark"]),
    ],
)
def test_a_status_fits_eighty_columns_and_cuts_nothing(
    name: str, lines: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    print_status(Path("store"), [status(name=name, rows=123_456, gaps=1_234, due=12_345, sources=("newyorkfed",))])
    shown = capsys.readouterr().out.splitlines()[3:-1]
    assert max(map(len, shown)) <= 80
    assert shown[0].endswith(" 2024-01-02 2024-01-02 123,456 1,234 12,345 newyorkfed")
    assert [shown[0].partition(" 2024")[0].rstrip(), *(line.strip() for line in shown[1:])] == lines


def test_comparisons_are_shown_with_what_was_not_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    worst = (pd.Timestamp("2024-03-05"), 63_724.01, 62_100.2)
    venues = ("binance BTC/USDT 1d", "coinbaseexchange BTC/USD 1d")
    print_checks(
        [
            Check("account", "TGA", "WDTGAL", "5 $bn", 257, 0, (pd.Timestamp("2024-01-03"), 851.929, 851.93)),
            Check("BTC", *venues, "2%", 3292, 3, worst),
            Check("repo [here]", "SRF", "RPONTTLD", note="RPONTTLD is not cached: it needs FRED"),
        ]
    )
    shown = capsys.readouterr().out.splitlines()
    assert max(map(len, shown)) <= 80
    assert [line.split() for line in shown[1:3]] == [
        ["TGA", "and", "WDTGAL", "257", "0", "2024-01-03"],
        ["within", "5", "$bn", "851.929", "and", "851.93"],
    ]
    assert [line.split()[-3:] for line in shown[3:5]] == [
        ["3,292", "3", "2024-03-05"],
        ["63,724.01", "and", "62,100.2"],
    ]
    assert shown[-1] == "not compared repo [here]: RPONTTLD is not cached: it needs FRED"


def test_where_nothing_was_compared_there_is_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_checks([Check("repo", "SRF", "RPONTTLD", note="RPONTTLD is not cached: it needs FRED")])
    assert capsys.readouterr().out == "not compared repo: RPONTTLD is not cached: it needs FRED\n"


def test_what_is_piped_is_not_cut_to_eighty_columns(results: list[object], capsys: pytest.CaptureFixture[str]) -> None:
    show(comparison(results))
    assert all("…" not in line for line in capsys.readouterr().out.splitlines())


def test_a_reader_that_has_gone_is_told_to_the_command_line() -> None:
    with pytest.raises(BrokenPipeError):
        Terminal().on_broken_pipe()
