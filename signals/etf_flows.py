"""Money into and out of the US spot bitcoin funds, and who takes it out: an unwind by a few, or capitulation by all.

Essay D (10 December 2025, mechanism 23): about $4bn left while the price went from 125k to 80k; Grayscale was 53% of
redemptions and the three largest about 90%, so arbitrageurs were leaving and holders were not: not bearish. The essay
leaves out that BlackRock was 97% of redemptions in the weeks before it was written.

The flows come from a file of yours with a column per fund, in $mn (template etf_flows.csv: date, one column for each
ticker, Total). Grayscale's two funds are one issuer: what is converted from one into the other is no redemption.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_cache.catalog_crypto import FIRST_FUNDS, LATER_FUNDS
from data_cache.market import Known
from signals.basis import Basis, BasisToHurdle
from signals.open_interest import OpenInterest, OpenInterestChange
from signals.periods import Releases, released, together, utc_index
from signals.signal import Signal
from signals.transforms import window_of, zscore

TOTAL = "ETF_FLOW_TOTAL"


@dataclass(frozen=True)
class EtfFlow(Signal):
    """Net flow into all US spot bitcoin funds over `window` trading days, $bn. Mechanism 23, essay D.

    formula : sum of the last `window` daily totals; NaN until there are so many
    sign : essay D: an outflow that is an unwind is not bearish, + in the medium term; press: outflow -, days
    caveat : a good part of it is arbitrage against futures, which no price follows
    """

    window: int = 20

    needs = (TOTAL,)

    def compute(self, known: Known) -> pd.Series:
        """Values on the morning after each trading day."""
        return released(known, TOTAL).series().rolling(window_of(self.window)).sum()


@dataclass(frozen=True)
class EtfHoldings(Signal):
    """Bitcoin held by the US spot funds, coins. Mechanism 24, essay D: 1.43m.

    formula : as published; needs a file of yours with columns date and value, in coins (template etf_holdings.csv)
    sign : context: a level that trends; its change is `EtfFlow` without the price
    """

    fund: str = "TOTAL"

    @property
    def needs(self) -> tuple[str, ...]:
        """The holdings of the fund, or of all."""
        return (f"ETF_HOLDINGS_{self.fund}",)

    def compute(self, known: Known) -> pd.Series:
        """Values on the morning after each trading day."""
        return released(known, self.needs[0]).series()


class OfRedemptions(Signal):
    """What all signals of redemptions by issuer read: the ten funds of the first day, and the later ones once known."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The flows of the funds that there have been from the first day."""
        return tuple(f"ETF_FLOW_{fund}" for fund in FIRST_FUNDS)

    @property
    def reads(self) -> tuple[str, ...]:
        """Those flows, and the flows of the funds that came later."""
        return (*super().reads, *(f"ETF_FLOW_{fund}" for fund in LATER_FUNDS))


@dataclass(frozen=True)
class EtfRedemptions(OfRedemptions):
    """Gross redemptions from the US spot bitcoin funds over `window` trading days, $bn. Mechanism 23, essay D.

    formula : sum over issuers and days of what flowed out, 0 on days with an inflow; NaN until there are `window` days
    sign : volume alone says little; see `EtfUnwind` and `EtfCapitulation`
    """

    window: int = 20

    def compute(self, known: Known) -> pd.Series:
        """Values on the morning after each trading day."""
        return redeemed(known, self.window, net=False).sum(axis=1, skipna=False)


@dataclass(frozen=True)
class EtfRedemptionHHI(OfRedemptions):
    """Concentration of redemptions by issuer over `window` trading days, 1/11 to 1. Mechanism 23, essay D.

    formula : Herfindahl index, sum over issuers of (share of what was redeemed) squared; NaN where nothing was
    net : False: each day's outflows count (gross); True: an issuer's flows are summed first and outflows of the whole
    window count, so that one that regained what it lost has none
    sign : high: a few leave, an unwind, + in the medium term; low: all leave, capitulation
    """

    window: int = 20
    net: bool = False

    def compute(self, known: Known) -> pd.Series:
        """Values on the morning after each trading day."""
        shares = _shares(redeemed(known, self.window, self.net))
        return (shares**2).sum(axis=1, skipna=False)


@dataclass(frozen=True)
class EtfRedemptionShare(OfRedemptions):
    """Share of the `top` largest issuers in redemptions over `window` trading days, a fraction. Mechanism 23, essay D.

    formula : the `top` largest sums of outflows / all of them; NaN where there are none; `net` as in `EtfRedemptionHHI`
    sign : above 0.85 an unwind by a few, below 0.60 broad; with `top` of 1 to 3 the essay's figures
    """

    window: int = 20
    top: int = 3
    net: bool = False

    def compute(self, known: Known) -> pd.Series:
        """Values on the morning after each trading day."""
        shares = _shares(redeemed(known, self.window, self.net))
        largest = np.sort(shares.to_numpy(), axis=1)[:, -window_of(self.top) :]
        return pd.Series(largest.sum(axis=1), shares.index)


