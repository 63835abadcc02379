"""The causality proof: it finds every planted leak, says where, and leaves causal strategies alone."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from backtests.proofs import Leak, leaks, poisoned, prove, random_cuts
from data_cache.bars import OHLCV, Bars
from data_cache.catalog import spec
from data_cache.errors import BadUsage, NoData, StrategyFailed
from data_cache.lab import Lab
from data_cache.market import Known, Market
from data_cache.observations import Observations, observation_rows
from signals import Trend
from signals.signal import Signal
from strategies import FixedMix, TrendFollowing
from strategies.strategy import Book, Now, Strategy, Weights

NANOSECOND, HOUR, DAY = pd.Timedelta(1, "ns"), pd.Timedelta(1, "h"), pd.Timedelta(1, "D")
FIRST = pd.Timestamp("2024-01-01", tz="UTC").as_unit("ns")
CUT = pd.Timestamp("2024-01-08 12:00", tz="UTC")
PRICES = np.array([100, 104, 101, 103, 108, 105, 102, 107, 109, 104, 103, 106.0])


def at(text: str) -> pd.Timestamp:
    return pd.Timestamp(f"2024-{text}", tz="UTC")


def daily(asset: str, closes: np.ndarray, first: pd.Timestamp = FIRST) -> Bars:
    frame = pd.DataFrame({"open": np.append(closes[0], closes[:-1]), "close": closes})
    frame = frame.assign(high=frame.max(axis=1) * 1.01, low=frame.min(axis=1) * 0.99, volume=5.0)
    return Bars(asset, "1d", frame.set_axis(pd.date_range(first, periods=len(closes), freq="1D"), axis=0))


def published(values: np.ndarray, delay: pd.Timedelta) -> pd.DataFrame:
    """One value for each day, known `delay` after the day began."""
    days = pd.date_range(FIRST, periods=len(values), freq="1D")
    return observation_rows(days.tz_localize(None), days + delay, values)


def market(rows: Mapping[str, pd.DataFrame], bars: Mapping[str, Bars], max_age_days: float = 10) -> Market:
    specs = {name: replace(spec("SOFR"), id=name, max_age_days=max_age_days) for name in rows}
    return Market(Observations(rows), bars, "a toy world", specs=specs)


@pytest.fixture(scope="module")
def world() -> Market:
    """Twelve days.

    NOON is known at noon of the next day; its value of 3 January, known on the 4th, is revised at noon of the 10th.
    EVENING, of the same days, is known six hours after NOON. WEEKLY is known on the 4th and the 11th at 20:00.
    """
    days = np.arange(12)
    noon = published(np.sin(days), DAY + 12 * HOUR)
    revision = {"period": [at("01-03").tz_localize(None)], "known_at": [at("01-10 12:00")], "value": [-7.0]}
    rows = {
        "NOON": observation_rows(*(pd.concat([noon, pd.DataFrame(revision)])[c] for c in revision)),
        "EVENING": published(np.cos(days), DAY + 18 * HOUR),
        "WEEKLY": observation_rows(
            pd.DatetimeIndex(["2024-01-03", "2024-01-10"]),
            pd.DatetimeIndex([at("01-04 20:00"), at("01-11 20:00")]),
            [1.0, -1.0],
        ),
    }
    spread = {at("03-29 08:00"): PRICES * 1.01, at("06-28 08:00"): PRICES * np.linspace(1.02, 1.05, 12)}
    futures = pd.DataFrame(spread, index=pd.date_range(FIRST + DAY, periods=12, freq="1D", name="known_at"))
    return replace(market(rows, {"BTC": daily("BTC", PRICES)}), futures={"BTC": futures})


@dataclass(frozen=True)
class Above(Strategy):
    """Hold BTC while the signal is above zero."""

    signal: Signal

    def signals(self) -> Mapping[str, Signal]:
        return {"x": self.signal}

    def weights(self, now: Now) -> Weights:
        return {"BTC": (now.x > 0) * 1.0}


@dataclass(frozen=True)
class Noon(Signal):
    """The newest value of NOON."""

    needs = ("NOON",)

    def compute(self, known: Known) -> pd.Series:
        return known.first("NOON")


class Shifted(Noon):
    def compute(self, known: Known) -> pd.Series:
        return known.first("NOON").shift(-1)


class FinalVintage(Noon):
    def compute(self, known: Known) -> pd.Series:
        revised = known._observations.revised("NOON")
        return known.first("NOON") * 0 + revised.reindex(known.releases("NOON")["period"]).to_numpy()


class Doomsday(Noon):
    def compute(self, known: Known) -> pd.Series:
        revised = known.as_of("NOON", pd.Timestamp("2100-01-01", tz="UTC"))
        return known.first("NOON") * 0 + revised.reindex(known.releases("NOON")["period"]).to_numpy()


class Normalised(Noon):
    def compute(self, known: Known) -> pd.Series:
        values = known.first("NOON")
        return (values - values.mean()) / values.std()


class Best(Noon):
    def compute(self, known: Known) -> pd.Series:
        values = known.first("NOON")
        return (values == values.max()).astype(float)


class JoinedOnPeriod(Noon):
    needs = ("NOON", "EVENING")

    def compute(self, known: Known) -> pd.Series:
        noon, evening = known.releases("NOON").reset_index(), known.releases("EVENING")
        both = noon.merge(evening, on="period", suffixes=("", "_evening"))
        return (both["value"] - both["value_evening"]).set_axis(pd.DatetimeIndex(both["known_at"]))


class FilledBackward(Noon):
    needs = ("WEEKLY", "bars:BTC")

    def compute(self, known: Known) -> pd.Series:
        return known.first("WEEKLY").reindex(known.bars("BTC").index, method="bfill")


class Interpolated(Noon):
    needs = ("WEEKLY", "bars:BTC")

    def compute(self, known: Known) -> pd.Series:
        weekly = known.first("WEEKLY")
        return weekly.reindex(weekly.index.union(known.bars("BTC").index)).interpolate("time")


class Centred(Noon):
    needs = ("bars:BTC",)

    def compute(self, known: Known) -> pd.Series:
        return known.bars("BTC")["close"].rolling(3, center=True).mean() - 104


class TomorrowsCandle(Noon):
    needs = ("bars:BTC",)

    def compute(self, known: Known) -> pd.Series:
        bars = known.bars("BTC")
        return (bars["close"] / bars["open"] - 1).shift(-1)


class TomorrowsCurve(Noon):
    needs = ("futures:BTC",)

    def compute(self, known: Known) -> pd.Series:
        near, far = (known.futures("BTC")[expiry] for expiry in known.futures("BTC"))
        return (far / near - 1).shift(-1)


class Standardised(Above):
    """The rule itself takes a mean over all that it is shown."""

    def weights(self, now: Now) -> Weights:
        return {"BTC": (now.x > pd.Series(now.x).mean()) * 1.0}


class OutBeforeTheEnd(Above):
    """The rule knows when history ends."""

    def weights(self, now: Now) -> Weights:
        left = pd.DatetimeIndex(np.atleast_1d(now.at)).max() - now.at
        return {"BTC": np.where(left > 2 * DAY, 1.0, 0.0)}


LEAKS = [
    # what it does wrong, the strategy, what differs first, and when
    ("stands at tomorrow's value", Above(Shifted()), "signal x", "01-08 12:00"),
    ("takes the final vintage by a back door", Above(FinalVintage()), "signal x", "01-04 12:00"),
    ("asks for history as of the year 2100", Above(Doomsday()), "signal x", "01-04 12:00"),
    ("is normalised by mean and deviation of all time", Above(Normalised()), "signal x", "01-02 12:00"),
    ("knows which value will be the highest of all", Above(Best()), "signal x", "01-04 12:00"),
    ("joins on the period, as known when the first of two is", Above(JoinedOnPeriod()), "signal x", "01-08 12:00"),
    ("is filled backward", Above(FilledBackward()), "signal x", "01-05 00:00"),
    ("is interpolated", Above(Interpolated()), "signal x", "01-05 00:00"),
    ("is the mean of a centred window", Above(Centred()), "signal x", "01-08 00:00"),
    ("knows how tomorrow's bar will close against its open", Above(TomorrowsCandle()), "signal x", "01-08 00:00"),
    ("knows tomorrow's spread between two futures", Above(TomorrowsCurve()), "signal x", "01-08 00:00"),
]


@pytest.mark.parametrize(("strategy", "what", "moment"), [row[1:] for row in LEAKS], ids=[row[0] for row in LEAKS])
def test_a_planted_leak_is_reported_with_its_cut_and_first_difference(
    world: Market, strategy: Strategy, what: str, moment: str
) -> None:
    found = {leak.future: leak for leak in leaks(strategy, world, [CUT])}
    assert set(found) <= {"removed", "replaced by noise"}
    assert found["removed"] == Leak(CUT, "removed", what, at(moment))
    if not isinstance(strategy.signal, Best):  # its highest value may stay the highest among noise
        assert found["replaced by noise"] == Leak(CUT, "replaced by noise", what, at(moment))


@pytest.mark.parametrize("strategy", [Standardised(Noon()), OutBeforeTheEnd(Noon())], ids=lambda s: type(s).__name__)
def test_a_rule_that_looks_at_all_moments_at_once_is_found(world: Market, strategy: Strategy) -> None:
    found = leaks(strategy, world, [at("01-05 12:00"), CUT])
    assert {leak.what for leak in found} == {"the weight of BTC"}
    assert {leak.cut for leak in found} == {at("01-05 12:00"), CUT}


def test_a_rule_that_looks_at_all_moments_is_found_though_it_fails_where_there_are_none(world: Market) -> None:
    class Highest(Above):
        def weights(self, now: Now) -> Weights:
            return {"BTC": (now.x == np.max(now.x)) * 1.0}

    cuts = [at("01-01"), at("01-02"), CUT]  # nothing is known of the first two days
    assert {leak.cut for leak in leaks(Highest(Noon()), world, cuts)} == {CUT}


def test_a_leak_reads_as_a_sentence() -> None:
    leak = Leak(CUT, "removed", "signal x", at("01-05"))
    assert str(leak) == (
        "with everything after 2024-01-08 12:00:00+00:00 removed, signal x at 2024-01-05 00:00:00+00:00 changes"
    )


def test_each_cut_is_tried_by_itself_and_reported_in_order(world: Market) -> None:
    cuts = [at("01-10 12:00"), CUT, at("01-03 11:59")]  # nothing is left to revise, or nothing known to be revised
    assert [leak.cut for leak in leaks(Above(FinalVintage()), world, cuts) if leak.future == "removed"] == [CUT]
    assert [leak.cut for leak in leaks(Above(Shifted()), world, cuts)][::2] == sorted([*cuts])


# What changes between two runs: a clock that ticks whenever it is read, a file that grows, unseeded dice.


class Clock(Above):
    ticks = count()

    def weights(self, now: Now) -> Weights:
        return {"BTC": (now.x > 0) * (next(self.ticks) % 7) / 7}


@dataclass(frozen=True)
class Diary(Strategy):
    path: str

    def weights(self, now: Now) -> Weights:
        with open(self.path, "a+") as file:
            file.write("asked\n")
            file.seek(0)
            return {"BTC": np.minimum(len(file.readlines()) / 100, 1.0)}


class Dice(Above):
    def weights(self, now: Now) -> Weights:
        return {"BTC": np.random.default_rng().uniform(size=np.shape(now.x))}


@dataclass(frozen=True)
class DiceByEvents(Strategy):
    def on_event(self, at: pd.Timestamp, now: Now, book: Book) -> Weights | None:
        return {"BTC": float(np.random.default_rng().uniform())}


@pytest.mark.parametrize("kind", ["clock", "file", "dice", "dice by events"])
def test_what_answers_differently_when_asked_again_is_found(world: Market, kind: str, tmp_path: object) -> None:
    strategies = {
        "clock": Clock(Noon()),
        "file": Diary(f"{tmp_path}/diary"),
        "dice": Dice(Noon()),
        "dice by events": DiceByEvents(),
    }
    first = leaks(strategies[kind], world, [])[0]
    assert (first.cut, first.future, first.what) == (at("01-13"), "left as it was", "the weight of BTC")


def test_a_file_that_stays_the_same_is_beyond_the_proof(world: Market) -> None:
    elsewhere = daily("BTC", PRICES).frame["close"].shift(-1)

    class Elsewhere(Noon):
        needs = ("bars:BTC",)

        def compute(self, known: Known) -> pd.Series:
            return elsewhere.diff().set_axis(elsewhere.index + DAY).reindex(known.bars("BTC").index)

    assert leaks(Above(Elsewhere()), world, [CUT]) == []


# No false alarms


@dataclass(frozen=True)
class Mean(Signal):
    """Mean of the last `window` values: NaN until there are so many."""

    window: int = 3
    needs = ("NOON",)

    def compute(self, known: Known) -> pd.Series:
        return known.first("NOON").rolling(self.window).mean()


@dataclass(frozen=True)
class AsItStood(Signal):
    """The mean of all of NOON, as it stood at each bar's end: revisions count once they are known."""

    needs = ("NOON", "bars:BTC")

    def compute(self, known: Known) -> pd.Series:
        ends = known.bars("BTC").index
        return pd.Series([known.as_of("NOON", end).mean() for end in ends], ends, dtype=float)


