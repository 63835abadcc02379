"""What chance gives: by hand on small records, and at the stated rate on noise."""

import numpy as np
import pytest

from backtests.studies.null import length_of_blocks, resampled_differences, shifted_means, shifts, two_sided
from tests.backtests.studies.worlds import slow_noise

WORLDS, BARS, HELD = 200, 600, 10


def unwatched(done: int, total: int) -> None:
    """Nobody looks."""


def test_shifted_events_keep_their_gaps_and_come_in_again_at_the_start() -> None:
    forward = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    # Events at bars 0 and 3, moved by 1: bars 1 and 4; by 2: bars 2 and 0.
    assert shifted_means(forward, np.array([0, 3]), np.array([1, 2])).tolist() == [(2 + 16) / 2, (4 + 1) / 2]


def test_all_shifts_are_taken_where_there_are_no_more_than_asked_for() -> None:
    assert shifts(6, 100, 7).tolist() == [1, 2, 3, 4, 5]
    some = shifts(1_000, 100, 7)
    assert len(np.unique(some)) == 100
    assert some.min() >= 1
    assert some.max() <= 999
    assert shifts(1_000, 100, 7).tolist() == some.tolist()
    assert shifts(1_000, 100, 8).tolist() != some.tolist()


def test_the_mean_of_all_shifts_is_the_usual_mean() -> None:
    forward = np.random.default_rng(2).normal(size=50)
    bars = np.array([3, 4, 20])
    every = np.append(shifted_means(forward, bars, shifts(50, 100, 7)), forward[bars].mean())
    assert every.mean() == pytest.approx(forward.mean())


def test_a_p_value_is_twice_the_smaller_tail_with_the_truth_counted() -> None:
    chance = np.arange(99, dtype=float)
    assert two_sided(100.0, chance) == pytest.approx(2 * 1 / 100)  # none of 99 at or above
    assert two_sided(98.0, chance) == pytest.approx(2 * 2 / 100)
    assert two_sided(1.0, chance) == pytest.approx(2 * 3 / 100)  # 0 and 1 at or below
    assert two_sided(49.0, chance) == 1.0
    assert np.isnan(two_sided(float("nan"), chance))
    assert np.isnan(two_sided(1.0, np.empty(0)))


def test_in_resampled_histories_events_are_as_good_as_other_days() -> None:
    steps = np.random.default_rng(4).normal(0.01, 0.02, (400, 1))
    found = resampled_differences(steps, [{5: np.array([0, 50, 300])}], 400, 7, unwatched)[0][5]
    five = np.expm1(np.array([steps[i : i + 5, 0].sum() for i in range(395)]))
    assert found.mean() == pytest.approx(0, abs=0.003)
    # Three events that share no day: a third of the variance of one return.
    assert found.std() == pytest.approx(five.std() / 3**0.5, rel=0.2)


def test_assets_are_drawn_together_and_every_draw_is_told() -> None:
    steps = np.random.default_rng(4).normal(0, 0.02, (200, 1)) @ np.array([[1.0, 1.0]])
    told: list[tuple[int, int]] = []
    events = {3: np.array([10, 90])}
    one, other = resampled_differences(steps, [events, events], 120, 7, lambda done, total: told.append((done, total)))
    np.testing.assert_allclose(one[3], other[3])
    assert told[-1] == (120, 120)
    assert len(told) == 3


def test_blocks_are_as_long_as_calm_and_storm_ask_for() -> None:
    noise = np.random.default_rng(6).standard_normal(1_000)
    calm_and_storm = noise * np.repeat(np.tile([0.01, 0.05], 10), 50)
    assert length_of_blocks(calm_and_storm[:, None]) > 3 * length_of_blocks(0.03 * noise[:, None])


def chance_alone(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log steps with calm and storm, forward returns over ten bars, and events of a slow signal that knows nothing."""
    noise = np.random.default_rng(1_000 + seed).standard_normal(BARS)
    steps = 0.03 * np.exp(0.5 * np.sin(np.arange(BARS) / 40)) * noise
    level = np.append(0.0, np.cumsum(steps))
    forward = np.expm1(level[HELD:] - level[:-HELD])
    above = slow_noise(BARS, seed) > 2.0
    bars = np.flatnonzero(above[1:] & ~above[:-1]) + 1
    return steps, forward, bars[bars < len(forward)]


@pytest.mark.parametrize("kind", ["shift", "resample"])
def test_in_noise_a_test_at_5_percent_rejects_about_that_often(kind: str) -> None:
    """Of 200 worlds 10 should be rejected; more than 16 (8 %) would come once in 40 times."""
    p_values = []
    for world in range(WORLDS):
        steps, forward, bars = chance_alone(world)
        if kind == "shift":
            drawn = shifted_means(forward, bars, shifts(len(forward), 300, world)) - forward.mean()
        else:
            drawn = resampled_differences(steps[:, None], [{HELD: bars}], 100, world, unwatched)[0][HELD]
        p_values.append(two_sided(float(forward[bars].mean() - forward.mean()), drawn))
    found = np.array(p_values)
    assert (found <= 0.05).mean() <= 0.08
    assert 0.38 <= (found <= 0.5).mean() <= 0.62  # and the rest of them are spread evenly


def test_a_planted_effect_is_found() -> None:
    """Returns after each event are raised by three standard errors: most worlds must be rejected."""
    found = 0
    for world in range(40):
        _, forward, bars = chance_alone(world)
        raised = forward.copy()
        raised[bars] += 4 * forward.std() / len(bars) ** 0.5
        p = two_sided(float(raised[bars].mean()), shifted_means(raised, bars, shifts(len(raised), 300, world)))
        found += p <= 0.05
    assert found >= 28
