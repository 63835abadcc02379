"""Perpetual funding and dated futures: what leverage pays, with a hurdle, a build-up and an unwind."""

import numpy as np
import pandas as pd

from data_cache.lab.days import END, START, Knots, path
from data_cache.lab.noise import autoregressive, stream

BASELINE = 0.0001  # funding per 8 hours while the perpetual trades close to spot
BAND = 0.0005  # how far its premium may stray from the baseline before funding follows
HURDLE = 0.055  # the annualised basis that pays an arbitrageur's money, fee and margin

# Dated episodes: the annualised basis builds up, falls through the hurdle, stays below, and resets.
EPISODES: Knots = (
    ("2025-07-15", 0.075),
    ("2025-09-25", 0.11),
    ("2025-11-10", 0.035),
    ("2026-02-20", 0.03),
    ("2026-03-20", 0.07),
)
# How much of the basis is the episode's: all but a tenth while it lasts, nothing before and after.
GRIP: Knots = (("2025-06-15", 0.0), ("2025-07-15", 0.9), ("2026-03-20", 0.9), ("2026-05-01", 0.0))


def funding(seed: int, asset: str, close: np.ndarray) -> pd.Series:
    """Funding per 8 hours as a fraction, by the UTC instant of payment; positive: longs pay.

    close : spot at the end of each hour

    The premium P follows the momentum of 7 days and falls back to the baseline; funding is
    P + clip(baseline - P, -BAND, BAND), as the large venues have it, so it rests on the baseline exactly.
    """
    times = pd.date_range(START, END + pd.Timedelta(days=1), freq="8h", inclusive="neither", unit="ns", name="period")
    last = close[7::8][: len(times)]  # the price of the hour that ends at the payment
    premium = BASELINE + 0.0010 * np.tanh(_momentum(last, 21) / 0.25)
    premium += autoregressive(stream(seed, f"funding:{asset}"), len(times), 4, 0.0004)
    rate = premium + np.clip(BASELINE - premium, -BAND, BAND)
    return pd.Series(np.clip(rate, -0.0075, 0.0075).round(8), index=times)


def expiries() -> pd.DatetimeIndex:
    """Quarterly expiries: the last Friday of March, June, September and December at 08:00 UTC."""
    quarters = pd.date_range(START, END + pd.DateOffset(months=7), freq="QE", unit="ns")
    fridays = quarters - pd.to_timedelta((quarters.day_of_week - 4) % 7, unit="D")
    return (fridays + pd.Timedelta(hours=8)).tz_localize("UTC").rename("expiry")


def basis(seed: int, asset: str, close: np.ndarray) -> np.ndarray:
    """The annualised basis by the day, a fraction: hurdle, 60-day momentum, noise, dated episodes."""
    days = pd.date_range(START, END, unit="ns")
    free = HURDLE + 0.07 * np.tanh(_momentum(close, 60) / 0.5)
    free += autoregressive(stream(seed, f"basis:{asset}"), len(days), 25, 0.015)
    grip = path(GRIP, days)
    return (1 - grip) * free + grip * path(EPISODES, days)  # type: ignore[no-any-return]


def futures(seed: int, asset: str, close: pd.Series) -> pd.DataFrame:
    """Daily closes of the two nearest quarterly futures, by known_at, a column per expiry.

    close : spot at the end of each UTC day, by known_at      F = S (1 + b t / 365), t in days to expiry, so
    that the future meets spot at expiry. Longer ones carry a little more, and each its own noise.
    """
    dates = expiries()
    left = (dates.asi8 - close.index.asi8[:, None]) / 86_400e9
    # The nearest future is the first with time left; it and the next one are listed.
    rank = np.cumsum(left > 0, axis=1)
    own = stream(seed, f"futures:{asset}").normal(0, 0.002, left.shape)
    carry = basis(seed, asset, close.to_numpy())[:, None] + 0.005 * left / 365 + own
    price = close.to_numpy()[:, None] * (1 + carry * left / 365)
    listed = (rank == 1) | (rank == 2)
    return pd.DataFrame(np.where(listed, price, np.nan).round(2), index=close.index, columns=dates)


def _momentum(price: np.ndarray, steps: int) -> np.ndarray:
    past = np.append(np.full(steps, price[0]), price)[: len(price)]
    return np.log(price / past)  # type: ignore[no-any-return]
