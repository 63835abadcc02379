"""The lab's dollar system: the balance sheet adds up, and each feature that signals rest on is there."""

import numpy as np
import pandas as pd
import pytest

from data_cache.lab import Lab
from data_cache.lab.balance_sheet import ASSETS, LIABILITIES, SHUTDOWN
from data_cache.lab.days import business_days, last_bank_day, tax_days
from data_cache.lab.rates import DEMAND, scarcity
from data_cache.observations import Observations


@pytest.fixture(scope="module", params=[7, 1])
def lab(request: pytest.FixtureRequest) -> Lab:
    return Lab(request.param)


@pytest.fixture(scope="module")
def sheet(lab: Lab) -> pd.DataFrame:
    return lab.balance_sheet


@pytest.fixture(scope="module")
def on_bank_days(sheet: pd.DataFrame) -> pd.DataFrame:
    return sheet.loc[business_days("FEDBANK")]


@pytest.fixture(scope="module")
def known(lab: Lab) -> Observations:
    return lab.observations


def by_period(known: Observations, series: str) -> pd.Series:
    return known.releases(series).set_index("period")["value"]


# The balance sheet


def test_the_balance_sheet_adds_up_on_every_date(sheet: pd.DataFrame) -> None:
    assert len(sheet[pd.Timestamp("2018-01-01") :]) == 3_103  # 8 years of 365 days, 2 leap days, 181 days of 2026
    gap = sheet[ASSETS].sum(axis=1) - sheet[LIABILITIES].sum(axis=1)
    assert gap.abs().max() < 1e-9
    assert (sheet.drop(columns=["repo", "bills"]) > 0).all(axis=None)


def test_nothing_moves_while_the_banks_are_closed(sheet: pd.DataFrame) -> None:
    moved = sheet.diff().abs().max(axis=1) > 0
    assert not moved[~sheet.index.isin(business_days("FEDBANK"))].any()


@pytest.mark.parametrize(
    ("series", "columns"),
    [
        ("WALCL", ASSETS),
        ("TREAST", ["bonds", "bills"]),
        ("WSHOBL", ["bills"]),
        ("WSHOMCB", ["mortgages"]),
        ("WDTGAL", ["tga"]),
        ("WRBWFRBL", ["reserves"]),
    ],
)
def test_a_weekly_level_is_that_of_its_wednesday(
    sheet: pd.DataFrame, known: Observations, series: str, columns: list[str]
) -> None:
    levels = by_period(known, series)
    assert set(levels.index.day_of_week) == {2}
    np.testing.assert_allclose(levels, sheet.loc[levels.index, columns].sum(axis=1), atol=1e-9)


@pytest.mark.parametrize(("series", "column"), [("WTREGEN", "tga"), ("WRESBAL", "reserves")])
def test_a_weekly_average_is_the_mean_of_seven_days_to_wednesday(
    sheet: pd.DataFrame, known: Observations, series: str, column: str
) -> None:
    averages = by_period(known, series)
    assert averages.index[0] == pd.Timestamp("2018-01-03")
    for wednesday in averages.index[::50]:
        week = sheet.loc[wednesday - pd.Timedelta(days=6) : wednesday, column]
        assert averages[wednesday] == pytest.approx(week.sum() / 7, abs=0.0006)


def test_the_treasurys_daily_statement_agrees_with_the_fed_on_wednesdays(known: Observations) -> None:
    both = pd.concat([by_period(known, "TGA"), by_period(known, "WDTGAL")], axis=1, join="inner")
    assert len(both) > 420
    assert (both.iloc[:, 0] == both.iloc[:, 1]).all()


# Phases of the Fed


@pytest.mark.parametrize(
    ("column", "first", "last", "low", "high"),
    [
        # quantitative easing buys bonds by the trillion
        ("bonds", "2020-03-10", "2022-03-10", 3_000, 3_500),
        # tightening lets them run off
        ("bonds", "2022-06-15", "2025-12-01", -1_600, -1_200),
        # reserve management buys about 50 of bills a month
        ("bills", "2025-12-11", "2026-04-30", 200, 300),
        # and only from 12 December 2025 on
        ("bills", "2024-12-11", "2025-12-11", -10, 10),
        # crisis lending comes in March 2023
        ("loans", "2023-03-08", "2023-03-22", 250, 400),
    ],
)
def test_the_feds_holdings_go_through_their_phases(
    sheet: pd.DataFrame, column: str, first: str, last: str, low: float, high: float
) -> None:
    change = sheet.loc[last, column] - sheet.loc[first, column]
    assert low < change < high


def test_bonds_mature_on_settlement_days_only_while_the_sheet_shrinks(sheet: pd.DataFrame) -> None:
    change = sheet.loc["2023-01-05":"2023-12-28", "bonds"].diff().fillna(0)
    assert (change <= 0).all()
    assert (change < 0).sum() == 23  # twice a month, but for the 1st of January


