"""Shorting and leverage as a user meets them: a strategy file, both engines, a page, a replay, a sweep, a proof."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Answer

Command = Callable[..., Answer]
README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
PAIR = re.search(r"`my_pair\.py`:\n\n```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
WINDOW = ("--from", "2021-01-01", "--to", "2021-12-31")
LONG_SHORT = '''
from dataclasses import dataclass

import numpy as np

from signals import Trend
from strategies import Strategy


@dataclass(frozen=True)
class LongShort(Strategy):
    """Long while BTC is above its mean of `days`, short while it is below."""

    days: int = 50
    size: float = 1.5

    def signals(self):
        return {"trend": Trend("BTC", self.days)}

    def weights(self, now):
        return {"BTC": np.where(now.trend > 0, self.size, -self.size)}
'''


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the user's strategies."""
    assert PAIR is not None
    (tmp_path / "my_pair.py").write_text(PAIR[1])
    (tmp_path / "mine.py").write_text(LONG_SHORT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("mine")
def test_without_perps_a_short_is_an_error_that_names_the_cure(ebbtide: Command) -> None:
    for command in ("run", "prove"):
        sentence = ebbtide(command, "mine.py:LongShort").sentence()
        assert "LongShort: a weight is below 0; selling short needs perpetuals: add --perps; found BTC -1.5" in sentence
    assert (
        "exposure is above 1; leverage needs perpetuals: add --perps"
        in ebbtide("run", "FixedMix(exposure=1.5)").sentence()
    )


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--initial-margin", "0.2"), "--initial-margin is of perpetuals; add --perps, or leave it out"),
        (("--perps", "--cash", "DTB3"), "with perps the cash is collateral"),
        (("--perps", "--set", "size=11"), "gross exposure is above 10, the most that an initial margin of 0.1 allows"),
        (("--perps", "--maintenance-margin", "0.2"), "0 < maintenance_margin < initial_margin <= 1; found 0.2 and 0.1"),
        (("--perps", "--benchmark", "mine.py:LongShort"), "a benchmark is bought at spot, with --perps too"),
    ],
)
def test_what_can_not_be_on_margin_is_one_sentence(options: tuple[str, ...], said: str, ebbtide: Command) -> None:
    assert said in ebbtide("run", "mine.py:LongShort", *WINDOW, *options).sentence()


@pytest.mark.usefixtures("mine")
def test_both_engines_agree_and_the_table_tells_the_terms(ebbtide: Command) -> None:
    answer = ebbtide("run", "mine.py:LongShort", *WINDOW, "--perps", "--engine", "both")
    assert answer.code == 0, answer.err
    assert "positions are perpetuals on one cross-margined account: funding is paid and received" in answer.out
    assert "Both engines decide the same; equity is equal within 1e-9." in answer.out
    assert "BuyAndHold at spot (benchmark)" in answer.out
    assert "[UNPROVEN]" not in answer.out
    assert re.search(r"Funding paid a year +-?\d+\.\d\d%", answer.out)


def test_json_holds_the_margins_the_metrics_and_the_hash_of_the_funding(mine: Path, ebbtide: Command) -> None:
    asked = ("mine.py:LongShort", *WINDOW, "--perps", "--initial-margin", "0.5", "--liquidation-fee-bps", "80")
    ran = ebbtide("run", *asked, "--json").json
    assert "perps=True, initial_margin=0.5, maintenance_margin=0.05" in ran["manifest"]["execution"]
    assert "liquidation_fee_bps=80.0" in ran["manifest"]["execution"]
    assert "FUNDING_BTC" in ran["manifest"]["data"]
    assert ran["metrics"]["gross_exposure"] > 1 > abs(ran["metrics"]["exposure"])
    assert "perps=False" in ran["benchmark"]["manifest"]["execution"]
    assert "FUNDING_BTC" not in ran["benchmark"]["manifest"]["data"]
    file = 'strategy = "mine.py:LongShort"\nfrom = 2021-01-01\nto = 2021-12-31\nperps = true\n'
    (mine / "my.toml").write_text(f"{file}initial-margin = 0.5\nliquidation-fee-bps = 80\n")
    assert ebbtide("run", "my.toml", "--json").json["equity_sha256"] == ran["equity_sha256"]


