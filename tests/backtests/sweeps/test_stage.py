"""What is remembered from trial to trial and shared by them is never another trial's: values, times, data, code."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from backtests.backtest import Backtest
from backtests.execution import Execution
from backtests.ledger import Ledger, record
from backtests.selection import file_module
from backtests.sweeps.backends import cluster
from backtests.sweeps.grid import Axis, Space, read_space
from backtests.sweeps.plan import Plan
from backtests.sweeps.runner import FastPath
from backtests.sweeps.trials import Chunk, Task
from data_cache.lab import Lab
from data_cache.market import Known, Market
from signals import Signal
from strategies import Now, Strategy
from strategies.strategy import Weights

# Bitcoin opens and closes at 100, 110, 120, 90, 95, 100 on six days, and nothing costs anything.
FREE = Execution(fee_bps=0, slippage_bps=0, min_notional=0, capital=1_000)


@dataclass(frozen=True)
class Newest(Signal):
    """The newest value of a series."""

    series: str = "A"

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.series,)

    def compute(self, known: Known) -> pd.Series:
        return known.first(self.series)


@dataclass(frozen=True)
class Squared(Newest):
    """The square of it."""

    def compute(self, known: Known) -> pd.Series:
        return super().compute(known) ** 2


def plan_of(
    toy: SimpleNamespace, releases: Mapping[str, Mapping[str, float]], space: Space, execution: Execution = FREE
) -> Plan:
    return Plan(space, toy.market({"BTC": toy.BTC}, releases=releases), execution)


def run(plan: Plan) -> Chunk:
    """All trials of a plan, one after the other in the same process."""
    return FastPath(plan.world).run(Task(0, [*plan.space]))


def alone(plan: Plan) -> list[float]:
    """What each trial of a plan earns by itself."""
    return [Backtest(s, plan.market, plan.execution).run().metrics["total_return"] for s in plan.space.strategies()]


# What is remembered.


@dataclass(frozen=True)
class Patient(Strategy):
    """Hold bitcoin, as soon as both series are known or, if it need not wait, as soon as the first one is."""

    waits: bool = True

    def signals(self) -> Mapping[str, Signal]:
        return {"first": Newest("A"), "second": Newest("B")}

    def can_miss(self) -> tuple[str, ...]:
        return () if self.waits else ("second",)

    def weights(self, now: Now) -> Weights:
        return {"BTC": now.first}


@pytest.mark.parametrize("order", [(True, False), (False, True)], ids=["who waits first", "who waits last"])
def test_two_rules_with_the_same_signals_may_miss_different_ones(
    order: tuple[bool, bool], toy: SimpleNamespace
) -> None:
    """A is known on the first day, B on the fourth: who waits buys at 90, who does not at 100; both end at 100."""
    releases = {"A": {"01-01": 1.0}, "B": {"01-04": 1.0}}
    plan = plan_of(toy, releases, Space(Patient(), (Axis("waits", order),)))
    earned = {True: 100 / 90 - 1, False: 0.0}
    assert run(plan).measures["total_return"] == pytest.approx([earned[waits] for waits in order])
    assert alone(plan) == pytest.approx([earned[waits] for waits in order])


@dataclass(frozen=True)
class Beside(Strategy):
    """Hold what A says, and look at another series without a use for it."""

    other: str = "B"

    def signals(self) -> Mapping[str, Signal]:
        return {"share": Newest("A"), "other": Newest(self.other)}

    def weights(self, now: Now) -> Weights:
        return {"BTC": now.share + 0 * now.other}


def test_a_signal_is_read_at_the_times_of_what_is_read_beside_it(toy: SimpleNamespace) -> None:
    """A says on the third day to buy, at 120; the price ends at 100.

    With B the rule is asked twice a day on days 1 and 2, with C on days 4 and 5: as often, at other times. The fifth
    answer is of day 3 with B, of noon on day 4 with C; read as the other's it would buy at 95.
    """
    releases = {
        "A": {"01-01": 0.0, "01-03": 1.0},
        "B": {"01-01": 0.0, "01-01 12:00": 0.0, "01-02 12:00": 0.0},
        "C": {"01-01": 0.0, "01-04 12:00": 0.0, "01-05 12:00": 0.0},
    }
    plan = plan_of(toy, releases, Space(Beside(), (Axis("other", ("B", "C")),)))
    assert run(plan).measures["total_return"] == pytest.approx([100 / 120 - 1] * 2)
    assert alone(plan) == pytest.approx([100 / 120 - 1] * 2)


@dataclass(frozen=True)
class Either(Strategy):
    """Hold what one of two signals says, which read the same."""

    squared: bool = False

    def signals(self) -> Mapping[str, Signal]:
        return {"share": Squared("A") if self.squared else Newest("A")}

    def weights(self, now: Now) -> Weights:
        return {"BTC": now.share}


def either(toy: SimpleNamespace) -> Plan:
    return plan_of(toy, {"A": {"01-02": 0.5}}, Space(Either(), (Axis("squared", (False, True)),)))


def test_signals_of_two_classes_are_two_codes_though_they_read_the_same(toy: SimpleNamespace, tmp_path: Path) -> None:
    """Half of the book, or a quarter, bought at 110 and worth 100 in the end; each as `run` enters it."""
    plan, ledger = either(toy), Ledger(tmp_path)
    chunk = run(plan)
    assert chunk.measures["total_return"] == pytest.approx([0.5 * (100 / 110 - 1), 0.25 * (100 / 110 - 1)])
    record([Backtest(s, plan.market, FREE).run() for s in plan.space.strategies()], "run", ledger)
    assert chunk.records["data"].nunique() == 1
    assert chunk.records["code"].nunique() == 2
    assert pairs(chunk.records) == pairs(ledger.trials())


def test_a_plan_knows_the_code_of_signals_that_only_some_of_its_trials_have(toy: SimpleNamespace) -> None:
    """Else an edit of such a signal would go unnoticed when the sweep is resumed."""
    assert either(toy).about()["code"].keys() == {"Either", "Newest", "Squared", "ebbtide"}


# What a trial that can't be run leaves.


@dataclass(frozen=True)
class Unless(Strategy):
    """Stay in cash, or decide nothing."""

    decides: bool = True

    def weights(self, now: Now) -> Weights:
        return {"BTC": 0.0 if self.decides else np.nan}


def test_a_trial_with_a_problem_has_no_returns_though_cash_earns_a_rate(toy: SimpleNamespace) -> None:
    """At 3.65 % cash earns 0.01 % a day. A book in cash earns it too, an excess of 0; one that never was has none.

    If the book that never was counted as one that earned nothing, it would lag behind cash by 0.01 % a day.
    """
    execution = Execution(fee_bps=0, slippage_bps=0, min_notional=0, capital=1_000, cash="RATE")
    space = Space(Unless(), (Axis("decides", (False, True)),))
    chunk = run(plan_of(toy, {"RATE": {"01-01": 3.65}}, space, execution=execution))
    assert chunk.problems[0].startswith("Unless(decides=False) decided nothing")
    assert chunk.problems[1] == ""
    assert chunk.measures["final_equity"][1] == pytest.approx(1_000 * 1.0001**6)
    assert chunk.returns.shape == (6, 2)
    assert (chunk.returns[:, 0] == 0).all()
    assert chunk.returns[:, 1] == pytest.approx(np.zeros(6), abs=1e-7)


# The code of a user's own file.

RULE = """
from dataclasses import dataclass

