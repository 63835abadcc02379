"""What made the change in equity, in parts that add up: prices, funding, costs, and what the venue bore."""

from collections.abc import Callable

import numpy as np

from backtests.execution import BPS
from backtests.result import Result
from backtests.tearsheet.document import Definition


def change(result: Result) -> float:
    """Equity at the end less capital, $."""
    return float(result.equity.iloc[-1]) - result.execution.capital


def costs(result: Result) -> float:
    """Fees and slippage that the account paid, forced closes too, $."""
    return float(result.costs.to_numpy().sum() + result.liquidation_costs.to_numpy().sum())


def funding(result: Result) -> float:
    """Funding received less what was paid, $."""
    return float(result.payments["amount"].sum())


def borne(result: Result) -> float:
    """What prices took beyond all equity, which the venue bore, $; what it bore of costs is in neither."""
    closed = result.liquidations
    if result.ruined_at is None or closed.empty:
        return 0.0
    names = ["open_time", "moment"]
    last = closed[(closed[names] == closed[names].iloc[-1]).all(axis=1)]
    worse = 1 + np.sign(last["units"]) * result.execution.slippage_bps * BPS
    cost = (last["fee"] + last["units"] * last["price"] * (1 - 1 / worse)).sum()
    return max(float(last["shortfall"].sum() - cost), 0.0)


def by_prices(result: Result) -> float:
    """What positions gained by prices before costs, and what cash earned, $."""
    return change(result) - funding(result) + costs(result) - borne(result)


def signed(value: float) -> str:
    """Whole $, with a minus where something was lost.

    >>> signed(1234.4), signed(-45_678.0), signed(-0.2)
    ('$1,234', '-$45,678', '$0')
    """
    return f"-${-value:,.0f}" if round(value) < 0 else f"${abs(value):,.0f}"


Part = tuple[Definition, Callable[[Result], float]]
PRICES: Part = (
    Definition(
        "gain-prices",
        "Prices",
        "What positions gained or lost by prices over the whole window, before all costs, and what idle cash earned.",
    ),
    by_prices,
)
FUNDING: Part = (
    Definition(
        "gain-funding", "Funding", "Funding received less what was paid, over the whole window; below 0, more was paid."
    ),
    funding,
)
COSTS: Part = (
    Definition("gain-costs", "Costs", "Fees and slippage that the account paid, those of forced closes too."),
    lambda result: -costs(result),
)
BORNE: Part = (
    Definition(
        "gain-borne",
        "Venue bore",
        "What prices took beyond all equity, which the venue bore. Costs of closing that nothing was left for are not "
        "in it.",
    ),
    borne,
)
CHANGE: Part = (
    Definition("gain-change", "Change in equity", "Equity at the end less the capital: all the others, added up."),
    change,
)


def parts(results: list[Result]) -> list[Part]:
    """The parts of which these results have any, and their sum."""
    perps = any(result.execution.perps for result in results)
    ruined = any(borne(result) > 0 for result in results)
    return [PRICES, *([FUNDING] * perps), COSTS, *([BORNE] * ruined), CHANGE]
