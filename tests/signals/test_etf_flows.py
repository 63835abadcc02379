"""Flows of the US spot bitcoin funds, by hand arithmetic."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from data_cache.catalog_crypto import FIRST_FUNDS, LATER_FUNDS
from data_cache.errors import NoData
from data_cache.market import Market
from signals import (
    EtfCapitulation,
    EtfFlow,
    EtfHoldings,
    EtfRedemptionHHI,
    EtfRedemptions,
    EtfRedemptionShare,
    EtfUnwind,
)
from signals.signal import evaluate

World = Callable[..., Market]
Values = Callable[..., list[float]]
Rows = list[tuple[str, str, float]]
NAN = pytest.approx(np.nan, nan_ok=True)


def reported(*flows: float, first: str = "2025-01-01") -> Rows:
    """Flows of days, known at eight the next morning."""
    days = pd.date_range(first, periods=len(flows))
    return [(f"{day:%F}", f"{day + pd.Timedelta(32, 'h')}", flow) for day, flow in zip(days, flows, strict=True)]


def funds(days: int, **flows: tuple[float, ...]) -> dict[str, Rows]:
    """Flows of all funds of the first day, and of others that are named; 0 for those that are not."""
    idle = (0.0,) * days
    return {f"ETF_FLOW_{fund}": reported(*flows.get(fund, idle)) for fund in {**dict.fromkeys(FIRST_FUNDS), **flows}}


# Three days. IBIT loses 50 and regains 20; ARKB loses 30; of Grayscale's 60, 20 go from one fund into the other.
THREE = funds(3, IBIT=(-50.0, 20.0, 0.0), ARKB=(0.0, 0.0, -30.0), GBTC=(-40.0, -20.0, 0.0), BTC=(20.0, 0.0, 0.0))


def test_the_flow_is_the_sum_of_so_many_days_and_known_the_morning_after(world: World) -> None:
    found = evaluate(EtfFlow(window=2), world(ETF_FLOW_TOTAL=reported(0.1, -0.3, 0.4)))
    assert found.tolist() == [NAN, pytest.approx(0.1 - 0.3), pytest.approx(-0.3 + 0.4)]
    assert found.index[0] == pd.Timestamp("2025-01-02 08:00", tz="UTC")


def test_holdings_are_those_of_the_fund_that_is_asked_for(world: World, values: Values) -> None:
    market = world(ETF_HOLDINGS_TOTAL=reported(1_430_000.0), ETF_HOLDINGS_IBIT=reported(800_000.0))
    assert values(EtfHoldings(), market) == [1_430_000.0]
    assert values(EtfHoldings("IBIT"), market) == [800_000.0]


def test_redemptions_are_what_each_issuer_paid_out_on_days_with_an_outflow(world: World, values: Values) -> None:
    # IBIT 50, Grayscale 40 - 20 and then 20, ARKB 30.
    assert values(EtfRedemptions(window=3), world(**THREE)) == [NAN, NAN, 50 + 20 + 20 + 30]


def test_the_largest_issuer_s_share_and_the_index_of_all(world: World, values: Values) -> None:
    market = world(**THREE)
    gross = [50 / 120, 40 / 120, 30 / 120]
    assert values(EtfRedemptionShare(window=3, top=1), market)[-1] == pytest.approx(gross[0])
    assert values(EtfRedemptionShare(window=3, top=2), market)[-1] == pytest.approx(gross[0] + gross[1])
    assert values(EtfRedemptionHHI(window=3), market)[-1] == pytest.approx(sum(share**2 for share in gross))


def test_net_of_what_it_regained_an_issuer_counts_for_less(world: World, values: Values) -> None:
    market = world(**THREE)
    net = [40 / 100, 30 / 100, 30 / 100]  # Grayscale 20 + 20, IBIT 50 - 20, ARKB 30
    assert values(EtfRedemptionShare(window=3, top=1, net=True), market)[-1] == pytest.approx(net[0])
    assert values(EtfRedemptionHHI(window=3, net=True), market)[-1] == pytest.approx(sum(share**2 for share in net))


def test_where_nothing_was_redeemed_nobody_has_a_share(world: World, values: Values) -> None:
    market = world(**funds(2, IBIT=(5.0, 0.0)))
    assert values(EtfRedemptions(window=2), market)[-1] == 0
    assert np.isnan(values(EtfRedemptionShare(window=2), market)).all()
    assert np.isnan(values(EtfRedemptionHHI(window=2), market)).all()


def test_a_day_counts_once_the_last_fund_has_reported_it(world: World) -> None:
    late = THREE | {
        "ETF_FLOW_HODL": [(day, f"{known[:10]} 20:00", flow) for day, known, flow in THREE["ETF_FLOW_HODL"]]
    }
    assert evaluate(EtfRedemptions(window=1), world(**late)).index[0] == pd.Timestamp("2025-01-02 20:00", tz="UTC")


def test_a_later_fund_that_reports_after_all_others_is_left_out(world: World, values: Values) -> None:
    late = THREE | {"ETF_FLOW_BTC": [("2025-01-01", "2025-01-02 20:00", 20.0)]}
    assert values(EtfRedemptions(window=1), world(**late))[0] == 50 + 40


def test_a_fund_of_the_first_day_may_not_be_missing(world: World) -> None:
    without = {name: rows for name, rows in THREE.items() if name != "ETF_FLOW_FBTC"}
    with pytest.raises(NoData, match="needs ETF_FLOW_FBTC"):
        evaluate(EtfRedemptionShare(), world(**without))
    assert set(EtfRedemptionShare().reads) == {f"ETF_FLOW_{fund}" for fund in (*FIRST_FUNDS, *LATER_FUNDS)}


def unwinding(world: World, coins: float, rate: float, *others: str) -> Market:
    """IBIT and any others lose 30 on the 31st day, while coins fall to `coins` of 100 and funding is `rate`."""
    last = (*(0.0,) * 30, -30.0)
    paid = pd.date_range("2025-01-01 08:00", periods=93, freq="8h")
    interest = [(f"{d:%F}", f"{d + pd.Timedelta(1, 'D'):%F}", 100.0) for d in pd.date_range("2025-01-01", periods=30)]
    return world(
        {"BTC": [100.0] * 31},
        OPEN_INTEREST_BTC=[*interest, ("2025-01-31", "2025-02-01", coins)],
        FUNDING_BTC=[(f"{t}", f"{t}", rate) for t in paid],
        **funds(31, IBIT=last, **dict.fromkeys(others, last)),
    )


OTHERS = ("FBTC", "BITB", "ARKB", "HODL", "BRRR")


@pytest.mark.parametrize(
    ("coins", "rate", "others", "unwind"),
    [
        (99.0, 0.0, (), 1.0),
        (101.0, 0.0, (), 0.0),  # positions were opened
        (99.0, 0.0001, (), 0.0),  # the trade pays 10.95% a year
        (99.0, 0.0, OTHERS, 0.0),  # three of six have half of it
    ],
)
def test_an_unwind_is_a_few_leaving_while_positions_close_and_carry_does_not_pay(
    world: World, values: Values, coins: float, rate: float, others: tuple[str, ...], unwind: float
) -> None:
    assert values(EtfUnwind(), unwinding(world, coins, rate, *others))[-1] == unwind


@pytest.mark.parametrize(("losers", "broad"), [(("IBIT", *OTHERS), 1.0), (("IBIT",), 0.0)])
def test_capitulation_is_all_leaving_at_once_and_more_than_ever(
    world: World, values: Values, losers: tuple[str, ...], broad: float
) -> None:
    # Redemptions of eight days 1, 1, ... and then 30 from each: (30 - mean) / deviation = 7 / sqrt(8) = 2.47.
    market = world(**funds(8, **dict.fromkeys(losers, (*((-1.0,) * 7), -30.0))))
    assert values(EtfCapitulation(window=1, history=8), market)[-1] == broad
    assert values(EtfCapitulation(window=1, history=8, score=2.5), market)[-1] == 0.0
    assert np.isnan(values(EtfCapitulation(window=1, history=9), market)).all()
