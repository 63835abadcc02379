"""The event engine: what a strategy sees as time passes, and what it sees of its own book."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from backtests.backtest import Backtest
from backtests.events import Watch
from backtests.execution import Execution
from backtests.result import Result
from data_cache.errors import BadUsage, LookAhead, NoData, StrategyFailed, UnknownName
from data_cache.market import Known, Market
from signals.signal import Signal
from strategies.strategy import Book, Now, Strategy, Weights


@dataclass(frozen=True)
class Newest(Signal):
    """The newest number of the five-day world; `asked` keeps until when each evaluation could see."""

    asked: list[str] = field(default_factory=list, compare=False)

    @property
    def needs(self) -> tuple[str, ...]:
        return ("NOON",)

    def compute(self, known: Known) -> pd.Series:
        values = known.first("NOON")
        self.asked.append(f"{values.index[-1]:%m-%d %H:%M}" if len(values) else "nothing")
        return values


@dataclass(frozen=True)
class Fortune(Newest):
    """A fortune-teller: every number is told to be the last one there is."""

    def compute(self, known: Known) -> pd.Series:
        values = known.first("NOON")
        return values * 0 + values.iloc[-1]


@dataclass(frozen=True)
class Ask(Strategy):
    """A rule for one event, with its book."""

    rule: Callable[[pd.Timestamp, Now, Book], Any]
    read: tuple[tuple[str, Signal], ...] = ()

    def signals(self) -> Mapping[str, Signal]:
        return dict(self.read)

    def on_event(self, at: pd.Timestamp, now: Now, book: Book) -> Weights | None:
        return self.rule(at, now, book)


def run(strategy: Strategy, world: Market, execution: Execution, **window: pd.Timestamp) -> Result:
    return Backtest(strategy, world, execution, **window).run()


@dataclass(frozen=True)
class Positive(Strategy):
    """In while the number is above zero."""

    number: Signal = Newest()

    def signals(self) -> Mapping[str, Signal]:
        return {"number": self.number}

    def weights(self, now: Now) -> Weights:
        return {"BTC": 1.0 * (now.number > 0)}


def test_a_signal_is_evaluated_on_the_past_alone_once_per_release(toy: SimpleNamespace, five_days: Market) -> None:
    number = Newest([])
    Backtest(Positive(number), five_days, engine="events").run()
    assert number.asked == ["01-01 12:00", "01-02 12:00", "01-03 23:59", "01-05 12:00"]


def test_a_signal_that_looks_ahead_profits_in_the_vector_engine_and_not_in_this_one(
    toy: SimpleNamespace, five_days: Market
) -> None:
    """The last number, -2, is told from the first moment on to those who can see all."""
    strategy = Positive(Fortune())
    vector, events = (
        Backtest(strategy, five_days, engine=engine).run().decisions["BTC"].tolist() for engine in ("vector", "events")
    )
    assert vector == [0]
    assert events == [1, 0, 1, 0]


def test_a_value_lasts_until_the_next_or_until_it_is_too_old(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": toy.BTC}, releases={"NOON": {"01-01 12:00": 1.0, "01-04": 2.0}}, max_age_days=1)
    watch = Watch({"number": Newest()}, (), world, toy.at("01-01").value)
    seen = {m: watch.values(toy.at(m).value) for m in ("01-01", "01-01 12:00", "01-02", "01-03", "01-04")}
    assert seen == {
        "01-01": None,
        "01-01 12:00": {"number": 1},
        "01-02": {"number": 1},
        "01-03": None,
        "01-04": {"number": 2},
    }


def test_one_of_several_series_is_enough(toy: SimpleNamespace) -> None:
    @dataclass(frozen=True)
    class Either(Signal):
        @property
        def one_of(self) -> tuple[str, ...]:
            return ("NEW", "OLD", "NEVER")

        def compute(self, known: Known) -> pd.Series:
            return pd.concat([known.first(series) for series in self.one_of if known.has(series)]).sort_index(
                kind="stable"
            )

    @dataclass(frozen=True)
    class Hold(Strategy):
        def signals(self) -> Mapping[str, Signal]:
            return {"either": Either()}

        def weights(self, now: Now) -> Weights:
            return {"BTC": now.either}

    releases = {"OLD": {"01-01": 0.25}, "NEW": {"01-02": 0.5, "01-04": 0.75}}
    world = toy.market({"BTC": toy.BTC}, releases=releases, max_age_days=2)
    # On the 4th OLD is too old, and NEVER never comes.
    assert toy.both(world, strategy=Hold()).decisions["BTC"].tolist() == [0.25, 0.5, 0.75]


def test_between_trades_the_book_is_marked_at_the_last_closes_known(toy: SimpleNamespace) -> None:
    """Half in at 100: 5 units and $500; the peak is where the third bar closes, at 120."""
    seen: list[Book] = []

    def hold(at: pd.Timestamp, now: Now, book: Book) -> Weights:
        seen.append(book)
        return {"BTC": 0.5}

    run(Ask(hold), toy.market({"BTC": toy.BTC}), toy.FREE)
    equity = [1000, *(500 + 5 * price for price in toy.BTC)]
    assert [book.equity for book in seen] == equity
    assert [book.peak for book in seen] == [1000, 1000, 1050, 1100, 1100, 1100, 1100]
    assert [book.drawdown for book in seen] == pytest.approx(
        [1 - e / p for e, p in zip(equity, [1000, 1000, 1050, 1100, 1100, 1100, 1100], strict=True)]
    )
    assert [book.weights["BTC"] for book in seen] == pytest.approx(
        [0, *(5 * price / (500 + 5 * price) for price in toy.BTC)]
    )


@pytest.mark.parametrize(
    ("weight", "perps"), [(9.5, True), (-6.0, True), (1.0, False)], ids=["leverage", "a short", "coins"]
)
def test_what_was_bought_at_an_open_is_marked_at_that_open_not_at_the_close_before_it(
    weight: float, perps: bool, toy: SimpleNamespace
) -> None:
    """100 at the close of the 1st and 112 at the open of the 2nd: asked at noon, a guard has no loss to fear."""
    seen: dict[str, Book] = {}

    def guard(at: pd.Timestamp, now: Now, book: Book) -> Weights:
        seen[f"{at:%d %H}"] = book
        return {"BTC": 0.0 if book.drawdown > 0.01 else weight * (at >= toy.at("01-02"))}

    releases = {"NOON": {"01-01 12:00": 1, "01-02 12:00": 1, "01-03 12:00": 1}}
    releases |= {"FUNDING_BTC": {f"01-{day:02}": 0.0 for day in range(1, 6)}}
    world = toy.market({"BTC": [100, 112, 112, 112]}, releases=releases)
    terms = replace(toy.FREE, perps=perps)
    result = run(Ask(guard, (("number", Newest()),)), world, terms)
    assert toy.filled(result) == [("01-02", "BTC", pytest.approx(weight * 1000 / 112))]
    noon = seen["02 12"]
    assert (noon.equity, noon.peak, noon.drawdown, noon.weights["BTC"]) == pytest.approx((1000, 1000, 0, weight))


def test_a_peak_at_an_open_at_which_the_book_traded_counts(toy: SimpleNamespace) -> None:
    """In at 100 on the 1st; half is sold at the open of the 2nd, at 120, and that bar closes at 90."""
    seen: dict[str, Book] = {}

    def halve(at: pd.Timestamp, now: Now, book: Book) -> Weights:
        seen[f"{at:%d %H}"] = book
        return {"BTC": 0.5 if at >= toy.at("01-02") else 1.0}

    run(Ask(halve), toy.market({"BTC": [100, 120, 90]}, closes={"BTC": [100, 90, 90]}), toy.FREE)
    assert (seen["02 00"].equity, seen["02 00"].peak) == (1000, 1000)
    assert (seen["03 00"].equity, seen["03 00"].peak) == pytest.approx((600 + 5 * 90, 1200))


def test_a_decision_at_a_bars_end_is_not_yet_in_the_book(toy: SimpleNamespace) -> None:
    """Decided at the end of the first bar, filled at the second open, seen at the second bar's end."""
    weights: list[float] = []

    def enter(at: pd.Timestamp, now: Now, book: Book) -> Weights:
        weights.append(book.weights["BTC"])
        return {"BTC": 1.0 * (at >= toy.at("01-02"))}

    run(Ask(enter), toy.market({"BTC": toy.BTC}), toy.FREE)
    assert weights == [0, 0, 1, 1, 1, 1, 1]


