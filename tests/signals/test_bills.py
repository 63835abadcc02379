"""What bills pay above the reverse repo, and their share of the debt, by hand."""

from collections.abc import Callable

import pytest

from data_cache.errors import BadUsage
from data_cache.market import Market
from signals import BillAdvantage, BillShare, BillShareChange

NAN = float("nan")
YIELD = [("2023-06-29", "2023-06-30 20:15", 5.46), ("2023-06-30", "2023-07-03 20:15", 5.43)]
AWARD = [("2023-06-29", "2023-06-29 18:01", 5.05), ("2023-06-30", "2023-06-30 18:01", 5.05)]
LOWER = [("2023-06-29", "2023-06-28 18:00", 5.00), ("2023-06-30", "2023-06-29 18:00", 5.00)]
MONTHS = ["2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30"]
KNOWN = ["2025-02-10", "2025-03-10", "2025-04-10", "2025-05-10"]


def monthly(*amounts: float) -> list[tuple[str, str, float]]:
    return list(zip(MONTHS, KNOWN, amounts, strict=True))


def test_the_advantage_is_of_one_day_in_basis_points(world: Callable[..., Market], values: Callable[..., list]) -> None:
    market = world(DGS3MO=YIELD, RRPONTSYAWARD=AWARD, DFEDTARL=LOWER)
    assert values(BillAdvantage(), market) == pytest.approx([100 * (5.46 - 5.05), 100 * (5.43 - 5.05)])
    assert values(BillAdvantage(floor="DFEDTARL"), market) == pytest.approx([46, 43])


def test_the_advantage_is_known_when_the_yield_is(world: Callable[..., Market], values: Callable[..., list]) -> None:
    market = world(DGS3MO=YIELD, RRPONTSYAWARD=AWARD)
    assert values(BillAdvantage(), market, until="2023-07-03 20:14") == pytest.approx([41])


def test_the_share_is_in_percent_of_marketable_debt(world: Callable[..., Market], values: Callable[..., list]) -> None:
    market = world(BILLS_OUTSTANDING=monthly(6_000, 6_200, 6_300, 6_600), MARKETABLE_DEBT=monthly(*[28_000] * 4))
    assert values(BillShare(), market) == pytest.approx([100 * b / 28_000 for b in (6_000, 6_200, 6_300, 6_600)])


def test_three_months_before_april_is_january(world: Callable[..., Market], values: Callable[..., list]) -> None:
    market = world(BILLS_OUTSTANDING=monthly(6_000, 6_200, 6_300, 6_600), MARKETABLE_DEBT=monthly(*[28_000] * 4))
    expected = [NAN, NAN, NAN, 100 * (6_600 - 6_000) / 28_000]
    assert values(BillShareChange(), market) == pytest.approx(expected, nan_ok=True)
    # One month before 31 March is 28 February.
    assert values(BillShareChange(months=1), market)[2] == pytest.approx(100 * (6_300 - 6_200) / 28_000)


@pytest.mark.parametrize("months", [0, -3])
def test_a_change_does_not_reach_ahead(world: Callable[..., Market], values: Callable[..., list], months: int) -> None:
    market = world(BILLS_OUTSTANDING=monthly(1, 2, 3, 4), MARKETABLE_DEBT=monthly(5, 5, 5, 5))
    with pytest.raises(BadUsage, match=f"a lag of {months} months would look ahead"):
        values(BillShareChange(months=months), market)
