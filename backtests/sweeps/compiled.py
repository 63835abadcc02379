"""What the compiled kernels share: how they are compiled, vectorbt's tolerances, drawdowns.

The code is compiled by Numba at the first call and kept in `__pycache__` beside the kernel's file (where that cannot be
written, in the user's cache directory; NUMBA_CACHE_DIR overrides both), so that the next process does not compile.
It is compiled again where the kernel's own file has changed, or this one, or a number that the kernel's module imports.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])
# No counting of references, which costs as much again as the trading; so nothing may be allocated in compiled code.
# numpy's error model, because a division that may raise keeps a loop from being vectorised.
_OPTIONS: dict[str, Any] = {"_nrt": False, "error_model": "numpy"}
_INNER: dict[str, Any] = {**_OPTIONS, "forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
exact: Callable[[F], F] = njit(**_INNER)
# Sums may be taken in any order where only the last digits depend on it.
vectorised: Callable[[F], F] = njit(fastmath={"reassoc", "contract", "nnan", "ninf", "nsz"}, **_INNER)

_SOURCE = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def entry(function: F) -> F:
    """Compile what Python calls, and keep it for other processes: until one of the sources it is made of changes."""
    compiled = njit(cache=True, nogil=True, **_OPTIONS)(function)
    numbers = {name: value for name, value in function.__globals__.items() if isinstance(value, int | float)}
    with suppress(AttributeError):  # Numba has no public way to tell it of sources other than the function's own file
        index = compiled._cache._cache_file
        index._source_stamp = index._source_stamp, _SOURCE, repr(numbers)
    return compiled  # type: ignore[no-any-return]


# vectorbt's tolerances (vectorbt.utils.math_): what differs by less is equal.
RELATIVE, ABSOLUTE = 1e-9, 1e-12

# So many bars are marked and measured at a time: what they need stays in the processor's nearest cache.
BLOCK = 1024


@exact
def close(a: float, b: float) -> bool:
    """Whether vectorbt takes `a` and `b` for equal."""
    return a == b or abs(a - b) <= max(RELATIVE * max(abs(a), abs(b)), ABSOLUTE)


@exact
def less(a: float, b: float) -> bool:
    """Whether `a` is below `b`, and not equal to it."""
    return a < b and not close(a, b)


@exact
def add(a: float, b: float) -> float:
    """The sum; 0 where it is no more than what rounding leaves."""
    return 0.0 if close(a, -b) else a + b


@exact
def drawdown(bars: int, equity: Any, total: Any) -> None:
    """Carry a trial's peak and trough on through a block; equity[0] is that of the bar before it."""
    peak, trough = total.peak, total.trough
    for i in range(1, bars + 1):
        if equity[i] > peak:
            peak = equity[i]
        elif equity[i] < trough * peak:
            trough = equity[i] / peak
    total.peak, total.trough = peak, trough


@exact
def keep(first: int, bars: int, equity: Any, curve: Any) -> None:
    """Copy a block's equity to the curve of a trial."""
    for i in range(bars):
        curve[first + i] = equity[i + 1]
