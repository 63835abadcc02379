"""Attribution: where a return came from, by hand arithmetic, and parts that make the whole."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtests.analysis.attribution import BEFORE, NOTHING_NEW, START, by_regime, by_signal, by_trigger, unfilled
from backtests.analysis.causes import causes
from backtests.analysis.regimes import Regime, regimes_at_open
from backtests.execution import Execution
from backtests.result import Result
from data_cache.bars import Bars
from data_cache.lab import Lab
from data_cache.market import Market
from signals import CeilingSpread, Signal
from strategies import BuyAndHold, NetLiquidityTide
from strategies.strategy import Book, Now, Strategy, Weights
from tests.backtests.margin_books import FLAT, book
from tests.backtests.tearsheet.worlds import EARNING, Follow, Funding, market, run, with_cash

SIGN = Regime("sign", "Funding", "Positive above 0, else not.", Funding(), (0.0,), ("negative", "positive"))
ALL_IN = BuyAndHold(mix=(("BTC", 1.0),))
UP, DOWN, WHOLE = ("sign", "positive"), ("sign", "negative"), ("window", "all")
YEAR = 365


def log(ratio: float) -> float:
    return float(np.log(ratio))


# --- by state


def test_a_bar_belongs_to_the_state_known_at_its_open() -> None:
    """Funding turns negative during the 2nd: the fall of that day is still of the positive state, the next one not."""
    moves = [("2024-01-01", 1.0), ("2024-01-02 12:00", -1.0)]
    table = by_regime(run(market([110, 99, 90, 90], funding=moves), ALL_IN), [SIGN])
    assert table.index.tolist() == [UP, DOWN, WHOLE]
    assert table["time"].tolist() == [2 / 4, 2 / 4, 1]
    assert table["log_return"].tolist() == pytest.approx([log(99 / 100), log(90 / 99), log(90 / 100)])
    assert table["share"].tolist() == pytest.approx([log(0.99) / log(0.9), log(90 / 99) / log(0.9), 1])


def test_exposure_is_that_held_in_the_state_and_a_state_that_never_was_has_none() -> None:
    """Half is held throughout; without a move of the price it stays half."""
    table = by_regime(run(market([100] * 2), BuyAndHold(exposure=0.5, mix=(("BTC", 1.0),))), [SIGN])
    assert table["exposure"].tolist() == pytest.approx([0.5, np.nan, 0.5], nan_ok=True)
    assert table["time"].tolist() == [1, 0, 1]
    assert table.loc[DOWN, ["annual_return", "sharpe"]].isna().all()
    assert table["share"].isna().all()  # nothing was earned, so there is nothing to have a share of


def test_annual_numbers_are_those_of_the_metrics_where_one_state_lasts_all_the_time() -> None:
    closes = list(100 * np.exp(np.cumsum(np.random.default_rng(7).normal(0, 0.03, 90))))
    daily = [(f"{day:%Y-%m-%d}", 1.0) for day in pd.date_range("2024-01-01", periods=90)]
    result = run(market(closes, funding=daily), ALL_IN, Execution(), benchmark=ALL_IN)
    row = by_regime(result, [SIGN]).loc[UP]
    assert row["annual_return"] == pytest.approx(result.metrics["cagr"])
    assert row["sharpe"] == pytest.approx(result.metrics["sharpe"])
    assert row["exposure"] == pytest.approx(result.metrics["exposure"])
    assert row["benchmark_sharpe"] == pytest.approx(row["sharpe"])


def test_less_than_thirty_days_in_a_state_make_no_year() -> None:
    moves = [(f"2024-01-{day:02}", 1.0) for day in range(1, 32)]
    closes = [100 * 1.01 ** (day + day % 2) for day in range(31)]
    table = by_regime(run(market(closes[:29], funding=moves), ALL_IN), [SIGN])
    assert table.loc[UP, ["annual_return", "sharpe"]].isna().all()
    table = by_regime(run(market(closes[:30], funding=moves), ALL_IN), [SIGN])
    assert table.loc[UP, "annual_return"] == pytest.approx(np.exp(log(closes[29] / 100) / 30 * YEAR) - 1)
    assert table.loc[UP, "sharpe"] > 0


def test_what_happens_while_bars_are_missing_belongs_to_the_state_in_which_their_time_passes() -> None:
    """Known negative from the 3rd, missing from the 3rd to the 5th: from 99 to 90 in the state of the 2nd's open."""
    moves = [("2024-01-01", 1.0), ("2024-01-03", -1.0), ("2024-01-06", -1.0)]
    on = market([110, 99, 95, 92, 90, 81], funding=moves, missing=(2, 3, 4))
    table = by_regime(run(on, ALL_IN, benchmark=ALL_IN), [SIGN])
    assert table["time"].tolist() == pytest.approx([5 / 6, 1 / 6, 1])
    assert table["log_return"].tolist() == pytest.approx([log(90 / 100), log(81 / 90), log(81 / 100)])
    assert table["benchmark_log_return"].tolist() == pytest.approx(table["log_return"].tolist())


