"""A strategy written as text is read back as the same strategy."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.expression import expression
from backtests.selection import built_in, combinators, find_strategy
from backtests.sweeps.scheduled import scheduled
from data_cache.errors import BadUsage
from signals import CeilingSpread, Lag
from strategies import (
    Blend,
    BuyAndHold,
    Capped,
    FiscalDominance,
    Gate,
    NetLiquidityTide,
    StealthQE,
    TreasuryRelease,
    VolatilityScaled,
)
from strategies.strategy import Now, Strategy, Weights

MINE = """
from dataclasses import dataclass
from signals import NetLiquidityChange, Signal
from strategies import BuyAndHold, StealthQE, Strategy

@dataclass(frozen=True)
class Small(Strategy):
    share: float = 0.5
    def weights(self, now):
        return {"BTC": self.share}

@dataclass(frozen=True)
class Nested(Strategy):
    inner: Strategy = Small()
    others: tuple = ()
    signal: Signal = NetLiquidityChange(4)
    def weights(self, now):
        return self.inner.weights(now)
"""


@dataclass(frozen=True)
class Odd(Strategy):
    """Has a parameter that no text holds."""

    thing: object = field(default_factory=dict)

    def weights(self, now: Now) -> Weights:
        return {"BTC": 1.0}


@pytest.mark.parametrize("name", sorted(built_in() | combinators()))
def test_every_strategy_that_ships_is_read_back(name: str) -> None:
    strategy = (built_in() | combinators())[name]()
    assert find_strategy(str(expression(strategy))) == strategy


@pytest.mark.parametrize(
    "strategy",
    [
        FiscalDominance(treasury_release=TreasuryRelease(window_days=5), exposure=0.5),
        Capped(Blend((Gate(signal=Lag(CeilingSpread(9), 3)), VolatilityScaled()), (0.25, 0.5))),
        NetLiquidityTide(trigger=float("-inf")),
        BuyAndHold(exposure=np.float64(0.25), mix=(("BTC", 1.0),)),
    ],
    ids=["nested", "combined", "infinite", "numpy"],
)
def test_parameters_are_read_back(strategy: Strategy) -> None:
    assert find_strategy(str(expression(strategy))) == strategy


def test_what_a_walk_schedules_is_read_back() -> None:
    begin = pd.Timestamp("2021-01-01 04:00", tz="UTC")
    strategy = scheduled([(begin, StealthQE(window=5)), (begin + pd.Timedelta(days=9), StealthQE())])
    assert find_strategy(str(expression(strategy))) == strategy
    assert find_strategy(repr(strategy)) == strategy


@pytest.mark.parametrize(
    "given",
    [
        "Small(share=0.25)",
        "Nested(inner=Small(share=0.1), others=(BuyAndHold(exposure=0.5), 3))",
        "Nested(inner=StealthQE(window=3), signal=NetLiquidityChange(weeks=13))",
        "Scheduled(parts=((Timestamp('2021-01-01T00:00:00+00:00'), Small(share=0.3)),))",
        "Blend(parts=(Small(share=0.3), StealthQE(window=3)), shares=(0.5, 0.5))",
        "Gate(strategy=Blend(parts=(Small(share=0.3),)), signal=CeilingSpread(window=3))",
    ],
)
def test_a_users_own_class_is_named_with_its_file(given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "mine.py").write_text(MINE)
    strategy = find_strategy(f"rules/mine.py:{given}")
    text = str(expression(strategy))
    assert text.startswith(f"rules/mine.py:{given.partition('(')[0]}(")
    assert repr(find_strategy(text)) == repr(strategy)


def test_a_file_elsewhere_is_told_by_its_bare_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.chdir(tmp_path / "here")
    assert expression(find_strategy(f"{tmp_path}/mine.py:Small")) == "mine.py:Small(share=0.5)"


def test_a_class_of_an_imported_module_is_told_by_the_module() -> None:
    assert str(expression(Odd(thing=1))) == f"{__name__}:Odd(thing=1)"


def test_a_parameter_that_no_text_holds_leaves_none() -> None:
    assert expression(Odd()) is None
    assert expression(NetLiquidityTide(trigger=float("nan"))) is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Timestamp('soon')", r"is no time such as Timestamp\('2024-01-01T00:00:00\+00:00'\)"),
        ("Timestamp()", "is no time such as"),
        ("open('x')", "ebbtide has no strategy or signal 'open'"),
    ],
)
def test_nothing_else_is_evaluated(text: str, sentence: str) -> None:
    with pytest.raises(BadUsage, match=sentence):
        find_strategy(f"NetLiquidityTide(trigger={text})")
