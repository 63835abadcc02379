"""Memory: what a sweep takes, in bytes that a reader can add up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.sweeps.memory import MAIN, WORKER, chunk_size, most_workers
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


def test_what_can_never_fit_is_told_with_its_cure() -> None:
    told = (
        r"^10,000,000 trials on 1 worker take about 6\.67 GB, more than --memory 1 GB; allow more, take fewer "
        r"--workers, or search fewer trials, as with --search random --trials 10000$"
    )
    with pytest.raises(BadUsage, match=told):
        chunk_size(10_000_000, DAYS, workers=1, memory=1_000_000_000)


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
