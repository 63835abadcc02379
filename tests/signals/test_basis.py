"""The basis and its relatives, by hand."""

from collections.abc import Callable
from math import exp, log

import numpy as np
import pandas as pd
import pytest

from data_cache.errors import NoData
from data_cache.market import Market
from signals import Basis, BasisBelowHurdle, BasisBelowSofr, BasisFall, BasisToHurdle, BasisToSofr, BasisUnwind
from signals.signal import evaluate

NAN = float("nan")
SPOT = 100_000.0


def futures(first_close: str, **prices: list[float]) -> pd.DataFrame:
    """Futures that expire at midnight of the named days ("d2025_01_31"), with their closes from `first_close` on."""
    count = len(next(iter(prices.values())))
    known_at = pd.date_range(first_close, periods=count, tz="UTC", unit="ns", name="known_at")
    expiries = pd.DatetimeIndex([name[1:].replace("_", "-") for name in prices], tz="UTC").as_unit("ns")
    return pd.DataFrame(np.array(list(prices.values())).T, known_at, expiries)


def payments(first: str, *rates: float, hours: int = 8) -> list[tuple[str, str, float]]:
    """Funding paid every few hours from `first` on."""
    times = pd.date_range(first, periods=len(rates), freq=f"{hours}h").astype(str)
    return [(time, time, rate) for time, rate in zip(times, rates, strict=True)]


def dated(world: Callable[..., Market], days: int = 1, **prices: list[float]) -> Market:
    """A market whose futures close from 2 January 2025, 00:00 UTC, with spot at 100,000."""
    return world({"BTC": [SPOT] * days}, futures={"BTC": futures("2025-01-02", **prices)})


