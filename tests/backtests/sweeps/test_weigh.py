"""What the verdict on a sweep is given, and that every trial is counted before it is kept, whatever happens then."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtests.backtest import Backtest
from backtests.execution import Execution
from backtests.ledger import Ledger
from backtests.statistics.returns import InMemory
from backtests.sweeps.evidence import Evidence
from backtests.sweeps.folder import SweepFolder
from backtests.sweeps.grid import read_space
from backtests.sweeps.plan import Plan
from backtests.sweeps.sweep import run_sweep
from backtests.sweeps.trials import Chunk, Task
from backtests.sweeps.verdict import verdict
from data_cache.errors import NotWritten
from data_cache.lab import Lab
from data_cache.market import Market


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


START, END = day("2022-01-01"), day("2022-04-01")


@pytest.fixture(scope="module")
def lab() -> Market:
    return Lab().market("1d")


def plan_of(market: Market, settings: str = "days=5,10,20,40,80", **changes: Any) -> Plan:
    space = read_space("TrendFollowing", [settings])
    return dataclasses.replace(Plan(space, market, start=START, end=END), **changes)


# What the verdict is given.


class Given(Exception):
    """The evidence, at the moment at which it is to be judged."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence


Weighing = Callable[..., Evidence]


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Weighing:
    """Runs the trials of a plan, and answers what the verdict would be made of."""

    def caught(evidence: Evidence, *_: object) -> None:
        raise Given(evidence)

    monkeypatch.setattr("backtests.sweeps.weigh.verdict", caught)

    def weighing(plan: Plan, name: str = "sweep") -> Evidence:
        with pytest.raises(Given) as found:
            run_sweep(plan, tmp_path / name, Ledger(tmp_path / "ledger"))
        return found.value.evidence

    return weighing


def test_trials_of_other_years_do_not_count_and_those_of_a_part_of_these_do(lab: Market, given: Weighing) -> None:
    """Five trials on the spring of 2022. Three on a year before, which has not seen it; two on its last month."""
    others = plan_of(lab, "days=15,25,35", start=day("2021-01-01"), end=START)
    assert len(given(others, "before").tried) == 3
    part = plan_of(lab, "days=15,25", start=day("2022-03-01"))
    assert len(given(part, "part").tried) == 2
    assert len(given(plan_of(lab), "all").tried) == 5 + 2


def test_a_year_of_hourly_bars_has_8760_of_them_and_one_of_days_365(lab: Market, given: Weighing) -> None:
    hourly = Lab().market("1h")
    plan = plan_of(hourly, "days=5,10", end=day("2022-02-01"))
    hours = given(plan, "hours")
    assert hours.bars == 31 * 24
    assert hours.bars_a_year == pytest.approx(365 * 24)
    assert len(hours.returns.days) == len(hours.benchmark) == 31
    days = given(plan_of(lab, "days=5,10", end=day("2022-02-01")), "days")
    assert days.bars == 31
    assert days.bars_a_year == pytest.approx(365)


@pytest.mark.parametrize("capital", [5_000.0, 100_000.0])
def test_the_benchmark_earns_a_part_of_its_own_capital(lab: Market, given: Weighing, capital: float) -> None:
    """Ninety days of what the yardstick alone makes of each dollar; its first day counts from what it began with."""
    execution = Execution(capital=capital)
    plan = plan_of(lab, "days=5,10", execution=execution)
    alone = Backtest(plan.yardstick, lab, execution, START, END).run()
    ends = alone.equity.to_numpy()
    assert ends[0] == capital
    assert given(plan).benchmark == pytest.approx(ends[1:] / ends[:-1] - 1)


def test_the_benchmark_does_not_depend_on_how_much_there_is_to_invest(lab: Market, given: Weighing) -> None:
    """Costs are fractions, so five thousand dollars earn the same fraction a day as a hundred thousand."""
    rich, poor = (
        given(plan_of(lab, "days=5,10", execution=Execution(capital=capital)), f"{capital:.0f}").benchmark
        for capital in (100_000.0, 5_000.0)
    )
    assert poor == pytest.approx(rich, abs=1e-12)


