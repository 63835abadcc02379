"""BTC and ETH by the hour: regimes, jumps, a common factor, and the planted response to liquidity."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_cache.lab.days import END, START
from data_cache.lab.noise import stream
from data_cache.observations import Observations

RESPONSE = 0.0020  # expected BTC return a day for each $100bn by which known net liquidity rose over HORIZON
HORIZON = pd.Timedelta(days=28)
DRIFT = 0.30 / 365  # expected BTC return a day without any liquidity, simple

VOLATILITY = np.array([0.36, 0.58, 1.05])  # annualised, of the common factor: calm, normal, storm
STAY_DAYS = np.array([45.0, 35.0, 9.0])  # mean length of a regime
JUMPS_A_YEAR = 8.0
JUMP_MEAN, JUMP_SPREAD = -0.01, 0.045  # of the log price


@dataclass(frozen=True)
class Coin:
    """How one asset moves: its first price, its share in common moves, and its own volatility."""

    start: float  # USD at START
    beta: float  # on the common factor, the drift and the response
    own: float  # own volatility as a fraction of the common factor's
    turnover: float  # coins traded in a normal hour
    decimals: int  # of a quoted price


COINS = {"BTC": Coin(13_400.0, 1.0, 0.25, 1_500.0, 2), "ETH": Coin(740.0, 1.3, 0.45, 18_000.0, 4)}


def hours() -> pd.DatetimeIndex:
    """The open_time of every hourly bar."""
    end = END + pd.Timedelta(days=1)
    return pd.date_range(START, end, freq="h", inclusive="left", tz="UTC", unit="ns", name="open_time")


def days() -> pd.DatetimeIndex:
    """The open of every UTC day."""
    return pd.date_range(START, END, tz="UTC", unit="ns", name="open_time")


def net_liquidity(known: Observations) -> pd.Series:
    """WALCL - TGA - RRP in $bn as newest known at the open of each UTC day; NaN until all three are known."""
    opens = days()
    assets, tga, rrp = (_newest(known, series, opens) for series in ("WALCL", "TGA", "RRPONTSYD"))
    return pd.Series(assets - tga - rrp, index=opens, name="net_liquidity")


def liquidity_change(known: Observations) -> pd.Series:
    """The change of known net liquidity over HORIZON, $bn, by open of the UTC day; NaN while unknown.

    It is made of first releases published by the open, so whoever reads it then can trade on all of it.
    """
    return net_liquidity(known).diff(HORIZON // pd.Timedelta(days=1)).rename("liquidity_change")


def closes(seed: int, effect: float, asset: str, change: pd.Series) -> np.ndarray:
    """The price at the end of each hour, USD.

    Expected simple return of a day: beta x (DRIFT + effect x RESPONSE x change / 100), spread evenly over its
    hours. The noise is a martingale in price: its log drift is -variance / 2 less the jumps' mean, whatever
    the regime. It does not depend on `effect` nor on `change`.
    """
    coin = COINS[asset]
    response = effect * RESPONSE * np.nan_to_num(change.to_numpy()) / 100
    drift = np.log1p(coin.beta * (DRIFT + np.repeat(response, 24)) / 24)
    path = coin.start * np.exp(np.cumsum(drift + noise(seed, asset)))
    return np.round(path, coin.decimals)  # type: ignore[no-any-return]


def noise(seed: int, asset: str) -> np.ndarray:
    """Hourly log returns e with E[exp(e)] = 1: beta x common factor + own moves + jumps.

    All of it is in the volatility of the day's regime but the jumps; own moves are independent of each other.
    """
    coin, count = COINS[asset], len(hours())
    sigma = np.repeat(volatility(seed), 24) / np.sqrt(365 * 24)
    common = stream(seed, "tide").standard_normal(count)
    own = stream(seed, f"own:{asset}").standard_normal(count)
    variance = sigma**2 * (coin.beta**2 + coin.own**2)
    diffusion = sigma * (coin.beta * common + coin.own * own) - variance / 2
    return diffusion + jumps(seed, coin.beta)  # type: ignore[no-any-return]


def jumps(seed: int, beta: float) -> np.ndarray:
    """Log jumps by the hour, less their mean: common to all assets in time, scaled by beta in size.

    A jump J comes with the chance p an hour and is normal: together they add ln(1 + p (E[exp(J)] - 1)).
    """
    count, chance = len(hours()), JUMPS_A_YEAR / (365 * 24)
    random = stream(seed, "jumps")
    happens = random.random(count) < chance
    size = beta * (JUMP_MEAN + JUMP_SPREAD * random.standard_normal(count))
    mean = np.exp(beta * JUMP_MEAN + (beta * JUMP_SPREAD) ** 2 / 2)
    return np.where(happens, size, 0.0) - np.log1p(chance * (mean - 1))  # type: ignore[no-any-return]


def volatility(seed: int) -> np.ndarray:
    """Annualised volatility of the common factor by the day: a Markov chain over three regimes."""
    count, random = len(days()), stream(seed, "regimes")
    # After each stay the chain goes on to one of the other two regimes with equal chance.
    regime = np.cumsum(random.integers(1, 3, count)) % 3
    stay = random.geometric(1 / STAY_DAYS[regime])
    visits = int(np.searchsorted(np.cumsum(stay), count)) + 1
    return VOLATILITY[np.repeat(regime[:visits], stay[:visits])[:count]]


def hourly_bars(seed: int, asset: str, close: np.ndarray) -> pd.DataFrame:
    """OHLCV by the hour: a bar opens at the last close, high and low reach further, volume follows moves."""
    coin, random = COINS[asset], stream(seed, f"bars:{asset}")
    open_ = np.append(coin.start, close[:-1])
    sigma = np.repeat(volatility(seed), 24) * coin.beta / np.sqrt(365 * 24)
    reach = np.exp(0.5 * sigma * np.abs(random.standard_normal((2, len(close)))))
    high = np.round(np.maximum(open_, close) * reach[0], coin.decimals)
    low = np.round(np.minimum(open_, close) / reach[1], coin.decimals)
    traded = np.round(coin.turnover * busyness(seed, asset) * np.exp(0.4 * random.standard_normal(len(close))), 3)
    columns = {"open": open_, "high": high, "low": low, "close": close, "volume": traded}
    return pd.DataFrame(columns, index=hours())


def busyness(seed: int, asset: str) -> np.ndarray:
    """Trading by the hour relative to a normal one: more in a storm, and where the price moves by itself."""
    regime = np.repeat(volatility(seed), 24)
    moved = np.abs(noise(seed, asset)) * np.sqrt(365 * 24) / (regime * COINS[asset].beta)
    return regime / VOLATILITY[1] * (0.4 + 0.6 * moved)  # type: ignore[no-any-return]


def _newest(known: Observations, series: str, opens: pd.DatetimeIndex) -> np.ndarray:
    releases = known.releases(series)
    released = releases.index.asi8.searchsorted(opens.asi8, side="right") - 1
    # Row -1, nothing known yet, reads the NaN.
    return np.append(releases["value"].to_numpy(), np.nan)[released]  # type: ignore[no-any-return]