def test_a_page_and_a_json_file_are_replayed_to_the_last_bit(mine: Path, ebbtide: Command) -> None:
    page = ebbtide("tearsheet", "mine.py:LongShort", *WINDOW, "--perps", "--out", "page.html")
    assert page.code == 0, page.err
    (mine / "run.json").write_text(ebbtide("run", "my_pair.py:BitcoinOverEther", *WINDOW, "--perps", "--json").out)
    for file in ("page.html", "run.json"):
        again = ebbtide("replay", file)
        assert again.code == 0, again.err
        assert "Every number is the same to the last digit." in again.out
    text = (mine / "page.html").read_text("utf-8")
    assert "Funding paid so far" in text
    assert "BuyAndHold at spot" in text


def test_a_sweep_is_judged_and_its_best_is_what_a_run_gives(mine: Path, ebbtide: Command) -> None:
    space = ("--set", "days=10:100:10", "--set", "size=1,2", "--out", mine / "sweep")
    swept = ebbtide("sweep", "mine.py:LongShort", *WINDOW, "--perps", *space, "--json").json
    assert swept["trials"] == 20
    best = ebbtide("run", swept["manifest"]["expression"], *WINDOW, "--perps", "--json").json
    assert swept["best"]["sharpe"] == pytest.approx(best["metrics"]["sharpe"], rel=1e-9)


@pytest.mark.usefixtures("mine")
def test_a_rule_that_shorts_is_proven_causal(ebbtide: Command) -> None:
    proven = ebbtide("prove", "mine.py:LongShort", "my_pair.py:BitcoinOverEther", "--perps", "--cuts", "4", "--json")
    assert [proof["leaks"] for proof in proven.json["proofs"]] == [[], []]


def percent(ran: dict[str, object]) -> str:
    metrics = ran["metrics"]
    assert isinstance(metrics, dict)
    return f"{metrics['total_return']:.1%}"


def test_holding_a_perpetual_is_not_holding_a_coin_as_the_readme_says(ebbtide: Command) -> None:
    held = ebbtide("run", "BuyAndHold", "--perps", "--json").json
    assert (percent(held), percent(held["benchmark"])) == ("-90.8%", "358.5%")
    assert held["metrics"]["liquidations"] == 1
    assert "in the bar of 2023-12-13" in json.dumps(held["findings"])
    weekly = ebbtide("run", "BuyAndHold", "--perps", "--rebalance", "7", "--json").json
    assert (percent(weekly), percent(weekly["benchmark"])) == ("70.6%", "355.7%")
    assert weekly["metrics"]["liquidations"] == 0
    assert all(number in README for number in ("-90.8%", "358.5%", "70.6%", "355.7%", "liquidated in December 2023"))


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("asked", "daily", "hourly"),
    [
        (("FixedMix(mix=(('BTC',1.0),),exposure=3.0)", "--rebalance", "7"), 3, 3),
        (("my_pair.py:BitcoinOverEther", "--set", "size=3"), 9, 0),
    ],
    ids=["one position", "a pair"],
)
def test_liquidations_on_daily_and_on_hourly_bars_are_those_of_the_readme(
    asked: tuple[str, ...], daily: int, hourly: int, ebbtide: Command
) -> None:
    for timeframe, expected in (("1d", daily), ("1h", hourly)):
        ran = ebbtide("run", *asked, "--perps", "--timeframe", timeframe, "--benchmark", "none", "--json").json
        assert ran["metrics"]["liquidations"] == expected
    assert "is liquidated 3 times on daily and on hourly bars" in README
    assert "liquidated 9 times on daily bars and never with `--timeframe 1h`" in README
