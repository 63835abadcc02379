"""Files that cannot be right are refused with file, row and cure; what was stored stays, to the byte."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

# What is wrong, the line of btc.csv (its header is line 1) that becomes so, what the sentence must say.
BARS = [
    (
        "a price that is missing",
        {5: "2024-01-04,,42000,38000,40000,1"},
        "a price is missing or not finite, first at 2024-01-04",
    ),
    ("a price of zero", {5: "2024-01-04,40000,42000,0,40000,1"}, "a price is zero or negative, first at 2024-01-04"),
    ("a negative price", {5: "2024-01-04,40000,42000,-1,40000,1"}, "a price is zero or negative, first at 2024-01-04"),
    ("a negative volume", {5: "2024-01-04,40000,42000,38000,40000,-1"}, "volume is missing, negative or infinite"),
    ("a high below the close", {5: "2024-01-04,40000,40000,38000,41000,1"}, "high is below another price of the bar"),
    (
        "a price that is a word",
        {5: "2024-01-04,40000,high,38000,40000,1"},
        "btc.csv, line 5: high is 'high', which is not a number",
    ),
    ("a day that is none", {5: "2024-01-32,40000,42000,38000,40000,1"}, "btc.csv, line 5: date is '2024-01-32'"),
    ("a day twice", {5: "2024-01-03,40000,42000,38000,40000,1"}, "two bars open at the same time, first at 2024-01-03"),
    (
        "days out of order",
        {5: "2023-12-31,40000,42000,38000,40000,1"},
        "bars are not sorted by open_time, first at 2023-12-31",
    ),
    ("an hour among days", {5: "2024-01-04 01:00,40000,42000,38000,40000,1"}, "a bar does not open on the 1 days"),
    ("a cell too many", {5: "2024-01-04,40000,42000,38000,40000,1,1"}, "can't be read as CSV"),
    ("a column that is not there", {1: "date,open,high,low,last,volume"}, "btc.csv has no column 'close'"),
]

SERIES = '[[series]]\nid = "{id}"\nfile = "s.csv"\nunit = "{unit}"\n'
WEEK = "date,value\n2024-01-02,5.31\n2024-01-03,5.32\n2024-01-04,5.31\n"
NUMBERS = [
    (
        "a rate in basis points",
        SERIES.format(id="SOFR", unit="%"),
        WEEK.replace("5.3", "53"),
        "lies outside 0.5..20 %; is the file in bps instead of %? set its unit",
    ),
    (
        "a balance in dollars",
        SERIES.format(id="TGA", unit="$mn"),
        WEEK.replace("5.3", "80000000000"),
        "is the file in $ instead of $mn? set its unit",
    ),
    (
        "a unit of another kind",
        SERIES.format(id="SOFR", unit="$bn"),
        WEEK,
        "SOFR is served in %; unit '$bn' can't be turned into it",
    ),
    (
        "a series of no catalogue",
        SERIES.format(id="SOFRR", unit="%"),
        WEEK,
        "did you mean 'SOFR'?; or bring a series of your own",
    ),
    (
        "a period twice",
        SERIES.format(id="SOFR", unit="%"),
        WEEK + "2024-01-02,5.3\n",
        "SOFR: period 2024-01-02 00:00:00 is there twice",
    ),
    (
        "a time of day without a timezone",
        SERIES.format(id="SOFR", unit="%"),
        WEEK + "2024-01-05 08:00,5.3\n",
        "a time without a timezone; add Z or +00:00",
    ),
    (
        "known_at without a timezone",
        SERIES.format(id="SOFR", unit="%") + 'known_at = "date"\n',
        WEEK,
        'set known_at_timezone = "America/New_York" or "UTC" in the manifest, or write an offset (Z, +00:00)',
    ),
    (
        "no row",
        SERIES.format(id="SOFR", unit="%"),
        "date,value\n",
        "s.csv has no row of SOFR; check where, first and last",
    ),
    (
        "a misspelt key",
        SERIES.format(id="SOFR", unit="%") + 'vlaue = "x"\n',
        WEEK,
        "no key 'vlaue'; did you mean 'value'?",
    ),
    (
        "a file that is not there",
        SERIES.format(id="SOFR", unit="%").replace("s.csv", "t.csv"),
        WEEK,
        "t.csv is not there; check `file` and `root`",
    ),
    (
        "a value of days to come",
        SERIES.format(id="SOFR", unit="%"),
        WEEK + "2039-01-03,5.3\n",
        "s.csv: SOFR: the value of 2039-01-03 00:00:00 would become known at 2039-01-04 13:00:00+00:00, after",
    ),
    (
        "a rate as a fraction",
        SERIES.format(id="SOFR", unit="%"),
        WEEK.replace("5.3", "0.053"),
        "lies outside 0.5..20 %; is the file in fraction instead of %? set its unit",
    ),
    ("an empty file", SERIES.format(id="SOFR", unit="%"), "", "s.csv is empty; it needs a line with the names"),
    ("one bracket", "[series]\n", WEEK, "series must be written [[series]], with two brackets"),
    ("no TOML", "[[series\n", WEEK, "is not TOML"),
]


@pytest.fixture
def stored(ebbtide: Callable, by_hand: SimpleNamespace, tmp_path: Path) -> Path:
    """A store of this test's own with the sixty days; their files lie in tmp_path / "files"."""
    ebbtide("import", by_hand.write_files(tmp_path / "files"), "--store", tmp_path / "store")
    return tmp_path / "store"