def test_the_basis_lies_between_the_expiries_around_thirty_days(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    # 2 January: 20 and 60 days to expiry, with total log carries of 0.002 and 0.009.
    market = dated(world, d2025_01_22=[SPOT * exp(0.002)], d2025_03_03=[SPOT * exp(0.009)])
    y30 = 0.002 + (0.009 - 0.002) * (30 - 20) / (60 - 20)
    assert values(Basis(), market) == pytest.approx([100 * y30 * 365 / 30])


def test_an_expiry_of_exactly_thirty_days_needs_no_other(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    market = dated(world, d2025_02_01=[101_000.0], d2025_03_03=[150_000.0])
    assert values(Basis(), market) == pytest.approx([100 * log(1.01) * 365 / 30])


ALONE = [
    ("a single expiry beyond thirty days is taken as it is", {"d2025_03_03": 60}, 60),
    ("of two beyond, the nearer", {"d2025_03_03": 60, "d2025_04_02": 90}, 60),
    ("a single expiry within thirty days, too", {"d2025_01_22": 20}, 20),
    ("one of less than five days is skipped for the next", {"d2025_01_06": 4, "d2025_03_03": 60}, 60),
    ("one of six days is too near to stand alone", {"d2025_01_08": 6}, None),
    ("one of exactly seven is not", {"d2025_01_09": 7}, 7),
]


@pytest.mark.parametrize(("why", "expiries", "tau"), ALONE, ids=[row[0] for row in ALONE])
def test_without_expiries_on_both_sides(
    world: Callable[..., Market], values: Callable[..., list], why: str, expiries: dict[str, int], tau: int | None
) -> None:
    market = dated(world, **{name: [SPOT * exp(days / 10_000)] for name, days in expiries.items()})
    # Every future carries 0.0001 a day, so only what is left out matters: change that of the one expected.
    if tau is None:
        assert values(Basis(), market) == []
        return
    name = next(name for name, days in expiries.items() if days == tau)
    market.futures["BTC"][pd.Timestamp(name[1:].replace("_", "-"), tz="UTC")] = SPOT * 1.02
    assert values(Basis(), market) == pytest.approx([100 * log(1.02) * 365 / tau])


def test_six_days_are_near_enough_beside_a_later_expiry(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    market = dated(world, d2025_01_08=[SPOT * exp(0.001)], d2025_02_07=[SPOT * exp(0.004)])  # 6 and 36 days
    assert values(Basis(), market) == pytest.approx([100 * (0.001 + 0.003 * 24 / 30) * 365 / 30])


def test_a_future_without_a_quote_is_not_there(world: Callable[..., Market], values: Callable[..., list]) -> None:
    market = dated(world, days=2, d2025_01_22=[NAN, NAN], d2025_03_03=[SPOT * 1.02, NAN])
    assert values(Basis(), market) == pytest.approx([100 * log(1.02) * 365 / 60])


def test_futures_count_only_where_spot_closed_at_the_same_moment(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    market = dated(world, days=1, d2025_03_03=[SPOT * 1.02, SPOT * 1.03])  # spot closes on 2 January alone
    assert len(values(Basis(), market)) == 1


def test_funding_is_annualised_by_its_true_spacing(world: Callable[..., Market], values: Callable[..., list]) -> None:
    # 0.0001 every 8 hours is 0.0003 a day; 0.0001 every 4 hours is 0.0006 a day.
    for hours, a_day in ((8, 0.0003), (4, 0.0006), (1, 0.0024)):
        count = 40 * 24 // hours
        market = world({"BTC": [SPOT] * 40}, FUNDING_BTC=payments("2025-01-01", *[0.0001] * count, hours=hours))
        assert values(Basis(), market)[-1] == pytest.approx(100 * 365 * a_day)


def test_funding_of_changing_spacing_is_what_was_paid_over_the_time_it_covers(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    eight, four = payments("2025-01-01", *[0.0001] * 75), payments("2025-01-26", *[0.0002] * 90, hours=4)
    market = world({"BTC": [SPOT] * 38}, FUNDING_BTC=eight + four)
    # At 8 February, 00:00: the window since 9 January holds 50 payments of 8 hours (to 25 January, 16:00), one of
    # 0.0002 at 26 January 00:00 that covers 8 hours too, and 78 that cover 4 hours each.
    paid = 50 * 0.0001 + 79 * 0.0002
    assert values(Basis(), market)[-1] == pytest.approx(100 * 365 * paid / 30)


def test_funding_is_unknown_until_the_window_is_covered(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    market = world({"BTC": [SPOT] * 40}, FUNDING_BTC=payments("2025-01-01", *[0.0001] * 120))
    found = evaluate(Basis(), market)
    # Nine tenths of 30 days are 27; the first payment covers an unknown time, so counting starts on 1 January 00:00.
    assert found.index[0] == pd.Timestamp("2025-01-28", tz="UTC")
    assert found.tolist() == pytest.approx([100 * 365 * 0.0003] * 14)


def test_a_hole_in_the_payments_is_not_taken_for_a_long_interval(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    rows = payments("2025-01-01", *[0.0001] * 120)
    market = world({"BTC": [SPOT] * 40}, FUNDING_BTC=[row for row in rows if not row[0].startswith("2025-01-25")])
    # A day is missing: 87 payments of 8 hours, the first of them after the hole counted as 8 hours as well.
    assert values(Basis(), market)[-1] == pytest.approx(100 * 365 * 0.0003)


def test_a_long_hole_in_the_payments_makes_the_basis_unknown(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    rows = [row for row in payments("2025-01-01", *[0.0001] * 120) if not "2025-01-30" <= row[0] < "2025-02-04"]
    found = evaluate(Basis(), world({"BTC": [SPOT] * 40}, FUNDING_BTC=rows))
    # The 30 days before 1 February still hold 83 payments, 27 days and 16 hours; those before the 2nd three fewer.
    assert found.index[-1] == pd.Timestamp("2025-02-01", tz="UTC")


def both(world: Callable[..., Market]) -> Market:
    """Funding of 10.95% a year for 60 days; futures at 1.02 quoted on days 41 and 42 alone."""
    quoted = {"d2025_04_12": [SPOT * 1.02, SPOT * 1.02]}
    return world(
        {"BTC": [SPOT] * 60},
        futures={"BTC": futures("2025-02-10", **quoted)},
        FUNDING_BTC=payments("2025-01-01", *[0.0001] * 180),
    )


def test_funding_stands_in_where_no_future_was_known_within_three_days(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    found, source = evaluate(Basis(), both(world)), Basis().source(both(world).known(Basis().reads))
    assert source.index.equals(found.index)
    by_day = dict(zip(found.index.strftime("%m-%d"), zip(source, found, strict=True), strict=True))
    assert by_day["02-09"] == ("FUNDING_BTC", pytest.approx(10.95))
    assert by_day["02-10"] == ("futures:BTC", pytest.approx(100 * log(1.02) * 365 / 61))
    assert by_day["02-11"] == ("futures:BTC", pytest.approx(100 * log(1.02) * 365 / 60))
    # Three days later the dated basis is too old; until then the last one stands and nothing new is said.
    assert by_day["02-15"] == ("FUNDING_BTC", pytest.approx(10.95))
    assert not {"02-12", "02-13", "02-14"} & set(by_day)


def test_a_fall_is_taken_within_one_source(world: Callable[..., Market], values: Callable[..., list]) -> None:
    found = evaluate(BasisFall(days=1), both(world))
    by_day = dict(zip(found.index.strftime("%m-%d"), found, strict=True))
    assert by_day["02-09"] == pytest.approx(0.0)
    assert np.isnan(by_day["02-10"])  # no future the day before
    assert by_day["02-11"] == pytest.approx(100 * log(1.02) * 365 * (1 / 61 - 1 / 60))
    assert by_day["02-15"] == pytest.approx(0.0)


def falling(world: Callable[..., Market]) -> Market:
    """A basis of 6, 5.5, 5, 4.5 and 4% from a future that is 60, 59, ... days away."""
    prices = [SPOT * exp(basis / 100 / 365 * (60 - i)) for i, basis in enumerate((6, 5.5, 5, 4.5, 4))]
    return world(
        {"BTC": [SPOT] * 5},
        futures={"BTC": futures("2025-01-02", d2025_03_03=prices)},
        SOFR=[("2025-01-02", "2025-01-03 13:00", 4.3), ("2025-01-03", "2025-01-06 13:00", 4.0)],
    )


def test_the_basis_against_its_hurdles(world: Callable[..., Market], values: Callable[..., list]) -> None:
    market = falling(world)
    assert values(Basis(), market) == pytest.approx([6, 5.5, 5, 4.5, 4])
    assert values(BasisToHurdle(hurdle=5.0), market) == pytest.approx([1, 0.5, 0, -0.5, -1])
    # Closes of 2 and 3 January come before the first SOFR (3 January, 13:00), that of 6 January before the second.
    sofr = [NAN, NAN, 5.5 - 5.05, 5 - 5.05, 4.5 - 5.05, 4 - 5.05, 4 - 4.75]
    assert values(BasisToSofr(), market) == pytest.approx(sofr, nan_ok=True)


def test_the_share_of_days_below_the_hurdle(world: Callable[..., Market], values: Callable[..., list]) -> None:
    found = values(BasisBelowHurdle(hurdle=5.25, window=4), falling(world))
    assert found == pytest.approx([NAN, NAN, NAN, 2 / 4, 3 / 4], nan_ok=True)
    assert values(BasisBelowHurdle(), falling(world)) == pytest.approx([NAN] * 5, nan_ok=True)


def test_a_basis_at_the_hurdle_is_not_below_it(world: Callable[..., Market], values: Callable[..., list]) -> None:
    market = falling(world)
    at_hurdle = values(Basis(), market)[3]
    for hurdle, below in ((at_hurdle, 0), (np.nextafter(at_hurdle, 9), 1)):
        assert values(BasisBelowHurdle(hurdle=hurdle, window=1), market)[3] == below
        assert values(BasisUnwind(hurdle=hurdle, days=2), market)[3] == below


def test_a_basis_just_as_high_as_sofr_and_costs_is_not_below_them(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    market = falling(world)
    slack = values(BasisToSofr(fee=0.0, slack=0.0), market)[-2]  # at the last close, ahead of the second SOFR
    for more, below in ((0.0, 0), (1e-9, 1)):
        assert values(BasisToSofr(fee=0.0, slack=slack + more), market)[-2] == pytest.approx(-more, abs=1e-12)
        assert values(BasisBelowSofr(fee=0.0, slack=slack + more, window=1), market)[-1] == below


def test_a_fall_is_positive_and_an_unwind_needs_both_a_fall_and_a_low_basis(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    market = falling(world)
    assert values(BasisFall(days=2), market) == pytest.approx([NAN, NAN, 1, 1, 1], nan_ok=True)
    assert values(BasisUnwind(hurdle=4.75, days=2), market) == pytest.approx([NAN, NAN, 0, 1, 1], nan_ok=True)
    assert values(BasisUnwind(hurdle=4.75, days=2, fall=1.1), market)[2:] == [0, 0, 0]


def test_without_futures_and_funding_the_error_says_what_to_import(world: Callable[..., Market]) -> None:
    with pytest.raises(NoData, match="needs one of futures:BTC, FUNDING_BTC, none in made by hand"):
        evaluate(Basis(), world({"BTC": [SPOT] * 3}))


def test_ether_reads_its_own_futures_and_funding() -> None:
    for signal in (Basis, BasisToHurdle, BasisBelowHurdle, BasisFall, BasisUnwind):
        assert signal("ETH").reads == ("bars:ETH", "futures:ETH", "FUNDING_ETH")
    assert BasisToSofr("ETH").reads == ("bars:ETH", "SOFR", "futures:ETH", "FUNDING_ETH")


def test_the_share_below_sofr_counts_the_days_below_a_moving_hurdle(lab: Market) -> None:
    """Redone by hand at each close: the last forty closes of basis less (SOFR + 0.75), those below zero over forty."""
    spread = evaluate(BasisToSofr(), lab).dropna()
    closes = spread[spread.index.isin(evaluate(Basis(), lab).index)]
    share = evaluate(BasisBelowSofr(), lab)
    assert share.iloc[38] != share.iloc[38]
    for row in (39, 500, len(share) - 1):
        assert share.iloc[row] == pytest.approx((closes.iloc[row - 39 : row + 1] < 0).sum() / 40)
    assert 0 < share.dropna().mean() < 1
