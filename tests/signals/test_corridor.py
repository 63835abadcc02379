"""The order of the Fed's rates, and moves of SOFR that the Fed did not make, by hand."""

from collections.abc import Callable

import pytest

from data_cache.market import Market
from signals import CorridorOrder, SofrNetOfPolicy

NAN = float("nan")
RATES = {"DFEDTARL": 3.75, "RRPONTSYAWARD": 3.75, "IORB": 3.90, "SRFTSYD": 4.00, "DFEDTARU": 4.00}


def corridor(**rates: float) -> dict[str, list[tuple[str, str, float]]]:
    return {series: [("2025-11-05", "2025-11-05 19:01", rate)] for series, rate in (RATES | rates).items()}


IN_ORDER = [
    ("as they stood on 5 November 2025", {}, 1),
    ("reverse repo 5 basis points above the lower bound, as from 2021 to 2024", {"RRPONTSYAWARD": 3.80}, 1),
    ("reverse repo below the lower bound", {"RRPONTSYAWARD": 3.70}, 0),
    ("reverse repo paying as much as reserves", {"RRPONTSYAWARD": 3.90}, 0),
    ("standing repo as cheap as reserves", {"SRFTSYD": 3.90}, 0),
    ("standing repo above the upper bound", {"SRFTSYD": 4.05}, 0),
    ("a percentage taken for a fraction", {"IORB": 0.039}, 0),
]


@pytest.mark.parametrize(("what", "rates", "expected"), IN_ORDER, ids=[row[0] for row in IN_ORDER])
def test_the_order_of_the_rates(
    world: Callable[..., Market], values: Callable[..., list], what: str, rates: dict[str, float], expected: int
) -> None:
    assert values(CorridorOrder(), world(**corridor(**rates))) == [expected]


def test_a_tolerance_lets_a_rate_be_out_of_place_by_so_much(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    market = world(**corridor(SRFTSYD=4.05))
    assert values(CorridorOrder(tolerance_bps=5), market) == [1]
    assert values(CorridorOrder(tolerance_bps=4.9), market) == [0]


def test_without_the_desk_the_interest_on_reserves_lies_within_the_range(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    bounds = {series: rows for series, rows in corridor().items() if series in ("DFEDTARL", "IORB", "DFEDTARU")}
    assert values(CorridorOrder(with_facilities=False), world(**bounds)) == [1]
    bounds["IORB"] = [("2025-11-05", "2025-11-05 19:01", 4.00)]
    assert values(CorridorOrder(with_facilities=False), world(**bounds)) == [0]


def test_a_day_without_one_of_the_rates_is_not_judged(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    rows = corridor()
    rows["IORB"] = [("2025-11-04", "2025-11-04 21:32", 3.90)]
    assert values(CorridorOrder(), world(**rows)) == []


def test_a_cut_that_sofr_follows_is_no_move_of_its_own(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    days = ["2025-09-16", "2025-09-17", "2025-09-18"]
    known = ["2025-09-17 12:00", "2025-09-18 12:00", "2025-09-19 12:00"]
    bounds = [(day, "2025-09-15 18:00", bound) for day, bound in zip(days, (4.50, 4.50, 4.25), strict=True)]
    market = world(SOFR=list(zip(days, known, (4.39, 4.38, 4.14), strict=True)), DFEDTARU=bounds)
    # -1 basis point on the 17th; on the 18th SOFR falls by 24 and the bound by 25.
    assert values(SofrNetOfPolicy(days=1), market) == pytest.approx([NAN, -1, -24 + 25], nan_ok=True)
    assert values(SofrNetOfPolicy(days=2), market) == pytest.approx([NAN, NAN, -25 + 25], nan_ok=True, abs=1e-9)
