"""A flag that stays up for a while: what rules read that act on the days or weeks after something happened."""

from signals import Hold, Latch, Signal

UP = 0.5  # a flag is 0 or 1: above this it is up


def lately(signal: Signal, level: float, days: int) -> Signal:
    """1 while `signal` is above `level` and for `days` days after, else 0; NaN where the signal is NaN.

    A signal that comes back to just the level leaves the flag as it was.

    >>> from signals import CeilingSpread
    >>> lately(CeilingSpread(), 0.0, 10).days
    10
    """
    return Hold(Latch(signal, enter=level, exit=level), days)
