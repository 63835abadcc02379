"""Which payments of funding fall on which bar, who pays them, and what is said where they are missing."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtests.backtest import Backtest
from backtests.execution import Execution
from backtests.perpetuals.funding import BEFORE, ENDING, INSIDE, funding_series
from backtests.result import Result
from backtests.tape import Tape, build_tape
from data_cache.errors import NoData

MISSING = np.nan
TERMS = Execution(fee_bps=0, slippage_bps=0, min_notional=0, capital=1_000, perps=True)


def run(toy: SimpleNamespace, opens: Sequence[float], rates: Mapping[str, float], **market: Any) -> Result:
    """One BTC held at ten tenths of 1000 from the start, unless `plan` says otherwise; both engines."""
    plan = market.pop("plan", {"01-01": (1.0,)})
    world = toy.market({"BTC": opens}, plan, releases={"FUNDING_BTC": rates}, **market)
    vector, events = (
        Backtest(toy.Follow(("BTC",)), world, TERMS, engine=engine).run() for engine in ("vector", "events")
    )
    pd.testing.assert_frame_equal(vector.payments, events.payments, rtol=1e-12)
    return events


def paid(result: Result) -> list[tuple[Any, ...]]:
    """Payments as rows: instant, the bar's open, units, price, amount."""
    return [
        (f"{row.at:%d %H:%M}", f"{row.open_time:%d %H:%M}", *map(pytest.approx, (row.units, row.price, row.amount)))
        for row in result.payments.itertuples(index=False)
    ]


EIGHT_HOURS = {f"01-{day:02} {hour:02}:00": 0.0001 for day in (1, 2, 3) for hour in (0, 8, 16)}


def test_in_daily_bars_two_payments_are_on_the_opens_notional_and_midnights_on_the_closes(
    toy: SimpleNamespace,
) -> None:
    """Ten units, 100 at the open and 110 at the close: 10 * 100 * 0.01 % = 0.10, and 0.11 at midnight.

    What was due at the first open itself was due from somebody else.
    """
    result = run(toy, (100, 110), EIGHT_HOURS, closes={"BTC": (110, 120)})
    assert paid(result) == [
        ("01 08:00", "01 00:00", 10, 100, -0.10),
        ("01 16:00", "01 00:00", 10, 100, -0.10),
        ("02 00:00", "01 00:00", 10, 110, -0.11),
        ("02 08:00", "02 00:00", 10, 110, -0.11),
        ("02 16:00", "02 00:00", 10, 110, -0.11),
        ("03 00:00", "02 00:00", 10, 120, -0.12),
    ]
    assert result.equity.tolist() == [1000, pytest.approx(1100 - 0.31), pytest.approx(1200 - 0.31 - 0.34)]


def test_in_hourly_bars_each_payment_is_on_the_close_of_the_bar_that_ends_with_it(toy: SimpleNamespace) -> None:
    opens = [100 + hour for hour in range(17)]
    result = run(toy, opens, EIGHT_HOURS, timeframe="1h")
    assert paid(result) == [
        ("01 08:00", "01 07:00", 10, 107, -10 * 107 * 0.0001),
        ("01 16:00", "01 15:00", 10, 115, -10 * 115 * 0.0001),
    ]


def test_a_payment_between_two_hours_is_on_the_open_of_its_bar(toy: SimpleNamespace) -> None:
    result = run(toy, (100, 102), {"01-01 01:30": 0.01}, timeframe="1h")
    assert paid(result) == [("01 01:30", "01 01:00", 10, 102, -10 * 102 * 0.01)]


def test_a_short_receives_a_positive_rate_and_pays_a_negative_one(toy: SimpleNamespace) -> None:
    rates = {"01-01 12:00": 0.01, "01-02": -0.02}
    result = run(toy, (100,), rates, plan={"01-01": (-1.0,)})
    assert result.payments["amount"].tolist() == [pytest.approx(10), pytest.approx(-20)]
    assert result.equity.iloc[-1] == pytest.approx(1000 + 10 - 20)


def test_a_payment_at_an_open_is_due_from_who_held_until_then(toy: SimpleNamespace) -> None:
    """Long ten until the open of the 2nd, short from it on: the long pays midnight's rate, the short has the 3rd's."""
    rates = {"01-02": 0.01, "01-03": 0.01}
    result = run(toy, (100, 100), rates, plan={"01-01": (1.0,), "01-02": (-1.0,)})
    assert paid(result) == [("02 00:00", "01 00:00", 10, 100, -10), ("03 00:00", "02 00:00", -9.9, 100, 9.9)]