# The Treasury's account


@pytest.mark.parametrize(("month", "least"), [(1, 30), (4, 100), (6, 30), (9, 30)])
def test_tax_dates_raise_the_treasurys_account(on_bank_days: pd.DataFrame, month: int, least: float) -> None:
    days = tax_days(month)[tax_days(month) >= "2018-01-01"]
    assert len(days) >= 8
    assert (on_bank_days["tga"].diff()[days] > least).all()


def test_a_tax_date_on_a_weekend_moves_to_the_next_bank_day() -> None:
    # 15 April 2018 was a Sunday, 15 January 2018 Martin Luther King's day, 15 September 2018 a Saturday.
    found = {str(tax_days(month)[row].date()) for month, row in ((4, 0), (1, 0), (9, 0))}
    assert found == {"2018-04-16", "2018-01-16", "2018-09-17"}


def test_the_shutdown_raises_the_treasurys_account_and_the_reopening_drains_it(sheet: pd.DataFrame) -> None:
    first, last = SHUTDOWN
    tga = sheet["tga"]
    assert tga[last] - tga[first] > 80
    assert tga[last + pd.Timedelta(days=30)] - tga[last] < -80


@pytest.mark.parametrize(("bound", "rebuilt"), [("2021-12-14", "2022-03-31"), ("2023-05-31", "2023-09-15")])
def test_the_debt_ceiling_drains_the_treasurys_account_until_it_is_raised(
    sheet: pd.DataFrame, bound: str, rebuilt: str
) -> None:
    assert sheet.loc[bound, "tga"] < 200
    assert sheet.loc[rebuilt, "tga"] - sheet.loc[bound, "tga"] > 300
    assert sheet["tga"].min() > 15


# Reverse repo


def test_the_reverse_repo_fills_to_above_two_trillion_and_drains_to_nearly_nothing(on_bank_days: pd.DataFrame) -> None:
    rrp = on_bank_days["rrp"]
    assert rrp["2018":"2020"].median() < 10
    assert rrp["2022"].min() > 1_400
    assert 2_200 < rrp.max() < 2_600
    assert (rrp["2025-08-20":"2025-09-25"] < 50).all()
    assert rrp["2026"].median() < 15


def test_the_reverse_repo_spikes_at_every_quarter_end(on_bank_days: pd.DataFrame) -> None:
    rrp = on_bank_days["rrp"].to_numpy()
    ends = np.flatnonzero(last_bank_day(on_bank_days.index, "Q"))[:-1]
    ends = ends[ends > 10]  # without the end of 2017 and the last day, which has no morrow
    around = (rrp[ends - 4] + rrp[ends + 4]) / 2
    assert len(ends) == 33
    assert (rrp[ends] - around > 15).all()


def test_a_full_reverse_repo_cushions_the_treasury_and_an_empty_one_does_not(on_bank_days: pd.DataFrame) -> None:
    # Away from quarter-ends, money funds pay for a part of what the Treasury raises; reserves pay for the rest.
    middle = on_bank_days[~on_bank_days.index.day.isin([28, 29, 30, 31, 1, 2, 3])].diff()
    full, empty = middle["2022-07":"2023-05"], middle["2025-10":]
    assert np.polyfit(full["tga"], full["rrp"], 1)[0] < -0.1
    assert abs(np.polyfit(empty["tga"], empty["rrp"], 1)[0]) < 0.05


# Money markets


def test_the_corridor_stands_in_its_order(lab: Lab) -> None:
    corridor = lab.corridor
    assert (corridor["lower"] <= corridor["award"]).all()
    assert (corridor["award"] < corridor["iorb"]).all()
    np.testing.assert_allclose(corridor["upper"] - corridor["iorb"], 0.10, atol=1e-9)
    np.testing.assert_allclose(corridor["upper"] - corridor["lower"], 0.25, atol=1e-9)


def test_overnight_rates_keep_their_order(lab: Lab) -> None:
    market, corridor = lab.money_market, lab.corridor.loc[lab.money_market.index]
    secured = market.dropna(subset="sofr")
    assert (secured["sofr99"] > secured["sofr"]).all()
    assert market["effr"].between(corridor["lower"], corridor["upper"]).all()


def test_scarcity_is_a_convex_and_falling_function_of_reserves() -> None:
    day = pd.Timestamp(DEMAND[-1][0])
    reserves = pd.Series(np.linspace(1_500, 5_000, 71), index=pd.DatetimeIndex([day] * 71).as_unit("ns"))
    found = scarcity(reserves)
    assert (np.diff(found) < 0).all()
    assert (np.diff(found, 2) > 0).all()
    assert found[-1] < 1e-5


def test_sofr_leaves_its_floor_where_reserves_grow_scarce(lab: Lab) -> None:
    market = lab.money_market
    spread_bps = 100 * (market["sofr"] - lab.corridor["iorb"].loc[market.index])
    assert spread_bps["2021"].median() < -5
    assert spread_bps["2025-10":"2025-12"].median() > 0


