"""The verdict on sweeps: of noise, of skill, of what cannot be judged, and of more trials than fit into memory."""

import json
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import isnan

import numpy as np
import pandas as pd
import pytest

from backtests.statistics.overfitting import Moments, deflated_sharpe, per_bar
from backtests.statistics.placebo import KEPT
from backtests.statistics.returns import InMemory, max_drawdown, sharpe
from backtests.sweeps import evidence as module
from backtests.sweeps.evidence import Evidence
from backtests.sweeps.verdict import INTERVALS, STATISTICS, Verdict, verdict
from data_cache.errors import BadUsage, DamagedFile

VOLATILITY = 0.02
END, YEAR = pd.Timestamp("2024-01-01", tz="UTC"), pd.Timedelta(days=365)


class Held(InMemory):
    """Returns in memory as a sweep has them: float32, over days, numbered from `first`."""

    def __init__(self, returns: np.ndarray, first: int = 0) -> None:
        super().__init__(returns.astype(np.float32), width=64)
        self.days = pd.date_range("2016-01-01", periods=len(returns), tz="UTC")
        self.numbers = np.arange(returns.shape[1]) + first
        self._first = first

    def take(self, numbers: Sequence[int] | np.ndarray) -> np.ndarray:
        return super().take(np.asarray(numbers) - self._first)


def measures(returns: np.ndarray, numbers: np.ndarray) -> pd.DataFrame:
    """What the verdict reads of a table of trials on daily bars."""
    mean, deviation = returns.mean(axis=0), returns.std(axis=0, ddof=1)
    still = deviation < 1e-12
    away = (returns - mean) / np.where(still, 1.0, returns.std(axis=0))
    columns = {
        "mean": mean,
        "deviation": deviation,
        "skewness": (away**3).mean(axis=0),
        "kurtosis": (away**4).mean(axis=0),
        "sharpe": mean / np.where(still, 1.0, deviation) * np.sqrt(365),
        "total_return": np.prod(1 + returns, axis=0) - 1,
    }
    table = pd.DataFrame(columns, index=pd.Index(numbers, name="trial"))
    table.loc[still, ["skewness", "kurtosis", "sharpe"]] = np.nan
    return table


def ledger(sharpes: Sequence[float], bars: int | Sequence[int] = 1250, bars_a_year: float = 250.0) -> pd.DataFrame:
    """What the ledger holds of trials with these ratios a year, over so many bars that end where the window does."""
    tried = pd.DataFrame({"sharpe": list(sharpes), "bars": bars, "bars_a_year": bars_a_year, "final_equity": 1_000.0})
    return tried.assign(start=END - YEAR * (tried["bars"] / tried["bars_a_year"]), end=END)


def window(bars: int, bars_a_year: float) -> tuple[pd.Timestamp, pd.Timestamp]:
    return END - YEAR * (bars / bars_a_year), END


def evidence(returns: np.ndarray, first: int = 0, rotated: Callable[[int], np.ndarray] | None = None) -> Evidence:
    """A sweep of daily bars by Sharpe ratio, the only one in the ledger; its benchmark is cash."""
    held = Held(returns, first)
    table = measures(returns, held.numbers)
    tried = ledger(table["sharpe"], len(returns), 365.0)
    span = window(len(returns), 365.0)
    return Evidence(held, table, table["sharpe"], np.zeros(len(returns)), len(returns), 365.0, tried, span, rotated)


def noise(seed: int, n_days: int, n_trials: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, VOLATILITY, (n_days, n_trials))


