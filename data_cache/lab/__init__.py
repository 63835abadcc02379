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
from data_cache.lab import balance_sheet, context, derivatives, holders, prices, publications, rates
from data_cache.market import Market
from data_cache.observations import Observations

# Beyond it prices would leave the range that any exchange quotes.
MOST_EFFECT = 3.0


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
    """A simulated world, 2018-01-01 to 2026-06-30: the Fed, money markets, yields, BTC and ETH.

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
        if not abs(self.effect) <= MOST_EFFECT:
            raise BadUsage(
                f"the lab's effect is {self.effect}; it must lie in -{MOST_EFFECT:g}..{MOST_EFFECT:g}: "
                "1 as documented, 0 for none"
            )

    @property
    def origin(self) -> str:
        """How a market of this lab is labelled."""
        return f"SIMULATED (lab, seed {self.seed}, effect {self.effect:g})"

    def market(self, timeframe: str = "1d") -> Market:
        """The market in bars of `timeframe`: 1h, 4h or 1d; all three hold the same prices."""
        bars = {asset: self.bars(asset).resample(timeframe) for asset in prices.COINS}
        futures = {a: derivatives.futures(self.seed, a, self._daily_closes(a)) for a in prices.COINS}
        recipe = {"data": "lab", "seed": self.seed, "effect": self.effect}
        return Market(Observations(self._rows()), bars, self.origin, futures, recipe=recipe)

    def planted(self) -> Planted:
        """The response of prices to liquidity that is in this lab."""
        days = prices.HORIZON // pd.Timedelta(days=1)
        response = {a: self.effect * coin.beta * prices.RESPONSE for a, coin in prices.COINS.items()}
        drift = {asset: coin.beta * prices.DRIFT for asset, coin in prices.COINS.items()}
        amounts = ", ".join(f"{fraction:.2%} in {asset}" for asset, fraction in response.items())
        words = (
            "For each $100bn by which WALCL - TGA - RRPONTSYD, as known at the start of a UTC day, rose over "
            f"{days} days, the expected return of that day is higher by {amounts}."
        )
        return Planted(response, drift, days, words)

    def evidence(self, asset: str) -> pd.DataFrame:
        """What a regression needs to find the response, by open of the UTC day.

        Columns liquidity (28-day change of known net liquidity in $100bn, known at the open) and return
        (simple, of the day); days on which liquidity is not yet known are left out.
        """
        close = np.append(prices.COINS[asset].start, self._closes[asset][23::24])
        columns = {"liquidity": self.liquidity_change / 100, "return": close[1:] / close[:-1] - 1}
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
        return publications.publish(self.balance_sheet, self.corridor, self.money_market, rates.yields(self.seed))

    @cached_property
    def liquidity_change(self) -> pd.Series:
        """The driver of prices, $bn; see `prices.liquidity_change`."""
        return prices.liquidity_change(self.observations)

    def bars(self, asset: str) -> Bars:
        """The hourly bars of BTC or ETH."""
        return Bars(asset, "1h", prices.hourly_bars(self.seed, asset, self._closes[asset]))

    @cached_property
    def _sheet_without_repo(self) -> pd.DataFrame:
        return balance_sheet.balance_sheet(self.seed)

    @cached_property
    def _closes(self) -> dict[str, np.ndarray]:
        change = self.liquidity_change
        return {asset: prices.closes(self.seed, self.effect, asset, change) for asset in prices.COINS}

    def _daily_closes(self, asset: str) -> pd.Series:
        known_at = (prices.days() + pd.Timedelta(days=1)).rename("known_at")
        return pd.Series(self._closes[asset][23::24], index=known_at)

    def _rows(self) -> dict[str, pd.DataFrame]:
        rows = {series: self.observations.rows(series) for series in self.observations}
        around = context.surroundings(self.seed, self.balance_sheet, self.corridor)
        around |= holders.holders(self.seed, {asset: self._daily_closes(asset) for asset in prices.COINS})
        rows |= {series: publications.rule_rows(series, values) for series, values in around.items()}
        for asset, close in self._closes.items():
            series = f"FUNDING_{asset}"
            rows[series] = publications.rule_rows(series, derivatives.funding(self.seed, asset, close))
        return rows
