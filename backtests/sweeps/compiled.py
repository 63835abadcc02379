"""What the compiled kernels share: how they are compiled, vectorbt's tolerances, drawdowns.

The code is compiled by Numba at the first call and kept in `__pycache__` beside the kernel's file (where that cannot be
written, in the user's cache directory; NUMBA_CACHE_DIR overrides both), so that the next process does not compile.
Numba compiles again where the kernel's own file has changed, and does not look at this one: who changes this file has
to save the kernels' files too.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])
# No counting of references, which costs as much again as the trading; so nothing may be allocated in compiled code.
# numpy's error model, because a division that may raise keeps a loop from being vectorised.
_OPTIONS: dict[str, Any] = {"_nrt": False, "error_model": "numpy"}
_INNER: dict[str, Any] = {**_OPTIONS, "forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
entry: Callable[[F], F] = njit(cache=True, nogil=True, **_OPTIONS)
exact: Callable[[F], F] = njit(**_INNER)
# Sums may be taken in any order where only the last digits depend on it.
vectorised: Callable[[F], F] = njit(fastmath={"reassoc", "contract", "nnan", "ninf", "nsz"}, **_INNER)

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