from swept_neighbour import SHARE
from strategies import Strategy


@dataclass(frozen=True)
class Own(Strategy):
    exposure: float = 0.5

    def weights(self, now):
        return {"BTC": SHARE * self.exposure}
"""
START, END = pd.Timestamp("2022-01-01", tz="UTC"), pd.Timestamp("2022-02-01", tz="UTC")


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A strategy in a file of its own, and a neighbour that it imports."""
    (tmp_path / "swept_rule.py").write_text(RULE)
    (tmp_path / "swept_neighbour.py").write_text("from swept_package.levels import LEVEL\nSHARE = LEVEL\n")
    (tmp_path / "swept_package").mkdir()
    (tmp_path / "swept_package" / "levels.py").write_text("LEVEL = 0.5\n")
    monkeypatch.setattr(sys, "path", [*sys.path])
    # What is loaded under these names is forgotten again.
    own = file_module(tmp_path / "swept_rule.py")
    for name in ("swept_neighbour", "swept_package", "swept_package.levels", own):
        monkeypatch.setitem(sys.modules, name, None)
        monkeypatch.delitem(sys.modules, name)
    return tmp_path


@pytest.fixture(scope="module")
def lab() -> Market:
    return Lab().market("1d")


def own_plan(folder: Path, market: Market) -> Plan:
    space = read_space(f"{folder / 'swept_rule.py'}:Own", ["exposure=0.25,0.5,0.75,1"])
    return Plan(space, market, start=START, end=END)


