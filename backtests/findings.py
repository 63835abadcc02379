"""What a reader should know before believing a result: coded findings, each one sentence."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

import numpy as np
import pandas as pd

from backtests.analysis.liquidations import liquidations
from backtests.decisions import ROUNDING
from backtests.entries import RANGE
from backtests.proofs import Proof, prove, turns_of
from backtests.result import Result
from backtests.tape import known_rate
from data_cache.errors import EbbtideError
from signals.signal import values_at

# With this many decisions the standard error of a hit rate is sqrt(0.25 / 30) = 9 %: two in three is not yet two of
# them away from a coin.
FEW_DECISIONS = 30
# Enough to find what looks ahead all the time, which is what mistakes do; `ebbtide prove` takes more.
QUICK_CUTS = 4
# The source that knows no vintages: FRED's public CSV.
FINAL = "fredgraph"
# A quarter: below it, a good month makes a year that nobody has seen.
SHORT_YEARS = 0.25
# A signal unknown for less of the window than this is a warm-up, not a finding.
TOLERATED = 0.02
# On 12 March 2020 bitcoin fell by about 40 %: leverage that such a day ends is worth a word.
WORST_DAY = 0.40
# Of the capital: whoever lost all but this has lost it all.
DEPLETED = 0.01
# Funding that takes more of the growth than this is worth a word: log growth, which peaks do not dominate.
FUNDING_SHARE = 0.25

Rule = TypeVar("Rule", bound=Callable[..., object])
# What each code means, in a sentence: of every rule whose module was imported, so of every finding there is.
MEANINGS: dict[str, str] = {}


@dataclass(frozen=True)
class Finding:
    """code : short and stable      about : the strategy, "" for the whole run      sentence : what was found."""

    code: str
    about: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.about}: {self.sentence}" if self.about else self.sentence

    def summary(self) -> dict[str, str]:
        """The finding as JSON holds it."""
        return asdict(self)


@dataclass(frozen=True)
class Examined:
    """What came of looking at results: findings, and the causality proofs of those that were put to one."""

    findings: list[Finding]
    proofs: list[Proof]


def rule(function: Rule) -> Rule:
    """A rule that finds one thing: its docstring begins "CODE: meaning." and becomes an entry of MEANINGS."""
    code, meaning = (function.__doc__ or "").splitlines()[0].split(": ", 1)
    MEANINGS.setdefault(code, f"{meaning[0].upper()}{meaning[1:]}")
    return function


def findings(
    results: Sequence[Result], start: pd.Timestamp | None = None, end: pd.Timestamp | None = None
) -> list[Finding]:
    """All findings on `results`; see `examined`."""
    return examined(results, start, end).findings


def examined(
    results: Sequence[Result],
    start: pd.Timestamp | None = None,
    end: pd.Timestamp | None = None,
    cuts: int = QUICK_CUTS,
) -> Examined:
    """All findings on `results`, of a run that was asked for from `start` to `end`, and the proofs made for them.

    cuts : at so many moments the causality proof takes each strategy's future away
    Raises LookAhead for a strategy that it finds out: its numbers are not worth printing.
    """
    found, proofs = _window_cut(results[0], start, end) + _short_window(results[0]) + _unknown_cash(results[0]), []
    for result in results:
        proof = _proof(result, cuts)
        if isinstance(proof, Proof):
            proofs.append(proof)
        found += _unproven(result, proof)
        found += _unknown_signals(result) + _few_decisions(result) + _no_fills(result)
        found += _ruined(result) + _depleted(result) + _liquidated(result) + _leveraged(result) + _funding_heavy(result)
    return Examined(found + _final_values(results), proofs)


def _proof(result: Result, cuts: int) -> Proof | EbbtideError | None:
    """The proof, or why there is none; None where none is needed. Raises LookAhead for what it finds out."""
    if result.manifest["engine"] == "events":  # it shows a signal nothing but its past
        return None
    try:
        window = result.tape.opens.index[0], result.tape.known_at[-1]
        turns, perps = turns_of(result.decisions), result.execution.perps
        proof = prove(result.strategy, result.market, cuts, window=window, turns=turns, perps=perps)
    except EbbtideError as error:
        return error
    proof.require()
    return proof


@rule
def _unproven(result: Result, proof: Proof | EbbtideError | None) -> list[Finding]:
    """UNPROVEN: the causality proof could not be run, so look-ahead is not ruled out."""
    if not isinstance(proof, EbbtideError):
        return []
    return [Finding("UNPROVEN", result.name, f"the causality proof could not be run: {proof}")]


@rule
def _window_cut(result: Result, start: pd.Timestamp | None, end: pd.Timestamp | None) -> list[Finding]:
    """WINDOW_CUT: the bars do not reach as far as was asked."""
    first, last = result.equity.index[0], result.equity.index[-1]
    cut = []
    if start is not None and first - start >= result.tape.length:
        cut.append(f"asked for from {start:%Y-%m-%d}, but bars begin {first:%Y-%m-%d %H:%M}")
    if end is not None and end - last >= result.tape.length:
        cut.append(f"asked for until {end:%Y-%m-%d %H:%M}, but bars end {last:%Y-%m-%d %H:%M}")
    return [Finding("WINDOW_CUT", "", sentence) for sentence in cut]


@rule
def _unknown_signals(result: Result) -> list[Finding]:
    """SIGNAL_UNKNOWN: for part of the window a signal is not known or too old, so there is no decision."""
    times = result.tape.known_at
    found = []
    for name, signal in result.strategy.signals().items():
        unknown = np.isnan(values_at(signal, result.market, times.asi8))
        if unknown.mean() > TOLERATED and name not in result.strategy.can_miss():
            known = times[~unknown]
            span = f"{known[0]:%Y-%m-%d} to {known[-1]:%Y-%m-%d}" if len(known) else "only within bars"
            sentence = (
                f"signal {name} ({type(signal).__name__}) is unknown at {unknown.mean():.0%} of the bars' ends "
                f"(known {span}); meanwhile the book is left as it is"
            )
            found.append(Finding("SIGNAL_UNKNOWN", result.name, sentence))
    return found


@rule
def _unknown_cash(result: Result) -> list[Finding]:
    """CASH_UNKNOWN: for part of the window the rate of idle cash is not known or too old, so idle cash earns nothing.

    Excess returns are then over nothing: too high where rates are above zero.
    """
    series, opens = result.execution.cash, result.tape.opens.index
    if series == "0":
        return []
    unknown = np.isnan(known_rate(result.market, series, opens))
    if unknown.mean() <= TOLERATED:
        return []
    known, age = opens[~unknown], result.market.max_age(series) / pd.Timedelta(days=1)
    span = f"known {known[0]:%Y-%m-%d} to {known[-1]:%Y-%m-%d}" if len(known) else "never known"
    sentence = (
        f"{series}, the rate of idle cash, is unknown at {unknown.mean():.0%} of the bars' opens ({span}; "
        f"a value counts for {age:g} day{'' if age == 1 else 's'}); meanwhile idle cash earns nothing"
    )
    return [Finding("CASH_UNKNOWN", "", sentence)]


@rule
def _final_values(results: Sequence[Result]) -> list[Finding]:
    """FINAL_VALUES: series hold what was known in the end, not what was first published."""
    sources = {need: told for result in results for need, told in result.manifest["sources"].items()}
    final = sorted(need for need, told in sources.items() if FINAL in told)
    if not final:
        return []
    sentence = (
        f"{', '.join(final)} came without a FRED key: final values, dated by their release rules; what was revised "
        "since is not told apart from what was first published"
    )
    return [Finding("FINAL_VALUES", "", sentence)]


@rule
def _short_window(result: Result) -> list[Finding]:
    """SHORT_WINDOW: what is annualised speaks of a year that did not happen."""
    if result.years >= SHORT_YEARS:
        return []
    days = result.years * 365
    return [Finding("SHORT_WINDOW", "", f"the window has {days:.0f} days; annual numbers extrapolate from it")]


@rule
def _no_fills(result: Result) -> list[Finding]:
    """NO_FILLS: not one order was filled, so the result is that of cash."""
    if len(result.trades):
        return []
    largest, execution = result.decisions.abs().sum(axis=1).max(), result.execution
    sentence = (
        f"no order was filled: the largest exposure decided was {largest:.0%} of ${execution.capital:,.0f}, "
        f"and orders below ${execution.min_notional:,.0f} are not sent"
    )
    return [Finding("NO_FILLS", result.name, sentence)]


@rule
def _few_decisions(result: Result) -> list[Finding]:
    """FEW_DECISIONS: so few decisions that luck explains any result; trades back to a standing target do not count."""
    changed = int((result.decisions.diff().abs().max(axis=1) > ROUNDING).sum()) + min(len(result.decisions), 1)
    if not result.strategy.signals() or changed >= FEW_DECISIONS:
        return []
    back = len(result.decisions) - changed
    what = f" (beside {back} trade{'s' * (back != 1)} back to an unchanged target)" if back else ""
    said = f"1 decision{what} is" if changed == 1 else f"{changed} decisions{what} are"
    sentence = f"{said} too few to tell skill from luck; read the numbers as one story, not as evidence"
    return [Finding("FEW_DECISIONS", result.name, sentence)]


@rule
def _ruined(result: Result) -> list[Finding]:
    """RUINED: a liquidation left nothing of the book."""
    if result.ruined_at is None:
        return []
    last = result.liquidations.iloc[-1]
    bar, short = result.ruined_at - result.tape.length, float(last["shortfall"])
    gap = "prices went through the margin, and nothing was left of the book"
    dear = "what was left of the book did not pay for closing it"  # all closed at the margin, and that is what it was
    bore = f"{dear if last['moment'] == RANGE else gap}; the venue bore ${short:,.0f}"
    found = bore if short >= 0.5 else "closing everything cost all that was left of the book"
    sentence = f"in the bar of {bar:%Y-%m-%d %H:%M} {found}, and equity is 0 from then on"
    return [Finding("RUINED", result.name, sentence)]


@rule
def _depleted(result: Result) -> list[Finding]:
    """DEPLETED: losses left less than 1 % of the capital, or so little that orders are too small to be sent."""
    equity, execution, trades = result.equity, result.execution, result.trades["open_time"]
    if result.ruined_at is not None or trades.empty:
        return []
    nothing, least = DEPLETED * execution.capital, execution.min_notional / float(result.decisions.abs().max(axis=None))
    later = result.decisions.index > trades.iloc[-1]
    unsent = bool((later & (result.decisions.index < result.tape.known_at[-1])).any())
    limit = max(nothing, least) if unsent and least <= execution.capital else nothing
    if equity.iloc[-1] >= limit:
        return []
    since = int(np.flatnonzero(equity >= limit)[-1])  # as many bars ended before the first one below for good
    too_small = f"the ${limit:,.0f} from which an order of ${execution.min_notional:,.0f} can come"
    why = f"{DEPLETED:.0%} of the capital" if limit == nothing else too_small
    sentence = (
        f"since the bar of {result.tape.opens.index[since]:%Y-%m-%d %H:%M} equity has been below {why}; "
        f"${equity.iloc[-1]:,.2f} is left, and no order was filled after the bar of {trades.iloc[-1]:%Y-%m-%d %H:%M}"
    )
    return [Finding("DEPLETED", result.name, sentence)]


@rule
def _liquidated(result: Result) -> list[Finding]:
    """LIQUIDATED: the venue closed the whole book, because its equity met the maintenance margin."""
    found = liquidations(result)
    if found.empty:
        return []
    lost, worst = found["lost"], found["lost"].idxmax()
    which = "the worst of them" if result.ruined_at is None else "the last of them"
    many = f"in {len(found)} bars, first in that of {found.index[0]:%Y-%m-%d %H:%M}; {which}"
    when = many if len(found) > 1 else "once"
    took = f"{'' if len(found) > 1 else 'which '}took {lost[worst]:.0%} of equity"
    sentence = (
        f"the book was liquidated {when}, in the bar of {worst:%Y-%m-%d %H:%M}, {took}; "
        f"forced closes cost ${found['costs'].sum():,.0f} in fees and slippage"
    )
    return [Finding("LIQUIDATED", result.name, sentence)]


@rule
def _leveraged(result: Result) -> list[Finding]:
    """LEVERAGED: a day such as 12 March 2020, when bitcoin fell by about 40 %, would have liquidated the book."""
    if not result.execution.perps or (highest := result.metrics["leverage"]) == 0:
        return []
    # Equity 1, notional L, all of it d worse: a short has 1 - L d = m L (1 + d); a long meets its margin a bit later.
    margin = result.execution.maintenance_margin
    distance = max((1 / highest - margin) / (1 + margin), 0.0)
    if distance >= WORST_DAY:
        return []
    meet = f"prices that move {distance:.0%} against all of them meet the maintenance margin"
    met = f"a move of {distance:.0%} against all of them was enough to meet the maintenance margin"
    sentence = f"positions were up to {highest:.1f} times equity: {meet if result.liquidations.empty else met}"
    return [Finding("LEVERAGED", result.name, sentence)]


@rule
def _funding_heavy(result: Result) -> list[Finding]:
    """FUNDING_HEAVY: funding took more than a quarter of what the book would have grown without it."""
    if result.ruined_at is not None or result.payments.empty:
        return []
    before = result.equity.to_numpy()[:-1]
    alone = result.bar_returns - result.funding.sum(axis=1) / before
    if (alone <= -1).any():  # funding that was received alone kept it alive
        return []
    grown, without = (float(np.log1p(returns).sum()) for returns in (result.bar_returns, alone))
    if without <= 0 or without - grown <= FUNDING_SHARE * without:
        return []
    years, over = (result.years, "a year") if result.years >= SHORT_YEARS else (1.0, "over the window")
    sentence = (
        f"without funding, taken out bar by bar from the same positions, it would have grown "
        f"{np.expm1(without / years):.1%} {over}; with it {np.expm1(grown / years):z.1%}"
    )
    return [Finding("FUNDING_HEAVY", result.name, sentence)]


# The codes that every run is checked for.
CHECKED = tuple(MEANINGS)