def test_cash_that_grows_over_missing_bars_is_no_excess() -> None:
    """300 % a year, held as cash for 40 days of which ten are missing: no excess, so no Sharpe ratio."""
    days = [f"{day:%Y-%m-%d}" for day in pd.date_range("2024-01-01", periods=40)]
    on = market([100.0] * 40, funding=[(day, 1.0) for day in days], missing=tuple(range(20, 30)))
    on = with_cash(on, [(day, 300.0) for day in days])
    row = by_regime(run(on, Follow(0.0), EARNING), [SIGN]).loc[UP]
    assert row["log_return"] > 0.1
    assert np.isnan(row["sharpe"])


def gapping(nights: list[float], funding: list[tuple[str, float]]) -> Market:
    """Each day bitcoin ends 2 % above its open, the first 100; before each later open it moves by so much."""
    opens = 100 * np.cumprod([1.0, *(1.02 * (1 + night) for night in nights)])
    on = market(list(opens * 1.02), funding=funding)
    frame = on.bars["BTC"].frame.assign(open=opens, low=opens, high=opens * 1.02)
    return replace(on, bars={"BTC": Bars("BTC", "1d", frame)})


def test_a_night_before_an_open_at_which_the_state_has_changed_belongs_to_the_state_before() -> None:
    moves = [("2024-01-01", 1.0), ("2024-01-03", -1.0)]
    table = by_regime(run(gapping([0.01, 0.05, 0.03], moves), ALL_IN), [SIGN])
    up, down = log(1.02 * 1.01) + log(1.02 * 1.05), log(1.02 * 1.03) + log(1.02)
    assert table["log_return"].tolist() == pytest.approx([up, down, up + down])


def test_the_sharpe_ratios_of_the_window_are_those_of_the_metrics() -> None:
    """From open to open they were others: nights and days would be paired in another way."""
    nights = np.random.default_rng(3).normal(0, 0.02, 39).tolist()
    daily = [(f"{day:%Y-%m-%d}", 1.0) for day in pd.date_range("2024-01-01", periods=40)]
    result = run(gapping(nights, daily), ALL_IN, benchmark=BuyAndHold(exposure=0.5, mix=(("BTC", 1.0),)))
    table = by_regime(result, [SIGN])
    assert result.benchmark is not None
    assert table.loc[WHOLE, "sharpe"] == result.metrics["sharpe"] != table.loc[UP, "sharpe"]
    assert table.loc[WHOLE, "benchmark_sharpe"] == result.benchmark.metrics["sharpe"]
    short = run(gapping(nights[:5], daily[:6]), ALL_IN, benchmark=ALL_IN)
    assert by_regime(short, [SIGN]).loc[WHOLE, ["sharpe", "benchmark_sharpe"]].isna().all()


