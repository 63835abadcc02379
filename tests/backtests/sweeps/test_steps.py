"""Training and test windows, step by step, by hand; and the lengths that make no sense."""

from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.sweeps.steps import Steps, Stretch, duration, duration_text, stretches
from data_cache.errors import BadUsage

DAY, HOUR = pd.Timedelta(days=1), pd.Timedelta(hours=1)
FIRST = pd.Timestamp("2024-01-01", tz="UTC")


def days(count: float) -> pd.Timedelta:
    return pd.Timedelta(days=count)


def numbered(found: list[Stretch]) -> list[tuple[int, int, int, int]]:
    """The edges of both windows, in days from the first bar."""
    return [tuple((edge - FIRST) // DAY for window in (s.train, s.test) for edge in window) for s in found]


def test_each_step_moves_on_by_the_test_window_and_the_last_one_ends_with_history() -> None:
    found = stretches(FIRST, FIRST + days(20), DAY, Steps(days(8), days(5)))
    assert numbered(found) == [(0, 8, 8, 13), (5, 13, 13, 18), (10, 18, 18, 20)]


def test_a_purge_lies_between_training_and_test() -> None:
    found = stretches(FIRST, FIRST + days(20), DAY, Steps(days(8), days(5), purge=days(2)))
    assert numbered(found) == [(0, 8, 10, 15), (5, 13, 15, 20)]


def test_anchored_training_always_begins_with_history() -> None:
    found = stretches(FIRST, FIRST + days(20), DAY, Steps(days(8), days(5), days(2), anchored=True))
    assert numbered(found) == [(0, 8, 10, 15), (0, 13, 15, 20)]


def test_a_last_test_window_of_one_bar_is_kept() -> None:
    assert numbered(stretches(FIRST, FIRST + days(14), DAY, Steps(days(8), days(5))))[-1] == (5, 13, 13, 14)
    hourly = stretches(FIRST, FIRST + days(14), HOUR, Steps(days(8), days(5) + HOUR))
    assert hourly[-1].test == (FIRST + days(13) + HOUR, FIRST + days(14))


def test_a_history_of_one_step_makes_one() -> None:
    assert numbered(stretches(FIRST, FIRST + days(15), DAY, Steps(days(8), days(5), days(2)))) == [(0, 8, 10, 15)]


@given(st.integers(1, 40), st.integers(1, 30), st.integers(0, 20), st.booleans(), st.integers(0, 200))
def test_test_windows_join_and_no_training_window_comes_nearer_than_the_purge(
    train: int, test: int, purge: int, anchored: bool, more: int
) -> None:
    last = FIRST + days(train + test + purge + more)
    found = stretches(FIRST, last, DAY, Steps(days(train), days(test), days(purge), anchored))
    assert found[0].train[0] == FIRST
    assert found[-1].test[1] == last
    for stretch in found:
        assert stretch.test[0] - stretch.train[1] == days(purge)
        assert anchored or stretch.train[1] - stretch.train[0] == days(train)
        assert stretch.test[1] > stretch.test[0]
    for one, other in pairwise(found):
        assert one.test[1] == other.test[0]
        assert one.test[1] - one.test[0] == days(test)


def test_a_history_too_short_is_told_its_length_and_what_a_step_needs() -> None:
    with pytest.raises(BadUsage) as refused:
        stretches(FIRST, FIRST + days(152), DAY, Steps(days(730), days(180), days(28)))
    assert str(refused.value) == (
        "history from 2024-01-01 to 2024-06-01 is 152d long, and one step needs 938d: 730d to train, 28d of purge, "
        "180d to test; take shorter ones, or a longer history"
    )


def test_lengths_are_whole_numbers_of_bars() -> None:
    with pytest.raises(BadUsage, match="--test 36h is not a whole number of bars of 1d; take a multiple"):
        stretches(FIRST, FIRST + days(100), DAY, Steps(days(8), days(1.5)))
    with pytest.raises(BadUsage, match="--purge 1h is not a whole number of bars of 4h"):
        stretches(FIRST, FIRST + days(100), 4 * HOUR, Steps(days(8), days(2), HOUR))


@pytest.mark.parametrize(
    ("lengths", "sentence"),
    [
        ((0, 5, 0), "--train must be longer than zero; found 0d"),
        ((-3, 5, 0), "--train must be longer than zero; found -3d"),
        ((5, 0, 0), "--test must be longer than zero; found 0d"),
        ((5, 5, -2), "--purge must be zero or more; found -2d"),
    ],
)
def test_lengths_that_make_no_sense_are_refused(lengths: tuple[int, int, int], sentence: str) -> None:
    with pytest.raises(BadUsage, match=sentence):
        Steps(*map(days, lengths))


@pytest.mark.parametrize(
    ("text", "length"),
    [("730d", days(730)), ("26w", days(182)), ("720h", days(30)), ("1.5d", days(1.5)), (" 0d ", days(0))],
)
def test_durations_are_read(text: str, length: pd.Timedelta) -> None:
    assert duration(text, "--train") == length
    assert duration(duration_text(length), "--train") == length


@pytest.mark.parametrize("text", ["", "730", "d", "1y", "6m", "2 years", "1e3d", "9999999999999d", "nan", "٣d x"])
def test_what_is_no_duration_is_told(text: str) -> None:
    with pytest.raises(BadUsage, match="--purge takes hours, days or weeks, such as 720h, 180d or 26w; found "):
        duration(text, "--purge")


def test_steps_say_what_they_are() -> None:
    told = Steps(days(730), days(180), HOUR, anchored=True).summary()
    assert told == {"train": "730d", "test": "180d", "purge": "1h", "anchored": True}
