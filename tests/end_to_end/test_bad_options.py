"""Whatever is wrong on the command line gets exit code 2 and one sentence that names the cure."""

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from backtests.cli import main

# What is wrong with it, the arguments, what the sentence must say.
WITHOUT_DATA = [
    ("a command that does not exist", "rnu StealthQE", "No such command 'rnu'; did you mean 'run'?"),
    ("no strategy", "run", "Missing argument 'STRATEGY' (ebbtide run --help tells more)"),
    ("an option that does not exist", "run BuyAndHold --fee-bp 3", "'--fee-bp'; did you mean '--fee-bps'?"),
    ("a number that is none", "run BuyAndHold --fee-bps cheap", "'cheap' is not a valid float"),
    ("a strategy too many", "run BuyAndHold FixedMix", "unexpected extra argument (FixedMix)"),
    ("a list of nothing", "list strategys", "did you mean 'strategies'?"),
    (
        "a folder for a strategy",
        "run /tmp",
        "/tmp is a folder; give the name of a strategy, a file of your own (path/to/",
    ),
    (
        "a file of another kind",
        "tearsheet page.htmll",
        "page.htmll is no strategy, and a file that ends in .htmll is not read here; give the name of a strategy",
    ),
    ("a path without a suffix", "run a/b", "a/b is no strategy, and a file that has no suffix is not read here; give"),
    (
        "a misspelt suffix",
        "run own.pyy:Never",
        "own.pyy is no file that ends in .py; give a file of your own (path/to/",
    ),
    ("a folder of strategies", "run /tmp:Never", "/tmp is a folder; give a file of your own (path/to/file.py:Class)"),
    ("a folder to replay", "replay /tmp", "/tmp is a folder; give a tearsheet that ebbtide wrote (.html), or what"),
    ("a benchmark that is not none", "run BuyAndHold --benchmark Non", "no benchmark 'Non'; did you mean 'none'?"),
    ("a strategy that does not exist", "run StelthQE", "no strategy 'StelthQE'; did you mean 'StealthQE'?"),
    ("one among several", "compare BuyAndHold StelthQE", "did you mean 'StealthQE'?"),
    ("a benchmark that does not exist", "run BuyAndHold --benchmark ByAndHold", "did you mean 'BuyAndHold'?"),
    (
        "a parameter that does not exist",
        "run StealthQE --set windw=5",
        "StealthQE has no parameter 'windw'; did you mean 'window'?",
    ),
    (
        "one that none of several has",
        "compare StealthQE FixedMix --set windw=5",
        "StealthQE, FixedMix has no parameter 'windw'",
    ),
    (
        "one of a strategy that is not run",
        "run StealthQE --set FixedMix.exposure=1",
        "this run has no strategy 'FixedMix'; it has: StealthQE",
    ),
    ("no value", "run StealthQE --set window", "--set takes name=value; found 'window'"),
    ("no name", "run StealthQE --set =5", "--set takes name=value; found '=5'"),
    ("a value of another type", "run StealthQE --set window=long", "StealthQE.window is int; 'long' is not"),
    ("a whole number that is none", "run StealthQE --set window=2.5", "StealthQE.window is int; '2.5' is not"),
    ("a mix without shares", "run StealthQE --set mix=BTC", "StealthQE.mix is asset:share,asset:share; 'BTC' is not"),
    (
        "a mix that names an asset twice",
        "run StealthQE --set mix=BTC:0.5,BTC:0.5",
        "StealthQE.mix is asset:share,asset:share",
    ),
    ("a mix that names none", "run StealthQE --set mix=:1", "StealthQE.mix is asset:share,asset:share"),
    ("an expression that does not end", "run StealthQE(window=5", "is not an expression such as StealthQE(name=value)"),
    ("a parameter without a name", "run StealthQE(5)", "name each parameter, as in StealthQE(name=value)"),
    ("an expression within which is code", "run StealthQE(window=1+1)", "'1 + 1' is not a plain value"),
    ("a parameter of another type", "run StealthQE(window='x')", "StealthQE.window is int; 'x' is not"),
    ("a mix of another type", "run StealthQE(mix=3)", "StealthQE.mix is asset:share,asset:share; 3 is not"),
    (
        "a part that is no strategy",
        "run FiscalDominance(corridor_shield=3)",
        "FiscalDominance.corridor_shield is CorridorShield; 3 is not",
    ),
    (
        "a part with a wrong parameter",
        "run FiscalDominance(corridor_shield=CorridorShield(windw=3))",
        "did you mean 'window'?",
    ),
    ("a timeframe that does not exist", "run BuyAndHold --timeframe 2h", "no timeframe '2h'; it has: 1d, 1h, 4h"),
    ("a timeframe in capitals", "run BuyAndHold --timeframe 1D", "did you mean '1d'?"),
    ("data that do not exist", "run BuyAndHold --data cash", "no data 'cash'; did you mean 'cache'?"),
    (
        "a date that is none",
        "run BuyAndHold --from 2024-02-30",
        "--from takes a date such as 2021-08-01; found '2024-02-30'",
    ),
    (
        "a date the other way round",
        "run BuyAndHold --to 31.12.2024",
        "--to takes a date such as 2021-08-01; found '31.12.2024'",
    ),
    ("an empty date", "run BuyAndHold --from=", "--from takes a date such as 2021-08-01; found ''"),
    (
        "a date beyond nanoseconds",
        "run BuyAndHold --to 9999-01-01",
        "--to takes a date such as 2021-08-01; found '9999-01-01'",
    ),
    ("from after to", "run BuyAndHold --from 2024-02-01 --to 2024-01-31", "--from 2024-02-01 is after --to 2024-01-31"),
    ("a negative fee", "run BuyAndHold --fee-bps=-1", "fee_bps must be zero or more; found -1.0"),
    ("a fee that is not known", "run BuyAndHold --fee-bps nan", "fee_bps must be zero or more; found nan"),
    ("negative latency", "run BuyAndHold --latency=-1", "latency_hours must be zero or more"),
    ("a negative band", "run BuyAndHold --band=-0.1", "band must be zero or more"),
    ("no capital", "run BuyAndHold --capital 0", "capital must be more than zero"),
    ("a negative seed", "run BuyAndHold --seed=-1", "the lab's seed is -1; it must be 0 or more"),
    ("a run file that is not there", "run none.toml", "there is no run file none.toml; give the path of one"),
    (
        "a file that is not there",
        "run none.py:Mine",
        "there is no file none.py; a strategy of your own is path/to/file.py:Class",
    ),
    ("a module that is not there", "run no_such_module:Mine", "module no_such_module failed to load"),
    ("a manifest that is not there", "import none.toml", "none.toml is not there; give the path of a manifest"),
]