@pytest.mark.parametrize(("wrong", "lines", "said"), BARS, ids=[case[0] for case in BARS])
def test_wrong_bars_are_refused_and_nothing_is_lost(
    wrong: str, lines: dict[int, str], said: str, ebbtide: Callable, stored: Path, by_hand: SimpleNamespace
) -> None:
    files = stored.parent / "files"
    good = (files / "btc.csv").read_text().splitlines()
    (files / "btc.csv").write_text("\n".join(lines.get(at, line) for at, line in enumerate(good, start=1)) + "\n")
    (files / "btc.toml").write_text(by_hand.bars_entry("BTC"))
    before = by_hand.contents(stored)
    sentence = ebbtide("import", files / "btc.toml", "--store", stored).sentence()
    assert said in sentence
    assert "[[bars]] 1 (BTC)" in sentence
    assert "btc.csv" in sentence.partition("[[bars]] 1 (BTC): ")[2]
    assert by_hand.contents(stored) == before


def test_bars_without_a_timezone_are_refused(ebbtide: Callable, stored: Path, by_hand: SimpleNamespace) -> None:
    manifest = stored.parent / "files" / "naive.toml"
    manifest.write_text(by_hand.bars_entry("BTC").replace('time_timezone = "UTC"\n', ""))
    sentence = ebbtide("import", manifest, "--store", stored).sentence()
    assert "btc.csv: date has times without a timezone, such as '2024-01-01'; set time_timezone = \"UTC\"" in sentence


@pytest.mark.parametrize(("wrong", "manifest", "csv", "said"), NUMBERS, ids=[case[0] for case in NUMBERS])
def test_wrong_series_are_refused_and_nothing_is_lost(
    wrong: str, manifest: str, csv: str, said: str, ebbtide: Callable, stored: Path, by_hand: SimpleNamespace
) -> None:
    folder = stored.parent
    (folder / "s.csv").write_text(csv)
    (folder / "m.toml").write_text(manifest)
    before = by_hand.contents(stored)
    assert said in ebbtide("import", folder / "m.toml", "--store", stored).sentence()
    assert by_hand.contents(stored) == before


def test_a_stored_price_that_changed_is_refused(ebbtide: Callable, stored: Path, by_hand: SimpleNamespace) -> None:
    files = stored.parent / "files"
    changed = by_hand.bars_csv("BTC").replace("2024-01-01,40000.0,40000.0", "2024-01-01,40000.0,40001.0")
    (files / "btc.csv").write_text(changed)
    (files / "btc.toml").write_text(by_hand.bars_entry("BTC"))
    before = by_hand.contents(stored)
    sentence = ebbtide("import", files / "btc.toml", "--store", stored).sentence()
    assert "hand BTC/USDT 1d: 1 stored prices changed, first at 2024-01-01" in sentence
    assert by_hand.contents(stored) == before


def test_a_bar_of_days_to_come_is_refused(ebbtide: Callable, stored: Path, by_hand: SimpleNamespace) -> None:
    files = stored.parent / "files"
    (files / "btc.csv").write_text(by_hand.bars_csv("BTC") + "2039-01-01,40000,42000,38000,40000,1\n")
    (files / "btc.toml").write_text(by_hand.bars_entry("BTC"))
    before = by_hand.contents(stored)
    sentence = ebbtide("import", files / "btc.toml", "--store", stored).sentence()
    assert "btc.csv: a bar opens at 2039-01-01 00:00:00+00:00, after this import at " in sentence
    assert by_hand.contents(stored) == before


