"""Combinatorial purged cross-validation: splits and paths as in the book, sums as by hand, and nothing that leaks."""

import tracemalloc
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from backtests.ledger import Ledger
from backtests.sweeps.backends import cluster
from backtests.sweeps.cross_validation import Folds, PurgedCrossValidation, Segments, cross_validate
from backtests.sweeps.grid import read_space
from backtests.sweeps.plan import Plan
from backtests.sweeps.walk_forward import walk_paths
from data_cache.errors import BadUsage, NoData
from data_cache.lab import Lab


class Stored:
    """Daily returns of shape (n_days, n_trials), handed out `at_once` trials at a time."""

    def __init__(self, returns: np.ndarray, at_once: int = 3, numbers: Sequence[int] | None = None) -> None:
        self.days = pd.date_range("2020-01-01", periods=len(returns), tz="UTC")
        self.numbers = np.arange(returns.shape[1]) if numbers is None else np.array(numbers)
        self._returns, self._at_once = returns.astype(np.float32), at_once

    def blocks(self) -> Iterator[np.ndarray]:
        for first in range(0, self._returns.shape[1], self._at_once):
            yield self._returns[:, first : first + self._at_once]

    def take(self, numbers: Sequence[int] | np.ndarray) -> np.ndarray:
        return self._returns[:, np.searchsorted(self.numbers, numbers)]


def noise(days: int, trials: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0005, 0.01, (days, trials))


def sharpe(returns: np.ndarray) -> float:
    """A year, of 365 days that follow each other."""
    return float(returns.mean() / returns.std(ddof=1) * np.sqrt(365))


# Splits and paths


def test_four_groups_of_which_two_are_held_out_make_six_splits_and_three_paths() -> None:
    folds = Folds(4, 2)
    assert folds.splits == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    # Each row: the split from which the path takes groups 0, 1, 2, 3; every split gives each of its groups to one path.
    assert folds.paths.tolist() == [[0, 0, 1, 2], [1, 3, 3, 4], [2, 4, 5, 5]]


def test_six_groups_of_which_two_are_held_out_are_joined_as_in_figure_12_2_of_the_book() -> None:
    # The book numbers groups, splits and paths from 1; its table says for each group which split goes to which path.
    table = [
        [1, 2, 3, 4, 5],
        [1, 6, 7, 8, 9],
        [2, 6, 10, 11, 12],
        [3, 7, 10, 13, 14],
        [4, 8, 11, 13, 15],
        [5, 9, 12, 14, 15],
    ]
    assert (Folds(6, 2).paths.T + 1).tolist() == table


@pytest.mark.parametrize(("groups", "held_out"), [(2, 1), (5, 1), (5, 4), (6, 3), (10, 2)])
def test_every_stretch_that_was_held_out_goes_to_one_path(groups: int, held_out: int) -> None:
    folds = Folds(groups, held_out)
    used = [(int(split), group) for path in folds.paths for group, split in enumerate(path)]
    assert sorted(used) == sorted((i, group) for i, held in enumerate(folds.splits) for group in held)


# By hand

# Eight days, four groups of two; trial 0 is good in the first half and bad in the second, trial 1 the other way round.
GOOD, BAD = [0.03, 0.01], [-0.03, -0.01]
TWO = np.array([[*GOOD, *GOOD, *BAD, *BAD], [*BAD, *BAD, *GOOD, *GOOD]]).T


def test_the_best_of_each_split_and_what_became_of_it() -> None:
    found = cross_validate(Stored(TWO), Folds(4, 2))
    assert found.trials == 2
    # Where groups 0 and 1 are held out, the choice falls on what is good in 2 and 3, and so on; where the two groups
    # left are one of each kind, both trials have a ratio of 0 and the first is chosen.
    assert found.splits["held_out"].tolist() == Folds(4, 2).splits
    assert found.splits["trial"].tolist() == [1, 0, 0, 0, 0, 0]
    good = sharpe(np.array(GOOD * 2))
    assert found.splits["inside"].tolist() == pytest.approx([good, 0, 0, 0, 0, good], abs=1e-5)
    assert found.splits["outside"].tolist() == pytest.approx([-good, 0, 0, 0, 0, -good], abs=1e-5)
    # Path 0 takes groups 0 and 1 of trial 1, both bad, then groups 2 and 3 of trial 0, bad as well. Path 1 is trial 0
    # throughout. So is path 2.
    assert found.paths.tolist() == pytest.approx([sharpe(np.array(BAD * 4)), 0, 0], abs=1e-5)
    assert found.loss == pytest.approx(1 / 3)
    assert found.edges.strftime("%d").tolist() == ["01", "03", "05", "07", "09"]