WITH_DATA = [
    ("a need that is not cached", "run StealthQE", "needs SRF, not in the cache; fetch or import it first"),
    ("an engine that does not exist", "run BuyAndHold --engine vectr", "there is no engine 'vectr'; choose one of"),
    ("an asset that is not cached", "run BuyAndHold --set mix=DOGE:1", "no bars of DOGE"),
    ("bars that are too coarse", "run BuyAndHold --timeframe 1h", "that make 1h; here are: BTC (hand BTC/USDT 1d)"),
    ("a range before all bars", "run BuyAndHold --to 2023-12-31", "no bars of BTC, ETH until"),
    ("a range after all bars", "run BuyAndHold --from 2024-03-01", "there are 60 from 2024-01-01"),
    (
        "a window longer than history",
        "run TrendFollowing --set days=61",
        "its window may be longer than the history (bars:BTC has 60 values); shorten it or import more",
    ),
    ("a misspelt rate", "run BuyAndHold --cash SOFRR", "no series 'SOFRR'; did you mean 'SOFR'?"),
    ("a rate that is not cached", "run BuyAndHold --cash DTB3", "no observations of DTB3; here are: SOFR, TGA"),
    (
        "cash that earns a balance",
        "run BuyAndHold --cash TGA",
        "cash earns a rate in % a year, such as DTB3; TGA is in $bn",
    ),
    ("leverage", "run BuyAndHold --set exposure=1.5", "exposure is above 1; leverage needs perpetuals"),
    ("a short position", "run BuyAndHold --set exposure=-0.1", "a weight is below 0; selling short needs perpetuals"),
    ("weights without end", "run BuyAndHold --set exposure=inf", "a weight is infinite"),
    (
        "weights that are never known",
        "run BuyAndHold --set exposure=nan",
        "decided nothing: its weights are NaN throughout",
    ),
    ("steps of nothing", "run VolatilityTarget --set step=0", "must be a number above 0; found 0.0"),
    ("a tearsheet where a folder is", "run BuyAndHold --out {store}", "is a folder; name a file in it"),
    (
        "a tearsheet below a file",
        "run BuyAndHold --out {file}/page.html",
        "check the path and what may be written there",
    ),
    ("a place that takes no file", "run BuyAndHold --out /proc/page.html", "/proc/page.html: No such file"),
]


