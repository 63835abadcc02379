"""Searches: which trials come, that none comes twice, that a seed decides, and that TPE learns."""

import logging
import math
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as draw

from backtests.sweeps.grid import Parameters, Space, read_space
from backtests.sweeps.search import SEARCHES, TPE, Grid, Random, Search, new_search
from data_cache.errors import BadUsage, UnknownName


@pytest.fixture(scope="module")
def space() -> Space:
    return read_space("StealthQE", ["window=5:20:5", "trigger=1,2,10"], ["window > trigger or window == 15"])


def large() -> Space:
    """12 × 9 × 50 × 10 = 54,000 combinations."""
    return read_space("StealthQE", ["window=5:60:5", "trigger=0.1:0.9:0.1", "ceiling_bps=1:50:1", "exposure=0.1:1:0.1"])


def nearness(trial: Parameters) -> float:
    """Highest, at 0, where window is 30, trigger 0.5 and ceiling_bps 20; exposure does not matter."""
    return -sum(
        ((trial[name] - best) / width) ** 2
        for name, best, width in (("window", 30, 30), ("trigger", 0.5, 0.5), ("ceiling_bps", 20, 25))
        if name in trial
    )


def run(search: Search, batch: int, score: Callable[[Parameters], float] = nearness) -> list[Parameters]:
    """All trials of a search, asked for in batches."""
    trials: list[Parameters] = []
    while asked := search.ask(batch):
        assert len(asked) <= batch
        trials += asked
        search.tell([score(trial) for trial in asked])
    return trials


def distinct(trials: list[Parameters]) -> int:
    return len({tuple(trial.items()) for trial in trials})


@pytest.mark.parametrize("kind", SEARCHES)
@pytest.mark.parametrize("batch", [1, 4, 100])
def test_every_search_ends_with_all_of_a_small_space_each_trial_once(kind: str, batch: int) -> None:
    space = read_space("StealthQE", ["window=5:20:5", "trigger=1,2,10"], ["window > trigger"])
    assert space.size == 4 * 3 - 2
    trials = run(new_search(kind, space), batch)
    assert len(trials) == distinct(trials) == space.size
    assert all(space.allows(trial) for trial in trials)


def test_a_grid_is_run_in_its_order(space: Space) -> None:
    assert run(Grid(space), 4) == list(space)
    assert run(Grid(space, trials=3), 2) == [space.trial(number) for number in range(3)]


@pytest.mark.parametrize("kind", ["random", "tpe"])
def test_a_seed_decides(kind: str) -> None:
    one, same, other = (run(new_search(kind, large(), 40, seed), 8) for seed in (1, 1, 2))
    assert one == same
    assert one != other
    assert len(one) == distinct(one) == 40


@given(trials=draw.integers(1, 60), seed=draw.integers(0, 2**32))
def test_a_random_sample_repeats_nothing_and_keeps_to_the_space(trials: int, seed: int) -> None:
    space = read_space("StealthQE", ["window=1:10:1", "trigger=1:5:1"], ["window != trigger"])
    drawn = run(Random(space, trials, seed), 7)
    assert len(drawn) == distinct(drawn) == min(trials, 45)
    assert all(trial["window"] != trial["trigger"] for trial in drawn)


def test_a_random_sample_meets_every_trial_alike() -> None:
    space = read_space("StealthQE", ["window=1:10:1"])
    met = [trial["window"] for seed in range(500) for trial in run(Random(space, 2, seed), 2)]
    counts = [met.count(window) for window in range(1, 11)]
    # 1,000 draws over ten trials: 100 each, with a standard deviation of about sqrt(500 * 0.2 * 0.8) = 9.
    assert max(abs(count - 100) for count in counts) < 4 * 9


def test_a_sample_of_a_space_that_is_never_laid_out_is_drawn_at_once() -> None:
    space = read_space("StealthQE", [f"{name}=1:1000:1" for name in ("window", "trigger", "ceiling_bps", "exposure")])
    assert distinct(run(Random(space, 1_000), 1_000)) == 1_000


def test_tpe_finds_better_trials_than_chance_does() -> None:
    better = 0
    for seed in range(5):
        learnt = sorted(map(nearness, run(TPE(large(), 120, seed), 10)))[-20:]
        drawn = sorted(map(nearness, run(Random(large(), 120, seed), 10)))[-20:]
        better += sum(learnt) > sum(drawn)
    assert better == 5


def test_tpe_learns_of_categories_too() -> None:
    space = read_space("StealthQE", ["mix=BTC:1;ETH:1;BTC:0.5,ETH:0.5", "window=1:100:1"])
    trials = run(TPE(space, 60), 5, lambda trial: float(trial["mix"] == (("ETH", 1.0),)))
    # Chance would give a third of sixty.
    assert sum(trial["mix"] == (("ETH", 1.0),) for trial in trials) > 30


def test_tpe_goes_on_where_trials_give_no_score() -> None:
    trials = run(TPE(large(), 30), 5, lambda trial: math.nan if trial["window"] > 30 else nearness(trial))
    assert distinct(trials) == 30


def test_tpe_wants_a_score_for_each_trial(space: Space) -> None:
    search = TPE(space, 6)
    search.ask(3)
    with pytest.raises(ValueError, match="shorter than"):
        search.tell([1.0, 2.0])


def test_tpe_says_nothing(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], space: Space) -> None:
    with caplog.at_level(logging.DEBUG):
        run(TPE(space, 5), 2)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", SEARCHES)
def test_a_search_says_how_many_trials_there_will_be(kind: str, space: Space) -> None:
    assert new_search(kind, space).trials == space.size
    assert new_search(kind, space, 1_000).trials == space.size
    assert new_search(kind, space, 3).trials == 3
    with pytest.raises(BadUsage, match=r"^--trials must be one or more; found 0$"):
        new_search(kind, space, 0)


def test_an_unknown_search_is_answered_with_the_nearest_name(space: Space) -> None:
    with pytest.raises(UnknownName, match=r"^ebbtide has no search 'gird'; did you mean 'grid'\?$"):
        new_search("gird", space)


def test_optuna_is_imported_only_by_those_who_use_it() -> None:
    code = "import sys, backtests.sweeps.search; print('optuna' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