def test_of_a_ruined_book_no_state_has_annual_numbers() -> None:
    """Short from 100 to 300 on the 16th of thirty days in one state, of which the benchmark has annual numbers."""
    daily = [(f"2024-01-{day:02}", 1.0) for day in range(1, 31)]
    states = regimes_at_open(run(market([100.0] * 30, funding=daily), ALL_IN), [SIGN])
    ruined = book(-2, [FLAT] * 15 + [(300, 300, 300, 300)] * 15)
    table = by_regime(ruined, [SIGN], states)
    assert table["log_return"].tolist() == [-np.inf, 0, -np.inf]
    assert table[["annual_return", "sharpe"]].isna().all(axis=None)
    assert table.loc[[UP, WHOLE], ["benchmark_annual_return", "benchmark_sharpe"]].notna().all(axis=None)


def test_the_benchmark_is_taken_in_the_same_bars() -> None:
    """The rule leaves at the open of the 3rd, as the negative state is first known; the benchmark falls on."""
    moves = [("2024-01-01", 1.0), ("2024-01-02 12:00", -1.0)]
    table = by_regime(run(market([110, 99, 90, 90], funding=moves), Follow(), benchmark=ALL_IN), [SIGN])
    assert table["log_return"].tolist() == pytest.approx([log(0.99), 0, log(0.99)])
    assert table["benchmark_log_return"].tolist() == pytest.approx([log(0.99), log(90 / 99), log(0.9)])
    assert by_regime(run(market([110])), [SIGN])["benchmark_log_return"].isna().all()


def test_what_is_unknown_is_a_state_of_its_own() -> None:
    table = by_regime(run(market([110, 99, 90], funding=[("2024-01-02 12:00", 1.0)]), ALL_IN), [SIGN])
    assert table.index.tolist() == [UP, DOWN, ("sign", "unknown"), WHOLE]
    assert table["time"].tolist() == pytest.approx([1 / 3, 0, 2 / 3, 1])


@st.composite
def books(draw: st.DrawFn) -> Result:
    """A book that follows funding in a market with gaps, costs, latency and moments at which nothing is known."""
    days = draw(st.integers(3, 25))
    closes = draw(st.lists(st.floats(50, 200), min_size=days, max_size=days))
    hours = sorted(draw(st.sets(st.integers(0, days * 24 - 1), max_size=12)) | {0})
    start = pd.Timestamp("2024-01-01")
    rates = [(str(start + pd.Timedelta(hours=h)), draw(st.sampled_from([-1.0, 1.0]))) for h in hours]
    missing = tuple(draw(st.sets(st.integers(1, days - 2), max_size=3)))
    costs = Execution(fee_bps=20, latency_hours=draw(st.sampled_from([0, 30])), capital=1000)
    return run(market(closes, funding=rates, missing=missing), Follow(0.8), costs, benchmark=ALL_IN)


@settings(max_examples=40)
@given(books())
def test_the_parts_add_up_to_the_whole(result: Result) -> None:
    whole = np.log1p(result.metrics["total_return"])
    states = by_regime(result, [SIGN]).loc["sign"]
    triggers = by_trigger(result, causes(result))
    for table in (states, triggers):
        assert table["log_return"].sum() == pytest.approx(whole, abs=1e-12)
        assert table["time"].sum() == pytest.approx(1, abs=1e-12)
    assert states["benchmark_log_return"].sum() == pytest.approx(np.log1p(result.benchmark.metrics["total_return"]))  # type: ignore[union-attr]
    assert (states["time"] * states["exposure"]).sum() == pytest.approx(result.metrics["exposure"])
    assert (triggers["time"] * triggers["exposure"]).sum() == pytest.approx(result.metrics["exposure"])


# --- by trigger


def test_a_stretch_from_fill_to_fill_belongs_to_what_set_off_its_first_decision() -> None:
    """In at 100 on the 1st, out at 99 on the 3rd: funding of the 2nd set off the sale and earned nothing since."""
    moves = [("2024-01-01", 1.0), ("2024-01-02 12:00", -1.0)]
    result = run(market([110, 99, 90, 90], funding=moves), Follow())
    table = by_trigger(result, pd.DataFrame({"decision": [1], "need": ["FUNDING_BTC"]}))
    assert table.index.tolist() == [START, "FUNDING_BTC"]
    assert table["decisions"].tolist() == [1, 1]
    assert table["time"].tolist() == [0.5, 0.5]
    assert table["log_return"].tolist() == pytest.approx([log(0.99), 0])
    assert table["exposure"].tolist() == [1, 0]