def test_who_enters_at_an_open_owes_nothing_of_that_instant(toy: SimpleNamespace) -> None:
    result = run(toy, (100, 100), {"01-02": 0.01, "01-03": 0.0}, plan={"01-01": (0.0,), "01-02": (1.0,)})
    assert paid(result) == [("03 00:00", "02 00:00", 10, 100, 0)]


def test_funding_of_hours_without_bars_is_paid_at_the_next_open_on_the_last_close(toy: SimpleNamespace) -> None:
    """Bars at 0:00 and 3:00. At the end of the first only 1:00 is known of; 2:00 and 3:00 come before the next fill."""
    rates = {"01-01 01:00": 0.01, "01-01 02:00": 0.02, "01-01 03:00": 0.03, "01-01 04:00": 0.0}
    plan = {"01-01": (1.0,), "01-01 03:00": (0.0,)}
    prices = (100, MISSING, MISSING, 120)
    result = run(toy, prices, rates, plan=plan, closes={"BTC": (110, MISSING, MISSING, 120)}, timeframe="1h")
    assert paid(result) == [
        ("01 01:00", "01 00:00", 10, 110, -11),
        ("01 02:00", "01 03:00", 10, 110, -22),
        ("01 03:00", "01 03:00", 10, 110, -33),
    ]
    assert result.equity.tolist() == [1000, pytest.approx(1100 - 11), pytest.approx(1200 - 11 - 22 - 33)]


def tape(toy: SimpleNamespace, *series: Mapping[str, float], days: int = 3, **window: Any) -> Tape:
    """A tape of flat days of as many assets as there are series of funding."""
    assets = ("BTC", "ETH")[: len(series)]
    releases = {funding_series(asset): rates for asset, rates in zip(assets, series, strict=True)}
    world = toy.market({asset: [100] * days for asset in assets}, releases=releases)
    return build_tape(world, assets, window.get("start"), window.get("end"), "0", perps=True)


DAILY = {f"01-{day:02}": day / 100 for day in range(1, 5)}


def test_sums_by_bar_are_what_falls_before_inside_and_at_the_end(toy: SimpleNamespace) -> None:
    eth = {"01-01 12:00": 0.3, "01-01 18:00": 0.4, "01-02": 0.0, "01-03": 0.0, "01-04": 0.5}
    perpetuals = tape(toy, DAILY, eth).perpetuals
    assert perpetuals is not None
    sums = perpetuals.funding.by_bar(3, 2)
    assert not sums[BEFORE].any()
    np.testing.assert_allclose(sums[INSIDE], np.array([[0, 0.7], [0, 0], [0, 0]]))
    np.testing.assert_allclose(sums[ENDING], [[0.02, 0], [0.03, 0], [0.04, 0.5]])


def test_payments_of_fewer_assets_keep_their_bars(toy: SimpleNamespace) -> None:
    eth = {day: rate * 10 for day, rate in DAILY.items()}
    both = tape(toy, DAILY, eth)
    alone = both.only(["ETH"]).perpetuals
    crossed = both.only(["ETH", "BTC"]).perpetuals
    assert alone is not None
    assert crossed is not None
    assert alone.funding.column.tolist() == [0, 0, 0]
    assert alone.funding.rate.tolist() == pytest.approx([0.2, 0.3, 0.4])
    assert crossed.funding.column.tolist() == [0, 1] * 3  # what falls on one instant stands in the order of the assets
    np.testing.assert_allclose(crossed.funding.by_bar(3, 2)[ENDING], [[0.2, 0.02], [0.3, 0.03], [0.4, 0.04]])


def test_a_window_has_its_own_payments_only(toy: SimpleNamespace) -> None:
    """From the open of the 2nd, excluded, to the end of the 3rd, included."""
    perpetuals = tape(toy, DAILY, days=3, start=toy.at("01-02"), end=toy.at("01-04")).perpetuals
    assert perpetuals is not None
    assert perpetuals.funding.rate.tolist() == [0.03, 0.04]


