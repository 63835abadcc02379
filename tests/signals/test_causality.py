"""The causality proof of every exported signal: what it said at a moment does not depend on anything known later.

Nothing has to be remembered: a signal joins by being exported. Each runs with its default parameters, a transform on
one that changes often.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

import signals
from data_cache.bars import OHLCV, Bars
from data_cache.errors import BadUsage, LookAhead, NoData
from data_cache.market import Known, Market
from data_cache.observations import Observations
from signals import Basis, Signal, Trend
from signals.signal import evaluate, require_needs

# Parameters without a default, all of them of transforms.
GIVEN = {"signal": Trend("BTC", 20), "enter": 0.02, "exit": -0.02, "days": 28, "window": 60}
NANOSECOND, DAY = pd.Timedelta(1, "ns"), pd.Timedelta(1, "D")
RANDOM_CUTS = 6


def every_signal() -> Iterator[Signal]:
    for name in signals.__all__:
        kind = getattr(signals, name)
        if kind is not Signal:
            asked = [f.name for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING]
            yield kind(**{parameter: GIVEN[parameter] for parameter in asked})


EVERY_SIGNAL = list(every_signal())


def cuts(signal: Signal, market: Market, seed: int) -> list[pd.Timestamp]:
    """Random moments of the signal's life, its releases of random periods, and the nanosecond before each of them."""
    known = np.unique(np.concatenate([market.known_times(need) for need in signal.reads]))
    random = np.random.default_rng(seed)
    moments = random.integers(known[0], known[-1], RANDOM_CUTS).tolist()
    releases = random.choice(known, RANDOM_CUTS, replace=False).tolist()
    several = [known[0], *releases, known[-1]]
    return [pd.Timestamp(t, tz="UTC") for t in (*moments, *several, *(t - 1 for t in several))]


def only(signal: Signal, market: Market) -> Market:
    """The market without what the signal does not read."""
    series = [need for need in signal.reads if need in market.observations]
    return dataclasses.replace(
        market,
        observations=Observations({s: market.observations.rows(s) for s in series}),
        bars={a: bars for a, bars in market.bars.items() if f"bars:{a}" in signal.reads},
        futures={a: frame for a, frame in market.futures.items() if f"futures:{a}" in signal.reads},
    )


def bits(values: pd.Series) -> tuple[list[int], list[int]]:
    """The moments and the bits of the values; all NaN alike."""
    canonical = np.where(np.isnan(values), np.nan, values.to_numpy(float))
    return values.index.asi8.tolist(), canonical.view(np.int64).tolist()


def prove(signal: Signal, market: Market, moments: list[pd.Timestamp]) -> None:
    """Evaluate on the past alone, on a market that ends there, and on one whose future is noise: all the same."""
    whole = evaluate(signal, market)
    for moment in moments:
        past = bits(whole[whole.index <= moment])
        assert bits(evaluate(signal, market, moment)) == past, f"the past alone differs at {moment}"
        noisy = evaluate(signal, poisoned(market, moment))
        assert bits(noisy[noisy.index <= moment]) == past, f"noise after {moment} changes the past"
        try:
            ended = bits(evaluate(signal, market.until(moment)))
        except NoData:  # not everything that it needs had begun
            ended = past
        assert ended == past, f"a market that ends at {moment} differs"


def poisoned(market: Market, moment: pd.Timestamp) -> Market:
    """The market with every number that became known after `moment` replaced by noise."""
    noise = np.random.default_rng(moment.value % 2**32)
    return dataclasses.replace(
        market,
        observations=Observations({s: spoilt(market.observations.rows(s), moment, noise) for s in market.observations}),
        bars={asset: spoilt_bars(bars, moment, noise) for asset, bars in market.bars.items()},
        futures={asset: spoilt_futures(frame, moment, noise) for asset, frame in market.futures.items()},
    )


def spoilt(rows: pd.DataFrame, moment: pd.Timestamp, noise: np.random.Generator) -> pd.DataFrame:
    later = (rows["known_at"] > moment).to_numpy()
    return rows.assign(value=np.where(later, noise.normal(0, 1e4, len(rows)), rows["value"]))


def spoilt_bars(bars: Bars, moment: pd.Timestamp, noise: np.random.Generator) -> Bars:
    price = np.exp(noise.normal(0, 5, len(bars.frame)))
    later = (bars.known_at > moment)[:, None]
    frame = pd.DataFrame(np.where(later, price[:, None], bars.frame), bars.frame.index, columns=OHLCV)
    return dataclasses.replace(bars, frame=frame)


def spoilt_futures(frame: pd.DataFrame, moment: pd.Timestamp, noise: np.random.Generator) -> pd.DataFrame:
    later = (frame.index > moment)[:, None] & frame.notna()
    return frame.mask(later, pd.DataFrame(np.exp(noise.normal(0, 5, frame.shape)), frame.index, frame.columns))