def test_a_store_that_is_a_file_is_refused(ebbtide: Callable, stored: Path) -> None:
    manifest = stored.parent / "files" / "manifest.toml"
    assert (
        ebbtide("import", manifest, "--store", manifest).sentence() == f"{manifest} is a file; --store names a folder"
    )
    assert ebbtide("status", "--store", manifest).sentence() == f"{manifest} is a file; --store names a folder"


def test_an_import_of_the_same_files_adds_nothing(ebbtide: Callable, stored: Path) -> None:
    answer = ebbtide("import", stored.parent / "files" / "manifest.toml", "--store", stored, "--json").json
    assert {entry["name"]: entry["added"] for entry in answer["imported"]} == dict.fromkeys(
        ["SOFR", "TGA", "hand BTC/USDT 1d", "hand ETH/USDT 1d", "hand SOL/USDT 1d"], 0
    )


def flip_a_byte(path: Path) -> None:
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    path.write_bytes(bytes(damaged))


def test_a_damaged_series_is_named_and_the_others_stay_usable(
    ebbtide: Callable, stored: Path, by_hand: SimpleNamespace
) -> None:
    run = ("run", "BuyAndHold", "--data", "cache", "--store", stored)
    whole = ebbtide(*run, "--cash", "SOFR", "--json").json
    flip_a_byte(stored / "series" / "TGA.parquet")
    problems = {e["name"]: e["problem"] for e in ebbtide("status", "--store", stored, "--json").json["entries"]}
    assert [name for name, problem in problems.items() if problem] == ["TGA"]
    assert problems["TGA"].endswith("delete it, then fetch or import it again")
    assert f"damaged {problems['TGA']}\n" in ebbtide("status", "--store", stored).out
    assert ebbtide(*run, "--cash", "SOFR", "--json").json["equity_sha256"] == whole["equity_sha256"]

    before = by_hand.contents(stored)
    flip_a_byte(stored / "series" / "SOFR.parquet")
    assert "SOFR.parquet is damaged: its sha256" in ebbtide(*run, "--cash", "SOFR").sentence()
    assert ebbtide(*run).code == 0
    flip_a_byte(stored / "series" / "SOFR.parquet")
    assert by_hand.contents(stored) == before


def test_damaged_bars_are_named_and_the_cure_works(ebbtide: Callable, stored: Path) -> None:
    run = ("run", "BuyAndHold", "--data", "cache", "--store", stored)
    whole = ebbtide(*run, "--json").json
    file = next(stored.glob("bars/hand/BTC*/1d.parquet"))
    flip_a_byte(file)
    assert "1d.parquet is damaged" in ebbtide(*run).sentence()
    file.unlink()
    assert "no bars of BTC" in ebbtide(*run).sentence()
    assert ebbtide(*run, "--set", "mix=ETH:1", "--benchmark", "none").code == 0
    assert ebbtide("import", stored.parent / "files" / "manifest.toml", "--store", stored).code == 0
    assert ebbtide(*run, "--json").json["equity_sha256"] == whole["equity_sha256"]


def test_status_tells_range_rows_gaps_age_what_is_due_and_origin(ebbtide: Callable, stored: Path) -> None:
    entries = {e["name"]: e for e in ebbtide("status", "--store", stored, "--json").json["entries"]}
    bitcoin = entries["hand BTC/USDT 1d"]
    assert (bitcoin["kind"], bitcoin["rows"], bitcoin["gaps"], bitcoin["sources"]) == ("bars", 60, 0, ["file"])
    assert (bitcoin["first"][:10], bitcoin["last"][:10]) == ("2024-01-01", "2024-02-29")
    assert bitcoin["known_until"][:16] == "2024-03-01T00:00"
    assert bitcoin["age"] > 0
    assert bitcoin["due_since"][:16] == "2024-03-01T00:00"
    assert bitcoin["due"] >= bitcoin["age"] - 1  # a day each
    assert entries["SOFR"]["due_since"][:10] == "2024-03-01"
    assert entries["TGA"]["rows"] == 44  # the business days of January and February 2024: 23 + 21
    shown = ebbtide("status", "--store", stored).out
    assert all(name in shown for name in entries)
    assert "due SOFR, TGA; run: ebbtide fetch macro\n" in shown
    assert "due hand BTC/USDT 1d, hand ETH/USDT 1d, hand SOL/USDT 1d; run: ebbtide import" in shown


def test_a_run_reads_the_store_and_never_writes_it(
    ebbtide: Callable, cached: tuple[object, ...], sixty_days: Path, by_hand: SimpleNamespace
) -> None:
    before = by_hand.contents(sixty_days)
    assert json.loads(ebbtide("run", "BuyAndHold", *cached, "--json").out)["manifest"]["bars"] == 60
    assert by_hand.contents(sixty_days) == before
