"""Memory: what a sweep takes, in bytes that a reader can add up."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.sweeps.memory import MAIN, WORKER, chunk_size, most_workers, useful_workers
from data_cache.errors import BadUsage

DAYS = 3_000
# A trial of a chunk: three copies of its daily returns in float32, and 8,000 bytes besides.
EACH = 3 * 4 * DAYS + 8_000


def test_a_thirty_second_of_the_trials_is_a_chunk_where_memory_is_ample() -> None:
    assert chunk_size(3_200, DAYS, workers=2, memory=10_000_000_000) == 100


@pytest.mark.parametrize(("trials", "size"), [(40, 25), (1_000_000, 1_000)], ids=["not too small", "not too large"])
def test_chunks_have_bounds(trials: int, size: int) -> None:
    assert chunk_size(trials, DAYS, workers=2, memory=10_000_000_000) == size


def test_what_is_left_beside_the_processes_and_the_table_is_shared_by_the_chunks_on_their_way() -> None:
    """Two workers have two chunks each on their way, and one is being written: five chunks of ten trials."""
    left = 5 * 10 * EACH
    memory = MAIN + 2 * WORKER + 100_000 * 600 + left
    assert chunk_size(100_000, DAYS, workers=2, memory=memory) == 10
    assert chunk_size(100_000, DAYS, workers=2, memory=memory - 1) == 9


def test_a_walk_has_one_chunk_where_memory_is_ample() -> None:
    assert chunk_size(700, DAYS, 2, 10_000_000_000, 1) == 700


def refused(trials: int, workers: int, memory: float) -> str:
    with pytest.raises(BadUsage) as error:
        chunk_size(trials, DAYS, workers, int(memory))
    return str(error.value)


def test_what_can_never_fit_is_told_with_what_would_help() -> None:
    """One worker takes 670 MB and 600 bytes a trial; beside these, one trial on three chunks takes 132 kB."""
    assert refused(10_000_000, workers=1, memory=1e9) == (
        "10,000,000 trials on 1 worker take about 6.67 GB, more than --memory 1 GB; allow more or search fewer trials, "
        f"as with --search random --trials {int((1e9 - 670e6 - 132e3) / 600)}"
    )
    assert chunk_size(int((1e9 - 670e6 - 132e3) / 600), DAYS, workers=1, memory=10**9) == 1


def test_fewer_trials_are_no_cure_where_the_processes_alone_are_too_many() -> None:
    assert (
        refused(2, workers=1, memory=1e8)
        == "2 trials on 1 worker take about 670 MB, more than --memory 100 MB; allow more"
    )
    assert refused(1, workers=1, memory=1e8).startswith("1 trial on 1 worker takes about ")


def test_fewer_workers_are_a_cure_where_they_would_be_enough() -> None:
    """Four take 450 + 4 x 220 MB, three take 1.11 GB."""
    assert refused(2, workers=4, memory=1.2e9) == (
        "2 trials on 4 workers take about 1.33 GB, more than --memory 1.2 GB; allow more or take --workers 3"
    )
    told = refused(1_000_000, workers=2, memory=1.4e9)  # 890 MB and 600 MB; one worker would take 1.27 GB
    assert told.endswith(
        "; allow more, take --workers 1 or search fewer trials, as with --search random --trials 849633"
    )


@given(trials=st.integers(1, 10**7), workers=st.integers(1, 64), memory=st.integers(10**8, 10**10))
def test_every_cure_helps(trials: int, workers: int, memory: int) -> None:
    try:
        chunk_size(trials, DAYS, workers, memory)
    except BadUsage as error:
        for option, cured in (("--workers", lambda n: (trials, DAYS, n)), ("--trials", lambda n: (n, DAYS, workers))):
            if found := re.search(rf"{option} (\d+)", str(error)):
                assert chunk_size(*cured(int(found[1])), memory) >= 1


@pytest.mark.parametrize(("trials", "workers"), [(1, 1), (2, 1), (25, 1), (26, 2), (3_200, 32), (100_000, 100)])
def test_there_are_no_more_workers_of_use_than_chunks(trials: int, workers: int) -> None:
    """Chunks of 25 at least, of a thirty-second of the trials, of 1,000 at most."""
    assert useful_workers(trials) == workers


@given(
    trials=st.integers(1, 10**7),
    days=st.integers(1, 10_000),
    workers=st.integers(1, 64),
    memory=st.integers(10**8, 10**11),
)
def test_what_a_sweep_takes_never_exceeds_what_it_is_given(trials: int, days: int, workers: int, memory: int) -> None:
    try:
        size = chunk_size(trials, days, workers, memory)
    except BadUsage:
        size = 0
    one = (2 * workers + 1) * (12 * days + 8_000)
    taken = MAIN + workers * WORKER + 600 * trials + size * one
    assert taken <= memory or size == 0
    assert size > 0 or taken + one > memory


def test_two_gigabytes_are_for_three_workers_and_little_memory_is_for_one() -> None:
    assert (most_workers(2_000_000_000), most_workers(100_000_000)) == (3, 1)
