"""A ruined trial is tried, and never chosen: of nothing there is no Sharpe ratio, whatever was earned before."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.analysis.skill import skill
from backtests.backtest import Backtest
from backtests.ledger import Ledger, scores, tried_variance
from backtests.metrics import METRICS, excess_returns
from backtests.perpetuals.kernel import kernel_of
from backtests.result import Result
from backtests.statistics.overfitting import block_sums, cross_validate
from backtests.statistics.returns import InMemory
from backtests.sweeps import cross_validation
from backtests.sweeps.backends import cluster
from backtests.sweeps.cross_validation import Folds
from backtests.sweeps.evidence import Surviving
from backtests.sweeps.grid import Axis, Space
from backtests.sweeps.orders import lay_out, pack
from backtests.sweeps.outcomes import Outcomes
from backtests.sweeps.plan import OBJECTIVES, WORST, Plan
from backtests.sweeps.report.walk_page import stretches as page_rows
from backtests.sweeps.report.walk_words import across, outcome, stretch_note
from backtests.sweeps.steps import Steps
from backtests.sweeps.sweep import run_sweep
from backtests.sweeps.terminal import stretches as terminal_rows
from backtests.sweeps.walk_forward import walk_forward
from backtests.sweeps.walked import Walk, kept
from backtests.tearsheet.document import template
from backtests.tearsheet.sections.rolling import rolling_sharpe
from data_cache.errors import NoData
from strategies.strategy import Now, Strategy, Weights
from tests.backtests.margin_books import HOLD_BTC, TERMS, Candle, perpetual_market, ruined

# Up by a half percent and by one and a half by turns, for 200 days; then it halves at once, and stays there.
RISE = [100 * np.prod([1.005, 1.015] * (day // 2)) * 1.005 ** (day % 2) for day in range(201)]
CRASH = RISE[-1] / 2


def candles(after: int = 40) -> list[Candle]:
    rising = [(close, close, close, close) for close in RISE]
    return [*rising, *[(CRASH, CRASH, CRASH, CRASH)] * after]


@dataclass(frozen=True)
class Levered(Strategy):
    """Hold so much BTC, and once a week make it so much again."""

    size: float = 0.5

    def rebalance_every(self) -> int:
        return 7

    def weights(self, now: Now) -> Weights:
        return {"BTC": self.size}


def levered(size: float, rates: Mapping[str, float] | None = None) -> Result:
    return Backtest(Levered(size), perpetual_market(candles(), rates), TERMS, benchmark=HOLD_BTC).run()


def plan_of(*sizes: float, objective: str = "sharpe", search: str = "grid", after: int = 40) -> Plan:
    space = Space(Levered(), (Axis("size", sizes),))
    return Plan(space, perpetual_market(candles(after)), TERMS, objective=objective, search=search)


# Of a single book.


def test_a_book_that_lost_everything_has_no_sharpe_ratio_though_the_mean_of_its_returns_is_high() -> None:
    """Four times 1 % a day on average for 200 days is 800 %, and the loss of everything 100 %."""
    lost = levered(4)
    assert lost.ruined_at == pd.Timestamp("2024-07-21", tz="UTC")
    assert lost.ruin_day == "2024-07-20"
    assert excess_returns(lost).sum() > 6
    assert all(isnan(lost.metrics[name]) for name in ("sharpe", "sortino", "alpha"))
    told = {metric.name: metric.definition for metric in METRICS}
    assert all("a ruined book has none" in told[name] for name in ("sharpe", "sortino"))


def test_ruin_is_no_evidence_of_skill_and_is_dated() -> None:
    lost = ruined()
    recorded = dataclasses.replace(lost, manifest=lost.manifest | {"trials": 3, "tried_variance": 0.01})
    found = skill(recorded)
    assert found.verdict == "no evidence of skill: the book was ruined on 2024-01-02"
    assert not found.evident
    assert isnan(found.sharpe)
    assert isnan(found.probabilistic)
    assert isnan(found.deflated)


def test_a_page_writes_the_day_of_ruin_with_hyphens_and_losses_with_a_minus() -> None:
    page = template("macros.html").environment.from_string("{{ 'ruined on 2024-01-02, at -0.5' | minus }}")
    assert page.render() == "ruined on 2024-01-02, at −0.5"


def test_a_rolling_sharpe_ratio_ends_on_the_day_of_ruin() -> None:
    rolled = rolling_sharpe(levered(4), 30).dropna()
    assert rolled.index[-1] == pd.Timestamp("2024-07-19", tz="UTC")
    assert (rolled > 0).all()


# Of many trials.


def outcomes(*results: Result) -> Outcomes:
    tape = results[0].tape
    laid = [lay_out(one.decisions.index.asi8, one.decisions.to_numpy(), tape, one.execution) for one in results]
    return kernel_of(tape, results[0].execution).run(pack(laid, len(tape.opens.columns)))


@pytest.mark.parametrize("rates", [{}, {"01-01 08:00": 0.9}], ids=["later", "in the first bar"])
def test_the_tables_of_sweeps_leave_undefined_what_a_single_run_does(rates: Mapping[str, float]) -> None:
    lost = levered(4, rates)
    assert lost.ruined_at is not None
    found = outcomes(lost)
    measured = {name: values[0] for name, values in found.metrics.items()}
    assert measured == pytest.approx({name: lost.metrics[name] for name in measured}, rel=1e-9, nan_ok=True)
    assert not np.isinf(list(measured.values())).any()
    assert all(np.isnan(values).all() for values in found.moments.values())
    assert {name for name, value in scores(lost).items() if not np.isnan(value)} == {"final_equity"}


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_ruined_trial_has_no_score_and_the_worst_lesson_whatever_is_sought(objective: str) -> None:
    measures = dict.fromkeys(OBJECTIVES, np.array([0.5, -0.5, np.nan]))
    measures |= {"fills": np.array([1.0, 1.0, 0.0]), "total_return": np.array([-1.0, 0.3, 0.0])}
    plan = plan_of(1.0, 2.0, objective=objective)
    assert np.isnan(plan.scores(measures)).tolist() == [True, False, True]
    worst, known, idle = plan.lessons(measures)
    assert worst == WORST
    assert np.isfinite(worst)
    assert known == plan.scores(measures)[1] > worst
    assert isnan(idle)


@pytest.mark.parametrize("objective", ["sharpe", "sortino"])
@pytest.mark.parametrize("search", ["grid", "tpe"])
def test_a_ruined_trial_counts_as_tried_and_never_wins(objective: str, search: str, tmp_path: Path) -> None:
    """The means of all 240 returns over their deviations: 0.39 of what lost everything, 0.18 of the smallest."""
    plan = plan_of(0.5, 1.0, 4.0, objective=objective, search=search)
    sweep = run_sweep(plan, tmp_path / "sweep", Ledger(tmp_path / "ledger"))
    gone = sweep.table["size"] == 4.0
    assert sweep.table["ruined"].tolist() == gone.tolist()
    assert sweep.table.loc[gone, ["sharpe", "sortino", "mean"]].isna().all(axis=None)
    assert sweep.table.at[sweep.best, "size"] < 4
    assert sweep.result.ruined_at is None
    assert 4.0 not in sweep.top(10)["size"].tolist()
    assert sweep.verdict.trials == 3
    assert sweep.notices == [
        "1 of 3 trials ended in ruin: a liquidation left nothing; it counts as tried, and can not be the best"
    ]


def test_nothing_is_said_to_be_more_than_luck_where_every_trial_was_ruined(tmp_path: Path) -> None:
    with pytest.raises(NoData) as raised:
        run_sweep(plan_of(3.0, 4.0), tmp_path / "sweep", Ledger(tmp_path / "ledger"))
    assert str(raised.value) == (
        "none of 2 trials of Levered has a sharpe: 2 ended in ruin, and no other ever traded; "
        "let the strategy take smaller positions"
    )


def test_a_ruined_trial_varies_as_one_without_skill_does() -> None:
    """Two ratios of variance 0.5 a year stand beside one that was ruined: (0.5 / 365 + 1 / 365) / 2."""
    start, end = pd.Timestamp("2023-01-01", tz="UTC"), pd.Timestamp("2024-01-01", tz="UTC")
    tried = pd.DataFrame({"sharpe": [1.0, 2.0, np.nan], "bars": 365, "bars_a_year": 365.0, "start": start, "end": end})
    lost, idle = tried.assign(final_equity=[9.0, 9.0, 0.0]), tried.assign(final_equity=[9.0, 9.0, 9.0])
    assert tried_variance(lost, 365, (start, end)) == pytest.approx((0.5 + 1) / 2 / 365)
    assert tried_variance(idle, 365, (start, end)) == pytest.approx(0.5 / 365)


# Of what chooses on one part of the days and judges on another.


def two_trials() -> np.ndarray:
    """Twelve days: one makes 2 % or 3 % a day until it loses everything on the tenth, the other 1 % or nothing."""
    lost = np.array([0.02, 0.03] * 4 + [0.02, -1.0, 0.0, 0.0])
    return np.column_stack([lost, [0.01, 0.0] * 6])


def test_cross_validation_chooses_the_ruined_where_it_could_not_know_and_never_where_it_could() -> None:
    """Of 4 blocks of 3 days the last holds the ruin: the 3 halves with it choose the other, the 3 without it do not."""
    found = cross_validate(block_sums(two_trials(), 4))
    assert sorted(found.chosen.tolist()) == [0, 0, 0, 1, 1, 1]
    assert (found.outside[found.chosen == 0] == -np.inf).all()
    assert np.isfinite(found.outside[found.chosen == 1]).all()
    assert found.loss == 0.5
    # On the other half the ruined one is the last of two, and the other one behind the one that is not yet ruined.
    assert found.overfitting == 1
    assert not np.isinf(found.degradation).any()


class Given(InMemory):
    def __init__(self, returns: np.ndarray) -> None:
        super().__init__(returns, width=1)
        self.days = pd.date_range("2024-01-01", periods=len(returns), tz="UTC")


def test_a_purged_path_that_is_ruined_has_no_ratio_and_loses() -> None:
    """The group of the ruin, held out, is held by what looked best without it: so every path ends in ruin there."""
    found = cross_validation.cross_validate(Given(two_trials()), Folds(groups=4, held_out=1, purge=0, embargo=0))
    assert found.splits["trial"].tolist() == [1, 1, 1, 0]
    assert found.splits["outside"].isna().tolist() == [False, False, False, True]
    assert np.isnan(found.paths).all()
    assert (found.ruined, found.losing, found.loss) == (1, 1, 1.0)
    assert all(isnan(value) for value in found.quantiles.values())
    assert "end in ruin" in across(found)


def test_what_was_ruined_is_not_tested_for_superiority() -> None:
    left = Surviving(Given(two_trials()), np.array([0]))
    assert left.numbers.tolist() == [1]
    assert np.hstack(list(left.blocks())).tolist() == two_trials()[:, [1]].tolist()


# Of walks.


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """Chosen on 100 days, held for 40: the crash on the 202nd day is in the third test window."""
    plan = plan_of(0.5, 4.0, objective="cagr", after=80)
    with cluster("local", 1) as here:
        lengths = Steps(*(pd.Timedelta(days=days) for days in (100, 40, 0)))
        return walk_forward(plan, lengths, here, Ledger(tmp_path_factory.mktemp("ledger")), 2 * 10**9)


def test_a_walk_dates_the_ruin_of_the_joined_book_at_every_stretch_after_it(walk: Walk) -> None:
    table, day = walk.stretches, walk.result.ruin_day
    assert day == "2024-07-20"
    assert table["size"].tolist() == [4.0, 4.0, 4.0, 0.5, 0.5]
    assert table["book_ruined"].tolist() == ["", "", day, day, day]
    assert table["ruined"].tolist() == [False, False, True, False, False]
    assert [row["book_ruined"] for row in walk.summary()["stretches"]] == table["book_ruined"].tolist()
    page = page_rows(walk)
    assert page["ruined"]
    assert [row["ruin"] for row in page["rows"]][1:3] == ["", f"ruined on {day}"]
    assert page["rows"][2]["scores"][1] == "ruined"
    shown = terminal_rows(walk)
    assert [column.header for column in shown.columns][-1] == "joined run"
    assert list(shown.columns[-1].cells)[1:3] == ["", f"ruined on {day}"]
    assert outcome(walk.result) == f"Out of sample, the joined run has no Sharpe ratio: it was ruined on {day}."
    assert f"The joined run was ruined on {day}" in stretch_note(walk)


def test_no_training_window_chooses_what_it_saw_ruined(walk: Walk) -> None:
    """Growth is what is sought, and four times the growth is chosen, until a training window holds the crash."""
    chosen = walk.stretches[walk.stretches["chosen"]]
    crash = pd.Timestamp("2024-07-20", tz="UTC")
    saw = (chosen["train_from"] <= crash) & (crash < chosen["train_to"])
    assert saw.any()
    assert (chosen.loc[saw, "size"] < 4).all()


def test_a_stretch_that_was_ruined_is_the_worst_when_efficiency_is_asked_for() -> None:
    begin = pd.date_range("2021-01-01", periods=3, freq="60D", tz="UTC")
    table = pd.DataFrame({"test_from": begin, "test_to": begin + pd.Timedelta(days=60), "in_sample": 1.0})
    table = table.assign(out_of_sample=[0.5, np.nan, 0.7], ruined=[False, True, False])
    assert kept("sharpe", pd.Timedelta(days=60), table).outside == 0.5  # of minus infinity, 0.5 and 0.7
    half = kept("sharpe", pd.Timedelta(days=60), table.iloc[:2])
    assert isnan(half.outside)
    assert isnan(half.efficiency)
    assert half.reason == "half of the test windows ended in ruin, or more"