def test_the_placebo_takes_trials_from_the_first_to_the_last(
    lab: Market, given: Weighing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three of five, evenly spread: trials 0, 2 and 4. At the right time each has the score of the table."""
    monkeypatch.setattr("backtests.sweeps.weigh.PLACEBO_TRIALS", 3)
    evidence = given(plan_of(lab))
    assert evidence.rotated_scores is not None
    assert evidence.scores.nunique() == 5
    assert evidence.rotated_scores(0) == pytest.approx(evidence.scores[[0, 2, 4]].to_numpy())


# What the verdict makes of it.


class Days(InMemory):
    """Daily returns of trials as a sweep has them."""

    def __init__(self, returns: np.ndarray) -> None:
        super().__init__(returns.astype(np.float32))
        self.days = pd.date_range("2021-01-01", periods=len(returns), tz="UTC")


def evidence_of(returns: np.ndarray, sharpe: float, tried: list[float], **changes: Any) -> Evidence:
    """One trial with a Sharpe ratio a year, whose moments are those of a normal distribution."""
    row = {"mean": sharpe / np.sqrt(365), "deviation": 1.0, "skewness": 0.0, "kurtosis": 3.0, "sharpe": sharpe}
    table = pd.DataFrame(row | {"total_return": 0.1}, index=pd.Index([0], name="trial"))
    window = day("2021-01-01"), day("2022-01-01")
    ledger = pd.DataFrame({"sharpe": tried, "bars": 365, "bars_a_year": 365.0, "start": window[0], "end": window[1]})
    ledger["final_equity"] = 1_000.0
    evidence = Evidence(Days(returns), table, table["sharpe"], np.zeros(len(returns)), 365, 365.0, ledger, window)
    return dataclasses.replace(evidence, **changes)


def noise(n_days: int) -> np.ndarray:
    return np.random.default_rng(1).normal(0.001, 0.02, (n_days, 1))


def test_the_better_of_two_is_deflated_and_one_alone_is_not() -> None:
    """A ratio of 1 over a year, tried beside one of 0. Their deviation is √½, and the better of two is expected at
    (1 - γ) Φ⁻¹(1 - 1/2) + γ Φ⁻¹(1 - 1/2e) = γ Φ⁻¹(0.816) = 0.520 deviations, with Euler's γ = 0.577: at 0.367.

    A year of 365 bars leaves a ratio with an error of √((1 + 1/2 · 1/365) / (364/365)), a thousandth above 1.
    """
    normal, error = NormalDist(), np.sqrt((1 + 0.5 / 365) / (364 / 365))
    two = verdict(evidence_of(noise(40), sharpe=1.0, tried=[1.0, 0.0]), seed=1)
    expected = np.sqrt(0.5) * np.euler_gamma * normal.inv_cdf(1 - 0.5 / np.e)
    assert expected == pytest.approx(0.367, abs=0.001)
    assert two.deflated == pytest.approx(normal.cdf((1 - expected) / error))
    assert two.deflated == pytest.approx(0.74, abs=0.005)
    one = verdict(evidence_of(noise(40), sharpe=1.0, tried=[1.0]), seed=1)
    assert one.deflated == one.probabilistic == two.probabilistic == pytest.approx(normal.cdf(1 / error))


@pytest.mark.parametrize(
    ("bars", "bars_a_year", "least"), [(4_000, 365.0, 30), (40_000, 8_760.0, 720)], ids=["days", "hours"]
)
def test_the_placebo_is_a_month_away_from_the_truth(bars: int, bars_a_year: float, least: int) -> None:
    """Of 199 shifts at random from 1 on, several would be nearer than thirty days to one end or the other."""
    asked: list[int] = []

    def scores(shift: int) -> np.ndarray:
        asked.append(shift)
        return np.array([1.0])

    evidence = evidence_of(noise(40), 1.0, [1.0], bars=bars, bars_a_year=bars_a_year, rotated_scores=scores)
    found = verdict(evidence, seed=1).placebo
    assert found is not None
    assert asked == [0, *found.shifts]
    assert len(found.shifts) == 199
    assert least <= found.shifts.min() <= found.shifts.max() <= bars - least


def test_a_trial_that_is_rarely_in_the_market_has_bounds_that_are_numbers() -> None:
    """One day of forty. A resample in three, (39/40)^40 = 0.36, is without it, is cash, and has a ratio of 0.

    The ratio of the truth is (1/40) / √(1/40) = 0.158 a day, x √365 = 3.02 a year.
    """
    returns = np.zeros((40, 1))
    returns[20] = 0.01
    bounds = verdict(evidence_of(returns, 3.0, [3.0]), seed=1).intervals
    assert np.isfinite(bounds.to_numpy(float)).all()
    assert bounds.loc["sharpe", "low"] == bounds.loc["cagr", "low"] == 0
    assert bounds.loc["sharpe", "estimate"] == pytest.approx(3.02, abs=0.005)
    assert bounds.loc["sharpe", "high"] > 3.02


# Counted before it is kept.


class Full(Ledger):
    """A ledger whose disk is full."""

    def append(self, trials: pd.DataFrame) -> None:
        raise NotWritten("the ledger is full")


def chunks(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("chunks/*.parquet")]


def test_a_chunk_that_the_ledger_does_not_take_is_not_kept(lab: Market, tmp_path: Path) -> None:
    """Kept without being counted, it would be luck that nobody knows of: a resumption does not run it again."""
    with pytest.raises(NotWritten, match="the ledger is full"):
        run_sweep(plan_of(lab), tmp_path / "sweep", Full(tmp_path / "ledger"))
    assert chunks(tmp_path / "sweep") == []


def test_a_chunk_that_the_folder_does_not_take_is_counted(
    lab: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: SweepFolder, task: Task, chunk: Chunk) -> None:
        raise NotWritten("the folder is full")

    monkeypatch.setattr(SweepFolder, "keep", full)
    ledger = Ledger(tmp_path / "ledger")
    with pytest.raises(NotWritten, match="the folder is full"):
        run_sweep(plan_of(lab), tmp_path / "sweep", ledger)
    assert ledger.count() == 5
    assert chunks(tmp_path / "sweep") == []


def test_a_finished_sweep_enters_its_trials_into_a_ledger_that_lacks_them(lab: Market, tmp_path: Path) -> None:
    """Shown again with another, empty ledger it has the same five trials behind it; with either once more, no more."""
    own, other = Ledger(tmp_path / "own"), Ledger(tmp_path / "other")
    first = run_sweep(plan_of(lab), tmp_path / "sweep", own)
    again = run_sweep(plan_of(lab), tmp_path / "sweep", other, resume=True)
    assert again.verdict.summary() == first.verdict.summary()
    assert first.verdict.trials == 5
    for column in ("trial", "code", "sharpe", "final_equity", "start", "end", "bars", "command"):
        assert other.trials()[column].tolist() == own.trials()[column].tolist(), column
    for ledger in (own, other):
        run_sweep(plan_of(lab), tmp_path / "sweep", ledger, resume=True)
        assert ledger.count(distinct=False) == 5


def test_of_a_finished_sweep_only_what_the_ledger_lacks_is_entered(lab: Market, tmp_path: Path) -> None:
    """The other ledger knows two of the five trials from a sweep of its own."""
    first = run_sweep(plan_of(lab), tmp_path / "sweep", Ledger(tmp_path / "own"))
    other = Ledger(tmp_path / "other")
    run_sweep(plan_of(lab, "days=10,40"), tmp_path / "few", other)
    again = run_sweep(plan_of(lab), tmp_path / "sweep", other, resume=True)
    assert other.count(distinct=False) == other.count() == again.verdict.trials == first.verdict.trials == 5