@dataclass(frozen=True)
class EtfUnwind(OfRedemptions):
    """Whether redemptions are an unwind of the carry trade, 1 or 0. Mechanism 23, essay D.

    formula : `EtfRedemptionShare` > share, `OpenInterestChange` < 0 and `Basis` < hurdle; NaN while one is unknown
    share : a fraction      hurdle : % a year
    sign : not bearish: + in the medium term, weeks to months
    caveat : the share alone tells little: it was above 0.85 on 43% of all days to August 2026
    """

    asset: str = "BTC"
    window: int = 20
    share: float = 0.85
    days: int = 30
    hurdle: float = 5.0
    net: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """The flows, the asset's open interest and its bars."""
        return (*super().needs, *OpenInterest(self.asset).needs, *Basis(self.asset).needs)

    @property
    def one_of(self) -> tuple[str, ...]:
        """What the basis is made of: dated futures, or funding."""
        return Basis(self.asset).one_of

    def compute(self, known: Known) -> pd.Series:
        """Values whenever a share, open interest or a basis becomes known."""
        share = EtfRedemptionShare(self.window, net=self.net).compute(known)
        changed = OpenInterestChange(self.asset, self.days).compute(known)
        return together(self._unwinding, share, changed, BasisToHurdle(self.asset, self.hurdle).compute(known))

    def _unwinding(self, share: np.ndarray, changed: np.ndarray, above: np.ndarray) -> np.ndarray:
        unknown = np.isnan(share) | np.isnan(changed) | np.isnan(above)
        return np.where(unknown, np.nan, (share > self.share) & (changed < 0) & (above < 0))


@dataclass(frozen=True)
class EtfCapitulation(OfRedemptions):
    """Whether redemptions are broad and unusually large, 1 or 0. Mechanism 23, essay D.

    formula : `EtfRedemptionShare` of the three largest < share, and `EtfRedemptions` more than `score` standard
    deviations above the mean of its last `history` values; NaN while one is unknown
    sign : -, days; a low, if it is one, is seen only later
    caveat : one issuer has half of all assets. From January 2024 to August 2026 the three largest never had less than
    60.9% of the redemptions of 20 days: with these numbers the flag never went up, and "broad" wants a higher share
    """

    window: int = 20
    share: float = 0.60
    score: float = 2.0
    history: int = 250

    def compute(self, known: Known) -> pd.Series:
        """Values on the morning after each trading day."""
        share = EtfRedemptionShare(self.window).compute(known)
        unusual = zscore(EtfRedemptions(self.window).compute(known), self.history)
        broad = (share < self.share) & (unusual > self.score)
        return broad.astype(float).where(share.notna() & unusual.notna())


def redeemed(known: Known, window: int, net: bool) -> pd.DataFrame:
    """What each issuer paid out over the last `window` trading days, $bn, 0 or more: a column per issuer, by known_at.

    net : whether an issuer's inflows in the window are set against its outflows
    """
    flows = issuer_flows(known)
    rolling = window_of(window)
    if net:
        return (-flows.rolling(rolling).sum()).clip(lower=0)
    # A rolling sum of zeros may be a rounding error away from 0, and below it.
    return (-flows).clip(lower=0).rolling(rolling).sum().clip(lower=0)


def issuer_flows(known: Known) -> pd.DataFrame:
    """Net flow of each trading day by issuer, $bn, known when the last of the first funds has reported it.

    A later fund has 0 before it began, and where it reports after all others.
    """
    first = [released(known, f"ETF_FLOW_{fund}") for fund in FIRST_FUNDS]
    days = _common(first)
    stamps = np.max([flow.known_at[flow.period.searchsorted(days)] for flow in first], axis=0)
    columns = {fund: f.value[f.period.searchsorted(days)] for fund, f in zip(FIRST_FUNDS, first, strict=True)}
    columns |= {fund: _if_known(released(known, f"ETF_FLOW_{fund}"), days, stamps) for fund in LATER_FUNDS}
    columns["GBTC"] = columns["GBTC"] + columns.pop("BTC")
    order = np.argsort(stamps, kind="stable")
    return pd.DataFrame(columns).iloc[order].set_axis(utc_index(stamps[order]), axis=0)


def _common(flows: list[Releases]) -> np.ndarray:
    """The periods that all have."""
    days = flows[0].period
    for flow in flows[1:]:
        days = days[np.isin(days, flow.period)]
    return days


def _if_known(flow: Releases, days: np.ndarray, stamps: np.ndarray) -> np.ndarray:
    """The flow of each of `days` where it was known by its stamp, else 0."""
    row = np.minimum(flow.period.searchsorted(days), max(len(flow.period) - 1, 0))
    if not len(flow.period):
        return np.zeros(len(days))
    there = (flow.period[row] == days) & (flow.known_at[row] <= stamps)
    return np.where(there, flow.value[row], 0.0)


def _shares(paid: pd.DataFrame) -> pd.DataFrame:
    """Each issuer's part of a row's sum; NaN where that is 0."""
    total = paid.sum(axis=1, skipna=False)
    return paid.div(total.where(total > 0), axis=0)