@dataclass(frozen=True)
class Late(Signal):
    """A series that begins late."""

    needs = ("WEEKLY",)

    def compute(self, known: Known) -> pd.Series:
        return known.first("WEEKLY")


@dataclass(frozen=True)
class WithoutLate(Strategy):
    """Can live without the series that begins late."""

    def signals(self) -> Mapping[str, Signal]:
        return {"x": Noon(), "late": Late()}

    def can_miss(self) -> tuple[str, ...]:
        return ("late",)

    def weights(self, now: Now) -> Weights:
        return {"BTC": (now.x > 0) * np.where(np.isnan(now.late), 0.5, 1.0)}


@dataclass(frozen=True)
class Guard(Strategy):
    """Hold BTC until the book has lost a hundredth from its peak; looks at its book at every release."""

    asset: str = "BTC"

    def signals(self) -> Mapping[str, Signal]:
        return {"x": Noon()}

    def on_event(self, at: pd.Timestamp, now: Now, book: Book) -> Weights | None:
        return {self.asset: 0.25 if book.drawdown > 0.01 else 0.75}

    def weights(self, now: Now) -> Weights:
        return {self.asset: np.nan}


CAUSAL: list[Strategy] = [
    Above(Noon()),
    Above(Mean()),
    Above(AsItStood()),
    WithoutLate(),
    Guard(),
    FixedMix(mix=(("BTC", 1.0),), rebalance_days=2),
    TrendFollowing(days=3, mix=(("BTC", 1.0),)),
]