def pairs(records: pd.DataFrame) -> list[tuple[str, str]]:
    """What tells one trial from another."""
    return [*zip(records["trial"], records["code"], strict=True)]


def entered(plan: Plan, workers: int) -> list[tuple[str, str]]:
    """The trials that a sweep on so many workers enters, two at a time."""
    trials = [*plan.space]
    with cluster("local", workers) as started:
        started.share(plan.world)
        found = {task.number: chunk for task, chunk in started.run([Task(0, trials[:2]), Task(1, trials[2:])])}
    return [pair for number in (0, 1) for pair in pairs(found[number].records)]


def test_a_trial_of_a_user_s_own_file_is_the_same_one_in_any_process_and_in_run(
    own: Path, lab: Market, tmp_path: Path
) -> None:
    plan, ledger = own_plan(own, lab), Ledger(tmp_path / "ledger")
    here = entered(plan, 1)
    record([Backtest(s, lab, start=START, end=END).run() for s in plan.space.strategies()], "run", ledger)
    assert len(set(here)) == 4
    assert len({code for _, code in here}) == 1
    assert here == pairs(ledger.trials())
    assert here == entered(plan, 2)


def test_the_command_run_enters_the_trial_of_a_user_s_own_file_that_a_sweep_enters(
    own: Path, lab: Market, tmp_path: Path
) -> None:
    """On the simulated market, in a process of its own: the second of four trials, with the exposure 0.5."""
    trial = ["swept_rule.py:Own", "--set", "exposure=0.5", "--from", "2022-01-01", "--to", "2022-01-31"]
    command = [sys.executable, "-m", "backtests", "run", *trial, "--ledger", str(tmp_path / "ledger"), "--json"]
    done = subprocess.run(command, cwd=own, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert pairs(Ledger(tmp_path / "ledger").trials()) == [entered(own_plan(own, lab), 1)[1]]


@pytest.mark.parametrize("edit", ["swept_neighbour.py", "swept_package/levels.py"])
def test_an_edit_of_a_neighbour_makes_other_trials_of_the_same_parameters(edit: str, own: Path, lab: Market) -> None:
    before, about = entered(own_plan(own, lab), 1), own_plan(own, lab).about()["code"]
    (own / edit).write_text((own / edit).read_text().replace("0.5", "0.25") + "# edited\n")
    after, edited = entered(own_plan(own, lab), 1), own_plan(own, lab).about()["code"]
    assert [trial for trial, _ in before] == [trial for trial, _ in after]
    assert {code for _, code in before}.isdisjoint(code for _, code in after)
    assert {name for name in about if about[name] != edited[name]} == {edit}
