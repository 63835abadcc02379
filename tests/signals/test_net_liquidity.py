"""Net liquidity, by hand."""

from collections.abc import Callable

import pytest

from data_cache.market import Market
from signals import NetLiquidity, NetLiquidityChange, NetLiquidityZ

NAN = float("nan")
WEDNESDAYS = ["2025-01-01", "2025-01-08", "2025-01-15", "2025-01-22", "2025-01-29", "2025-02-05"]
THURSDAYS = ["2025-01-02", "2025-01-09", "2025-01-16", "2025-01-23", "2025-01-30", "2025-02-06"]


def weekly(clock: str, *values: float) -> list[tuple[str, str, float]]:
    """Values of Wednesdays known on the day after."""
    return [
        (period, f"{day} {clock}", value)
        for period, day, value in zip(WEDNESDAYS[: len(values)], THURSDAYS[: len(values)], values, strict=True)
    ]


def a_market(world: Callable[..., Market]) -> Market:
    return world(
        WALCL=weekly("21:30", 7_000, 7_010, 7_030, 7_020, 7_050, 7_060),
        WDTGAL=weekly("21:30", 700, 690, 700, 720, 650, 640),
        RRPONTSYD=weekly("18:15", 100, 90, 80, 70, 60, 50),
    )


def test_net_liquidity_is_assets_less_account_less_reverse_repo(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    found = values(NetLiquidity(), a_market(world))
    # Each week the reverse repo comes out three hours before the other two.
    expected = [NAN, 7_000 - 700 - 100, 7_000 - 700 - 90, 7_010 - 690 - 90, 7_010 - 690 - 80, 7_030 - 700 - 80]
    assert found[:6] == pytest.approx(expected, nan_ok=True)


def test_net_liquidity_moves_with_the_daily_statement_between_wednesdays(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    market = world(
        WALCL=weekly("21:30", 7_000),
        RRPONTSYD=weekly("18:15", 100),
        TGA=[("2025-01-01", "2025-01-02 21:00", 700), ("2025-01-02", "2025-01-03 21:00", 760)],
    )
    assert values(NetLiquidity(), market)[-2:] == [7_000 - 700 - 100, 7_000 - 760 - 100]


def test_the_change_compares_wednesdays_with_wednesdays(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    found = values(NetLiquidityChange(weeks=4), a_market(world))
    # 29 January against 1 January, 5 February against 8 January.
    assert found[9] == (7_050 - 7_000) - (650 - 700) - (60 - 100)
    assert found[11] == (7_060 - 7_010) - (640 - 690) - (50 - 90)
    assert found[:8] == pytest.approx([NAN] * 8, nan_ok=True)


def test_the_zscore_is_taken_among_weekly_changes(world: Callable[..., Market], values: Callable[..., list]) -> None:
    found = values(NetLiquidityZ(weeks=1, window_weeks=3), a_market(world))
    # Changes by week: 10 + 10 + 10 = 30, 20 - 10 + 10 = 20, -10 - 20 + 10 = -20, 30 + 70 + 10 = 110, 10 + 10 + 10 = 30.
    # Mean and variance of the first three: 10 and (400 + 100 + 900) / 2; of the next 110 / 3 and 13300 / 3; of the
    # last 40 and (3600 + 4900 + 100) / 2.
    expected = [(-20 - 10) / 700**0.5, (110 - 110 / 3) / (13_300 / 3) ** 0.5, (30 - 40) / 4_300**0.5]
    assert found == pytest.approx([NAN, NAN, *expected], nan_ok=True)


def test_without_one_of_its_parts_it_is_unknown(world: Callable[..., Market], values: Callable[..., list]) -> None:
    assert values(NetLiquidity(), a_market(world), until="2025-01-02 18:15") == pytest.approx([NAN], nan_ok=True)
    for signal in (NetLiquidity(), NetLiquidityChange(), NetLiquidityZ()):
        assert values(signal, a_market(world), until="2025-01-01") == []