@pytest.mark.parametrize("strategy", CAUSAL, ids=repr)
def test_a_causal_strategy_is_left_alone_wherever_the_world_is_cut(world: Market, strategy: Strategy) -> None:
    halves = pd.date_range(FIRST - DAY, periods=30, freq="12h")
    assert leaks(strategy, world, [t + e for t in halves for e in (-NANOSECOND, 0 * NANOSECOND)]) == []


def test_a_rule_is_proven_where_it_does_without_a_signal_that_is_never_known(world: Market) -> None:
    class WithoutMean(WithoutLate):
        def signals(self) -> Mapping[str, Signal]:
            return {"x": Noon(), "late": Mean(50)}

    class AndStandardised(WithoutMean):
        def weights(self, now: Now) -> Weights:
            return {"BTC": (now.x > pd.Series(now.x).mean()) * 1.0}

    assert leaks(WithoutMean(), world, [CUT]) == []
    assert {leak.what for leak in leaks(AndStandardised(), world, [CUT])} == {"the weight of BTC"}


def test_an_asset_whose_newest_bar_is_missing_is_no_leak(world: Market) -> None:
    gap = daily("ETH", PRICES).frame.drop(at("01-06"))  # NOON turns negative on this day
    both = replace(world, bars={**world.bars, "ETH": Bars("ETH", "1d", gap)})

    class Both(Above):
        def weights(self, now: Now) -> Weights:
            return {"BTC": (now.x > 0) * 0.5, "ETH": (now.x > 0) * 0.5}

    assert leaks(Both(Noon()), both, [at("01-06 18:00"), at("01-07"), at("01-07 11:00"), CUT]) == []


