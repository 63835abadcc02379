"""The catalogue, and the guard that refuses values of the wrong size."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_cache.catalog import CATALOG, FAMILIES, SeriesSpec, spec
from data_cache.errors import BadData, UnknownName
from data_cache.lab import Lab
from data_cache.magnitude import check_magnitude
from data_cache.releases import CALENDARS, RULES, known_at


def values(*pairs: tuple[str, float]) -> pd.Series:
    return pd.Series([v for _, v in pairs], pd.DatetimeIndex([d for d, _ in pairs]).as_unit("ns"), dtype=float)


def test_a_series_is_found_by_its_id() -> None:
    assert (spec("WALCL").unit, spec("WALCL").scale) == ("$bn", 1e-3)


def test_a_family_answers_for_every_asset() -> None:
    assert spec("FUNDING_ETH").title == "Funding rate of the ETH perpetual, per interval"


def test_a_misspelt_series_gets_a_suggestion() -> None:
    with pytest.raises(UnknownName, match="the catalogue has no series 'WALCLL'; did you mean 'WALCL'"):
        spec("WALCLL")


def test_a_family_without_an_asset_is_no_series() -> None:
    with pytest.raises(UnknownName, match="the catalogue has no series 'FUNDING_'"):
        spec("FUNDING_")


def test_every_series_has_one_entry() -> None:
    assert len({entry.id for entry in CATALOG}) == len(CATALOG) == 35


@pytest.mark.parametrize("entry", [*CATALOG, *FAMILIES], ids=lambda entry: entry.id)
def test_every_entry_names_a_rule_and_a_calendar_that_exist(entry: SeriesSpec) -> None:
    assert entry.release.kind in RULES
    assert entry.release.calendar in {*CALENDARS, ""}


@pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: entry.id)
def test_balances_are_served_in_billions_and_rates_in_percent(entry: SeriesSpec) -> None:
    scales = {("$bn", "$bn"): 1.0, ("$bn", "$mn"): 1e-3, ("$bn", "$"): 1e-9, ("%", "%"): 1.0}
    assert entry.scale == scales[entry.unit, entry.published_unit]


@pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: entry.id)
def test_every_entry_can_be_read_up(entry: SeriesSpec) -> None:
    assert entry.url.startswith("https://")
    assert entry.title
    assert entry.convention


def test_only_the_refitted_term_premium_has_a_changing_history() -> None:
    assert [entry.id for entry in CATALOG if entry.revised] == ["THREEFYTP10"]


def test_the_catalogue_imports_nothing_heavy() -> None:
    code = "import sys, data_cache.catalog; print(sorted({'pandas', 'numpy', 'holidays'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_the_release_clock_leaves_holidays_alone_until_a_calendar_is_asked_for() -> None:
    code = "import sys, data_cache.releases; print('holidays' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


@pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: entry.id)
def test_no_holiday_makes_a_series_too_old(entry: SeriesSpec) -> None:
    """Even Christmas 2020 and 2025 leave every stretch between two releases below max_age_days."""
    weekly = "Wednesday" in entry.convention
    periods = pd.date_range("2018-01-01", "2030-12-31", freq="W-WED" if weekly else "B", unit="ns")
    released = known_at(entry, periods).unique()
    assert (released[1:] - released[:-1]).max() < pd.Timedelta(days=entry.max_age_days)


# The guard


REFUSED = [
    (
        "WTREGEN",
        ("2025-07-30", 0.370507),
        r"WTREGEN: 0\.370507 \$bn on 2025-07-30 lies outside 3\.\.2000 \$bn; "
        r"is the file in \$bn instead of \$mn\? set its unit",
    ),
    ("WTREGEN", ("2026-05-27", 830296.0), r"it was not turned from \$mn into \$bn: multiply it by 0\.001"),
    (
        "WRESBAL",
        ("2025-07-30", 3.34741),
        r"3\.34741 \$bn on 2025-07-30 lies outside 100\.\.10000 \$bn; is the file in \$bn instead of \$mn",
    ),
    ("WRBWFRBL", ("2025-07-30", 3.299696), r"outside 100\.\.10000 \$bn; is the file in \$bn instead of \$mn"),
    ("WDTGAL", ("2020-07-29", 1.792434), r"outside 2\.5\.\.2500 \$bn; is the file in \$bn instead of \$mn"),
    ("TGA", ("2025-10-30", 1.000632), r"outside 2\.5\.\.2500 \$bn; is the file in \$bn instead of \$mn"),
    ("WALCL", ("2022-04-13", 8.965487), r"outside 500\.\.20000 \$bn; is the file in \$bn instead of \$mn"),
    ("TREAST", ("2026-06-17", 4.487319), r"is the file in \$bn instead of \$mn"),
    ("WSHOMCB", ("2026-06-17", 1.964798), r"outside 300\.\.6000 \$bn; is the file in \$bn instead of \$mn"),
    ("WSHOBL", ("2025-07-30", 0.195493), r"outside 10\.\.5000 \$bn; is the file in \$bn instead of \$mn"),
    ("RRPONTSYD", ("2022-12-30", 2553716.0), r"outside 0\.\.5000 \$bn; is the file in \$mn instead of \$bn"),
    ("RRPONTSYD", ("2022-12-30", 2553716000000.0), r"is the file in \$ instead of \$bn"),
    ("RPONTTLD", ("2025-12-31", 74600.0), r"is the file in \$mn instead of \$bn"),
    ("SRF", ("2025-12-31", 74600000000.0), r"outside 0\.\.1000 \$bn; is the file in \$ instead of \$bn"),
    ("SOFRVOL", ("2024-06-25", 2000000.0), r"is the file in \$mn instead of \$bn"),
    (
        "SOFR",
        ("2024-06-25", 533.0),
        r"533 % on 2024-06-25 lies outside 0\.5\.\.20 %; is the file in bps instead of %",
    ),
    ("SOFR", ("2025-10-31", 0.0433), r"0\.0433 % on 2025-10-31 lies outside 0\.5\.\.20 %; is the file in fraction"),
    ("DGS10", ("2026-06-30", 0.0467), r"is the file in fraction instead of %\? set its unit"),
    ("T10Y3M", ("2026-06-01", 76.0), r"is the file in bps instead of %"),
    (
        "FUNDING_BTC",
        ("2024-05-01 08:00", 1.0),
        r"FUNDING_BTC: 1 fraction on 2024-05-01 08:00:00 lies outside",
    ),
    (
        "WSHOSHO",
        ("2026-06-17", -5.0),
        r"-5 \$bn .* compare it with https://fred\.stlouisfed\.org/series/WSHOSHO",
    ),
    ("SOFR", ("2024-06-25", float("inf")), r"inf % on 2024-06-25 lies outside"),
]


@pytest.mark.parametrize(("series", "found", "message"), REFUSED)
def test_a_switched_unit_is_refused_and_named(series: str, found: tuple[str, float], message: str) -> None:
    with pytest.raises(BadData, match=message):
        check_magnitude(spec(series), values(found))


def test_a_file_in_millions_is_caught_by_its_largest_values() -> None:
    served = values(("2022-12-29", 0.0), ("2022-12-30", 2553716.0), ("2023-01-03", 2188272.0))
    with pytest.raises(BadData, match=r"2553716 \$bn on 2022-12-30 \(and 1 more\) lies outside"):
        check_magnitude(spec("RRPONTSYD"), served)


@pytest.mark.parametrize("series", ["SRF", "RRPONTSYD", "RPONTTLD"])
def test_zero_is_a_value_where_an_operation_may_find_no_taker(series: str) -> None:
    check_magnitude(spec(series), values(("2026-07-22", 0.0)))


def test_a_balance_that_once_was_small_passes_at_its_time() -> None:
    check_magnitude(spec("WRESBAL"), values(("2002-12-18", 9.028), ("2025-07-30", 3347.414)))


@pytest.mark.parametrize("day", ["2021-06-30", "2026-07-01"])
def test_a_rate_near_zero_passes_where_history_does_not_exclude_it(day: str) -> None:
    check_magnitude(spec("SOFR"), values((day, 0.05)))


def test_a_spread_near_zero_passes_at_any_time() -> None:
    check_magnitude(spec("T10Y3M"), values(("2025-06-30", 0.02)))


def daily(value: float, count: int) -> pd.Series:
    """So many values, and as many zeros between them."""
    days = pd.date_range("2025-01-01", periods=2 * count, unit="ns")
    return pd.Series([value, 0.0] * count, days)


MEDIANS = [
    (
        "SRF",
        30.0,
        r"SRF: the median of its 20 values that are not zero is 30 \$bn, above 15 \$bn; "
        r"is the file in \$mn instead of \$bn\? set its unit",
    ),
    ("RPONTTLD", 300.0, r"is 300 \$bn, above 100 \$bn; is the file in \$mn instead of \$bn"),
    ("FUNDING_BTC", 0.01, r"is 0\.01 fraction, above 0\.002 fraction; is the file in % instead of fraction"),
    ("FUNDING_BTC", -0.01, r"is the file in % instead of fraction\? set its unit"),
]


@pytest.mark.parametrize(("series", "value", "message"), MEDIANS)
def test_a_unit_that_the_bounds_let_pass_is_told_by_the_median(series: str, value: float, message: str) -> None:
    with pytest.raises(BadData, match=message):
        check_magnitude(spec(series), daily(value, count=20))


@pytest.mark.parametrize(("series", "value", "message"), MEDIANS)
def test_a_few_large_values_are_no_switched_unit(series: str, value: float, message: str) -> None:
    check_magnitude(spec(series), daily(value, count=19))


@pytest.mark.parametrize("seed", [0, 1])
def test_every_value_of_the_lab_passes_the_guard(seed: int) -> None:
    simulated = Lab(seed).observations
    for series in simulated:
        check_magnitude(spec(series), simulated.revised(series))
    assert len(list(simulated)) > 20


def test_unknown_values_pass() -> None:
    check_magnitude(spec("WTREGEN"), values(("2025-07-23", float("nan")), ("2025-07-30", 370.507)))


def test_no_values_pass() -> None:
    check_magnitude(spec("WTREGEN"), values())


def test_an_import_without_a_page_is_sent_to_its_source() -> None:
    mine = replace(spec("SOFR"), id="MINE", unit="index", url="")
    with pytest.raises(
        BadData, match=r"MINE: 500 index on 2024-06-25 lies outside 0\.5\.\.20 index; compare it with its"
    ):
        check_magnitude(mine, values(("2024-06-25", 500.0)))


@given(st.sampled_from(CATALOG), st.floats(0, 1), st.dates(date(2020, 1, 1), date(2040, 1, 1)))
def test_every_value_within_the_bounds_passes(entry: SeriesSpec, share: float, day: date) -> None:
    low = max([entry.low, *(floor for _, floor in entry.floors)])
    check_magnitude(entry, values((day.isoformat(), low + share * (entry.high - low))))


# The guard against the real history


def published(shared: Path) -> Iterator[tuple[str, pd.Series]]:
    """Every file of the history that is a series of the catalogue, as its source printed it."""
    for path in sorted((shared / "macro").glob("*.csv.gz")):
        name = {"NYFED_SRF": "SRF"}.get(path.name.split(".")[0], path.name.split(".")[0].split("_")[0])
        if name in {entry.id for entry in CATALOG}:
            yield name, pd.read_csv(path, index_col="date", parse_dates=True)["value"]
    ranges = pd.read_csv(shared / "macro" / "fed_funds_target_range_daily.csv.gz", index_col="date", parse_dates=True)
    yield "DFEDTARU", ranges["upper"]
    yield "DFEDTARL", ranges["lower"]
    statement = pd.read_csv(shared / "macro" / "DTS_operating_cash_balance.csv.gz", parse_dates=["record_date"])
    closing = statement[statement["account_type"].str.contains("Closing Balance")]
    yield "TGA", closing.set_index("record_date")["amount_today"]
    for asset in ("BTC", "ETH"):
        path = shared / "funding" / f"{asset.lower()}usdt_binance_funding_8h.csv.gz"
        yield (
            f"FUNDING_{asset}",
            pd.read_csv(path, index_col=0, parse_dates=True).iloc[:, 0].tz_localize(None),
        )


def served(name: str, printed: pd.Series) -> pd.Series:
    return printed * spec(name).scale


@pytest.mark.real
def test_every_real_value_passes_the_guard(shared: Path) -> None:
    checked = dict(published(shared))
    for name, printed in checked.items():
        check_magnitude(spec(name), served(name, printed))
    assert len(checked) == 25


@pytest.mark.real
def test_a_file_in_billions_taken_for_millions_never_passes(shared: Path) -> None:
    for name, printed in published(shared):
        if spec(name).published_unit == "$mn":
            recent = (served(name, printed) * spec(name).scale)["2015":].iloc[::10]
            for period in recent.index:  # each value by itself, not only the smallest of a file
                with pytest.raises(BadData, match=r"is the file in \$bn instead of \$mn"):
                    check_magnitude(spec(name), recent[[period]])


@pytest.mark.real
def test_rates_as_fractions_never_pass(shared: Path) -> None:
    rates = {name: printed for name, printed in published(shared) if spec(name).floors and spec(name).unit == "%"}
    assert len(rates) == 11
    for name, printed in rates.items():
        with pytest.raises(BadData, match=r"is the file in fraction instead of %\? set its unit"):
            check_magnitude(spec(name), printed / 100)


@pytest.mark.real
def test_funding_in_percent_never_passes(shared: Path) -> None:
    for name, printed in published(shared):
        if name.startswith("FUNDING"):
            with pytest.raises(BadData, match=r"lies outside"):
                check_magnitude(spec(name), printed * 100)
            with pytest.raises(BadData, match=r"is the file in % instead of fraction\? set its unit"):
                check_magnitude(spec(name), (printed * 100).clip(-0.05, 0.05))


@pytest.mark.real
def test_a_file_in_millions_or_dollars_taken_for_billions_never_passes(shared: Path) -> None:
    for name, printed in published(shared):
        for factor in (1e3, 1e9) if spec(name).unit == "$bn" else ():
            with pytest.raises(BadData, match=r"lies outside"):
                check_magnitude(spec(name), served(name, printed) * factor)
