"""Sensitivity: what the same decisions would have earned at other costs, or filled later."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from backtests.execution import Execution
from backtests.result import Result
from data_cache.errors import BadUsage
from strategies.strategy import path_dependent

if TYPE_CHECKING:
    from backtests.sweeps.orders import Orders

# Of METRICS, those that are told for each setting.
MEASURES = ("cagr", "sharpe", "max_drawdown", "total_return")
# Costs to try, as multiples of those asked for, or in basis points where none were.
MULTIPLES = (0.0, 0.5, 1.0, 2.0, 3.0, 5.0)
COSTS_BPS = (0.0, 5.0, 10.0, 20.0, 30.0, 50.0)
# Hours to wait on top of the latency asked for.
DELAYS = (0.0, 1.0, 4.0, 12.0, 24.0, 48.0, 72.0, 168.0)
# No venue of size charges as much on a side: a break-even beyond it is none.
LIMIT_BPS = 200.0
# At these costs the curves are measured on which a break-even is looked for.
CURVE_BPS = (0.0, 25.0, 50.0, 100.0, 150.0, LIMIT_BPS)


def repeatable(result: Result) -> bool:
    """Whether the decisions stay the same at other costs and delays: not those of a rule that looks at its own book."""
    return not path_dependent(result.strategy)


def side_bps(execution: Execution) -> float:
    """What a side, one purchase or one sale, costs: fee and slippage, in basis points of notional; no funding."""
    return execution.fee_bps + execution.slippage_bps


def at_cost(execution: Execution, bps: float) -> Execution:
    """The same conditions at `bps` a side, in the same parts of fee and slippage; all of it a fee where both were 0.

    >>> dearer = at_cost(Execution(fee_bps=10, slippage_bps=5), 30)
    >>> dearer.fee_bps, dearer.slippage_bps
    (20.0, 10.0)
    """
    asked = side_bps(execution)
    if asked == 0:
        return replace(execution, fee_bps=bps)
    times = bps / asked
    return replace(execution, fee_bps=execution.fee_bps * times, slippage_bps=execution.slippage_bps * times)


def bearable(execution: Execution, costs: Sequence[float]) -> list[float]:
    """Those of `costs`, basis points a side, that are possible: less than all, and with perpetuals than the margin."""
    return [bps for bps in costs if _possible(execution, bps)]


def _possible(execution: Execution, bps: float) -> bool:
    try:
        at_cost(execution, bps)
    except BadUsage:
        return False
    return True


def delayed(execution: Execution, hours: float) -> Execution:
    """The same conditions, every fill `hours` later."""
    return replace(execution, latency_hours=execution.latency_hours + hours)


@dataclass(frozen=True)
class Sensitivity:
    """The decisions of one result, filled again under other conditions.

    A rule that does not look at its own book decides the same whatever trading costs and however long it takes, so
    only the fills are made again: by the compiled kernel of the sweeps, which fills as vectorbt does. When it decides,
    schedules and bands included, depends on neither. Funding and margin of perpetuals stay as they are, so that dearer
    trading may lead to a liquidation. Raises BadUsage for a rule that looks at its own book.
    benchmark : that of the result, where it has been filled again already
    """

    result: Result
    benchmark: "Sensitivity | None" = None

    def __post_init__(self) -> None:
        if not repeatable(self.result):
            raise BadUsage(
                f"{self.result.name} looks at its own book: at other costs it would decide otherwise; "
                "run it again with those costs instead"
            )

    def under(self, execution: Execution) -> dict[str, float]:
        """MEASURES under `execution`, by name; NaN as in METRICS."""
        return {name: float(values[0]) for name, values in self._measured(execution, [execution]).items()}

    def again(self, execution: Execution) -> Result:
        """The result of the same decisions under `execution`; its manifest stays that of the run which decided."""
        from backtests.perpetuals.kernel import kernel_of

        entered = kernel_of(self.result.tape, execution).entered(self._orders([execution]), 0)
        return replace(self.result, execution=execution, **vars(entered))

    @cached_property
    def costs(self) -> pd.DataFrame:
        """MEASURES (columns) by cost_bps, basis points a side, ascending; only those that are `bearable`."""
        asked = side_bps(self.result.execution)
        tried = [multiple * asked for multiple in MULTIPLES] if asked else COSTS_BPS
        bps = bearable(self.result.execution, tried)
        rows = [self.under(at_cost(self.result.execution, cost)) for cost in bps]
        return pd.DataFrame(rows, index=pd.Index(bps, name="cost_bps"))

    @cached_property
    def delays(self) -> pd.DataFrame:
        """MEASURES (columns) by delay_hours, added to the latency asked for; never traded where no fill is left."""
        own = self.result.execution
        measured = self._measured(own, [delayed(own, hours) for hours in DELAYS])
        return pd.DataFrame(measured, index=pd.Index(DELAYS, name="delay_hours"))

    @cached_property
    def curve(self) -> pd.DataFrame:
        """By cost_bps: growth, the logarithm of what $1 became, a year; and the Sharpe ratio.

        cost_bps : those of CURVE_BPS that are `bearable`
        """
        costs = bearable(self.result.execution, CURVE_BPS)
        measured = [self.under(at_cost(self.result.execution, bps)) for bps in costs]
        # Of $1 at least that much is left: a logarithm of nothing would hide where the rest of the curve is.
        left = [max(1 + one["total_return"], 1e-12) for one in measured]
        growth = np.log(left) / self.result.years
        index = pd.Index(costs, name="cost_bps")
        return pd.DataFrame({"growth": growth, "sharpe": [one["sharpe"] for one in measured]}, index=index)

    @cached_property
    def break_even(self) -> float:
        """Basis points a side at which nothing is gained; see `crossing`."""
        return crossing(self.curve["growth"]) if len(self.result.trades) else math.nan

    @cached_property
    def break_even_with_benchmark(self) -> float:
        """Basis points a side at which growth equals the benchmark's at the same costs; NaN without one."""
        benchmark = self.result.benchmark
        if benchmark is None or not repeatable(benchmark) or not len(self.result.trades):
            return math.nan
        other = self.benchmark or Sensitivity(benchmark)
        return crossing(self.curve["growth"] - other.curve["growth"].reindex(self.curve.index))

    @cached_property
    def half_sharpe(self) -> float:
        """Basis points a side at which the Sharpe ratio is half of what it is at the costs asked for.

        NaN where it is not above zero there.
        """
        asked = self.under(self.result.execution)["sharpe"]
        return crossing(self.curve["sharpe"] - asked / 2) if asked > 0 else math.nan

    def _measured(self, costs: Execution, executions: Sequence[Execution]) -> dict[str, np.ndarray]:
        """MEASURES of each of `executions`, which all cost as much as `costs`."""
        from backtests.perpetuals.kernel import kernel_of

        metrics = kernel_of(self.result.tape, costs).run(self._orders(executions)).metrics
        return {name: metrics[name] for name in MEASURES}

    def _orders(self, executions: Sequence[Execution]) -> "Orders":
        from backtests.sweeps.orders import lay_out, pack

        wanted, tape = self.result.decisions, self.result.tape
        at, weights = wanted.index.asi8, wanted[tape.assets].to_numpy()
        return pack([lay_out(at, weights, tape, one) for one in executions], len(tape.opens.columns))


def crossing(gap: pd.Series) -> float:
    """The cost at which `gap`, by cost_bps from 0 to LIMIT_BPS and falling, is zero.

    Between its points runs a monotone cubic (Fritsch and Carlson 1980): growth and the Sharpe ratio fall nearly in
    straight lines as costs rise. inf where the gap is still above zero at the last cost, -inf where it is not at the
    first, NaN where it is unknown at any, or still above zero at the last that the margin can bear.
    """
    from scipy.interpolate import PchipInterpolator

    values = gap.to_numpy()
    if np.isnan(values).any():
        return math.nan
    if values[0] <= 0:
        return -math.inf
    if values[-1] > 0:
        return math.inf if gap.index[-1] >= LIMIT_BPS else math.nan
    return float(PchipInterpolator(gap.index.to_numpy(), values).roots(extrapolate=False)[0])