def test_a_day_whose_last_hours_are_an_outage_is_no_leak() -> None:
    lab = Lab().market("1h")
    hours = {asset: bars.frame.iloc[: 24 * 12] for asset, bars in lab.bars.items()}
    watched = Bars("BTC", "1h", hours["BTC"].iloc[:-3], seen_until=hours["ETH"].index[-1] + HOUR)
    hourly = replace(lab, bars={"BTC": watched, "ETH": Bars("ETH", "1h", hours["ETH"])})

    class EtherOnTheTrendOfBitcoin(Above):
        def weights(self, now: Now) -> Weights:
            return {"ETH": (now.x > 0) * 1.0}

    assert leaks(EtherOnTheTrendOfBitcoin(Trend("BTC", 3)), hourly, [watched.seen_until]) == []


def test_a_rule_that_needs_plausible_values_does_not_fail_on_the_noise(toy: SimpleNamespace) -> None:
    days = {f"01-{day:02d}": (0.1 * (day % 10),) for day in range(1, 7)}
    planned = toy.market({"BTC": toy.BTC}, days)
    assert leaks(toy.Follow(), planned, random_cuts(planned, 10)) == []


@st.composite
def worlds(draw: st.DrawFn) -> Market:
    """Bars with gaps, a series with silences, holes and revisions, one that begins late, in any order of times."""
    days = draw(st.integers(4, 25))
    closes = np.array(draw(st.lists(st.floats(10, 1_000), min_size=days, max_size=days)))
    kept = np.array([True, True, *draw(st.lists(st.booleans(), min_size=days - 2, max_size=days - 2))])
    bars = daily("BTC", closes)
    hours = st.integers(0, 24 * days)
    value = st.floats(-5, 5) | st.just(np.nan)
    rows = draw(
        st.lists(st.tuples(st.integers(0, 8), hours, value), min_size=3, max_size=25, unique_by=lambda r: r[:2])
    )
    late = draw(st.lists(st.tuples(hours, st.floats(-5, 5)), min_size=1, max_size=4, unique_by=lambda r: r[0]))
    tables = {
        "NOON": observation_rows(
            [FIRST.tz_localize(None) + day * DAY for day, _, _ in rows],
            pd.DatetimeIndex([FIRST + hour * HOUR for _, hour, _ in rows]),
            [number for _, _, number in rows],
        ),
        "WEEKLY": observation_rows(
            [FIRST.tz_localize(None) + hour * HOUR for hour, _ in late],
            pd.DatetimeIndex([FIRST + hour * HOUR for hour, _ in late]),
            [number for _, number in late],
        ),
    }
    return market(tables, {"BTC": Bars("BTC", "1d", bars.frame[kept])}, max_age_days=draw(st.sampled_from([2, 100])))


