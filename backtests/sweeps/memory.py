"""How a sweep stays within the memory that it is given: what its parts take, and how many trials make a chunk."""

from data_cache.errors import BadUsage

# Measured on sweeps of 1,000 to 100,000 trials, with room to spare: the process that the user started, with all
# libraries of the statistics and what they work on; and a worker, with a market and what is remembered of signals.
MAIN, WORKER = 450_000_000, 220_000_000
# Of a trial: its row while the table is put together; its records and orders in a chunk, beside its returns.
ROW, TRIAL = 600, 8_000
# A chunk is computed, sent, written: so many copies of its returns there are at once.
COPIES = 3
# Chunks on their way for each worker, and one that is being written.
ON_THE_WAY = 2
# Larger chunks save nothing; so many at least let the work be shared out and progress be seen.
LARGEST, SMALLEST, CHUNKS = 1_000, 25, 32


def chunk_size(trials: int, n_days: int, workers: int, memory: int) -> int:
    """How many trials make a chunk, so that a sweep of `trials` on `workers` of this machine stays within `memory`.

    n_days : UTC days of the tape      memory : bytes, of all processes together
    Raises BadUsage where even single trials do not fit.
    """
    needed = MAIN + workers * WORKER + trials * ROW
    each = (ON_THE_WAY * workers + 1) * (COPIES * 4 * n_days + TRIAL)
    if memory < needed + each:
        raise BadUsage(
            f"{trials:,} trials on {workers} {'worker' if workers == 1 else 'workers'} take about "
            f"{size_text(needed + each)}, more than --memory {size_text(memory)}; allow more, take fewer --workers, or "
            "search fewer trials, as with --search random --trials 10000"
        )
    return min(LARGEST, max(SMALLEST, trials // CHUNKS), (memory - needed) // each)


def most_workers(memory: int) -> int:
    """How many workers of this machine fit into `memory` bytes; one at least."""
    return max(1, (memory - MAIN) // (2 * WORKER))


def size_text(count: int) -> str:
    """Bytes for people.

    >>> size_text(950_000_000), size_text(2_000_000_000), size_text(12_340_000_000)
    ('950 MB', '2 GB', '12.3 GB')
    """
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:.3g} GB"