@pytest.mark.parametrize("signal", EVERY_SIGNAL, ids=repr)
def test_no_signal_looks_ahead_in_the_lab(signal: Signal, lab: Market) -> None:
    prove(signal, only(signal, lab), cuts(signal, lab, seed=1))


@pytest.mark.real
@pytest.mark.parametrize("signal", EVERY_SIGNAL, ids=repr)
def test_no_signal_looks_ahead_in_real_history(signal: Signal, real: Market) -> None:
    try:
        require_needs(signal, real)
    except NoData as missing:
        pytest.skip(str(missing))
    prove(signal, only(signal, real), cuts(signal, real, seed=2))


def test_the_basis_does_not_look_ahead_where_its_sources_take_turns(lab: Market) -> None:
    futures = {"BTC": lab.futures["BTC"].iloc[1_000:2_000]}
    turns = dataclasses.replace(lab, futures=futures)
    edges = [pd.Timestamp(t, tz="UTC") for t in turns.known_times("futures:BTC")[[0, -1]]]
    moments = [edge + shift for edge in edges for shift in (-NANOSECOND, NANOSECOND * 0, 3 * DAY, 4 * DAY)]
    for signal in (Basis(), signals.BasisFall(), signals.BasisUnwind(), signals.BasisBelowHurdle()):
        prove(signal, only(signal, turns), moments)


def test_the_account_does_not_look_ahead_where_its_sources_take_turns(lab: Market) -> None:
    daily = lab.observations.rows("TGA").iloc[500:1_500]
    turns = dataclasses.replace(
        lab, observations=Observations({"TGA": daily, "WDTGAL": lab.observations.rows("WDTGAL")})
    )
    edges = [pd.Timestamp(t, tz="UTC") for t in turns.known_times("TGA")[[0, -1]]]
    moments = [edge + shift for edge in edges for shift in (-NANOSECOND, NANOSECOND * 0, DAY, 7 * DAY)]
    for signal in (signals.TreasuryAccountFlow(), signals.TreasuryAccountDrawdown(), signals.TreasuryAccountExcess()):
        prove(signal, turns, moments)


@dataclass(frozen=True)
class Tomorrow(Signal):
    """Tomorrow's close."""

    needs = ("bars:BTC",)

    def compute(self, known: Known) -> pd.Series:
        return known.bars("BTC")["close"].shift(-1)


@dataclass(frozen=True)
class AgainstAllOfHistory(Signal):
    """The close above its mean of all time, of the future too."""

    needs = ("bars:BTC",)

    def compute(self, known: Known) -> pd.Series:
        close = known.bars("BTC")["close"]
        return close / close.mean() - 1


@dataclass(frozen=True)
class AtItsPeriod(Signal):
    """The Wednesday level as if it were known on the Wednesday."""

    needs = ("WALCL",)

    def compute(self, known: Known) -> pd.Series:
        releases = known.releases("WALCL")
        return releases.set_index("period")["value"].tz_localize("UTC")


@dataclass(frozen=True)
class LastOfTheDay(Signal):
    """One value per UTC day, the day's last: what was said at noon changes in the evening."""

    needs = ("SOFR", "WALCL")

    def compute(self, known: Known) -> pd.Series:
        both = pd.concat([known.first("SOFR"), known.first("WALCL")]).sort_index(kind="stable")
        return both[~both.index.floor("D").duplicated(keep="last")]


@pytest.mark.parametrize("signal", [Tomorrow(), AgainstAllOfHistory(), LastOfTheDay()], ids=repr)
def test_the_proof_finds_a_signal_that_looks_ahead(signal: Signal, lab: Market) -> None:
    with pytest.raises(AssertionError, match=r"differs|changes the past"):
        prove(signal, only(signal, lab), cuts(signal, lab, seed=3))


def test_a_value_indexed_by_its_period_is_refused(lab: Market) -> None:
    with pytest.raises(LookAhead, match=r"AtItsPeriod\(\) stamps a value 20.*index values by known_at"):
        evaluate(AtItsPeriod(), lab)


BACKWARDS = {"days", "weeks", "window", "window_days", "window_weeks"}


@pytest.mark.parametrize("signal", EVERY_SIGNAL, ids=repr)
def test_no_parameter_turns_a_signal_around(signal: Signal, lab: Market) -> None:
    for name in BACKWARDS & {f.name for f in dataclasses.fields(signal)}:
        for count in (0, -1, -28):
            with pytest.raises(BadUsage, match=r"would look ahead|is too short"):
                evaluate(dataclasses.replace(signal, **{name: count}), lab)


def test_every_exported_signal_is_proven() -> None:
    assert {type(signal).__name__ for signal in EVERY_SIGNAL} == set(signals.__all__) - {"Signal"}
    assert len(EVERY_SIGNAL) >= 30
