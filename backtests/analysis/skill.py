"""Whether a result is evidence of skill, knowing how many trials stand behind it; presumed is luck."""

from dataclasses import dataclass
from math import isnan, nan

from backtests.metrics import excess_returns
from backtests.result import Result
from backtests.statistics.overfitting import (
    Moments,
    deflated_sharpe,
    minimum_backtest_years,
    moments,
    probabilistic_sharpe,
)

# A deflated Sharpe ratio below this may well be luck.
EVIDENCE = 0.95


@dataclass(frozen=True)
class Skill:
    """What a Sharpe ratio is worth.

    sharpe : a year      trials : distinct ones of the strategy on overlapping windows, None where not recorded
    probabilistic : PSR, the probability that the true ratio is above 0, had this been the only trial
    deflated : DSR, the same as the best of all trials; NaN where these are not known
    minimum_years : on fewer, the best of so many trials without skill is expected to reach this ratio; NaN for a lone
    trial, which was not chosen among any, and where the ratio is not above 0
    missing : why there is no deflated ratio, in a clause; "" where there is one
    comparable : of how many trials the ratios' variance is, None where not recorded; the others count as without skill
    ruin_day : when the book was ruined, "" for never; ruin leaves no ratio, whatever came before it
    """

    sharpe: float
    trials: int | None
    probabilistic: float
    deflated: float
    minimum_years: float
    missing: str
    comparable: int | None = None
    ruin_day: str = ""

    @property
    def evident(self) -> bool:
        """Whether luck alone would seldom have done as well."""
        return self.deflated >= EVIDENCE

    @property
    def verdict(self) -> str:
        """What follows, in a clause."""
        if self.ruin_day:
            return f"no evidence of skill: the book was ruined on {self.ruin_day}"
        if self.missing:
            return f"not deflated, for {self.missing}: luck is not ruled out"
        shown = f"deflated probability {self.deflated:.3f}"
        if not self.evident:
            return f"{shown}: no evidence of skill"
        alone = ", if nothing else was tried" if self.trials == 1 else ""
        return f"{shown}: luck alone would seldom do as well{alone}"


def skill(result: Result) -> Skill:
    """Judge `result` by the trials and their variance in its manifest, where `ledger.record` put them."""
    of = moments(excess_returns(result)) if len(result.tape.opens) > 1 else Moments(1, nan)
    sharpe, trials = result.metrics["sharpe"], result.manifest.get("trials")
    probabilistic = nan if result.ruin_day else probabilistic_sharpe(of)
    variance = result.manifest.get("tried_variance")
    missing = _missing(probabilistic, trials, variance)
    return Skill(
        sharpe=sharpe,
        trials=trials,
        probabilistic=probabilistic,
        deflated=nan if missing else deflated_sharpe(of, trials, variance),  # type: ignore[arg-type]
        minimum_years=minimum_backtest_years(trials, sharpe) if trials and trials > 1 and sharpe > 0 else nan,
        missing=missing,
        comparable=result.manifest.get("comparable_trials"),
        ruin_day=result.ruin_day,
    )


def _missing(probabilistic: float, trials: int | None, variance: float | None) -> str:
    if isnan(probabilistic):
        return "its returns leave the Sharpe ratio without a standard error"
    if not trials:
        return "how many trials stand behind it is not recorded"
    return "how the Sharpe ratios of its trials vary is not known" if variance is None else ""
