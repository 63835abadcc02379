"""One strategy after another: the same run in both engines, one book through all switches, nothing from the future."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from backtests.backtest import Backtest
from backtests.execution import Execution
from backtests.proofs import prove
from backtests.sweeps.scheduled import Scheduled, ScheduledOnBook, ScheduledOnEvents, scheduled
from data_cache.errors import BadUsage, NoData
from data_cache.lab import Lab
from data_cache.market import Known, Market
from signals import StandingRepoUse, Trend
from signals.signal import Signal
from strategies import BuyAndHold, FixedMix, StealthQE, TrendFollowing, VolatilityTarget
from strategies.strategy import Book, Now, Strategy, Weights

HALF_BTC, ALL_ETH = BuyAndHold(0.5, (("BTC", 1.0),)), BuyAndHold(1.0, (("ETH", 1.0),))


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


@pytest.fixture(scope="module")
def lab() -> Market:
    return Lab().market("1d")


@dataclass(frozen=True)
class Cautious(StealthQE):
    """The same, at half size while a twentieth of the book is lost."""

    def on_event(self, at: pd.Timestamp, now: Now, book: Book) -> Weights | None:
        half = 0.5 if book.drawdown > 0.05 else 1.0
        return {asset: half * weight for asset, weight in self.weights(now).items()}


@dataclass(frozen=True)
class Holding(Strategy):
    """Has only an `on_event`, and names nothing but what it holds."""

    asset: str = "BTC"

    def on_event(self, at: pd.Timestamp, now: Now, book: Book) -> Weights | None:
        return {self.asset: 1.0}


# By hand


def test_each_part_decides_from_its_own_moment_on_and_sells_what_the_last_one_held(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": toy.BTC, "ETH": toy.ETH})
    plan = scheduled([(toy.at("01-02"), HALF_BTC), (toy.at("01-04"), ALL_ETH)])
    result = toy.both(world, strategy=plan)
    assert result.decisions.to_dict("index") == {
        toy.at("01-02"): {"BTC": 0.5, "ETH": 0.0},
        toy.at("01-04"): {"BTC": 0.0, "ETH": 1.0},
    }
    # $500 of BTC at 110, sold at 90; then all of the book in ETH at 14.
    worth = 500 + 500 * 90 / 110
    assert toy.filled(result) == [
        ("01-02", "BTC", 500 / 110),
        ("01-04", "BTC", -500 / 110),
        ("01-04", "ETH", worth / 14),
    ]
    assert result.equity.iloc[-1] == pytest.approx(worth * 10 / 14, rel=1e-12)


def test_the_costs_of_a_switch_are_paid(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": (100,) * 4, "ETH": (10,) * 4})
    plan = scheduled([(toy.at("01-01"), BuyAndHold(1.0, (("BTC", 1.0),))), (toy.at("01-03"), ALL_ETH)])
    result = toy.both(world, Execution(fee_bps=100, slippage_bps=0, min_notional=0, capital=1_000), strategy=plan)
    # Prices do not move. 0.99 / 1.01 of the book is what it can buy and sell again; each trade costs a hundredth.
    share = 0.99 / 1.01
    bought = 1_000 * share
    before = 1_000 - bought * 0.01
    assert list(result.trades["asset"]) == ["BTC", "BTC", "ETH"]
    assert list(result.costs["fee"]) == pytest.approx([bought * 0.01, bought * 0.01, before * share * 0.01], rel=1e-12)
    assert 1_000 - result.equity.iloc[-1] == pytest.approx(result.costs["fee"].sum(), rel=1e-9)


def test_a_part_that_lacks_a_signal_decides_nothing_and_the_book_stays_as_it_is(toy: SimpleNamespace) -> None:
    @dataclass(frozen=True)
    class Above(Strategy):
        def signals(self) -> Mapping[str, Signal]:
            return {"level": toy.Level("PLAN_BTC")}

        def weights(self, now: Now) -> Weights:
            return {"BTC": (now.level > 0) * 0.25}

    world = toy.market({"BTC": toy.BTC}, plan={"01-04 12:00": [1.0]})
    plan = scheduled([(toy.at("01-01"), HALF_BTC), (toy.at("01-03"), Above())])
    decided = toy.both(world, strategy=plan).decisions["BTC"]
    # A comparison with what is not known is false; on 01-03 that must not become "out of the market".
    assert decided.to_dict() == {toy.at("01-01"): 0.5, toy.at("01-04 12:00"): 0.25}


def test_an_answer_of_nothing_known_decides_nothing_in_assets_that_the_part_does_not_name(toy: SimpleNamespace) -> None:
    @dataclass(frozen=True)
    class Silent(Strategy):
        def weights(self, now: Now) -> Weights:
            return {"BTC": np.where(np.zeros(np.shape(now.at), bool), 0.0, np.nan)}

    world = toy.market({"BTC": toy.BTC, "ETH": toy.ETH})
    plan = scheduled([(toy.at("01-01"), ALL_ETH), (toy.at("01-03"), Silent())])
    assert toy.both(world, strategy=plan).decisions.index.tolist() == [toy.at("01-01")]


def test_before_the_first_part_nothing_is_decided(toy: SimpleNamespace) -> None:
    plan = scheduled([(toy.at("01-09"), HALF_BTC)])
    for engine in ("vector", "events"):
        with pytest.raises(NoData, match="decided nothing"):
            Backtest(plan, toy.market({"BTC": toy.BTC}), toy.FREE, engine=engine).run()


def test_one_part_alone_is_the_strategy_itself(lab: Market) -> None:
    start, rule = day("2024-01-01"), StealthQE(window=10, trigger=0.5)
    alone = Backtest(rule, lab, start=start).run()
    same = Backtest(scheduled([(start, rule)]), lab, start=start).run()
    pd.testing.assert_frame_equal(alone.decisions, same.decisions, check_exact=True)
    assert alone.equity_sha256 == same.equity_sha256


# Both engines, the proof

TRENDS = scheduled(
    [
        (day("2023-01-01"), TrendFollowing(50)),
        (day("2023-07-01"), VolatilityTarget(0.5, 20, mix=(("ETH", 1.0),))),
        (day("2024-01-01"), StealthQE(window=5, trigger=0.1)),
        (day("2024-06-01"), TrendFollowing(20, mix=(("BTC", 1.0),))),
    ]
)


@pytest.mark.parametrize("execution", [Execution(), Execution(band=0.1, latency_hours=30, cash="DTB3")])
def test_both_engines_agree_through_every_switch(lab: Market, toy: SimpleNamespace, execution: Execution) -> None:
    window = {"start": day("2022-12-01"), "end": day("2024-12-01")}
    result = toy.both(lab, execution, TRENDS, **window)
    assert len(result.decisions) > 50
    assert result.decisions.index[0] == day("2023-01-01")


@settings(max_examples=15)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 24 * 150),
            st.one_of(
                st.builds(TrendFollowing, st.sampled_from([5, 20, 50]), st.sampled_from([0.4, 1.0])),
                st.builds(StealthQE, st.sampled_from([1, 5]), st.sampled_from([0.05, 1.0])),
                st.builds(VolatilityTarget, st.just(0.3), st.sampled_from([5, 20]), mix=st.just((("ETH", 0.5),))),
                st.just(HALF_BTC),
            ),
        ),
        min_size=1,
        max_size=5,
        unique_by=lambda part: part[0],
    ),
    st.sampled_from([0.0, 0.2]),
)
def test_both_engines_agree_whatever_follows_whatever_whenever(
    lab: Market, toy: SimpleNamespace, parts: list[tuple[int, Strategy]], band: float
) -> None:
    start = day("2025-08-01")
    plan = scheduled([(start + pd.Timedelta(hours=hours), rule) for hours, rule in sorted(parts, key=lambda p: p[0])])
    try:
        toy.both(lab, Execution(band=band), plan, start=start, end=start + pd.Timedelta(days=160))
    except NoData:  # the first part begins after all bars have ended, or never knows what it needs
        reject()


def test_the_causality_proof_can_be_put_on_it(lab: Market) -> None:
    proof = prove(TRENDS, lab, cuts=6)
    assert proof.cuts == 6
    proof.require()


def test_the_proof_finds_a_part_that_looks_ahead(lab: Market) -> None:
    @dataclass(frozen=True)
    class Tomorrow(Signal):
        @property
        def needs(self) -> tuple[str, ...]:
            return ("bars:BTC",)

        def compute(self, known: Known) -> pd.Series:
            close = known.bars("BTC")["close"]
            return close.shift(-1) / close

    @dataclass(frozen=True)
    class Cheat(Strategy):
        def signals(self) -> Mapping[str, Signal]:
            return {"tomorrow": Tomorrow()}

        def weights(self, now: Now) -> Weights:
            return {"BTC": (now.tomorrow > 1) * 1.0}

    found = prove(scheduled([(day("2018-06-01"), HALF_BTC), (day("2019-01-01"), Cheat())]), lab, cuts=6)
    assert found.leaks


# Signals


def test_signals_that_parts_share_are_one(lab: Market) -> None:
    plan = scheduled([(day("2023-01-01"), StealthQE(5)), (day("2024-01-01"), StealthQE(7, trigger=2.0))])
    gate = ["0.shutdown", "0.excess", "0.flow"]
    assert [*plan.signals()] == ["0.srf", "0.stress", *gate, "1.srf"]
    assert plan.signals()["1.srf"] == StandingRepoUse(7)
    assert plan.can_miss() == ("0.srf", "0.stress", *gate, "1.srf")


def test_a_part_that_can_live_without_a_signal_still_can(toy: SimpleNamespace) -> None:
    @dataclass(frozen=True)
    class Easy(Strategy):
        def signals(self) -> Mapping[str, Signal]:
            return {"level": toy.Level("PLAN_ETH"), "trend": Trend("BTC", 1)}

        def can_miss(self) -> tuple[str, ...]:
            return ("level",)

        def weights(self, now: Now) -> Weights:
            return {"BTC": 0.5 + 0 * now.trend + np.where(np.isnan(now.level), 0.0, 0.1)}

    world = toy.market({"BTC": toy.BTC}, releases={"PLAN_ETH": {"01-04 12:00": 1.0}})
    decided = toy.both(world, strategy=scheduled([(toy.at("01-01"), Easy())])).decisions["BTC"]
    assert decided.to_dict() == {toy.at("01-02"): 0.5, toy.at("01-04 12:00"): 0.6}


# Rules that look at their book


def test_parts_that_look_at_their_book_run_event_by_event(lab: Market) -> None:
    window = {"start": day("2025-06-01"), "end": day("2026-03-01")}
    parts = [(day("2025-06-01"), StealthQE(5, 0.1)), (day("2025-10-01"), Cautious(5, 0.1))]
    plan = scheduled(parts)
    assert type(plan) is ScheduledOnBook
    result = Backtest(plan, lab, **window).run()
    assert result.manifest["engine"] == "events"
    plain = Backtest(scheduled([parts[0]]), lab, **window).run()
    same = result.decisions.index < parts[1][0]
    pd.testing.assert_frame_equal(
        result.decisions[same], plain.decisions[plain.decisions.index < parts[1][0]], check_exact=True
    )
    assert 0.5 in result.decisions.sum(axis=1).tolist()


def test_the_proof_can_be_put_on_parts_that_look_at_their_book(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": toy.BTC, "ETH": toy.ETH})
    prove(scheduled([(toy.at("01-02"), Holding("BTC")), (toy.at("01-04"), Holding("ETH"))]), world, cuts=10).require()


def test_parts_without_weights_hold_what_they_name_and_nothing_else(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": toy.BTC, "ETH": toy.ETH})
    plan = scheduled([(toy.at("01-02"), Holding("BTC")), (toy.at("01-04"), Holding("ETH"))])
    assert type(plan) is ScheduledOnEvents
    decided = Backtest(plan, world, toy.FREE).run().decisions
    assert decided.to_dict("index") == {
        toy.at("01-02"): {"BTC": 1.0, "ETH": 0.0},
        toy.at("01-04"): {"BTC": 0.0, "ETH": 1.0},
    }


# What it is made of


@pytest.mark.parametrize("kind", [Scheduled, ScheduledOnBook, ScheduledOnEvents])
def test_its_repr_makes_it_again(kind: type[Scheduled]) -> None:
    plan = kind(((day("2023-01-01"), StealthQE(5)), (day("2024-01-01 04:00"), TrendFollowing(50))))
    names = {"Timestamp": pd.Timestamp, kind.__name__: kind, "StealthQE": StealthQE, "TrendFollowing": TrendFollowing}
    again = eval(repr(plan), names)
    assert again == plan
    assert hash(again) == hash(plan)


def test_a_schedule_that_all_parts_share_is_kept(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": toy.BTC})
    parts = [
        (toy.at(moment), FixedMix(share, (("BTC", 1.0),), 2.0)) for moment, share in [("01-01", 0.5), ("01-04", 1)]
    ]
    decided = toy.both(world, strategy=scheduled(parts)).decisions["BTC"]
    # Every two days from the start, and at the switch.
    assert decided.to_dict() == {
        toy.at("01-01"): 0.5,
        toy.at("01-03"): 0.5,
        toy.at("01-04"): 1.0,
        toy.at("01-05"): 1.0,
        toy.at("01-07"): 1.0,
    }


def test_different_schedules_are_refused_unless_one_is_given_for_all(toy: SimpleNamespace) -> None:
    world = toy.market({"BTC": toy.BTC})
    mix = (("BTC", 1.0),)
    plan = scheduled([(toy.at("01-01"), FixedMix(0.5, mix, 2.0)), (toy.at("01-04"), FixedMix(0.5, mix, 1.0))])
    with pytest.raises(BadUsage, match=r"FixedMix rebalances every 1, 2 days, and one book has one schedule; .*give"):
        Backtest(plan, world, toy.FREE).run()
    given = Execution(fee_bps=0, slippage_bps=0, min_notional=0, capital=1_000, rebalance_days=3)
    assert toy.both(world, given, plan).decisions.index.tolist() == [toy.at(d) for d in ("01-01", "01-04", "01-07")]


def test_an_asset_that_a_part_names_only_later_is_told() -> None:
    @dataclass(frozen=True)
    class Fickle(Strategy):
        def weights(self, now: Now) -> Weights:
            return {"BTC" if now.at is pd.NaT else "ETH": 0.5}

    lab = Lab().market("1d")
    for engine in ("vector", "events"):
        with pytest.raises(BadUsage, match="must always name the same assets, BTC; found BTC, ETH"):
            Backtest(scheduled([(day("2024-01-01"), Fickle())]), lab, engine=engine, start=day("2024-01-01")).run()


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ((), "Scheduled has no parts; give it a moment and a strategy"),
        (
            ((pd.Timestamp("2024-01-01"), HALF_BTC),),
            r"must begin in UTC; found 2024-01-01 00:00:00: write pd.Timestamp",
        ),
        (((day("2024-01-02"), HALF_BTC), (day("2024-01-02"), ALL_ETH)), "one after the other; found 2024-01-02"),
    ],
)
def test_what_is_no_schedule_is_refused(parts: tuple[tuple[pd.Timestamp, Strategy], ...], sentence: str) -> None:
    with pytest.raises(BadUsage, match=sentence):
        scheduled(parts)