def test_purge_and_embargo_leave_out_the_days_around_what_is_held_out() -> None:
    segments = Segments.of(Folds(4, 1, purge=1, embargo=2), 20)
    days = np.repeat(np.arange(len(segments.counts)), segments.counts)
    chosen_on = [np.flatnonzero(row[days]).tolist() for row in segments.choosing]
    assert chosen_on == [
        [*range(7, 20)],  # days 0-4 held out, 5 and 6 embargoed
        [*range(4), *range(12, 20)],  # 5-9 held out, 4 purged, 10 and 11 embargoed
        [*range(9), *range(17, 20)],
        [*range(14)],
    ]
    assert segments.group[days].tolist() == [0] * 5 + [1] * 5 + [2] * 5 + [3] * 5


@settings(max_examples=60)
@given(
    st.integers(2, 6).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n - 1))),
    st.integers(0, 4),
    st.integers(0, 4),
    st.integers(40, 90),
    st.integers(0, 99),
)
def test_sums_give_what_the_returns_themselves_give(
    shape: tuple[int, int], purge: int, embargo: int, n_days: int, seed: int
) -> None:
    folds, returns = Folds(*shape, purge, embargo), noise(n_days, 5, seed).astype(np.float32).astype(float)
    try:
        found = cross_validate(Stored(returns, at_once=2, numbers=[3, 5, 8, 13, 21]), folds)
    except BadUsage:  # so much is held out that nothing is left
        reject()
    groups = [np.arange(a, b) for a, b in pairwise(folds.edges(n_days))]
    chosen = []
    for row, held in zip(found.splits.to_dict("records"), folds.splits, strict=True):
        outside = np.concatenate([groups[g] for g in held])
        barred = {day for g in held for day in range(groups[g][0] - purge, groups[g][-1] + 1 + embargo)}
        inside = [day for day in range(n_days) if day not in barred]
        ratios = [sharpe(returns[inside, trial]) for trial in range(5)]
        chosen.append(int(np.argmax(ratios)))
        assert row["trial"] == [3, 5, 8, 13, 21][chosen[-1]]
        assert row["inside"] == pytest.approx(max(ratios), rel=1e-9)
        assert row["outside"] == pytest.approx(sharpe(returns[outside, chosen[-1]]), rel=1e-9)
    for ratio, path in zip(found.paths, folds.paths, strict=True):
        joined = np.concatenate([returns[groups[g], chosen[split]] for g, split in enumerate(path)])
        assert ratio == pytest.approx(sharpe(joined), rel=1e-9)


# What it must not see, and what it must


def test_returns_that_are_held_out_purged_or_embargoed_do_not_change_what_is_chosen() -> None:
    folds, returns = Folds(5, 2, purge=3, embargo=4), noise(200, 20)
    before = cross_validate(Stored(returns), folds)
    segments = Segments.of(folds, 200)
    days = np.repeat(np.arange(len(segments.counts)), segments.counts)
    for split in range(len(folds.splits)):
        hidden = ~segments.choosing[split][days]
        changed = returns.copy()
        changed[hidden] = noise(200, 20, seed=split + 1)[hidden] + 0.05
        after = cross_validate(Stored(changed), folds)
        assert after.splits.at[split, "trial"] == before.splits.at[split, "trial"]
        assert after.splits.at[split, "inside"] == pytest.approx(before.splits.at[split, "inside"], rel=1e-9)
        assert after.splits.at[split, "outside"] > before.splits.at[split, "outside"]


def test_skill_is_found_on_every_path_and_luck_on_about_half() -> None:
    skilled = noise(1_000, 50) - 0.0005
    skilled[:, 17] += 0.003
    found = cross_validate(Stored(skilled))
    assert set(found.splits["trial"]) == {17}
    assert len(found.paths) == 5
    assert found.paths.min() > 3
    lucky = [cross_validate(Stored(noise(400, 50, seed) - 0.0005)) for seed in range(40)]
    assert 0.35 < np.mean([one.loss for one in lucky]) < 0.65
    assert np.mean([one.splits["inside"].mean() for one in lucky]) > 1.5


