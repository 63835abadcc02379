"""What was known of an input by a moment, and hashes that what comes later does not change."""

from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_cache.bars import Bars
from data_cache.market import Market
from data_cache.observations import Observations, observation_rows


def moment(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC").as_unit("ns")


def rows(*told: tuple[str, str, float]) -> pd.DataFrame:
    """Observations of (period, known_at, value)."""
    periods, known_at, values = zip(*told, strict=True)
    return observation_rows(pd.DatetimeIndex(periods), pd.DatetimeIndex(known_at, tz="UTC"), list(values))


SRF = rows(
    ("2023-12-28", "2023-12-29", 1.0),
    ("2023-12-29", "2024-01-02", 2.0),
    ("2023-12-28", "2024-01-03", 1.5),
    ("2024-01-02", "2024-01-03 12:00", float("nan")),
    ("2024-01-03", "2024-01-04", 3.0),
)


def bars(days: int) -> Bars:
    times = pd.date_range("2023-12-30", periods=days, tz="UTC").as_unit("ns")
    prices = dict.fromkeys(("open", "high", "low", "close"), 100.0)
    return Bars("BTC", "1d", pd.DataFrame(prices | {"volume": 1.0}, index=times))


def futures(expiries: dict[str, list[float]]) -> pd.DataFrame:
    index = pd.date_range("2024-01-01", periods=4, tz="UTC", name="known_at").as_unit("ns")
    return pd.DataFrame({moment(expiry): closes for expiry, closes in expiries.items()}, index=index)


NEAR = {"2024-03-29 08:00": [100.0, 101.0, 102.0, 103.0]}
LATER = NEAR | {"2024-06-28 08:00": [float("nan"), float("nan"), float("nan"), 105.0]}
MARKET = Market(Observations({"SRF": SRF}), {"BTC": bars(5)}, "by hand", {"BTC": futures(LATER)})


def test_a_vintage_counts_what_was_known_and_what_of_it_was_revised() -> None:
    told = MARKET.vintages({"SRF"}, moment("2024-01-03"))["SRF"]
    assert (told["rows"], told["revisions"]) == (3, 1)
    assert (told["first"], told["last"]) == ("2023-12-29 00:00:00+00:00", "2024-01-03 00:00:00+00:00")
    assert [year.split()[0] for year in told["by_year"].split(", ")] == ["2023", "2024"]


def test_a_first_number_after_a_missing_one_is_no_revision() -> None:
    late = rows(("2024-01-01", "2024-01-02", float("nan")), ("2024-01-01", "2024-01-03", 1.0))
    assert replace(MARKET, observations=Observations({"SRF": late})).vintages()["SRF"]["revisions"] == 0


def test_of_what_nothing_was_known_there_is_nothing() -> None:
    nothing = {"rows": 0, "revisions": 0, "first": "", "last": "", "by_year": ""}
    assert MARKET.vintages({"SRF"}, moment("2023-01-01"))["SRF"] == nothing


def test_a_bar_is_known_at_its_end() -> None:
    assert MARKET.vintages({"bars:BTC"}, moment("2024-01-01"))["bars:BTC"]["rows"] == 2


@given(hours=st.integers(0, 24 * 8))
def test_what_comes_later_changes_no_hash(hours: int) -> None:
    until = moment("2023-12-31") + pd.Timedelta(hours=hours)
    past = MARKET.until(until)
    assert MARKET.hashes(until=until) == past.hashes()


def test_an_expiry_that_was_not_yet_listed_changes_no_hash() -> None:
    fewer, until = replace(MARKET, futures={"BTC": futures(NEAR)}), moment("2024-01-03")
    assert fewer.hashes({"futures:BTC"}, until) == MARKET.hashes({"futures:BTC"}, until)
    assert fewer.hashes({"futures:BTC"}) != MARKET.hashes({"futures:BTC"})


def test_the_hash_of_all_is_that_of_everything_known() -> None:
    assert MARKET.hashes() == MARKET.hashes(until=moment("2100-01-01"))


@pytest.mark.parametrize(("row", "year"), [(0, "2023"), (4, "2024")])
def test_a_changed_number_changes_the_hash_of_its_year_alone(row: int, year: str) -> None:
    other = SRF.copy()
    other.loc[row, "value"] += 0.01
    then, now = (
        dict(part.split() for part in market.vintages()["SRF"]["by_year"].split(", "))
        for market in (MARKET, replace(MARKET, observations=Observations({"SRF": other})))
    )
    assert [name for name in then if then[name] != now[name]] == [year]
