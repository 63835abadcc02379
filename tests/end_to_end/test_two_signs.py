"""docs/two-signs.md says what came out: its commands are run again, and its table of spells is made again."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import strategies
from backtests.backtest import Backtest
from data_cache.cache import load_market
from data_cache.market import Market
from data_cache.store import Store
from strategies import BuyAndHold, Strategy

pytestmark = pytest.mark.real

TEXT = (Path(__file__).parents[2] / "docs" / "two-signs.md").read_text("utf-8")
BLOCKS = re.findall(r"```\nebbtide (compare .*)\n\n((?:.*\n)*?)```", TEXT)
ROWS = [
    [cell.strip(" `") for cell in line.split("|")[1:-1]] for line in TEXT.splitlines() if re.match(r"\| `\w+` \|", line)
]
OUT = ("FundingStressExit", "StandingRepoAlarm", "ReserveScarcityExit")


def option(command: str, name: str) -> pd.Timestamp:
    found = re.search(rf"--{name} (\S+)", command)
    assert found, command
    return pd.Timestamp(found[1], tz="UTC")


@pytest.fixture(scope="module")
def market(history: Path) -> Market:
    return load_market(Store(history), "1d")


def spells(strategy: Strategy, market: Market, start: pd.Timestamp, end: pd.Timestamp) -> list[list[str]]:
    """Each spell for which an exit held nothing or a pivot held something, and what buying and holding made of it."""
    window = {"start": start, "end": end + pd.Timedelta(days=1)}
    equity = Backtest(BuyAndHold(), market, **window).run().equity
    held = Backtest(strategy, market, **window).run().decisions.sum(axis=1) > 0
    told = held != (type(strategy).__name__ in OUT)
    turns = told[told != told.shift(fill_value=False)]
    ends = [*turns.index[1:], equity.index[-1]]
    return [
        [type(strategy).__name__, "in" if held[at] else "out", *_spell(equity, at, till)]
        for at, till in zip(turns.index, ends, strict=True)
        if told[at]
    ]


def _spell(equity: pd.Series, at: pd.Timestamp, till: pd.Timestamp) -> list[str]:
    # A decision fills at the open of the next day, which is the end of the bar before.
    first, last = (equity.index.searchsorted(moment) for moment in (at, till))
    days = (equity.index[last] - equity.index[first]).days
    return [f"{at:%Y-%m-%d}", f"{till:%Y-%m-%d}", str(days), f"{equity.iloc[last] / equity.iloc[first] - 1:+.1%}"]


def windows() -> list[tuple[str, pd.Timestamp, pd.Timestamp]]:
    return [
        (name, option(command, "from"), option(command, "to"))
        for command, _ in BLOCKS
        for name in re.findall(r"[A-Z]\w+", command.split("--")[0])
    ]


def test_each_pair_has_its_command() -> None:
    assert [name for name, _, _ in windows()] == [
        *("FundingStressExit", "FundingStressPivot", "StandingRepoAlarm", "StealthQE"),
        *("ReserveScarcityExit", "ReservePivot"),
    ]


@pytest.mark.parametrize(("command", "printed"), BLOCKS, ids=[command.split(" --")[0] for command, _ in BLOCKS])
def test_the_command_prints_what_the_page_shows(
    command: str, printed: str, ebbtide: Callable[..., Any], history: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EBBTIDE_STORE", str(history))
    monkeypatch.setenv("COLUMNS", "120")
    answer = ebbtide(*command.split())
    assert answer.code == 0, answer.err
    assert answer.out.splitlines() == printed.splitlines()


def test_the_spells_are_those_of_the_table(market: Market) -> None:
    found = [
        spell for name, start, end in windows() for spell in spells(getattr(strategies, name)(), market, start, end)
    ]
    assert found == ROWS


def test_what_the_page_says_of_the_spells_follows_from_the_table() -> None:
    """How many of the exits' spells fell, and what is left of the exit from stress without the autumn of 2025."""
    growth = {name: [1 + float(row[5].strip("%")) / 100 for row in ROWS if row[0] == name] for name in OUT}
    fell = {name: sum(each < 1 for each in of) for name, of in growth.items()}
    assert fell == {"FundingStressExit": 4, "StandingRepoAlarm": 2, "ReserveScarcityExit": 3}
    assert "fell in 4 of 6, 2 of 4 and 3 of 5 spells" in TEXT
    assert [len(of) for of in growth.values()] == [6, 4, 5]
    assert "taken together gave nothing" in TEXT
    assert np.prod(growth["FundingStressExit"][:-1]) == pytest.approx(1, abs=0.005)