@settings(max_examples=60)
@given(worlds(), st.sampled_from(CAUSAL), st.integers(0, 9))
def test_no_generated_world_makes_a_causal_strategy_a_suspect(world: Market, strategy: Strategy, seed: int) -> None:
    cuts = [*random_cuts(world, 6, seed), FIRST - DAY, FIRST]
    try:
        found = leaks(strategy, world, cuts, seed)
    except NoData:  # a world in which this strategy decides nothing
        reject()
    assert found == []


# What is refused


def test_a_strategy_that_decides_nothing_proves_nothing(world: Market) -> None:
    class Silent(Above):
        def weights(self, now: Now) -> Weights:
            return {"BTC": now.x * np.nan}

    with pytest.raises(NoData, match=r"decides nothing in a toy world; there is nothing to prove"):
        leaks(Silent(Noon()), world, [CUT])


def test_a_signal_that_is_never_known_is_refused_as_a_backtest_refuses_it(world: Market) -> None:
    with pytest.raises(NoData, match=r"Mean\(window=50\) is unknown throughout 2024-01-01 to 2024-01-12"):
        leaks(Above(Mean(50)), world, [CUT])


def test_a_rule_that_no_backtest_would_run_is_refused(world: Market) -> None:
    class Scalar(Above):
        def weights(self, now: Now) -> Weights:
            return {"BTC": 1.0 if now.x > 0 else 0.0}

    class Leveraged(Above):
        def weights(self, now: Now) -> Weights:
            return {"BTC": now.x * 0 + 2}

    with pytest.raises(StrategyFailed, match="write the rule as arithmetic"):
        leaks(Scalar(Noon()), world, [CUT])
    with pytest.raises(BadUsage, match="exposure is above 1"):
        leaks(Leveraged(Noon()), world, [CUT])


# Cuts


def test_random_cuts_are_releases_and_bar_ends_each_after_its_nanosecond_before(world: Market) -> None:
    cuts = random_cuts(world, 20, seed=3)
    moments = {t for series in world.observations for t in world.known_times(series).tolist()}
    moments |= set(world.bars["BTC"].known_at.asi8.tolist())
    assert len(cuts) == 20
    assert cuts == sorted(cuts)
    assert [cut.value + 1 for cut in cuts[::2]] == [cut.value for cut in cuts[1::2]]
    assert {cut.value for cut in cuts[1::2]} <= {t for t in moments if t > at("01-02").value}


def test_random_cuts_are_the_same_for_the_same_seed_alone(world: Market) -> None:
    assert random_cuts(world, 9, seed=1) == random_cuts(world, 9, seed=1) != random_cuts(world, 9, seed=2)
    assert len(random_cuts(world, 9)) == 9


def test_random_cuts_are_as_many_as_there_are_moments_at_most(toy: SimpleNamespace) -> None:
    # Six bar ends, of which five lie after the first.
    assert len(random_cuts(toy.market({"BTC": toy.BTC}), 100)) == 2 * 5