def test_period_ends_and_tax_dates_lift_sofr_while_reserves_are_scarce(lab: Lab) -> None:
    market = lab.money_market["2025-09":]
    spread_bps = 100 * (market["sofr"] - lab.corridor["upper"].loc[market.index])
    usual = spread_bps.median()
    for day in ("2025-09-15", "2025-09-30", "2025-12-31", "2026-04-15"):
        assert spread_bps[day] > usual + 4


def test_the_repo_facility_lends_when_sofr_meets_the_ceiling_and_only_then(lab: Lab) -> None:
    market = lab.money_market.dropna(subset=["srf", "sofr"])
    met = market["sofr"].round(2) >= lab.corridor["upper"].loc[market.index].round(2)
    assert ((market["srf"] > 0) == met).all()
    assert (market["srf"]["2025-09":] >= 1).sum() >= 8


def test_cash_of_the_repo_facility_is_on_the_balance_sheet_until_the_next_operation(lab: Lab) -> None:
    taken = lab.money_market["srf"].dropna()
    assert (lab.balance_sheet["repo"][taken.index] == taken).all()
    # 31 October 2025 was a Friday: what was lent then is repaid on Monday.
    assert (lab.balance_sheet["repo"]["2025-10-31":"2025-11-02"] == taken["2025-10-31"]).all()


def test_a_day_without_an_operation_is_absent_and_not_zero(known: Observations) -> None:
    srf = by_period(known, "SRF")
    assert srf.index[0] == pd.Timestamp("2021-07-29")
    for closed in ("2021-11-11", "2023-04-07", "2024-12-25", "2025-11-01"):  # holidays, Good Friday, a Saturday
        assert pd.Timestamp(closed) not in srf.index


def test_rates_start_when_they_were_first_published_and_rest_on_good_friday(known: Observations) -> None:
    assert by_period(known, "SOFR").index[0] == pd.Timestamp("2018-04-03")
    assert by_period(known, "IORB").index[0] == pd.Timestamp("2021-07-29")
    assert pd.Timestamp("2023-04-07") not in by_period(known, "SOFR").index
    assert pd.Timestamp("2023-04-07") in by_period(known, "EFFR").index


def test_a_policy_step_is_known_on_the_afternoon_before_it_is_in_force(known: Observations) -> None:
    upper = known.releases("DFEDTARU").set_index("period", append=True)["value"].xs("2025-10-30", level="period")
    assert upper.to_dict() == {pd.Timestamp("2025-10-29 18:00", tz="UTC"): 4.0}
    assert by_period(known, "DFEDTARU")["2025-10-29"] == 4.25


# The yield curve


def test_the_discount_rate_of_a_bill_follows_from_its_yield(known: Observations) -> None:
    bill, note = by_period(known, "DTB3"), by_period(known, "DGS3MO")
    # A yield of y over 91 of 365 days is a price of 1 / (1 + y 91/365) and a discount of (1 - price) 360/91.
    price = 1 / (1 + note / 100 * 91 / 365)
    np.testing.assert_allclose(bill, 100 * (1 - price) * 360 / 91, atol=0.0051)


def test_short_yields_follow_policy_and_long_ones_the_term_premium(lab: Lab, known: Observations) -> None:
    policy = lab.corridor["upper"] - 0.125
    short = by_period(known, "DGS3MO")
    assert (short - policy[short.index]).abs().mean() < 0.25
    long, premium = by_period(known, "DGS10"), by_period(known, "THREEFYTP10")
    assert long.diff(60).corr(premium.diff(60)) > 0.2


def test_the_term_premium_is_posted_once_a_week(known: Observations) -> None:
    posted = known.releases("THREEFYTP10")
    periods_a_post = posted.groupby(level=0).size()
    assert periods_a_post.between(1, 10).all()
    assert (posted.index.tz_convert("America/New_York").day_of_week == 1).mean() > 0.95
    lag = posted.index.tz_localize(None) - pd.DatetimeIndex(posted["period"])
    assert lag.min() >= pd.Timedelta(days=4)


def test_a_refit_of_the_term_premium_revises_the_past_but_not_first_releases(known: Observations) -> None:
    day = pd.Timestamp("2020-06-01")
    seen = [
        known.as_of("THREEFYTP10", pd.Timestamp(at, tz="UTC"))[day] for at in ("2021-09-20", "2021-09-23", "2026-01-01")
    ]
    first = known.releases("THREEFYTP10").set_index("period")["value"][day]
    assert seen == pytest.approx([first, first - 0.06, first - 0.06 + 0.04])
    rows = known.rows("THREEFYTP10")
    assert rows[rows["period"] == day]["origin"].tolist() == ["rule", "stamp", "stamp"]
    assert known.revised("THREEFYTP10")[day] == pytest.approx(first - 0.02)