def test_releases_of_one_moment_stand_together_and_decisions_without_one_apart() -> None:
    moves = [("2024-01-01", 1.0), ("2024-01-02 12:00", -1.0), ("2024-01-03 12:00", 1.0)]
    result = run(market([110, 99, 90, 99], funding=moves), Follow())
    together = pd.DataFrame({"decision": [1, 1], "need": ["SOFR", "DFEDTARU"]})
    table = by_trigger(result, together)
    assert set(table.index) == {START, "DFEDTARU + SOFR", NOTHING_NEW}
    assert table.loc[NOTHING_NEW, "log_return"] == pytest.approx(log(99 / 90))


def test_of_decisions_filled_at_one_open_the_last_counts() -> None:
    moves = [("2024-01-01", 1.0), ("2024-01-02 06:00", -1.0), ("2024-01-02 18:00", 1.0)]
    result = run(market([110, 120, 130], funding=moves), Follow())
    assert len(result.decisions) == 3
    table = by_trigger(result, pd.DataFrame({"decision": [1, 2], "need": ["A", "B"]}))
    assert table["decisions"].to_dict() == {START: 1, "B": 1}
    assert unfilled(result) == (1, 0)


def test_decisions_that_never_filled_and_those_overtaken_make_all_of_them_with_those_that_filled() -> None:
    """Decided at 12:00 of the 1st, at 06:00 and 18:00 of the 2nd, and at 12:00 of the 3rd, the last day of all."""
    times = ["2024-01-01 12:00", "2024-01-02 06:00", "2024-01-02 18:00", "2024-01-03 12:00"]
    result = run(market([110, 120, 130], funding=[(at, (-1.0) ** i) for i, at in enumerate(times)]), Follow())
    assert len(result.decisions) == 4
    assert by_trigger(result, no_causes())["decisions"].sum() == 2
    assert unfilled(result) == (1, 1)


def test_a_first_decision_to_hold_nothing_ends_the_time_before_the_first_decision() -> None:
    moves = [("2024-01-01 12:00", -1.0), ("2024-01-02 12:00", 1.0)]
    table = by_trigger(run(market([110, 99, 90, 90], funding=moves), Follow()), no_causes())
    assert BEFORE == "before the first decision filled"
    assert table["time"].to_dict() == {NOTHING_NEW: 0.75, BEFORE: 0.25}


def test_the_time_before_the_first_decision_filled_stands_apart() -> None:
    table = by_trigger(run(market([110, 99], funding=[("2024-01-01 12:00", 1.0)]), Follow()), no_causes())
    assert table["time"].to_dict() == {BEFORE: 0.5, NOTHING_NEW: 0.5}
    assert table.loc[BEFORE, ["decisions", "log_return", "exposure"]].tolist() == [0, 0, 0]


def test_a_book_whose_only_decision_never_fills_is_all_before_a_decision_filled() -> None:
    table = by_trigger(run(market([110, 99], funding=[("2024-01-02 12:00", 1.0)]), Follow()), no_causes())
    assert table["time"].to_dict() == {BEFORE: 1}


def no_causes() -> pd.DataFrame:
    return pd.DataFrame({"decision": np.empty(0, int), "need": np.empty(0, object)})


# --- by signal


ONCE_OUT = [("2024-01-01", 1.0), ("2024-01-02 12:00", 1.0), ("2024-01-03 12:00", -1.0), ("2024-01-04 12:00", 1.0)]


def test_a_signal_is_worth_what_the_rule_lacks_with_it_at_its_median() -> None:
    """The four bars end on 1, 1, -1, 1: held at 1, the rule stays in until 90; as it is, it is out of the last fall."""
    result = run(market([110, 99, 99, 90], funding=ONCE_OUT), Follow())
    row = by_signal(result).loc["funding"]
    assert (row["median"], row["decisions"]) == (1, 1)
    assert row["total_return"] == pytest.approx(90 / 100 - 1)
    assert row["total_return_added"] == pytest.approx(99 / 90 * 0.9 - 0.9)
    assert row["sharpe_added"] == pytest.approx(result.metrics["sharpe"] - row["sharpe"])


