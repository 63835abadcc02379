"""How a sweep stays within the memory that it is given: what its parts take, and how many trials make a chunk."""

from collections.abc import Iterator, Sequence

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


def chunk_size(trials: int, n_days: int, workers: int, memory: int, chunks: int = CHUNKS) -> int:
    """How many trials make a chunk, so that a sweep of `trials` on `workers` of this machine stays within `memory`.

    n_days : UTC days of the tape      memory : bytes, of all processes together      chunks : as many, where they fit
    Raises BadUsage where even single trials do not fit.
    """
    least = _least(trials, n_days, workers)
    if memory < least:
        raise BadUsage(
            f"{_counted(trials, 'trial')} on {_counted(workers, 'worker')} take{'s' * (trials == 1)} about "
            f"{size_text(least)}, more than --memory {size_text(memory)}; "
            f"{_either(list(_cures(trials, n_days, workers, memory)))}"
        )
    each = _each(n_days, workers)
    return min(_chunk(trials, chunks), (memory - least) // each + 1)


def useful_workers(trials: int) -> int:
    """More workers than this would have nothing to do: a sweep of `trials` has no more chunks."""
    return -(-trials // _chunk(trials))


def _chunk(trials: int, chunks: int = CHUNKS) -> int:
    """How many trials make a chunk where memory is ample."""
    return min(LARGEST, max(SMALLEST, trials // chunks))


def _each(n_days: int, workers: int) -> int:
    """Bytes that one more trial in every chunk takes."""
    return (ON_THE_WAY * workers + 1) * (COPIES * 4 * n_days + TRIAL)


def _least(trials: int, n_days: int, workers: int) -> int:
    """Bytes that a sweep takes in chunks of one trial."""
    return MAIN + workers * WORKER + trials * ROW + _each(n_days, workers)


def _cures(trials: int, n_days: int, workers: int, memory: int) -> Iterator[str]:
    """What would help, each alone: more memory always, fewer workers or trials only where that is enough."""
    yield "allow more"
    if _least(trials, n_days, 1) <= memory:
        fitting = next(fewer for fewer in range(workers - 1, 0, -1) if _least(trials, n_days, fewer) <= memory)
        yield f"take --workers {fitting}"
    rows = (memory - _least(0, n_days, workers)) // ROW
    if rows >= 1:
        yield f"search fewer trials, as with --search random --trials {rows}"


def _either(cures: Sequence[str]) -> str:
    return " or ".join([", ".join(cures[:-1]), cures[-1]]) if len(cures) > 1 else cures[0]


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def most_workers(memory: int) -> int:
    """How many workers of this machine fit into `memory` bytes; one at least."""
    return max(1, (memory - MAIN) // (2 * WORKER))


def size_text(count: int) -> str:
    """Bytes for people.

    >>> size_text(950_000_000), size_text(2_000_000_000), size_text(12_340_000_000)
    ('950 MB', '2 GB', '12.3 GB')
    """
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:.3g} GB"
