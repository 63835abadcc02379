"""The same decisions at the wrong time: rotations by hand, p-values by counting, and calibration on noise."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

from backtests.execution import Execution
from backtests.simulate import simulate
from backtests.statistics import placebo as module
from backtests.statistics.placebo import Placebo, placebo, placebo_of_all, placebo_shifts, rotated, rotated_sharpes
from backtests.tape import Tape, build_tape
from data_cache.errors import BadData, BadUsage

# p-values.


def test_the_p_value_counts_the_truth_among_the_placebos() -> None:
    """Of four placebos one is better and one as good: (1 + 2)/(1 + 4)."""
    assert Placebo(2.0, np.arange(4), np.array([1.0, 2.0, 3.0, 0.0])).p_value == pytest.approx(3 / 5)


def test_a_p_value_is_never_zero() -> None:
    assert Placebo(2.0, np.arange(9), np.zeros(9)).p_value == pytest.approx(1 / 10)


def test_a_placebo_without_a_score_counts_against_the_strategy() -> None:
    assert Placebo(2.0, np.arange(3), np.array([np.nan, 1.0, 1.0])).p_value == pytest.approx(2 / 4)


def test_a_strategy_without_a_score_has_no_p_value() -> None:
    assert np.isnan(Placebo(np.nan, np.arange(3), np.zeros(3)).p_value)


def test_the_truth_is_the_score_without_a_shift() -> None:
    found = placebo(lambda shift: -abs(shift - 3), n_bars=10, least=2, reps=100, seed=1)
    assert found.observed == -3
    assert found.shifts.tolist() == [2, 3, 4, 5, 6, 7, 8]
    assert found.scores.tolist() == [-1, 0, -1, -2, -3, -4, -5]
    assert found.p_value == pytest.approx((1 + 5) / (1 + 7))


def test_the_best_of_a_sweep_meets_the_best_of_each_rotation() -> None:
    """Row by shift: the truth's best is 3, the placebos' 4, 2 and none; the second trial alone would beat all."""
    scores = np.array([[1, 3], [4, 2], [2, np.nan], [np.nan, np.nan]])
    found = placebo_of_all(scores, least=1, reps=10, seed=1)
    assert found.observed == 3
    assert found.scores.tolist() == pytest.approx([4, 2, np.nan], nan_ok=True)
    assert found.p_value == pytest.approx((1 + 2) / (1 + 3))


# Shifts.


def test_shifts_keep_their_distance_and_do_not_repeat() -> None:
    found = placebo_shifts(1000, least=100, reps=200, seed=3)
    assert len(set(found.tolist())) == 200
    assert (found.min(), found.max()) >= (100, 0)
    assert found.max() <= 900


def test_a_seed_repeats_its_shifts_and_another_does_not() -> None:
    first, same, other = (placebo_shifts(1000, 100, 50, seed).tolist() for seed in (1, 1, 2))
    assert first == same != other


def test_where_there_are_fewer_rotations_than_asked_for_all_are_taken() -> None:
    assert placebo_shifts(10, least=4, reps=999, seed=1).tolist() == [4, 5, 6]


def test_a_distance_that_leaves_no_rotation_is_refused() -> None:
    with pytest.raises(BadUsage, match="10 bars leave no rotation 6 bars from both ends; use a smaller `least`"):
        placebo_shifts(10, least=6, reps=10, seed=1)


@pytest.mark.parametrize(("least", "reps"), [(0, 10), (1, 0)])
def test_no_distance_and_no_placebo_are_refused(least: int, reps: int) -> None:
    with pytest.raises(BadUsage, match=f"least and reps must be one or more; found {least} and {reps}"):
        placebo_shifts(10, least, reps, seed=1)


# Rotated decisions.


def tape(toy: SimpleNamespace) -> Tape:
    return build_tape(toy.market({"BTC": toy.BTC}), ["BTC"], None, None, "0")


def decisions(toy: SimpleNamespace, plan: dict[str, float]) -> pd.DataFrame:
    at = pd.DatetimeIndex([toy.at(moment) for moment in plan], name="at")
    return pd.DataFrame({"BTC": list(plan.values())}, index=at)


def told(found: pd.DataFrame) -> dict[str, float]:
    return {f"{at:%m-%d %H:%M}": weight for at, weight in found["BTC"].items()}


def test_decisions_move_and_the_stretch_before_them_moves_with_them(toy: SimpleNamespace) -> None:
    """Six bars. Half from day 2, nothing from day 4; a day later from 3 and 5, and nothing, as at the end, from 1.

    The stretch in cash before the first decision begins on day 2 now, and is a decision to hold nothing.
    """
    found = rotated(decisions(toy, {"01-02": 0.5, "01-04": 0.0}), tape(toy), toy.FREE, 1)
    assert told(found) == {"01-01 00:00": 0.0, "01-02 00:00": 0.0, "01-03 00:00": 0.5, "01-05 00:00": 0.0}


def test_what_stands_at_the_new_end_has_stood_at_the_new_start(toy: SimpleNamespace) -> None:
    """Half on days 1 to 4, all on 5 and 6; three days later half on days 4 to 6 and 1, all on 2 and 3."""
    found = rotated(decisions(toy, {"01-01": 0.5, "01-05": 1.0}), tape(toy), toy.FREE, 3)
    assert told(found) == {"01-01 00:00": 0.5, "01-02 00:00": 1.0, "01-04 00:00": 0.5}


def test_a_full_turn_is_none(toy: SimpleNamespace) -> None:
    plan = decisions(toy, {"01-02": 0.5, "01-04": 0.0})
    for shift in (0, 6, -6):
        pd.testing.assert_frame_equal(rotated(plan, tape(toy), toy.FREE, shift), plan)


def test_of_several_decisions_for_one_bar_the_last_counts_and_one_for_no_bar_is_left_out(toy: SimpleNamespace) -> None:
    plan = decisions(toy, {"01-01 06:00": 0.2, "01-01 18:00": 0.5, "01-06 12:00": 0.9})
    assert told(rotated(plan, tape(toy), toy.FREE, 0)) == {"01-02 00:00": 0.5}


def test_decisions_that_no_bar_fills_are_none(toy: SimpleNamespace) -> None:
    assert rotated(decisions(toy, {"01-06 12:00": 0.9}), tape(toy), toy.FREE, 2).empty


def test_latency_is_counted_off_so_that_fills_move_by_whole_bars(toy: SimpleNamespace) -> None:
    """Decided on day 1 at noon, with six hours of latency filled on day 2; two bars later filled on day 4."""
    slow = replace(toy.FREE, latency_hours=6.0)
    found = rotated(decisions(toy, {"01-01 12:00": 0.5}), tape(toy), slow, 2)
    rows = slow.fill_rows(found.index.asi8, tape(toy).open_times)
    assert rows.tolist() == [0, 2, 3]
    assert found["BTC"].tolist() == [0.5, 0.0, 0.5]


def test_a_hole_is_no_decision(toy: SimpleNamespace) -> None:
    with pytest.raises(BadData, match="a decision holds NaN; decisions are targets, and no decision is no row"):
        rotated(decisions(toy, {"01-01": np.nan}), tape(toy), toy.FREE, 1)


def test_rotated_decisions_simulate_as_rotated_holdings(toy: SimpleNamespace) -> None:
    """In on day 2, out on day 3: earns 110 to 120; moved by one 120 to 90, by two 90 to 95, by five 100 to 110."""
    plan = decisions(toy, {"01-02": 1.0, "01-03": 0.0})
    ends = [
        simulate(rotated(plan, tape(toy), toy.FREE, shift), tape(toy), toy.FREE).final_value() for shift in (0, 1, 2, 5)
    ]
    assert ends == pytest.approx([1000 * 120 / 110, 1000 * 90 / 120, 1000 * 95 / 90, 1000 * 110 / 100])


# All rotations at once.


def plain(weights: np.ndarray, returns: np.ndarray, shift: int) -> np.ndarray:
    earned = (np.roll(weights, shift, axis=0) * returns[:, None, :]).sum(axis=2)
    return np.asarray(earned.mean(axis=0) / earned.std(axis=0, ddof=1))


@pytest.mark.parametrize("block_bytes", [32_000_000, 1], ids=["at once", "trial by trial"])
def test_all_rotations_are_each_rotation(block_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three columns: two assets, and the costs, which move with the weights."""
    monkeypatch.setattr(module, "BLOCK_BYTES", block_bytes)
    rng = np.random.default_rng(1)
    weights, returns = rng.random((41, 4, 3)), rng.normal(0, 0.02, (41, 3))
    weights[:, :, 2] *= 0.001
    returns[:, 2] = -1
    found = rotated_sharpes(weights, returns)
    assert found == pytest.approx(np.array([plain(weights, returns, shift) for shift in range(41)]), rel=1e-9)