@pytest.mark.parametrize("cash", ["0", "DTB3"])
def test_a_rule_that_ignores_a_signal_is_the_same_without_it_to_the_last_digit(cash: str) -> None:
    """The other book is run order by order, the result all at once."""
    start = pd.Timestamp("2022-01-01", tz="UTC")
    result = run(Lab().market(), Ignores(), Execution(cash=cash, latency_hours=30), start=start)
    row = by_signal(result).loc["ignored"]
    assert row["decisions"] == len(result.decisions)
    assert row["total_return_added"] == pytest.approx(0, abs=1e-9)
    assert row["sharpe_added"] == pytest.approx(0, abs=1e-9)


@dataclass(frozen=True)
class Ignores(NetLiquidityTide):
    """Looks at a signal that it does not use."""

    def signals(self) -> dict[str, Signal]:
        return {**super().signals(), "ignored": CeilingSpread()}

    def rebalance_every(self) -> float:
        return 7


def test_the_median_is_of_what_is_known_as_bars_end_and_not_of_the_moments_at_which_the_rule_is_asked() -> None:
    """Each day funding is negative from 06:00 on, thrice, and positive from 18:00 on: positive as every day ends."""
    hours = [("06", -1.0), ("07", -1.0), ("08", -1.0), ("18", 1.0)]
    moves = [(f"2024-01-0{day} {hour}:00", value) for day in (1, 2, 3) for hour, value in hours]
    row = by_signal(run(market([110, 99, 90], funding=[("2024-01-01", 1.0), *moves]), Follow())).loc["funding"]
    assert row["median"] == 1


@dataclass(frozen=True)
class Graded(Follow):
    """Hold a half and what funding is; look at a signal that it does not use."""

    def signals(self) -> dict[str, Signal]:
        return {"funding": Funding(), "ignored": Funding()}

    def weights(self, now: Now) -> Weights:
        return {"BTC": 0.5 + now.funding}


def test_asked_again_a_rule_trades_within_the_same_band() -> None:
    """From 0.6 to 0.65 is within a tenth and no decision; to 0.8 is one."""
    moves = [("2024-01-01", 0.1), ("2024-01-02 12:00", 0.15), ("2024-01-03 12:00", 0.3)]
    result = run(market([110, 99, 90, 99], funding=moves), Graded(), Execution(band=0.1, capital=1000, min_notional=0))
    assert len(result.decisions) == 2
    row = by_signal(result).loc["ignored"]
    assert row["decisions"] == 2
    assert row["total_return_added"] == pytest.approx(0, abs=1e-12)


def test_a_rule_without_signals_lacks_nothing() -> None:
    assert by_signal(run(market([110, 99]))).empty


@dataclass(frozen=True)
class Falters(Follow):
    """Fails while its signal does not move."""

    def weights(self, now: Now) -> Weights:
        if np.size(now.funding) > 1 and np.ptp(now.funding) == 0:
            raise ValueError("a constant")
        return super().weights(now)


@dataclass(frozen=True)
class LooksAtItself(Follow):
    """Looks at its own book."""

    def on_event(self, at: pd.Timestamp, now: Now, book: Book) -> Weights | None:
        return self.weights(now)


@dataclass(frozen=True)
class Undecided(Follow):
    """Decides once funding has been negative, and says nothing before."""

    def weights(self, now: Now) -> Weights:
        return {"BTC": np.where(now.funding < 0, 0.5, np.nan)}


@pytest.mark.parametrize("strategy", [Falters(), LooksAtItself(), Undecided()], ids=lambda one: type(one).__name__)
def test_what_cannot_be_asked_again_is_not_told(strategy: Strategy) -> None:
    row = by_signal(run(market([110, 99, 99, 90], funding=ONCE_OUT), strategy)).loc["funding"]
    assert row[["total_return", "sharpe", "total_return_added", "sharpe_added", "decisions"]].isna().all()