@pytest.mark.parametrize(("wrong", "arguments", "said"), WITHOUT_DATA, ids=[case[0] for case in WITHOUT_DATA])
def test_bad_usage_is_one_sentence_with_its_cure(
    wrong: str, arguments: str, said: str, ebbtide: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in ebbtide(*arguments.split()).sentence()


@pytest.mark.parametrize(("wrong", "arguments", "said"), WITH_DATA, ids=[case[0] for case in WITH_DATA])
def test_what_the_data_cannot_answer_is_one_sentence_and_loses_nothing(
    wrong: str, arguments: str, said: str, ebbtide: Callable, sixty_days: Path, by_hand: SimpleNamespace, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.touch()
    before = by_hand.contents(sixty_days)
    filled_in = [word.format(store=sixty_days, file=file) for word in arguments.split()]
    answer = ebbtide(*filled_in, "--data", "cache", "--store", sixty_days)
    assert said in answer.sentence()
    assert by_hand.contents(sixty_days) == before


def test_a_misspelt_suffix_names_the_file_that_was_meant(
    ebbtide: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.py").touch()
    assert ebbtide("run", "own.pyy:Never").sentence() == "own.pyy is no file that ends in .py; did you mean own.py?"


def test_no_arguments_show_the_help_and_are_bad_usage(ebbtide: Callable) -> None:
    answer = ebbtide()
    assert answer.code == 2
    assert "Usage: ebbtide" in answer.out + answer.err


def test_an_empty_store_says_how_to_fill_it(ebbtide: Callable, tmp_path: Path) -> None:
    answer = ebbtide("run", "BuyAndHold", "--data", "cache", "--store", tmp_path / "empty")
    assert re.search("nothing cached in .*; run: ebbtide fetch, or use --data lab", answer.sentence())
    assert "Nothing is cached yet; run: ebbtide fetch, or" in ebbtide("status", "--store", tmp_path / "empty").out


def test_a_store_that_is_a_file_cannot_be_written(ebbtide: Callable, by_hand: SimpleNamespace, tmp_path: Path) -> None:
    manifest = by_hand.write_files(tmp_path)
    sentence = ebbtide("import", manifest, "--store", tmp_path / "btc.csv").sentence()
    assert "btc.csv is a file; --store names a folder" in sentence


def test_a_demo_that_cannot_be_written_says_so_before_it_runs(ebbtide: Callable, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    assert "taken: File exists" in ebbtide("demo", "--out", tmp_path / "taken").sentence()


def test_what_nobody_foresaw_is_a_sentence_too_unless_the_traceback_is_asked_for(
    ebbtide: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(kind: str) -> None:
        raise RuntimeError("the moon is full")

    monkeypatch.setattr("backtests.listing.listing", fails)
    answer = ebbtide("list")
    assert answer.err == (
        "ebbtide: RuntimeError: the moon is full; set EBBTIDE_TRACEBACK=1 to see where, and please report it\n"
    )
    assert (answer.code, answer.out) == (2, "")
    monkeypatch.setenv("EBBTIDE_TRACEBACK", "1")
    monkeypatch.setattr("sys.argv", ["ebbtide", "list"])
    with pytest.raises(RuntimeError, match="the moon is full"):
        main()
