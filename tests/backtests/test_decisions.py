"""When a strategy is asked, what it may answer, and what becomes a decision: the same in both engines."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtests.backtest import Backtest
from backtests.decisions import Target, event_times, traded_assets
from backtests.tape import build_tape
from data_cache.errors import BadUsage, NoData, StrategyFailed, UnknownName
from data_cache.market import Known, Market
from signals.signal import Signal
from strategies.strategy import Now, Strategy, Weights

MISSING = math.nan
BOTH = pytest.mark.parametrize("engine", ["vector", "events"])
DAY = pd.Timedelta(days=1).value


@dataclass(frozen=True)
class Noon(Signal):
    """The number that the five-day world publishes."""

    @property
    def needs(self) -> tuple[str, ...]:
        return ("NOON",)

    def compute(self, known: Known) -> pd.Series:
        return known.first("NOON")


@dataclass(frozen=True)
class MeanOfNoon(Noon):
    """Its mean over `window` releases."""

    window: int = 2

    def compute(self, known: Known) -> pd.Series:
        return known.first("NOON").rolling(self.window).mean()


@dataclass(frozen=True)
class Close(Signal):
    """The last daily close of `asset`."""

    asset: str = "BTC"

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"bars:{self.asset}",)

    def compute(self, known: Known) -> pd.Series:
        return known.bars(self.asset)["close"]


@dataclass(frozen=True)
class Rule(Strategy):
    """Whatever a test wants to ask: a rule and the signals it reads."""

    rule: Callable[[Now], Any] = lambda now: {"BTC": 1.0 * (now.noon > 0)}
    read: tuple[tuple[str, Signal], ...] = (("noon", Noon()),)
    optional: tuple[str, ...] = ()

    def signals(self) -> Mapping[str, Signal]:
        return dict(self.read)

    def can_miss(self) -> tuple[str, ...]:
        return self.optional

    def weights(self, now: Now) -> Weights:
        return self.rule(now)


def run(strategy: Strategy, world: Market, engine: str) -> Any:
    return Backtest(strategy, world, engine=engine).run()


def test_the_strategy_is_asked_at_the_start_at_every_release_and_at_every_bars_end(
    toy: SimpleNamespace, five_days: Market
) -> None:
    tape = build_tape(five_days, ["BTC"], toy.at("01-02"), toy.at("01-05"), "0")
    asked = pd.DatetimeIndex(event_times(Rule(), five_days, tape), tz="UTC")
    moments = ["01-02", "01-02 12:00", "01-03", "01-03 23:59", "01-04", "01-05"]
    assert asked.tolist() == [toy.at(moment) for moment in moments]


def test_five_days_of_decisions(toy: SimpleNamespace, five_days: Market) -> None:
    """In at noon of the 1st, out on the 2nd, in a minute before the 4th, out on the 5th: too late to fill."""
    result = toy.both(five_days, strategy=Rule())
    moments = ["01-01 12:00", "01-02 12:00", "01-03 23:59", "01-05 12:00"]
    assert result.decisions.index.tolist() == [toy.at(moment) for moment in moments]
    assert result.decisions["BTC"].tolist() == [1, 0, 1, 0]
    # 1000 buys 1000 / 110, sold at 120; all of that buys at 90 and is worth 100 / 90 of it at the end.
    units = 1000 / 110
    assert toy.filled(result) == [
        ("01-02", "BTC", units),
        ("01-03", "BTC", -units),
        ("01-04", "BTC", units * 120 / 90),
    ]
    assert result.equity.iloc[-1] == pytest.approx(1000 * 120 / 110 * 100 / 90)


def test_a_close_is_known_at_the_bars_end_and_fills_at_the_next_open(toy: SimpleNamespace, five_days: Market) -> None:
    """Closes 110, 120, 90, 95, 100: above 100 at the ends of the 1st and 2nd, below from the end of the 3rd."""
    strategy = Rule(lambda now: {"BTC": 1.0 * (now.close > 100)}, (("close", Close()),))
    result = toy.both(five_days, strategy=strategy)
    assert toy.filled(result) == [("01-02", "BTC", 1000 / 110), ("01-04", "BTC", -1000 / 110)]


def test_all_that_becomes_known_at_one_instant_is_applied_before_one_decision(toy: SimpleNamespace) -> None:
    """All of BTC into all of ETH: one after the other, exposure would be 2 in between, or 0."""
    plan = {"01-01": (1.0, 0.0), "01-02 12:00": (0.0, 1.0), "01-03 12:00": (1.0, 0.0)}
    result = toy.both(toy.market({"BTC": toy.BTC, "ETH": toy.ETH}, plan))
    assert result.decisions.to_numpy().tolist() == [[1, 0], [0, 1], [1, 0]]


def test_of_two_periods_published_at_one_instant_the_newer_counts(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": toy.BTC}, {"01-01": (0.5,), "01-02": (1.0,)})
    rows = world.observations.rows("PLAN_BTC")
    rows.loc[0, "known_at"] = rows.loc[1, "known_at"]
    result = toy.both(world)
    assert result.decisions["BTC"].tolist() == [1.0]
    assert result.decisions.index.tolist() == [toy.at("01-02")]


def test_a_revision_is_no_new_release(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": toy.BTC}, {"01-01": (0.5,), "01-03": (1.0,)})
    rows = world.observations.rows("PLAN_BTC")
    rows.loc[1, "period"] = rows.loc[0, "period"]
    assert toy.both(world).decisions["BTC"].tolist() == [0.5]


def test_nothing_is_decided_before_all_signals_are_known(toy: SimpleNamespace, five_days: Market) -> None:
    strategy = Rule(read=(("noon", Noon()), ("mean", MeanOfNoon(window=3))))
    # The third release comes on the 3rd at 23:59, when the newest number is 2.
    assert toy.both(five_days, strategy=strategy).decisions.index.tolist() == [
        toy.at("01-03 23:59"),
        toy.at("01-05 12:00"),
    ]


def test_a_rule_is_not_asked_while_a_signal_is_unknown(toy: SimpleNamespace, five_days: Market) -> None:
    """Half a weight is NaN where the mean is, but the rule never has to answer for that moment."""
    strategy = Rule(
        lambda now: {"BTC": 0.4 * (now.noon > 0), "ETH": 0.1 * now.mean},
        (("noon", Noon()), ("mean", MeanOfNoon(window=3))),
    )
    world = toy.market(
        {"BTC": toy.BTC, "ETH": toy.ETH},
        releases={"NOON": {"01-01": 1.0, "01-02": 2.0, "01-03": 3.0, "01-04": 4.0}},
    )
    assert toy.both(world, strategy=strategy).decisions.to_numpy().tolist() == [
        pytest.approx([0.4, 0.2]),
        pytest.approx([0.4, 0.3]),
    ]


@pytest.mark.parametrize(
    ("optional", "moments"),
    [
        pytest.param((), ["01-01 12:00"], id="too old is unknown: the book stays as it is"),
        pytest.param(("noon",), ["01-01", "01-01 12:00", "01-04"], id="unless the rule can live without it"),
    ],
)
def test_a_stale_signal_is_unknown(toy: SimpleNamespace, optional: tuple[str, ...], moments: list[str]) -> None:
    """Released at noon of the 1st and good for two days: at the end of the 3rd it is two and a half days old."""
    world = toy.market({"BTC": toy.BTC}, releases={"NOON": {"01-01 12:00": 1.0}}, max_age_days=2)
    strategy = Rule(lambda now: {"BTC": np.where(np.isnan(now.noon), 0.25, 0.75)}, optional=optional)
    assert toy.both(world, strategy=strategy).decisions.index.tolist() == [toy.at(m) for m in moments]


def test_a_signal_as_old_as_it_may_grow_is_still_known(toy: SimpleNamespace) -> None:
    releases = {"NOON": {"01-01": 1.0}, "PLAN_BTC": {"01-03": 0.5, "01-03 00:01": 0.6}}
    world = toy.market({"BTC": toy.BTC}, releases=releases, max_age_days=2)
    strategy = Rule(lambda now: {"BTC": now.plan}, (("noon", Noon()), ("plan", toy.Level())))
    assert toy.both(world, strategy=strategy).decisions["BTC"].tolist() == [0.5]


def test_unknown_weights_are_no_decision(toy: SimpleNamespace, five_days: Market) -> None:
    strategy = Rule(lambda now: {"BTC": np.where(now.noon == -1, np.nan, 1.0 * (now.noon > 0))})
    result = toy.both(five_days, strategy=strategy)
    assert result.decisions["BTC"].tolist() == [1, 0]  # noon of the 1st and noon of the 5th


def test_a_scalar_answer_holds_at_all_times(toy: SimpleNamespace, five_days: Market) -> None:
    assert toy.both(five_days, strategy=Rule(lambda now: {"BTC": 1})).decisions["BTC"].tolist() == [1.0]


def test_rounding_in_a_rule_is_forgiven(toy: SimpleNamespace) -> None:
    """0.1 + 0.2 + 0.7 is 1, but not in floating point; and 1 - 0.9 - 0.1 is a little less than nothing."""
    over, under = 0.1 * 3 + 0.7 + 2e-16, 1 - 0.9 - 0.1
    assert over > 1
    assert under < 0
    world = toy.market({"BTC": toy.BTC, "ETH": toy.ETH}, {"01-01": (over, under)})
    assert toy.both(world).decisions.to_numpy().tolist() == [[over, 0.0]]


# What a rule may not answer, and the sentence it gets.
REFUSED = {
    "a NaN beside a number": (
        lambda now: {"BTC": 0.5 + 0 * now.noon, "ETH": np.nan},
        BadUsage,
        r"Rule: one weight is NaN and another is not; NaN means no decision, for all; found BTC 0.5, ETH nan at "
        r"2024-01-01 12:00",
    ),
    "a negative weight": (
        lambda now: {"BTC": -0.5},
        BadUsage,
        "Rule: a weight is below 0; selling short needs perpetuals: add --perps; found BTC -0.5",
    ),
    "more than the whole": (
        lambda now: {"BTC": 0.6, "ETH": 0.6},
        BadUsage,
        "exposure is above 1; leverage needs perpetuals: add --perps; found BTC 0.6, ETH 0.6 at",
    ),
    "an infinite weight": (
        lambda now: {"BTC": np.inf},
        BadUsage,
        "a weight is infinite; weights are fractions of equity; found BTC inf",
    ),
    "another asset at another time": (
        lambda now: {"BTC": 1.0} if np.all(np.isnan(now.noon)) else {"ETH": 1.0},
        BadUsage,
        "Rule: weights must always name the same assets, BTC; found ETH",
    ),
    "an asset without bars": (
        lambda now: {"DOGE": 1.0},
        NoData,
        "no bars of DOGE in a toy world; here are: BTC, ETH",
    ),
    "no weights by asset": (
        lambda now: 0.5,
        StrategyFailed,
        r"Rule must answer weights by asset; got 0.5",
    ),
    "nothing": (lambda now: {}, StrategyFailed, r"Rule must answer weights by asset; got {}"),
    "a text for a weight": (
        lambda now: {"BTC": "half"},
        StrategyFailed,
        r"Rule: the weight of BTC must be a number, or one per moment; got 'half'",
    ),
    "a rule that raises": (
        lambda now: {"BTC": 1 / 0},
        StrategyFailed,
        r"Rule\(.* failed in weights: ZeroDivisionError: division by zero$",
    ),
    "a signal it did not name": (
        lambda now: {"BTC": now.nooon},
        UnknownName,
        "now has no signal 'nooon'; did you mean 'noon'",
    ),
}


@BOTH
@pytest.mark.parametrize(("rule", "error", "sentence"), REFUSED.values(), ids=REFUSED)
def test_an_answer_that_is_no_decision_is_refused(
    toy: SimpleNamespace,
    engine: str,
    rule: Callable[[Now], Any],
    error: type[Exception],
    sentence: str,
) -> None:
    world = toy.market({"BTC": toy.BTC, "ETH": toy.ETH}, releases={"NOON": {"01-01 12:00": 1.0, "01-02": 2.0}})
    with pytest.raises(error, match=sentence):
        run(Rule(rule), world, engine)


def test_one_weight_too_few_or_too_many_is_refused(toy: SimpleNamespace, five_days: Market) -> None:
    strategy = Rule(lambda now: {"BTC": np.ones(np.size(now.noon) + 1)})
    with pytest.raises(StrategyFailed, match="the weight of BTC must be a number, or one per moment; got array"):
        run(strategy, five_days, "vector")


def if_positive(now: Now) -> Weights:
    if now.noon > 0:
        return {"BTC": 1.0}
    return {"BTC": 0.0}


def test_a_rule_with_an_if_gets_a_hint_in_the_vector_engine(five_days: Market) -> None:
    hint = r"write the rule as arithmetic \(&, \*, np.where\) or use --engine events"
    with pytest.raises(StrategyFailed, match=hint):
        run(Rule(if_positive), five_days, "vector")


def test_a_rule_with_an_if_runs_event_by_event(five_days: Market) -> None:
    assert run(Rule(if_positive), five_days, "events").decisions["BTC"].tolist() == [1, 0, 1, 0]


@BOTH
def test_a_window_longer_than_history_says_so(five_days: Market, engine: str) -> None:
    strategy = Rule(lambda now: {"BTC": 1.0 * (now.mean > 0)}, (("mean", MeanOfNoon(window=5)),))
    sentence = (
        r"MeanOfNoon\(window=5\) is unknown throughout 2024-01-01 to 2024-01-05: its window may be longer than the "
        r"history \(NOON has 4 values\); shorten it or import more"
    )
    with pytest.raises(NoData, match=sentence):
        run(strategy, five_days, engine)


@BOTH
def test_of_several_signals_never_known_the_first_is_named(five_days: Market, engine: str) -> None:
    read = tuple((name, MeanOfNoon(window)) for name, window in zip("edcba", (9, 8, 7, 6, 5), strict=True))
    with pytest.raises(NoData, match=r"^MeanOfNoon\(window=9\) is unknown throughout"):
        run(Rule(lambda now: {"BTC": 1.0 * (now.e > 0)}, read), five_days, engine)


@BOTH
def test_a_signal_whose_series_is_missing_says_what_to_import(toy: SimpleNamespace, engine: str) -> None:
    with pytest.raises(NoData, match=r"Noon\(\) needs NOON, not in a toy world; fetch or import it first"):
        run(Rule(), toy.market({"BTC": toy.BTC}), engine)


@BOTH
def test_weights_that_are_never_known_decide_nothing(five_days: Market, engine: str) -> None:
    with pytest.raises(NoData, match="decided nothing: its weights are NaN throughout the window"):
        run(Rule(lambda now: {"BTC": np.nan * now.noon}), five_days, engine)


def test_the_assets_are_those_the_rule_names_in_its_order(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": toy.BTC, "ETH": toy.ETH, "SOL": toy.ETH})
    assert traded_assets(Rule(lambda now: {"SOL": 0.0, "BTC": 0.0}), world) == ["SOL", "BTC"]


@dataclass(frozen=True)
class Silent(Strategy):
    """Neither weights nor on_event."""


def test_a_strategy_without_a_rule_says_what_is_missing(toy: SimpleNamespace) -> None:
    with pytest.raises(StrategyFailed, match=r"NotImplementedError: Silent has no weights\(self, now\)"):
        run(Silent(), toy.market({"BTC": toy.BTC}), "events")


# The target that stands, step by step: (day, weight, is it a decision?)
STEPS = {
    "the first answer is a decision": (0, 0, [(0, 0.0, True)]),
    "NaN is none, and the first number after it is the first answer": (0, 0, [(0, MISSING, False), (1, 0.0, True)]),
    "without a band any change is one": (0, 0, [(0, 0.5, True), (1, 0.5, False), (2, 0.5 + 1e-12, True)]),
    "with a band only more than the band is": (
        0.25,
        0,
        [(0, 0.5, True), (1, 0.75, False), (2, 0.76, True), (3, 0.51, False)],
    ),
    "on the schedule's dates an unchanged target is one": (
        0,
        2,
        [(0, 0.5, True), (1, 0.5, False), (2, 0.5, True), (3, 0.5, False), (4, 0.5, True)],
    ),
    "a date missed is caught up once": (
        0,
        2,
        [(0, 0.5, True), (7, 0.5, True), (7.5, 0.5, False), (8, 0.5, True)],
    ),
    "a date on which nothing is known waits for the next answer": (
        0,
        2,
        [(0, 0.5, True), (2, MISSING, False), (3, 0.5, True), (4, 0.5, True)],
    ),
}


@pytest.mark.parametrize(("band", "every", "steps"), STEPS.values(), ids=STEPS)
def test_the_target_that_stands_tells_whether_an_answer_is_a_decision(
    band: float, every: float, steps: list[tuple[float, float, bool]]
) -> None:
    target = Target(band, every, start=0)
    assert [target.moves(int(day * DAY), np.array([weight])) for day, weight, _ in steps] == [
        moved for _, _, moved in steps
    ]
