"""A run file says what the options say; options given beside it override it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

RUN_FILE = """
strategy = "TrendFollowing"
from = 2024-01-10
to = 2024-02-20
data = "cache"
store = "{store}"
engine = "events"
fee-bps = 7
slippage_bps = 2.5
band = 0.05
latency = 3
cash = "SOFR"
benchmark = "FixedMix(exposure=0.5)"

[set]
days = 8
mix = {{BTC = 0.5, ETH = 0.3, SOL = 0.2}}
"""
OPTIONS = """
TrendFollowing --from 2024-01-10 --to 2024-02-20 --data cache --engine events --fee-bps 7 --slippage-bps 2.5
--band 0.05 --latency 3 --cash SOFR --benchmark FixedMix(exposure=0.5) --set days=8 --set mix=BTC:0.5,ETH:0.3,SOL:0.2
""".split()  # noqa: SIM905 -- as it would be typed


@pytest.fixture
def run_file(sixty_days: Path, tmp_path: Path) -> Path:
    path = tmp_path / "my.toml"
    path.write_text(RUN_FILE.format(store=sixty_days))
    return path


def test_options_and_run_file_give_the_same_result(ebbtide: Callable, run_file: Path, sixty_days: Path) -> None:
    from_file = ebbtide("run", run_file, "--json").json
    assert from_file == ebbtide("run", *OPTIONS, "--store", sixty_days, "--json").json
    assert (
        from_file["strategy"] == "TrendFollowing(days=8, exposure=1.0, mix=(('BTC', 0.5), ('ETH', 0.3), ('SOL', 0.2)))"
    )
    about = from_file["manifest"]
    assert about["window"] == ["2024-01-10 00:00:00+00:00", "2024-02-21 00:00:00+00:00"]  # the last day is whole
    assert (about["engine"], about["bars"], about["assets"]) == ("events", 42, ["BTC", "ETH", "SOL"])
    assert about["benchmark"].startswith("FixedMix(exposure=0.5")
    assert "fee_bps=7.0, slippage_bps=2.5" in about["execution"]
    assert "SOFR" in about["data"]


def test_options_override_the_run_file(ebbtide: Callable, run_file: Path) -> None:
    overridden = ebbtide("run", run_file, "--fee-bps", "0", "--to", "2024-02-10", "--set", "days=5", "--json").json
    assert "fee_bps=0.0, slippage_bps=2.5" in overridden["manifest"]["execution"]
    assert overridden["manifest"]["window"][1] == "2024-02-11 00:00:00+00:00"
    assert overridden["strategy"].startswith("TrendFollowing(days=5, ")


@pytest.mark.parametrize(
    "text", ['from = "2024-01-10"', "from = 2024-01-10"], ids=["a date as a text", "a date of TOML"]
)
def test_dates_may_be_of_toml_or_texts(
    text: str, ebbtide: Callable, cached: tuple[object, ...], tmp_path: Path
) -> None:
    (tmp_path / "my.toml").write_text(f'strategy = "BuyAndHold"\n{text}\n')
    about = ebbtide("run", tmp_path / "my.toml", *cached, "--json").json["manifest"]
    assert about["window"][0] == "2024-01-10 00:00:00+00:00"


def test_a_run_file_may_hold_several_strategies(ebbtide: Callable, cached: tuple[object, ...], tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text('strategies = ["BuyAndHold", "FixedMix(exposure=0.5)"]\ncash = 0\n')
    results = ebbtide("compare", tmp_path / "my.toml", *cached, "--json").json["results"]
    assert [result["strategy"].partition("(")[0] for result in results] == ["BuyAndHold", "FixedMix"]


def test_paths_in_a_run_file_are_relative_to_it(
    ebbtide: Callable, sixty_days: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "store").symlink_to(sixty_days)
    (runs / "mine.py").write_text(
        "from dataclasses import dataclass\nfrom strategies import Strategy\nfrom beside import SHARE\n\n"
        "@dataclass(frozen=True)\nclass Mine(Strategy):\n"
        '    def weights(self, now):\n        return {"BTC": SHARE}\n'
    )
    (runs / "beside.py").write_text("SHARE = 0.25\n")
    (runs / "my.toml").write_text(
        'strategy = "mine.py:Mine"\ndata = "cache"\nstore = "store"\nout = "page.html"\njson = true\n'
    )
    monkeypatch.chdir(tmp_path)
    assert json.loads(ebbtide("run", "runs/my.toml").out)["strategy"] == "Mine()"
    assert "<html" in (runs / "page.html").read_text()


WRONG = [
    ("no TOML", "strategy = ", "my.toml is not TOML"),
    ("no strategy", "fee_bps = 3", 'names no strategy; add: strategy = "StealthQE"'),
    ("an unknown key", 'strategy = "BuyAndHold"\nfee_bp = 3', "has no option 'fee_bp'; did you mean 'fee_bps'?"),
    ("a key twice", 'strategy = "BuyAndHold"\nfee_bps = 3\nfee-bps = 3', "says fee-bps twice, by two names; keep one"),
    ("a number that is a text", 'strategy = "BuyAndHold"\nfee_bps = "3"', "fee_bps must be a number; found '3'"),
    ("a number that is true", 'strategy = "BuyAndHold"\nfee_bps = true', "fee_bps must be a number; found True"),
    ("half a seed", 'strategy = "BuyAndHold"\nseed = 1.5', "seed must be a whole number; found 1.5"),
    ("a text that is a number", 'strategy = "BuyAndHold"\ntimeframe = 1', "timeframe must be a text; found 1"),
    ("cash that is false", 'strategy = "BuyAndHold"\ncash = false', "cash must be a text; found False"),
    ("a date that is a number", 'strategy = "BuyAndHold"\nfrom = 2024', "from must be a text; found 2024"),
    ("a moment for a date", 'strategy = "BuyAndHold"\nfrom = 2024-01-01T08:00:00Z', "--from takes a date"),
    ("a strategy that is a number", "strategy = 3", "strategy must be a text; found 3"),
    ("strategies that are numbers", "strategies = [1, 2]", "strategies must be a text; found [1, 2]"),
    ("set as a list", 'strategy = "BuyAndHold"\nset = ["exposure=1"]', "set is a table, as in [set]"),
    ("a wrong parameter", 'strategy = "BuyAndHold"\n[set]\nexposur = 1', "did you mean 'exposure'?"),
    ("a wrong value", 'strategy = "BuyAndHold"\n[set]\nexposure = "x"', "BuyAndHold.exposure is float; 'x' is not"),
]


@pytest.mark.parametrize(("wrong", "text", "said"), WRONG, ids=[case[0] for case in WRONG])
def test_a_wrong_run_file_is_one_sentence(
    wrong: str, text: str, said: str, ebbtide: Callable, cached: tuple[object, ...], tmp_path: Path
) -> None:
    (tmp_path / "my.toml").write_text(text + "\n")
    assert said in ebbtide("run", tmp_path / "my.toml", *cached).sentence()


def test_a_run_file_beside_a_strategy_is_one_too_many(ebbtide: Callable, run_file: Path) -> None:
    sentence = ebbtide("compare", "BuyAndHold", run_file).sentence()
    assert sentence.startswith("give one run file or several strategies, not both")