def timed(seed: int, n_days: int, n_trials: int, annual: float = 0.0) -> Evidence:
    """Rules that hold a market by stretches of ten days; the market follows the eighth, whose Sharpe ratio is `annual`.

    It earns m a day while held and loses m while not, half of the days each: a mean of m/2, a deviation of 2 % / √2.
    """
    rng = np.random.default_rng(seed)
    held = np.repeat(rng.random((n_days // 10, n_trials)) < 0.5, 10, axis=0).astype(float)
    earned = per_bar(annual, 365) * VOLATILITY * np.sqrt(2)
    market = rng.normal(0, VOLATILITY, len(held)) + earned * (2 * held[:, 7] - 1)

    def scores(shift: int) -> np.ndarray:
        moved = np.roll(market, -shift)
        mean, square = held.T @ moved, held.T @ moved**2
        return np.asarray(mean / np.sqrt(len(held) * square - mean**2) * np.sqrt(365))

    return evidence(held * market[:, None], rotated=scores)


# On noise, and on skill.


def test_the_best_of_five_hundred_trials_of_noise_is_called_luck() -> None:
    """Four years; 2.98 standard errors of 1/√4 are expected of the best: a Sharpe ratio of 1.5."""
    found = verdict(evidence(noise(1, 1460, 500)), seed=1)
    assert found.sharpe == pytest.approx(1.5, abs=0.4)
    assert found.probabilistic > 0.99
    assert found.deflated < 0.8
    assert found.deflated_effective == pytest.approx(found.deflated, abs=0.05)
    assert found.effective == pytest.approx(500, rel=0.02)
    assert found.overfitting > 0.2
    assert found.spa > 0.1
    assert found.better == 0
    assert found.minimum_years == pytest.approx(4, abs=1.5)


def test_sweeps_of_noise_are_believed_about_as_often_as_is_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    """40 sweeps of 50 trials; of one in twenty, two are expected, and six are three errors (√1.9 each) away."""
    monkeypatch.setattr(module, "REPS", 200)
    found = [verdict(timed(seed, 800, 50), seed) for seed in range(40)]
    assert sum(f.deflated > 0.95 for f in found) <= 6
    assert sum(f.deflated_effective > 0.95 for f in found) <= 10  # lenient, as is said of it
    assert sum(f.spa <= 0.05 for f in found) <= 6
    assert sum(f.placebo is not None and f.placebo.p_value <= 0.05 for f in found) <= 6
    assert sum(f.better > 0 for f in found) <= 6
    assert np.mean([f.overfitting for f in found]) == pytest.approx(0.5, abs=0.15)
    assert sum(f.placebo is not None and f.placebo.p_value <= 0.5 for f in found) == pytest.approx(20, abs=9)


def test_skill_among_two_hundred_over_eight_years_is_found() -> None:
    """A true Sharpe ratio of 3 is √8 x 3 = 8.5 standard errors."""
    found = verdict(timed(3, 2920, 200, annual=3.0), seed=1)
    assert found.best == 7
    assert found.sharpe == pytest.approx(3, abs=0.8)
    assert found.deflated > 0.99
    assert found.deflated_effective > 0.99
    assert (found.spa_lower, found.spa, found.spa_upper) == (0.0, 0.0, 0.0)
    assert found.better >= 1
    assert found.overfitting < 0.01
    assert found.loss < 0.01
    assert found.placebo is not None
    assert found.placebo.p_value == pytest.approx(1 / 200)
    assert found.minimum_years < 2
    assert found.intervals.loc["sharpe", "low"] > 1.5
    assert found.skipped == {}


# What is made of the evidence.


def published(tried: Sequence[float]) -> Evidence:
    """The example of "The deflated Sharpe ratio": five years of 250 days, ratio 2.5, skewness -3, kurtosis 10."""
    row = {"mean": per_bar(2.5, 250) * 0.01, "deviation": 0.01, "skewness": -3.0, "kurtosis": 10.0, "sharpe": 2.5}
    table = pd.DataFrame(row | {"total_return": 10.0}, index=[0])
    returns = Held(noise(1, 40, 1))
    return Evidence(returns, table, table["sharpe"], np.zeros(40), 1250, 250.0, ledger(tried), window(1250, 250.0))


def test_the_papers_example_of_a_deflated_sharpe_ratio() -> None:
    """100 trials whose annual ratios have a variance of 1/2, as ±d of half each: 100/99 d² = 1/2."""
    found = verdict(published(np.tile([1, -1], 50) * np.sqrt(0.5 * 99 / 100)), seed=1)
    assert found.trials == 100
    assert found.deflated == pytest.approx(0.9004, abs=5e-5)


def test_short_trials_in_the_ledger_vary_more_and_do_not_count_for_more_than_long_ones() -> None:
    """On half of the bars luck gives the root of two as much: ±√2 over 625 bars is what ±1 is over 1,250."""
    long = verdict(published([1, -1] * 50), seed=1)
    ratios = [*[1, -1] * 25, *[2**0.5, -(2**0.5)] * 25]
    short = verdict(replace(published([1]), tried=ledger(ratios, [1250] * 50 + [625] * 50)), 1)
    assert short.deflated == pytest.approx(long.deflated, rel=1e-12)


@pytest.mark.parametrize("wild", [40.0, -40.0, 0.0])
def test_what_trials_of_ten_days_made_of_them_says_nothing_of_five_years(wild: float) -> None:
    """They count, each as a trial without skill, whose ratios vary by one over the bars; 100 vary by 1/2 a year."""
    ratios = np.tile([1, -1], 50) * np.sqrt(0.5 * 99 / 100)
    found = verdict(replace(published([1]), tried=ledger([*ratios, wild], [1250] * 100 + [10])), seed=1)
    variance = 99 / 100 * 0.5 / 250 + 1 / 100 * 1 / 1250
    of = Moments(1250, per_bar(2.5, 250), -3.0, 10.0)
    assert found.trials == 101
    assert found.deflated == pytest.approx(deflated_sharpe(of, 101, variance), rel=1e-12)


def test_the_order_of_the_ledger_changes_no_digit() -> None:
    ratios = np.random.default_rng(1).normal(0, 1, 101)
    found = {verdict(published(order), seed=1).deflated for order in (ratios, ratios[::-1], np.roll(ratios, 50))}
    assert len(found) == 1


def test_trials_without_a_ratio_count_but_do_not_vary() -> None:
    """46 trials would have been believed: 44 with ratios of that variance, and two that never traded."""
    ratios = np.tile([1, -1], 22) * np.sqrt(0.5 * 43 / 44)
    found = verdict(published([*ratios, np.nan, np.nan]), seed=1)
    assert found.trials == 46
    assert found.deflated == pytest.approx(0.9505, abs=5e-5)


def test_the_only_trial_ever_run_is_not_deflated() -> None:
    found = verdict(published([2.5]), seed=1)
    assert found.deflated == found.probabilistic
    assert found.minimum_years == 0


def test_the_best_is_the_first_of_the_highest_scores_whatever_its_sharpe_ratio() -> None:
    given = evidence(noise(1, 400, 5), first=10)
    scores = pd.Series([0.1, np.nan, 0.3, 0.3, -1.0], given.table.index)
    found = verdict(replace(given, scores=scores), seed=1)
    assert found.best == 12
    assert found.sharpe == given.table["sharpe"][12]


def test_intervals_are_of_the_best_trials_days() -> None:
    returns = noise(2, 730, 20)
    found = verdict(evidence(returns, first=5), seed=1)
    own = returns.astype(np.float32)[:, found.best - 5].astype(float)
    assert found.intervals.index.tolist() == list(INTERVALS)
    assert found.intervals.loc["sharpe", "estimate"] == pytest.approx(sharpe(own, 365))
    assert found.intervals.loc["max_drawdown", "estimate"] == pytest.approx(max_drawdown(own))
    assert (found.intervals["low"] < found.intervals["high"]).all()


def test_the_benchmark_is_what_trials_have_to_beat() -> None:
    """They all earn the same 0.3 % a day on top of noise, and so does the benchmark: against cash all are superior."""
    given = evidence(noise(4, 730, 20) + 0.003)
    assert verdict(given, seed=1).spa == 0
    assert verdict(replace(given, benchmark=noise(99, 730, 1)[:, 0] + 0.003), seed=1).spa > 0.1


def test_days_that_are_missing_make_a_year_shorter() -> None:
    """Every second day: 365 days hold 182.5 of them."""
    given = evidence(noise(1, 100, 2))
    given.returns.days = pd.date_range("2016-01-01", periods=100, freq="2D", tz="UTC")
    assert given.days_a_year == pytest.approx(182.5, rel=0.01)


def test_a_seed_repeats_a_verdict() -> None:
    first, same, other = (verdict(timed(1, 400, 10), seed).summary() for seed in (1, 1, 2))
    assert first == same != other


def test_every_step_is_told_and_the_last_one_is_the_last() -> None:
    told: list[tuple[int, int]] = []
    verdict(timed(1, 400, 10), 1, watch=lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == list(range(1, len(told) + 1))
    assert {total for _, total in told} == {len(told)}
    assert len(told) > 199


# What cannot be judged.

EVERYTHING = {row.name for row in STATISTICS} | {"intervals"}
BY_DAYS = {"effective", "overfitting", "slope", "loss", "spa", "spa_lower", "spa_upper", "better", "intervals"}
OF_BEST = {"sharpe", "probabilistic", "deflated", "deflated_effective", "minimum_years"}


def judged(given: Evidence) -> Verdict:
    """The verdict, after a check that what is skipped is NaN, and nothing else is."""
    found = verdict(given, seed=1)
    for row in STATISTICS:
        assert isnan(row.value(found)) == (row.name in found.skipped), row.name
        assert (row.text(found) == "–") == (row.name in found.skipped)
    assert found.intervals.isna().all(axis=None) == ("intervals" in found.skipped)
    assert set(found.skipped) <= EVERYTHING
    return found


def by_reason(found: Verdict) -> dict[str, set[str]]:
    reasons = set(found.skipped.values())
    return {reason: {name for name, why in found.skipped.items() if why == reason} for reason in reasons}


NO_ORDERS = {"there are no orders that could be rotated": {"placebo"}}


def test_one_trial_is_not_chosen() -> None:
    found = judged(evidence(noise(1, 400, 1) + 0.003))
    assert by_reason(found) == NO_ORDERS | {
        "there was one trial, and nothing to choose": {"overfitting", "slope", "loss"}
    }
    assert found.effective == 1
    assert found.deflated == found.probabilistic


def test_a_month_is_too_short_for_blocks_of_days() -> None:
    found = judged(replace(timed(1, 40, 10), rotated_scores=lambda shift: np.zeros(3)))
    assert found.skipped == {}
    returns = noise(1, 31, 10) + 0.001
    short = judged(evidence(returns, rotated=lambda shift: np.zeros(3)))
    assert by_reason(short) == {
        "the history has 31 days, and fewer than 32 say nothing": {*BY_DAYS, "placebo", "deflated_effective"}
    }
    assert not isnan(short.deflated)


def test_trials_that_are_all_alike_left_nothing_to_choose() -> None:
    found = judged(evidence(np.tile(noise(1, 400, 1) + 0.002, 5)))
    assert by_reason(found) == NO_ORDERS | {
        "all trials have the same returns, so there was nothing to choose": {"overfitting", "slope", "loss"}
    }
    assert found.effective == pytest.approx(1)


def test_trials_that_never_trade_have_no_best() -> None:
    found = judged(evidence(np.zeros((400, 5))))
    assert found.best == -1
    assert by_reason(found) == NO_ORDERS | {
        "no trial has a score": {*OF_BEST, "intervals"},
        "all trials have the same returns, so there was nothing to choose": {"overfitting", "slope", "loss"},
        "no trial departs from the benchmark": {"spa", "spa_lower", "spa_upper", "better"},
    }


def test_a_best_that_never_trades_has_no_moments() -> None:
    """Where the objective is the smallest drawdown, cash is the best."""
    given = evidence(np.hstack([noise(1, 400, 4), np.zeros((400, 1))]))
    found = judged(replace(given, scores=pd.Series([-0.5, -0.4, -0.3, -0.2, 0.0])))
    assert found.best == 4
    assert by_reason(found) == NO_ORDERS | {"the returns of the best trial do not vary": {*OF_BEST, "intervals"}}


def test_trials_that_all_have_a_problem_leave_no_statistic() -> None:
    given = evidence(noise(1, 400, 2))
    none = Held(np.zeros((400, 1)))
    none.numbers, none.blocks = np.empty(0, int), lambda: iter([])  # type: ignore[method-assign]
    failed = given.table.assign(**dict.fromkeys(given.table.columns, np.nan))
    found = judged(replace(given, returns=none, table=failed, scores=failed["sharpe"], tried=ledger(failed["sharpe"])))
    assert set(found.skipped) == EVERYTHING - {"trials"}


def test_a_best_that_loses_needs_no_minimum_length() -> None:
    found = judged(evidence(noise(1, 400, 3) - 0.01))
    assert by_reason(found) == NO_ORDERS | {"the best trial's Sharpe ratio is not above zero": {"minimum_years"}}


def test_by_a_ledger_without_ratios_the_best_is_deflated_as_trials_without_skill_would_vary() -> None:
    given = evidence(noise(1, 400, 3) + 0.001)
    found = judged(replace(given, tried=ledger([1.0, np.nan, np.nan], 400, 365.0)))
    assert by_reason(found) == NO_ORDERS
    assert found.deflated == deflated_sharpe(given.moments, 3, 1 / 400)


def test_a_best_in_the_same_place_on_every_half_has_no_slope() -> None:
    """A sure loser, and cash, which is chosen everywhere with a ratio of 0."""
    given = evidence(np.column_stack([np.tile([-0.03, 0.01], 200), np.zeros(400)]))
    assert "what is best has the same Sharpe ratio on every half of the history" in by_reason(judged(given))


def test_rotated_trials_without_any_score_are_no_placebo() -> None:
    found = judged(evidence(noise(1, 400, 3) + 0.001, rotated=lambda shift: np.full(3, np.nan)))
    assert by_reason(found) == {"none of the trials that were to be rotated has a score": {"placebo"}}


def test_evidence_that_does_not_fit_together_is_refused() -> None:
    given = evidence(noise(1, 400, 3))
    with pytest.raises(BadUsage, match="the ledger holds no trial of this sweep; add its records before it is judged"):
        replace(given, tried=given.tried.iloc[:0])
    with pytest.raises(BadUsage, match="table and scores must have the same trials in the same order"):
        replace(given, scores=given.scores.iloc[::-1])
    with pytest.raises(BadUsage, match="the returns have 400 days and the benchmark 399; cut both to the same days"):
        replace(given, benchmark=np.zeros(399))


def test_returns_that_cannot_be_read_are_an_error_and_not_a_statistic_that_is_missing() -> None:
    given = evidence(noise(1, 400, 3))

    def damaged() -> Iterator[np.ndarray]:
        raise DamagedFile("chunk 3 is not what was written")

    given.returns.blocks = damaged  # type: ignore[method-assign]
    with pytest.raises(DamagedFile, match="chunk 3 is not what was written"):
        verdict(given, seed=1)


# What reports are made of.


def test_every_statistic_is_told_in_a_sentence_with_its_paper() -> None:
    for row in STATISTICS:
        assert row.definition.endswith("."), row.name
        assert "(" in row.definition or row.name == "trials", row.name
    assert len({row.name for row in STATISTICS}) == len(STATISTICS)


def test_numbers_are_told_as_people_read_them() -> None:
    found = replace(verdict(timed(3, 400, 10), seed=1), trials=1240, overfitting=0.416, deflated=0.41, slope=-0.001)
    told = {row.name: row.text(found) for row in STATISTICS}
    assert (told["trials"], told["overfitting"], told["deflated"], told["slope"]) == ("1,240", "0.416", "0.410", "0.00")
    assert found.placebo is not None
    assert told["placebo"] == f"{found.placebo.p_value:.3f}"


def test_the_summary_is_plain_json() -> None:
    found = verdict(evidence(noise(1, 400, 1) - 0.01), seed=1)
    told = json.loads(json.dumps(found.summary(), allow_nan=False))
    assert set(told) >= EVERYTHING
    assert told["overfitting"] is None
    assert told["skipped"]["overfitting"] == "there was one trial, and nothing to choose"
    assert told["intervals"]["sharpe"]["low"] == found.intervals.loc["sharpe", "low"]


def test_scores_at_the_wrong_time_are_kept_for_a_picture() -> None:
    found = verdict(timed(1, 800, 50), seed=1)
    assert found.placebo is not None
    assert found.placebo_trials == 50
    assert len(found.placebo.everything) == 199 * (KEPT // 199)


# More than fits.


class Endless:
    """Noise, made again whenever it is read: a thousand trials a block."""

    def __init__(self, n_days: int, n_trials: int) -> None:
        self.days = pd.date_range("2016-01-01", periods=n_days, tz="UTC")
        self.numbers = np.arange(n_trials)

    def _block(self, number: int) -> np.ndarray:
        made = np.random.default_rng(number).standard_normal((len(self.days), 1000), dtype=np.float32)
        return made * np.float32(VOLATILITY)

    def blocks(self) -> Iterator[np.ndarray]:
        return (self._block(number) for number in range(len(self.numbers) // 1000))

    def take(self, numbers: Sequence[int] | np.ndarray) -> np.ndarray:
        asked = np.asarray(numbers)
        found = np.empty((len(self.days), len(asked)), np.float32)
        for number in np.unique(asked // 1000):
            here = asked // 1000 == number
            found[:, here] = self._block(int(number))[:, asked[here] % 1000]
        return found


def test_twenty_thousand_trials_are_judged_in_little_memory() -> None:
    """Their returns over a thousand days are 80 MB in float32, and 160 MB as the differences of float64."""
    returns = Endless(1000, 20_000)
    table = pd.concat([measures(block.astype(float), np.arange(1000)) for block in returns.blocks()], ignore_index=True)
    given = Evidence(
        returns,
        table,
        table["sharpe"],
        np.zeros(1000),
        1000,
        365.0,
        ledger(table["sharpe"], 1000, 365.0),
        window(1000, 365.0),
    )
    verdict(timed(1, 400, 10), seed=1)  # what is imported is not counted
    tracemalloc.start()
    found = verdict(given, seed=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100e6
    assert (found.trials, found.clustered_of, found.blocks) == (20_000, 1_000, 12)
    assert found.effective == pytest.approx(20_000, rel=0.2)
    assert found.deflated < 0.95