def test_a_weekly_series_gets_as_many_cuts_as_hourly_bars() -> None:
    hourly = Lab().market("1h")
    walcl = Observations({"WALCL": hourly.observations.rows("WALCL")})
    weekly = replace(hourly, bars={"BTC": hourly.bars["BTC"]}, observations=walcl, futures={})
    cuts = random_cuts(weekly, 200, seed=5)[1::2]
    on_release = np.isin([cut.value for cut in cuts], weekly.known_times("WALCL")).mean()
    assert 0.3 < on_release < 0.7


def test_without_bars_there_is_nothing_to_cut(world: Market) -> None:
    with pytest.raises(NoData, match="no bars in a toy world; a proof needs some"):
        random_cuts(replace(world, bars={}), 4)


# Poison


@pytest.fixture(scope="module", params=["1d", "1h"])
def lab(request: pytest.FixtureRequest) -> Market:
    return Lab().market(request.param)


@pytest.mark.parametrize("seed", [0, 1])
def test_poison_changes_every_later_value_and_nothing_else(lab: Market, seed: int) -> None:
    cut = random_cuts(lab, 6, seed)[3]
    spoilt = poisoned(lab, cut, seed)
    for series in lab.observations:
        rows, other = lab.observations.rows(series), spoilt.observations.rows(series)
        pd.testing.assert_frame_equal(rows.drop(columns="value"), other.drop(columns="value"))
        later = rows["known_at"] > cut
        assert ((rows["value"] != other["value"]) & other["value"].notna() == later).all(), series
        assert other["value"].between(rows["value"].min(), rows["value"].max()).all()
    for asset, bars in lab.bars.items():
        later = (bars.known_at > cut)[:, None]
        assert ((bars.frame != spoilt.bars[asset].frame) == later).all(axis=None)  # and Bars checks their form
        assert spoilt.bars[asset].seen_until == bars.seen_until
    for asset, frame in lab.futures.items():
        later = (frame.index > cut)[:, None] & frame.notna()
        assert (frame.fillna(0) != spoilt.futures[asset].fillna(0)).equals(later)


def test_poison_leaves_no_ratio_within_a_bar_or_between_futures(lab: Market) -> None:
    spoilt = poisoned(lab, FIRST, seed=4)
    bars, other = lab.bars["BTC"].frame.loc[FIRST:], spoilt.bars["BTC"].frame.loc[FIRST:]
    for one in OHLCV:
        for two in OHLCV[: OHLCV.index(one)]:
            assert not np.isclose(bars[one] / bars[two], other[one] / other[two], rtol=1e-9).any()
    ratio, noisy = (
        (frame.loc[FIRST + DAY :].bfill(axis=1).iloc[:, 0] / frame.loc[FIRST + DAY :].ffill(axis=1).iloc[:, -1])
        for frame in (lab.futures["BTC"], spoilt.futures["BTC"])
    )
    several = lab.futures["BTC"].loc[FIRST + DAY :].notna().sum(axis=1) > 1
    assert several.any()
    assert not np.isclose(ratio[several], noisy[several], rtol=1e-9).any()


def test_a_series_that_never_moves_or_was_never_known_can_be_poisoned() -> None:
    rows = {"FLAT": published(np.full(4, 2.0), DAY), "EMPTY": published(np.full(4, np.nan), DAY)}
    spoilt = poisoned(market(rows, {"BTC": daily("BTC", PRICES)}), FIRST + 2 * DAY)
    flat, empty = (spoilt.observations.rows(series)["value"].tolist() for series in rows)
    assert flat[:2] == [2.0, 2.0]
    assert all(2 < value <= 3 for value in flat[2:])
    assert np.isnan(empty[:2]).all()
    assert not np.isnan(empty[2:]).any()


def test_poison_differs_by_seed_alone(world: Market) -> None:
    rows = [poisoned(world, CUT, seed).observations.rows("NOON")["value"].tolist() for seed in (1, 1, 2)]
    assert rows[0] == rows[1] != rows[2]


def test_a_proof_names_its_cuts_and_its_seed() -> None:
    lab = Lab().market()
    proof = prove(FixedMix(), lab, 4, seed=3)
    assert list(proof.moments) == random_cuts(lab, 4, 3, set())
    assert list(proof.moments) == sorted(proof.moments)
    assert (proof.cuts, proof.seed, proof.leaks) == (4, 3, ())
