"""The Treasury's account and the target it is measured against, by hand."""

from collections.abc import Callable

import pandas as pd
import pytest

from data_cache.market import Market
from signals import TreasuryAccount, TreasuryAccountDrawdown, TreasuryAccountExcess, TreasuryAccountFlow
from signals.refunding import TARGETS, target_at

NAN = float("nan")
# Five business days around a Wednesday; the statement of a day comes at 16:00 of the next.
STATEMENTS = [
    ("2025-10-28", "2025-10-29 20:00", 985.0),
    ("2025-10-29", "2025-10-30 20:00", 984.0),
    ("2025-10-30", "2025-10-31 20:00", 1_000.0),
    ("2025-10-31", "2025-11-03 21:00", 926.0),
    ("2025-11-03", "2025-11-04 21:00", 925.0),
]
WEDNESDAYS = [
    ("2025-10-22", "2025-10-23 20:30", 905.0),
    ("2025-10-29", "2025-10-30 20:30", 984.0),
    ("2025-11-05", "2025-11-06 21:30", 943.0),
    ("2025-11-12", "2025-11-13 21:30", 940.0),
]


def at(*times: str) -> list[float]:
    return target_at(pd.DatetimeIndex(list(times), tz="UTC")).tolist()


def test_the_wednesday_level_fills_in_for_days_without_a_statement(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    joined = world(TGA=STATEMENTS, WDTGAL=WEDNESDAYS)
    # Wednesday 22 October comes first; the 29th was known from its statement half an hour before; then statements stop.
    assert values(TreasuryAccount(), joined) == [905.0, 985.0, 984.0, 1_000.0, 926.0, 925.0, 943.0, 940.0]


def test_either_source_is_enough(world: Callable[..., Market], values: Callable[..., list]) -> None:
    assert values(TreasuryAccount(), world(TGA=STATEMENTS)) == [985.0, 984.0, 1_000.0, 926.0, 925.0]
    assert values(TreasuryAccount(), world(WDTGAL=WEDNESDAYS)) == [905.0, 984.0, 943.0, 940.0]


def test_before_the_first_publication_there_is_nothing(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    joined = world(TGA=STATEMENTS, WDTGAL=WEDNESDAYS)
    for signal in (TreasuryAccount(), TreasuryAccountExcess(), TreasuryAccountDrawdown(), TreasuryAccountFlow()):
        assert values(signal, joined, until="2025-10-01") == []


def test_a_flow_across_a_change_of_source_compares_day_with_day(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    found = values(TreasuryAccountFlow(days=5), world(TGA=STATEMENTS, WDTGAL=WEDNESDAYS))
    # Five weekdays before: 28 Oct -> 21 Oct (nothing); 29 Oct -> 22 Oct; 30 and 31 Oct and 3 Nov -> 22 Oct, the last
    # day known by then; 5 Nov -> 29 Oct; 12 Nov -> 5 Nov.
    expected = [984 - 905, 1_000 - 905, 926 - 905, 925 - 905, 943 - 984, 940 - 943]
    assert found == pytest.approx([NAN, NAN, *expected], nan_ok=True)


def test_a_flow_of_five_days_is_a_week_though_a_holiday_lies_in_it(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    # Monday 10 November was a working day of the Treasury, Tuesday the 11th a holiday.
    days = ["2025-11-05", "2025-11-06", "2025-11-07", "2025-11-10", "2025-11-12"]
    rows = [(day, f"{day} 21:00", float(value)) for day, value in zip(days, (10, 20, 30, 40, 50), strict=True)]
    assert values(TreasuryAccountFlow(days=5), world(TGA=rows))[-1] == 50 - 10


def test_a_drawdown_is_measured_from_the_peak_of_the_window(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    # A window of five days: 28 Oct to 1 Nov is the first whole one, 3 Nov looks back to 30 Oct.
    found = values(TreasuryAccountDrawdown(window_days=5), world(TGA=STATEMENTS))
    assert found == pytest.approx([NAN, NAN, NAN, NAN, 1_000 - 925], nan_ok=True)
    # Of three days: 3 Nov looks back to 1 Nov, and is its own peak.
    found = values(TreasuryAccountDrawdown(window_days=3), world(TGA=STATEMENTS))
    assert found == pytest.approx([NAN, NAN, 0.0, 1_000 - 926, 0.0], nan_ok=True)


def test_a_drawdown_is_unknown_while_the_window_is_longer_than_history(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    assert values(TreasuryAccountDrawdown(), world(TGA=STATEMENTS)) == pytest.approx([NAN] * 5, nan_ok=True)
    assert values(TreasuryAccountDrawdown(window_days=1), world(TGA=STATEMENTS[:1])) == [0.0]


def test_the_excess_is_measured_against_the_target_of_its_day(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    rows = [("2024-10-28", "2024-10-29 20:00", 900.0), ("2025-10-30", "2025-10-31 20:00", 1_000.0)]
    assert values(TreasuryAccountExcess(), world(TGA=rows)) == [900 - 700, 1_000 - 850]


def test_the_excess_is_unknown_where_no_target_is_on_record(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    rows = [("2018-10-30", "2018-10-31 12:29", 300.0), ("2026-06-30", "2026-07-01 20:00", 900.0)]
    assert values(TreasuryAccountExcess(), world(TGA=rows)) == pytest.approx([NAN, NAN], nan_ok=True)


def test_a_target_counts_from_its_announcement_and_not_before() -> None:
    # Refunding of 30 October 2024, 08:30 in New York (12:30 UTC): 700 for December; before, 700 since the quarter
    # began; 550 for June 2023 was lifted to 650 for September on 2 August 2023, in between stood 600.
    assert at("2023-06-30", "2023-07-03", "2023-08-02 12:29", "2023-08-02 12:30") == [550.0, 600.0, 600.0, 650.0]


def test_850_is_a_dated_fact_and_no_constant() -> None:
    assert at("2025-02-01", "2025-10-30", "2024-08-01", "2024-12-01", "2023-04-02") == [
        850.0,
        850.0,
        850.0,
        700.0,
        550.0,
    ]


def test_a_target_ends_with_the_quarters_it_was_announced_for() -> None:
    # The statement of 4 February 2026 is the last on record: 850 for March, 900 for June.
    assert at("2026-03-31", "2026-04-02", "2026-06-30", "2026-07-02") == pytest.approx(
        [850, 900, 900, NAN], nan_ok=True
    )
    # The statement of May 2020 is known for its own quarter alone.
    assert at("2020-06-30", "2020-07-02", "2020-08-06") == pytest.approx([800, NAN, 800], nan_ok=True)


def test_statements_come_on_a_wednesday_once_a_quarter() -> None:
    days = pd.DatetimeIndex([statement for statement, _, _ in TARGETS])
    assert set(days.day_name()) == {"Wednesday"}
    quarters = days.to_period("Q")
    assert quarters.tolist() == pd.period_range(quarters[0], quarters[-1], freq="Q").tolist()
