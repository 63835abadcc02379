"""The lab: a simulated dollar system and crypto market with a planted, known response of prices to liquidity.

Seeded, offline, always labelled SIMULATED. It is the data that ebbtide runs on before anything is fetched,
and an instrument: with the effect on, statistics must find it; with the effect off, they must find nothing at
the stated rate.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from data_cache.bars import Bars
from data_cache.errors import BadUsage
from data_cache.lab import balance_sheet, derivatives, prices, publications, rates
from data_cache.market import Market
from data_cache.observations import Observations

HOUR = pd.Timedelta(hours=1)


@dataclass(frozen=True)
class Planted:
    """What was planted in the prices of a lab: the answer that statistics should find.

    response : expected simple return a day, as a fraction, per $100bn of 28-day change in known net
    liquidity, by asset
    drift : expected simple return a day where that change is zero, by asset
    horizon_days : days over which the change is taken
    words : the same in a sentence
    """

    response: dict[str, float]
    drift: dict[str, float]
    horizon_days: int
    words: str


@dataclass(frozen=True)
class Lab:
    """A simulated world, 2018-01-01 to 2026-06-30: the Fed, money markets, yields, BTC and ETH with
    derivatives.

    seed : what all noise is drawn from, at least 0; the dated phases and the policy path are the same for
    every seed
    effect : how much of the documented response of prices to liquidity is there; 1 as documented, 0 none

    `effect` changes the drift of prices, and what follows prices (funding and futures follow their momentum),
    and nothing else: two labs of one seed have the same noise, balance sheet, rates and yields.
    """

    seed: int = 7
    effect: float = 1.0

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise BadUsage(f"the lab's seed is {self.seed}; it must be 0 or more")
        if not np.isfinite(self.effect):
            raise BadUsage(
                f"the lab's effect is {self.effect}; it must be a number: 1 as documented, 0 for none"
            )

    @property
    def origin(self) -> str:
        """How a market of this lab is labelled."""
        return f"SIMULATED (lab, seed {self.seed}, effect {self.effect:g})"

    def market(self, timeframe: str = "1d") -> Market:
        """The market in bars of `timeframe`: 1h, 4h or 1d; all three hold the same prices."""
        rows = {series: self.observations.rows(series) for series in self.observations} | self._funding()
        bars = {asset: self.bars(asset).resample(timeframe) for asset in prices.COINS}
        futures = {a: derivatives.futures(self.seed, a, self._daily_closes(a)) for a in prices.COINS}
        return Market(Observations(rows), bars, self.origin, futures)

    def planted(self) -> Planted:
        """The response of prices to liquidity that is in this lab."""
        days = prices.HORIZON // pd.Timedelta(days=1)
        response = {a: self.effect * coin.beta * prices.RESPONSE for a, coin in prices.COINS.items()}
        drift = {asset: coin.beta * prices.DRIFT for asset, coin in prices.COINS.items()}
        words = (
            f"For each $100bn by which WALCL - TGA - RRP, as known at the start of a UTC day, rose over {days} days, the "
            f"expected return of that day is higher by {', '.join(f'{r:.3%} in {a}' for a, r in response.items())}."
        )
        return Planted(response, drift, days, words)

    def evidence(self, asset: str) -> pd.DataFrame:
        """What a regression needs to find the response, by open of the UTC day.

        Columns liquidity (28-day change of known net liquidity in $100bn, known at the open) and return
        (simple, of the day); days on which liquidity is not yet known are left out.
        """
        log_close = np.append(np.log(prices.COINS[asset].start), self._log_prices(asset)[23::24])
        columns = {"liquidity": self.liquidity_change / 100, "return": np.expm1(np.diff(log_close))}
        return pd.DataFrame(columns).dropna()

    @cached_property
    def corridor(self) -> pd.DataFrame:
        """The policy rates on every calendar day, %; see `rates.policy`."""
        return rates.policy()

    @cached_property
    def money_market(self) -> pd.DataFrame:
        """Overnight rates, volume and standing repo take-up; see `rates.money_market`."""
        return rates.money_market(self.seed, self._sheet_without_repo["reserves"])

    @cached_property
    def balance_sheet(self) -> pd.DataFrame:
        """The Fed's balance sheet on every calendar day, $bn; see `balance_sheet.balance_sheet`."""
        return balance_sheet.with_repo(self._sheet_without_repo, self.money_market["srf"])

    @cached_property
    def observations(self) -> Observations:
        """Everything that the dollar system publishes, with the time at which it became known."""
        return publications.publish(
            self.balance_sheet, self.corridor, self.money_market, rates.yields(self.seed)
        )

    @cached_property
    def liquidity_change(self) -> pd.Series:
        """The driver of prices, $bn; see `prices.liquidity_change`."""
        return prices.liquidity_change(self.observations)

    def bars(self, asset: str) -> Bars:
        """The hourly bars of BTC or ETH."""
        return Bars(asset, "1h", prices.hourly_bars(self.seed, asset, self._log_prices(asset)))

    @cached_property
    def _sheet_without_repo(self) -> pd.DataFrame:
        return balance_sheet.balance_sheet(self.seed)

    def _log_prices(self, asset: str) -> np.ndarray:
        return prices.log_prices(self.seed, self.effect, asset, self.liquidity_change)

    def _daily_closes(self, asset: str) -> pd.Series:
        known_at = (prices.days() + pd.Timedelta(days=1)).rename("known_at")
        return pd.Series(np.exp(self._log_prices(asset)[23::24]).round(2), index=known_at)

    def _funding(self) -> dict[str, pd.DataFrame]:
        paid = {a: derivatives.funding(self.seed, a, self._log_prices(a)) for a in prices.COINS}
        return {f"FUNDING_{a}": publications.rule_rows(f"FUNDING_{a}", rate) for a, rate in paid.items()}