def test_a_trial_that_stays_in_cash_has_a_ratio_of_zero_and_is_chosen_where_all_others_lose() -> None:
    losing = noise(100, 3) - 0.01
    found = cross_validate(Stored(np.c_[losing, np.zeros(100)]))
    assert set(found.splits["trial"]) == {3}
    assert found.paths.tolist() == [0.0] * 5


def test_memory_does_not_grow_with_the_number_of_days() -> None:
    class Fake(Stored):
        def blocks(self) -> Iterator[np.ndarray]:
            for seed in range(20):
                yield np.random.default_rng(seed).normal(0, 0.01, (2_000, 250)).astype(np.float32)

    many = Fake(np.zeros((2_000, 1)), numbers=range(5_000))
    tracemalloc.start()
    cross_validate(many)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # All returns as float32 would be 40 MB; a block of 250 as float64 is 4 MB.
    assert peak < 20_000_000


# What is told


def test_the_summary_is_plain() -> None:
    told = cross_validate(Stored(TWO), Folds(4, 2)).summary()
    assert told["edges"] == ["2020-01-01", "2020-01-03", "2020-01-05", "2020-01-07", "2020-01-09"]
    assert told["quantiles"]["0.5"] == 0.0
    assert told["splits"][0] | {"inside": 0, "outside": 0} == {
        "held_out": [0, 1],
        "trial": 1,
        "inside": 0,
        "outside": 0,
    }


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"groups": 1}, "--groups must be two or more; found 1"),
        ({"held_out": 0}, r"--held-out must be from 1 to 5, so that some of the 6 groups are left .*; found 0"),
        ({"held_out": 6}, "found 6"),
        ({"purge": -1}, "--purge must be zero or more; found -1 days"),
        ({"embargo": -2}, "--embargo must be zero or more; found -2 days"),
        ({"groups": 20, "held_out": 10}, r"20 groups, 10 held out, make 184,756 splits, more than 5,000"),
    ],
)
def test_folds_that_make_no_sense_are_refused(options: dict[str, int], sentence: str) -> None:
    with pytest.raises(BadUsage, match=sentence):
        Folds(**options)


def test_too_few_days_are_refused() -> None:
    def run(days: int, folds: Folds) -> PurgedCrossValidation:
        return cross_validate(Stored(noise(days, 2)), folds)

    with pytest.raises(BadUsage, match="11 days are too few for 6 groups of two or more"):
        run(11, Folds())
    with pytest.raises(BadUsage, match="a purge of 30 days and an embargo of 0 leave 0 of 40 days to choose on"):
        run(40, Folds(4, 2, purge=30))
    with pytest.raises(NoData, match="there is no trial to choose among"):
        cross_validate(Stored(np.zeros((40, 0)), numbers=[]))


# Of the trials of a plan


def crossed(days: str, ledger: Path) -> PurgedCrossValidation:
    window = {"start": pd.Timestamp("2021-01-01", tz="UTC"), "end": pd.Timestamp("2022-01-01", tz="UTC")}
    plan = Plan(read_space("TrendFollowing", [f"days={days}"]), Lab().market("1d"), **window)
    with cluster("local", 1) as workers:
        return walk_paths(plan, Folds(5, 2), workers, Ledger(ledger), 2 * 10**9)


def test_trials_keep_their_numbers_where_others_beside_them_could_not_be_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two trials a chunk. There is no trend over 50,000 days, so trials 0 and 2 have no returns; 1, 3 and 4 have.

    Without these two, the same three are trials 0, 1 and 2.
    """
    monkeypatch.setattr("backtests.sweeps.walk_forward.chunk_size", lambda *_: 2)
    found = crossed("50000,10,60000,40,5", tmp_path / "five")
    alone = crossed("10,40,5", tmp_path / "three")
    assert found.trials == alone.trials == 3
    assert alone.splits["trial"].nunique() > 1
    assert found.splits["trial"].tolist() == [(1, 3, 4)[number] for number in alone.splits["trial"]]
    assert found.splits["days"].tolist() == alone.splits["days"].tolist()
    assert found.paths.tolist() == alone.paths.tolist()