def test_money_in_the_deposit_is_equity_but_no_weight(toy: SimpleNamespace) -> None:
    seen: list[Book] = []

    def stay_out(at: pd.Timestamp, now: Now, book: Book) -> Weights:
        seen.append(book)
        return {"BTC": 0.0}

    world = toy.market({"BTC": toy.BTC}, releases={"RATE": {"01-01": 36.5}})
    run(Ask(stay_out), world, Execution(fee_bps=0, slippage_bps=0, cash="RATE", capital=1_000))
    assert [book.equity for book in seen] == pytest.approx([1000 * 1.001**day for day in range(7)])
    assert all(book.weights == {"BTC": 0} for book in seen)


def test_no_answer_leaves_the_book_as_it_is(toy: SimpleNamespace) -> None:
    strategy = Ask(lambda at, now, book: {"BTC": 0.5} if at == toy.at("01-02") else None)
    result = run(strategy, toy.market({"BTC": toy.BTC}), toy.FREE)
    assert result.decisions["BTC"].to_dict() == {toy.at("01-02"): 0.5}


def test_a_guard_sells_after_its_drawdown_and_comes_back_on_the_next_release(
    toy: SimpleNamespace, five_days: Market
) -> None:
    """In at 110, marked at 120 and then at 90: down a quarter. Out at the open of the 4th, at 90."""

    def guard(at: pd.Timestamp, now: Now, book: Book) -> Weights:
        return {"BTC": 1.0 * (book.drawdown < 0.2)}

    result = run(Ask(guard, (("number", Newest()),)), five_days, toy.FREE)
    assert toy.filled(result) == [("01-02", "BTC", 1000 / 110), ("01-04", "BTC", -1000 / 110)]
    assert result.equity.iloc[-1] == pytest.approx(1000 * 90 / 110)
    assert result.manifest["engine"] == "events"