def test_a_trial_that_holds_nothing_has_no_score_at_any_rotation() -> None:
    weights = np.zeros((40, 2, 1))
    weights[:, 1] = 1
    found = rotated_sharpes(weights, np.random.default_rng(1).normal(0, 0.02, (40, 1)))
    assert np.isnan(found[:, 0]).all()
    assert found[:, 1] == pytest.approx(np.full(40, found[0, 1]))


def test_weights_and_returns_must_fit_and_be_whole() -> None:
    with pytest.raises(BadData, match=r"weights of shape \(5, 1, 2\) do not fit returns of shape \(5, 1\)"):
        rotated_sharpes(np.zeros((5, 1, 2)), np.zeros((5, 1)))
    with pytest.raises(BadData, match="a weight or a return is missing; a rotation needs all of them: write 0"):
        rotated_sharpes(np.full((5, 1, 1), np.nan), np.zeros((5, 1)))


def sweep(seed: int, effect: float) -> Placebo:
    """Ten rules, each in the market by stretches of a signal of its own; prices follow the first one by `effect`."""
    rng = np.random.default_rng(seed)
    weights = np.repeat(rng.random((80, 10)) < 0.5, 10, axis=0).astype(float)
    returns = rng.normal(0, 0.02, 800) + effect * (weights[:, 0] - 0.5)
    return placebo_of_all(rotated_sharpes(weights[:, :, None], returns[:, None]), least=30, reps=199, seed=seed)


def test_without_an_effect_p_values_are_uniform_though_the_best_of_ten_is_tested() -> None:
    found = np.array([sweep(seed, effect=0.0).p_value for seed in range(300)])
    assert kstest(found, "uniform").pvalue > 0.01
    assert 0.05 <= np.mean(found <= 0.1) <= 0.15


def test_a_planted_effect_is_found() -> None:
    """Holding earns 0.3 % a bar over not holding, on half of 800 bars of 2 %."""
    assert np.mean([sweep(seed, effect=0.006).p_value <= 0.05 for seed in range(50)]) >= 0.9


def test_an_execution_that_costs_costs_a_rotation_as_much(toy: SimpleNamespace) -> None:
    """On flat prices only costs are left, and a rotation inside the tape has the same."""
    costly = Execution(fee_bps=100, slippage_bps=0, min_notional=0, capital=1_000)
    flat = build_tape(toy.market({"BTC": [100.0] * 8}), ["BTC"], None, None, "0")
    plan = decisions(toy, {"01-02": 0.5, "01-04": 0.0})
    ends = [simulate(rotated(plan, flat, costly, shift), flat, costly).final_value() for shift in (0, 1, 3)]
    assert ends == pytest.approx([ends[0]] * 3)