def test_only_the_first_print_of_a_payment_counts(toy: SimpleNamespace) -> None:
    """What was paid was paid at the rate of that instant; a correction of the record is none of the payment."""
    world = toy.market({"BTC": [100]}, releases={"FUNDING_BTC": {"01-02": 0.01}})
    rows = world.observations.rows("FUNDING_BTC")
    later = rows.assign(known_at=rows["known_at"] + pd.Timedelta(days=30), value=0.5)
    revised = type(world.observations)({"FUNDING_BTC": pd.concat([rows, later], ignore_index=True)})
    told = type(world)(revised, world.bars, world.origin, specs=world.specs)
    perpetuals = build_tape(told, ["BTC"], None, None, "0", perps=True).perpetuals
    assert perpetuals is not None
    assert perpetuals.funding.rate.tolist() == [0.01]


def test_without_funding_there_are_no_perpetuals(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": [100, 100]})
    sentence = "no FUNDING_BTC in a toy world: with --perps positions pay funding; fetch or import it"
    with pytest.raises(NoData, match=sentence):
        build_tape(world, ["BTC"], None, None, "0", perps=True)


def test_a_hole_in_the_funding_is_named_with_the_windows_beside_it(toy: SimpleNamespace) -> None:
    holed = {day: rate for day, rate in DAILY.items() if day != "01-03"}
    sentence = (
        "FUNDING_BTC has no payment from 2024-01-02 00:00 to 2024-01-04 00:00, and positions of --perps pay funding: "
        "import what is missing, or take --to 2024-01-02 or --from 2024-01-04"
    )
    with pytest.raises(NoData, match=sentence):
        tape(toy, holed, days=4)


def test_funding_that_begins_later_or_ends_earlier_than_the_bars_is_a_hole_too(toy: SimpleNamespace) -> None:
    with pytest.raises(NoData, match=r"to 2024-01-07 00:00, .*: import what is missing, or take --to 2024-01-04$"):
        tape(toy, DAILY, days=6)
    with pytest.raises(NoData, match=r"from 2024-01-01 00:00 .*: import what is missing, or take --from 2024-01-04$"):
        tape(toy, {"01-04": 0.0, "01-05": 0.0}, days=4)
    with pytest.raises(NoData, match=r"from 2024-01-01 00:00 to 2024-01-04 00:00, .*: import what is missing$"):
        tape(toy, {"01-09": 0.0}, days=3)


def test_both_ends_and_all_assets_are_told_at_once(toy: SimpleNamespace) -> None:
    """BTC has payments from the 3rd to the 6th, ETH from the 2nd to the 5th, of eight days."""
    btc = {f"01-{day:02}": 0.0 for day in range(3, 7)}
    eth = {f"01-{day:02}": 0.0 for day in range(2, 6)}
    sentence = (
        "FUNDING_BTC has no payment from 2024-01-01 00:00 to 2024-01-03 00:00 and from 2024-01-06 00:00 to 2024-01-09 "
        "00:00, FUNDING_ETH has no payment from 2024-01-05 00:00 to 2024-01-09 00:00, and positions of --perps pay "
        "funding: import what is missing, or take --from 2024-01-03 --to 2024-01-05"
    )
    with pytest.raises(NoData, match=f"^{sentence}$"):
        tape(toy, btc, eth, days=8)
    between = {"start": toy.at("01-03"), "end": toy.at("01-05")}
    assert tape(toy, btc, eth, days=8, **between).perpetuals is not None


def test_of_many_silences_two_are_told(toy: SimpleNamespace) -> None:
    """Of the stretches that have payments the two longest are offered."""
    paid = {f"01-{day:02}": 0.0 for day in (2, 3, 5, 6, 7, 9, 10, 11, 12, 14)}
    told = "and from 2024-01-07 00:00 to 2024-01-09 00:00 and once more, and"
    cure = "take --to 2024-01-03 or --from 2024-01-09 --to 2024-01-12$"
    with pytest.raises(NoData, match=f"from 2024-01-03 00:00 to 2024-01-05 00:00 {told} .* {cure}"):
        tape(toy, paid, days=14)


def test_all_assets_without_funding_are_named(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": [100, 100], "ETH": [100, 100]})
    with pytest.raises(NoData, match=r"^no FUNDING_BTC, FUNDING_ETH in a toy world: with"):
        build_tape(world, ["BTC", "ETH"], None, None, "0", perps=True)


def test_a_day_without_funding_is_no_hole_and_a_minute_more_is(toy: SimpleNamespace) -> None:
    assert tape(toy, {"01-02": 0.0, "01-03": 0.0}, days=2).perpetuals is not None
    with pytest.raises(NoData, match="no payment from 2024-01-02 00:00 to 2024-01-03 00:01"):
        tape(toy, {"01-02": 0.0, "01-03 00:01": 0.0, "01-04": 0.0}, days=3)
