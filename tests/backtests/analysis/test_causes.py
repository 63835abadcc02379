"""What made a strategy decide: what became known at the moment of the decision, period, clock and value."""

from dataclasses import dataclass, replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from backtests.analysis.attribution import by_trigger
from backtests.analysis.causes import causes, needs, sentences
from backtests.result import Result
from data_cache.market import Known
from data_cache.observations import Observations, observation_rows
from signals.signal import Signal
from strategies import BuyAndHold, FixedMix
from strategies.strategy import Book, Now, Strategy, Weights
from tests.backtests.tearsheet.worlds import FREE, Follow, Funding, market, run

ONE_ASSET = (("BTC", 1.0),)


def utc(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


def following(funding: list[tuple[str, float]], days: int = 5) -> Result:
    return run(market([100.0] * days, funding=funding), Follow())


def test_a_release_that_turned_the_rule_is_the_cause_with_its_period_its_clock_and_its_value() -> None:
    rows = causes(following([("2024-01-01 08:00", -0.0001), ("2024-01-03 16:00", 0.0002)]))

    assert rows.columns.tolist() == ["decision", "at", "need", "period", "known_at", "value", "periods"]
    assert rows.to_dict("records") == [
        {
            "decision": decision,
            "at": utc(at),
            "need": "FUNDING_BTC",
            "period": pd.Timestamp(at),
            "known_at": utc(at),
            "value": value,
            "periods": 1,
        }
        for decision, at, value in [(0, "2024-01-01 08:00", -0.0001), (1, "2024-01-03 16:00", 0.0002)]
    ]


def test_the_sentence_names_series_period_value_and_moment() -> None:
    told = sentences(following([("2024-01-01 08:00", -0.0001), ("2024-01-03 16:00", 0.0002)]))

    assert told == [
        "FUNDING_BTC of 2024-01-01 08:00 UTC, -0.0001, known 2024-01-01 08:00 UTC",
        "FUNDING_BTC of 2024-01-03 16:00 UTC, 0.0002, known 2024-01-03 16:00 UTC",
    ]


def test_a_series_that_a_signal_can_do_without_and_the_market_has_not_causes_nothing() -> None:
    @dataclass(frozen=True)
    class Either(Funding):
        one_of = ("FUNDING_BTC", "SRF")

    @dataclass(frozen=True)
    class FollowEither(Follow):
        def signals(self) -> dict[str, Signal]:
            return {"funding": Either()}

    result = run(market([100.0] * 5, funding=[("2024-01-01 08:00", 0.0001)]), FollowEither())
    assert needs(result) == ["FUNDING_BTC", "SRF"]
    assert causes(result)["need"].tolist() == ["FUNDING_BTC"]


@dataclass(frozen=True)
class Lending(Signal):
    """Newest take-up of the repo facility, $bn."""

    needs = ("SRF",)

    def compute(self, known: Known) -> pd.Series:
        return known.first("SRF")


@dataclass(frozen=True)
class LendingOrClose(Strategy):
    """Hold BTC while the Fed lends, or while the last close is above 100."""

    def signals(self) -> dict[str, Signal]:
        return {"srf": Lending(), "close": Close()}

    def weights(self, now: Now) -> Weights:
        return {"BTC": ((now.srf > 0) | (now.close > 100)) * 1.0}


@dataclass(frozen=True)
class Close(Signal):
    """Last daily close of BTC, $."""

    needs = ("bars:BTC",)

    def compute(self, known: Known) -> pd.Series:
        return known.bars("BTC")["close"]


def lending(closes: list[float], releases: list[tuple[str, str, float]]) -> Result:
    """`releases` : period, known_at, $bn."""
    periods, times, values = zip(*releases, strict=True)
    known = pd.DatetimeIndex(times, tz="UTC")
    rows = observation_rows(pd.DatetimeIndex(periods), known, values)
    on = replace(market(closes), observations=Observations({"SRF": rows}))
    return run(on, LendingOrClose())


def test_of_many_periods_that_come_out_at_once_the_newest_is_told_and_how_many() -> None:
    bulk = [("2023-12-28", "2024-01-02 18:01", 1.0), ("2023-12-29", "2024-01-02 18:01", 22.1)]

    result = lending([100.0] * 4, bulk)

    assert causes(result)[["period", "value", "periods"]].to_numpy().tolist() == [[pd.Timestamp("2023-12-29"), 22.1, 2]]
    assert sentences(result) == ["SRF of 2023-12-29, $22.1bn (the newest of 2 at once), known 2024-01-02 18:01 UTC"]


def test_a_close_is_a_cause_too_told_by_the_day_that_it_ends() -> None:
    result = lending([100.0, 120.0, 90.0], [("2023-12-29", "2024-01-01 00:00", 0.0)])
    rows = causes(result)

    # Nothing of the close is known before the first bar has ended: the rule is first asked at the end of 1 January.
    assert rows["need"].tolist() == ["bars:BTC"] * 3
    assert rows["period"].tolist() == [pd.Timestamp(day) for day in ("2024-01-01", "2024-01-02", "2024-01-03")]
    assert rows["known_at"].tolist() == [utc(day) for day in ("2024-01-02", "2024-01-03", "2024-01-04")]
    assert rows["value"].isna().all()
    assert sentences(result)[1] == "daily close of BTC of 2024-01-02, known 2024-01-03 00:00 UTC"


def test_what_becomes_known_at_one_instant_is_told_in_one_sentence() -> None:
    result = lending([100.0, 100.0, 100.0], [("2023-12-29", "2024-01-02 00:00", 3.0)])

    assert causes(result)["need"].tolist() == ["SRF", "bars:BTC"]
    assert sentences(result) == [
        "SRF of 2023-12-29, $3bn; daily close of BTC of 2024-01-01, known 2024-01-02 00:00 UTC"
    ]


def test_what_no_signal_reads_is_no_cause_though_it_came_out_at_that_moment() -> None:
    result = run(market([100.0] * 3, funding=[("2024-01-01", 1.0)]), BuyAndHold(mix=ONE_ASSET))

    assert needs(result) == []
    assert causes(result).empty
    assert causes(result).dtypes["at"] == "datetime64[ns, UTC]"
    assert sentences(result) == ["start of the window, nothing new was known"]


def test_a_date_of_a_schedule_has_no_cause_and_says_so() -> None:
    result = run(market([100.0, 110.0, 120.0, 130.0]), FixedMix(0.5, ONE_ASSET, rebalance_days=2))

    assert len(causes(result)) == 0
    assert sentences(result) == [
        "start of the window, nothing new was known",
        "a date of its schedule, nothing new was known",
        "a date of its schedule, nothing new was known",
    ]


@dataclass(frozen=True)
class Stop(Strategy):
    """Hold BTC until a tenth is lost."""

    def on_event(self, at: pd.Timestamp, now: Now, book: Book) -> Weights:
        return {"BTC": float(book.drawdown < 0.1)}


def test_a_rule_that_looks_at_its_own_book_says_so_and_at_which_closes() -> None:
    result = run(market([100.0, 80.0, 80.0]), Stop(), engine="events")

    assert needs(result) == ["its own book"]
    assert causes(result)[["decision", "need", "period", "known_at"]].to_numpy().tolist() == [
        [1, "its own book", pd.Timestamp("2024-01-02"), utc("2024-01-03")]
    ]
    assert sentences(result) == [
        "start of the window, nothing new was known",
        "its own book at the last close of BTC, known 2024-01-03 00:00 UTC",
    ]


@dataclass(frozen=True)
class StopBesideFunding(Stop):
    """The same, beside a signal that it reads and never looks at."""

    def signals(self) -> dict[str, Signal]:
        return {"funding": Funding()}


def test_a_guard_that_sells_at_a_close_is_not_told_as_what_was_paid_at_that_midnight() -> None:
    on = market([100.0, 80.0, 80.0], funding=[("2024-01-01", 0.0001), ("2024-01-03", 0.0002)])
    result = run(on, StopBesideFunding(), engine="events")
    rows = causes(result)

    assert rows[rows["decision"] == 1]["need"].tolist() == ["FUNDING_BTC", "its own book"]
    assert sentences(result)[1] == (
        "FUNDING_BTC of 2024-01-03 00:00 UTC, 0.0002; its own book at the last close of BTC, known 2024-01-03 00:00 UTC"
    )
    assert by_trigger(result, rows).index.tolist() == ["FUNDING_BTC", "FUNDING_BTC + its own book"]


def test_hourly_closes_mark_the_book_at_every_hour() -> None:
    """Bought at 00:00, a fifth is lost in the third hour: sold by what is known at 03:00, where no day ends."""
    result = run(market([100.0, 100.0, 80.0, 80.0], timeframe="1h"), Stop(), engine="events")

    assert sentences(result)[1] == "its own book at the last close of BTC, known 2024-01-01 03:00 UTC"


@given(
    signs=some.lists(some.booleans(), min_size=1, max_size=12),
    hours=some.lists(some.integers(0, 5 * 24), min_size=12, max_size=12, unique=True),
)
@settings(max_examples=25, deadline=None)
def test_every_cause_became_known_at_its_decision_and_every_decision_of_a_release_has_one(
    signs: list[bool], hours: list[int]
) -> None:
    times = [f"{utc('2024-01-01') + pd.Timedelta(hours=h):%Y-%m-%d %H:%M}" for h in sorted(hours[: len(signs)])]
    result = following([(at, 0.001 if up else -0.001) for at, up in zip(times, signs, strict=True)], days=8)
    rows = causes(result)

    assert (rows["known_at"] == rows["at"]).all()
    assert (rows["at"].array == result.decisions.index[rows["decision"]]).all()
    assert rows["decision"].tolist() == list(range(len(result.decisions)))


@pytest.mark.parametrize("fee", [0, 50])
def test_costs_have_no_part_in_causes(fee: float) -> None:
    on = market([100.0, 110.0, 90.0], funding=[("2024-01-01 08:00", 0.0001)])

    assert len(causes(run(on, Follow(), replace(FREE, fee_bps=fee)))) == 1
