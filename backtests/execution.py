"""How a decision becomes a trade: costs, latency, bands. The rules are written once, here, for both engines."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from data_cache.errors import BadUsage

BPS = 1e-4


@dataclass(frozen=True)
class Execution:
    """Costs and conditions of trading; explicit, and the same in both engines.

    fee_bps, slippage_bps : of notional, on every fill      min_notional : smaller orders are not sent, $
    band : trade only if some weight's target moved by more than this since the last decision
    latency_hours : between a decision and the moment from which it may fill
    rebalance_days : trade back to an unchanged target every so many days; 0 leaves that to the strategy
    cash : series whose rate (% a year) idle cash earns, "0" for nothing      capital : equity at the start, $
    perps : whether positions are perpetuals (`backtests.perpetuals`): exposure may be above 1 and weights below 0
    initial_margin : fraction of notional that an opened position needs, so gross exposure is at most 1 / initial_margin
    maintenance_margin : fraction of notional at which the book is liquidated
    liquidation_fee_bps : of what is closed then, in place of fee_bps
    """

    fee_bps: float = 10.0
    slippage_bps: float = 5.0
    min_notional: float = 10.0
    band: float = 0.0
    latency_hours: float = 0.0
    rebalance_days: float = 0.0
    cash: str = "0"
    capital: float = 100_000.0
    perps: bool = False
    initial_margin: float = 0.1
    maintenance_margin: float = 0.05
    liquidation_fee_bps: float = 50.0

    def __post_init__(self) -> None:
        for name in ("fee_bps", "slippage_bps", "min_notional", "band", "latency_hours", "rebalance_days"):
            if not 0 <= getattr(self, name) < np.inf:
                raise BadUsage(f"{name} must be zero or more; found {getattr(self, name)}")
        if self.band > 1:
            raise BadUsage(f"band must be at most 1, for no weight moves by more; found {self.band}")
        if not 0 < self.capital < np.inf:
            raise BadUsage(f"capital must be more than zero; found {self.capital}")
        self._check_margin()
        if self.fee_bps + self.slippage_bps >= 1 / BPS:
            raise BadUsage(
                f"fee_bps {self.fee_bps} and slippage_bps {self.slippage_bps} cost more than the trade itself"
            )

    def _check_margin(self) -> None:
        if not 0 < self.maintenance_margin < self.initial_margin <= 1:
            raise BadUsage(
                "margins are fractions of notional: 0 < maintenance_margin < initial_margin <= 1; "
                f"found {self.maintenance_margin} and {self.initial_margin}"
            )
        if not 0 <= self.liquidation_fee_bps + self.slippage_bps < 1 / BPS:
            raise BadUsage(
                f"liquidation_fee_bps must be zero or more, and less than all; found {self.liquidation_fee_bps}"
            )
        if self.perps and self.cash != "0":
            raise BadUsage(f"with perps the cash is collateral, which earns nothing here; leave out cash {self.cash}")
        fee, slippage = self.fee_bps * BPS, self.slippage_bps * BPS
        if self.perps and slippage + fee * (1 + slippage) >= self.maintenance_margin:
            raise BadUsage(
                f"fee_bps {self.fee_bps} and slippage_bps {self.slippage_bps} cost as much as the margin of "
                f"{self.maintenance_margin}: whoever closes a position could owe money; raise the margin"
            )

    @property
    def gross_limit(self) -> float | None:
        """The largest sum of |weights| that perpetuals allow; None where assets are bought: 0 to 1, nothing short."""
        return 1 / self.initial_margin if self.perps else None

    @property
    def margin_terms(self) -> str:
        """What positions in perpetuals are under, in words."""
        return (
            "positions are perpetuals on one cross-margined account: funding is paid and received, initial margin "
            f"{self.initial_margin:.4g}, maintenance margin {self.maintenance_margin:.4g} of notional, liquidation fee "
            f"{self.liquidation_fee_bps:g} bps"
        )

    @property
    def spot(self) -> "Execution":
        """The same costs for assets that are bought: what a benchmark is traded under, whatever the strategy trades."""
        return replace(self, perps=False)

    @property
    def affordable(self) -> float:
        """The largest exposure that any book can turn into with its own money, after the costs of selling and buying.

        Selling all of a book of value 1 leaves (1 - s)(1 - f); buying exposure e costs e (1 + s)(1 + f).
        """
        fee, slippage = self.fee_bps * BPS, self.slippage_bps * BPS
        return (1 - slippage) * (1 - fee) / ((1 + slippage) * (1 + fee))

    def afford(self, weights: np.ndarray) -> np.ndarray:
        """Scale target weights, shape (..., n_assets), by one factor a row, so that fees starve no asset.

        Perpetuals are not paid for, and stay as they are.
        """
        if self.perps:
            return weights
        exposure = weights.sum(axis=-1, keepdims=True)
        return np.asarray(weights * np.minimum(1.0, self.affordable / np.maximum(exposure, self.affordable)))

    def fill_rows(self, at: np.ndarray, open_times: np.ndarray) -> np.ndarray:
        """The row of the bar that fills a decision: the first whose open_time >= at + latency (int64 ns)."""
        latency = int(self.latency_hours * pd.Timedelta(hours=1).value)
        return np.searchsorted(open_times, at + latency, side="left")
