"""The statistics of a study, a row for each asset and horizon."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from backtests.studies.association import RankCorrelation, holm, rank_correlation
from backtests.studies.design import Design
from backtests.studies.forward import Prices
from backtests.studies.null import Watch, resampled_differences, shifted_means, shifts, two_sided
from backtests.studies.power import detectable, effective_number, standard_error, without_one
from backtests.tape import Tape
from data_cache.errors import BadUsage

DAY = pd.Timedelta(days=1)
BAND = (0.05, 0.95)
NAN = float("nan")


@dataclass(frozen=True)
class Sample:
    """Events and the bars among which they happened.

    signal : the newest value known at each open, shape (n_bars,), NaN where unknown      bars : of the events' entries
    first, last : the first and last bar at which there could have been an event, since the signal was known
    """

    tape: Tape
    signal: np.ndarray
    bars: np.ndarray
    first: int
    last: int

    @property
    def events(self) -> np.ndarray:
        """The entries, counted from the first bar at which there could have been an event."""
        return self.bars - self.first

    def forward(self, asset: str, horizon: pd.Timedelta) -> np.ndarray:
        """Forward returns of the bars from first to last, without those whose horizon the record does not reach."""
        returns = Prices.of(self.tape, asset).forward(horizon)[self.first : self.last + 1]
        return np.asarray(returns[~np.isnan(returns)])

    def steps(self) -> np.ndarray:
        """Log returns from open to open, from the first bar to the end of the record; shape (n, n_assets)."""
        opens = self.tape.opens.to_numpy()[self.first :]
        return np.diff(np.log(np.vstack([opens, self.tape.closes.to_numpy()[-1:]])), axis=0)


@dataclass(frozen=True)
class Row:
    """What is known of one asset over one horizon. Returns are simple fractions; NaN is what can't be said.

    events : whose horizon the record reaches      left_out : those whose horizon it does not
    effective : events without overlap that would tell as much      mean : return after events
    usual : mean return after all bars      hits, usual_hits : share of returns above 0
    error : standard error of mean - usual      detectable : the smallest such difference that would be seen
    p_shift, p_resample : two-sided, of the mean among shifted events; of mean - usual among resampled histories
    p : the larger of the two      p_holm : the same adjusted for all rows
    band_low, band_high : the 5 % and 95 % quantiles of shifted means
    least, most : the mean without the one event that lifts it, or lowers it, most      decisive : known_at of the event
    without which the mean moves most
    rank_correlation, rank_error, rank_p, rank_p_holm, rank_days : Spearman's, of signal and return over all days
    """

    events: int
    left_out: int
    effective: float
    mean: float
    usual: float
    hits: float
    usual_hits: float
    error: float
    detectable: float
    p_shift: float
    p_resample: float
    p: float
    p_holm: float
    band_low: float
    band_high: float
    least: float
    most: float
    decisive: pd.Timestamp | None
    rank_correlation: float
    rank_error: float
    rank_p: float
    rank_p_holm: float
    rank_days: int


def statistics(sample: Sample, design: Design, known_at: pd.DatetimeIndex, watch: Watch) -> pd.DataFrame:
    """The columns of `Row` by asset and horizon.

    known_at : of the events of the sample      watch : told how many of how many histories are drawn
    """
    held = {text: bars_of(horizon, sample.tape, text) for text, horizon in design.horizons.items()}
    forward = {(a, t): sample.forward(a, design.horizons[t]) for a in design.assets for t in held}
    for (_, text), returns in forward.items():
        _require_bars(returns, text, sample)
    inside = {key: sample.events < len(returns) for key, returns in forward.items()}
    drawn = _resampled(sample, design, held, inside, watch)
    rows = {
        (asset, text): _row(sample, design, asset, text, known_at, returns, drawn[asset].get(text, np.empty(0)))
        for (asset, text), returns in forward.items()
    }
    table = pd.DataFrame([asdict(row) for row in rows.values()])
    table.index = pd.MultiIndex.from_tuples(rows, names=["asset", "horizon"])
    adjusted = {f"{name}_holm": holm(table[name].to_numpy(float)) for name in ("p", "rank_p")}
    return table.assign(**adjusted)


def bars_of(horizon: pd.Timedelta, tape: Tape, text: str) -> int:
    """How many bars a horizon is; BadUsage unless it is a whole number of them."""
    if horizon % tape.length != pd.Timedelta(0):
        raise BadUsage(
            f"horizon {text} is no whole number of bars of {tape.timeframe}; add --timeframe 1h or change it"
        )
    return int(horizon // tape.length)


def _require_bars(returns: np.ndarray, text: str, sample: Sample) -> None:
    if len(returns) < 2:
        first, end = sample.tape.opens.index[sample.first], sample.tape.known_at[-1]
        raise BadUsage(
            f"horizon {text} is longer than the data: from the first open at which the signal is known, "
            f"{first:%Y-%m-%d}, to {end:%Y-%m-%d} are {(end - first) // DAY} days; leave it out of --horizons"
        )


def _resampled(
    sample: Sample,
    design: Design,
    held: Mapping[str, int],
    inside: Mapping[tuple[str, str], np.ndarray],
    watch: Watch,
) -> dict[str, dict[str, np.ndarray]]:
    """Differences from the usual in resampled histories, by asset and horizon; a horizon without an event has none."""
    bars = [
        {held[text]: sample.events[inside[asset, text]] for text in held if inside[asset, text].any()}
        for asset in design.assets
    ]
    means = resampled_differences(sample.steps(), bars, design.draws, design.seed, watch)
    return {
        asset: {text: found[n] for text, n in held.items() if n in found}
        for asset, found in zip(design.assets, means, strict=True)
    }


def _row(
    sample: Sample,
    design: Design,
    asset: str,
    text: str,
    known_at: pd.DatetimeIndex,
    forward: np.ndarray,
    drawn: np.ndarray,
) -> Row:
    bars = sample.events[sample.events < len(forward)]
    after, at = forward[bars], known_at[sample.events < len(forward)]
    shifted = _shifted(forward, bars, design)
    held = bars_of(design.horizons[text], sample.tape, text)
    effective, error = effective_number(bars, held), standard_error(forward, bars, held)
    mean, usual = float(after.mean()) if len(after) else NAN, float(forward.mean())
    p_shift, p_resample = two_sided(mean, shifted), two_sided(mean - usual, drawn)
    ranked = _ranked(sample, asset, design.horizons[text])
    rest = without_one(after)
    known = not np.isnan(rest).all()
    low, high = np.quantile(shifted, BAND) if len(shifted) else (NAN, NAN)
    return Row(
        events=len(after),
        left_out=len(sample.events) - len(after),
        effective=effective,
        mean=mean,
        usual=usual,
        hits=float((after > 0).mean()) if len(after) else NAN,
        usual_hits=float((forward > 0).mean()),
        error=error,
        detectable=detectable(error),
        p_shift=p_shift,
        p_resample=p_resample,
        p=float(np.fmax(p_shift, p_resample)),
        p_holm=NAN,
        band_low=float(low),
        band_high=float(high),
        least=float(rest.min()) if known else NAN,
        most=float(rest.max()) if known else NAN,
        decisive=at[int(np.abs(rest - mean).argmax())] if known else None,
        rank_correlation=ranked.correlation,
        rank_error=ranked.error,
        rank_p=ranked.p_value,
        rank_p_holm=NAN,
        rank_days=ranked.days,
    )


def _shifted(forward: np.ndarray, bars: np.ndarray, design: Design) -> np.ndarray:
    if not len(bars):
        return np.empty(0)
    return shifted_means(forward, bars, shifts(len(forward), design.draws, design.seed))


def _ranked(sample: Sample, asset: str, horizon: pd.Timedelta) -> RankCorrelation:
    """Spearman's correlation over UTC days, each from its first open: finer bars would tell the same over and over."""
    midnight = sample.tape.open_times % DAY.value == 0
    returns = Prices.of(sample.tape, asset).forward(horizon)[midnight]
    return rank_correlation(sample.signal[midnight], returns, -(-horizon // DAY))