def test_a_rule_without_weights_may_hold_any_asset_of_the_market(toy: SimpleNamespace) -> None:
    strategy = Ask(lambda at, now, book: {"ETH": 0.25, "BTC": 0.5})
    result = run(strategy, toy.market({"BTC": toy.BTC, "ETH": toy.ETH}), toy.FREE)
    assert result.decisions.iloc[0].to_dict() == {"BTC": 0.5, "ETH": 0.25}


@pytest.mark.parametrize(
    ("rule", "error", "sentence"),
    [
        pytest.param(
            lambda at, now, book: 1 / 0,
            StrategyFailed,
            r"Ask\(.* failed at 2024-01-01 00:00:00\+00:00: ZeroDivisionError: division by zero",
            id="a rule that raises",
        ),
        pytest.param(
            lambda at, now, book: 0.5, StrategyFailed, "Ask must answer weights by asset; got 0.5", id="a number"
        ),
        pytest.param(
            lambda at, now, book: [0.5], StrategyFailed, r"Ask must answer weights by asset; got \[0.5\]", id="a list"
        ),
        pytest.param(
            lambda at, now, book: {"ETH": 0.5}, BadUsage, "the same assets, BTC; found BTC, ETH", id="another asset"
        ),
        pytest.param(lambda at, now, book: {"BTC": 2.0}, BadUsage, "exposure is above 1", id="more than there is"),
        pytest.param(
            lambda at, now, book: {"BTC": now.nooon},
            UnknownName,
            "now has no signal 'nooon'; it has: none",
            id="a signal it did not name",
        ),
        pytest.param(lambda at, now, book: None, NoData, "decided nothing", id="never an answer"),
    ],
)
def test_an_answer_that_is_no_decision_is_refused(
    toy: SimpleNamespace, rule: Callable[..., Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        run(Ask(rule), toy.market({"BTC": toy.BTC}), toy.FREE)


def test_a_signal_may_not_ask_for_a_later_vintage(toy: SimpleNamespace, five_days: Market) -> None:
    class Later(Newest):
        def compute(self, known: Known) -> pd.Series:
            return known.as_of("NOON", toy.at("01-05"))

    with pytest.raises(LookAhead, match=r"NOON was asked for as of 2024-01-05 .* which is after 2024-01-01 12:00"):
        Backtest(Positive(Later()), five_days, engine="events").run()
