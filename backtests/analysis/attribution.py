"""Where the return came from: the states of the world, the releases that set off decisions, the signals of a rule.

Log returns are split, for they add up: those of all rows make the log of one plus the total return; for a book that was
ruined that is minus infinity, of which no row has a share. With perpetuals funding is part of every return. All of it
describes the window that was; none of it says what a state, a release or a signal will be worth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from backtests.analysis.regimes import REGIMES, UNKNOWN, Regime, States, regimes_at_open
from backtests.analysis.worth import log_growth, worth_at_opens
from backtests.backtest import entries
from backtests.decisions import Asked, ask, asked, moves, rebalance_days
from backtests.entries import Entries
from backtests.execution import Execution
from backtests.metrics import ROUNDING, bars_per_year, sharpe, total_return
from backtests.result import Result
from backtests.simulate import Account, order_sizes
from backtests.tape import CASH, YEAR, Tape
from data_cache.errors import EbbtideError
from signals.signal import values_at
from strategies.strategy import Now, path_dependent

# What a few days returned says nothing of a year.
SHORTEST_YEARS = 30 / 365

WINDOW = ("window", "all")
# Triggers that are no release.
BEFORE, START, NOTHING_NEW = "before the first decision filled", "start of the window", "nothing new"
JOINED = " + "


def by_regime(result: Result, regimes: Sequence[Regime] = REGIMES, states: States | None = None) -> pd.DataFrame:
    """What was earned in each state: a row per (regime, state), and one of the whole window, ("window", "all").

    What is earned from one open to the next, over missing bars too, belongs to the state known at the first of the two,
    the last moment at which a decision could still fill there. The last of these stretches ends with the last bar.
    states : what `regimes_at_open(result, regimes)` answers, where another result of the same bars has asked already
    Columns: time (share of it), log_return, share (of the whole log return), annual_return, sharpe, exposure (mean over
    time), and benchmark_log_return, benchmark_annual_return, benchmark_sharpe in the same bars.
    Definitions are those of the metrics: annual growth by elapsed time, Sharpe by excess over cash and bars per year;
    the window's Sharpe ratios are the metrics' own, of bar ends.
    NaN where undefined: no bar in the state, a whole return of zero, no benchmark; annual return and Sharpe ratio also
    where the state lasted less than 30 days in all, and for a book that was ruined, whatever it earned in other states.
    Rows of each regime add up: time to 1, log returns to the total.
    """
    bars, states = _bars(result), states or regimes_at_open(result, regimes)
    rows = {}
    for regime in states.regimes:
        known = states.frame[regime.name]
        for state in [*reversed(regime.states), UNKNOWN]:
            of_state = bars[(known == state).to_numpy()]
            if state != UNKNOWN or len(of_state):
                rows[regime.name, state] = _earned(result, of_state)
    rows[WINDOW] = _earned(result, bars) | _whole_sharpes(result)
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(rows, names=["regime", "state"])
    table.insert(2, "share", _shares(table["log_return"], result))
    return table


def by_trigger(result: Result, causes: pd.DataFrame) -> pd.DataFrame:
    """What was earned after decisions, by what had become known when they were taken; longest time first.

    causes : what `backtests.analysis.causes.causes(result)` answers; its columns decision and need are read
    From the open at which a decision filled to the open at which the next one did, the cost of the first included.
    Decisions filled at one open count as the last of them. Needs known at one moment stand together, joined by " + ".
    Columns: decisions (that filled), time (share of it), log_return, share (of the whole), exposure (mean over time).
    Rows add up: time to 1, log returns to the window's.
    """
    entries, decided = _fills(result)
    triggers = [BEFORE, *_triggers(result, causes, decided)]
    bounds = np.concatenate([[0], entries, [len(result.tape.opens)]])
    worth = worth_at_opens(result)
    cumulated = np.concatenate([[[0.0, 0.0]], np.cumsum(_held(result), axis=0)])
    years, exposed = np.diff(cumulated[bounds], axis=0).T
    stretches = pd.DataFrame(
        {
            "decisions": np.append(0, np.ones(len(entries), int)),
            "time": years / result.years,
            "log_return": log_growth(worth[bounds]),
            "exposure": exposed / result.years,
        }
    )
    table = stretches.groupby(pd.Index(triggers, name="trigger"), sort=False).sum()
    table = table[(table["time"] > 0) | (table["decisions"] > 0)].sort_values("time", ascending=False, kind="stable")
    table["exposure"] /= table["time"].where(table["time"] > 0)
    table.insert(3, "share", _shares(table["log_return"], result))
    return table


def unfilled(result: Result) -> tuple[int, int]:
    """How many decisions a later one overtook before they could fill, and how many no bar opened for any more.

    With those that `by_trigger` counts they make all decisions.
    """
    rows = result.execution.fill_rows(result.decisions.index.asi8, result.tape.open_times)
    late = int((rows >= len(result.tape.open_times)).sum())
    return len(rows) - late - len(_fills(result)[0]), late


def by_signal(result: Result) -> pd.DataFrame:
    """What each signal added to the result: the rule asked again with that one held at its median.

    A description and not a backtest: the median is that of the whole window (at bar ends), which nobody knew in it.
    The parts need not add up, for signals work together. Same tape, execution and moments at which the rule is asked.
    Columns: median, total_return and sharpe without the signal, total_return_added and sharpe_added (the result's less
    those), decisions; a row per signal. NaN where it cannot be told: a rule that looks at its own book, a signal never
    known, a rule that fails on the median or decides nothing.
    """
    names = list(result.strategy.signals())
    held = {} if path_dependent(result.strategy) else _held_at_median(result)
    rows = [held.get(name, _Without()) for name in names]
    table = pd.DataFrame([vars(row) for row in rows], index=pd.Index(names, name="signal"), columns=_COLUMNS)
    table.insert(3, "total_return_added", total_return(result) - table["total_return"])
    table.insert(4, "sharpe_added", sharpe(result) - table["sharpe"])
    return table


@dataclass(frozen=True)
class _Without:
    median: float = float("nan")
    total_return: float = float("nan")
    sharpe: float = float("nan")
    decisions: float = float("nan")


_COLUMNS = list(vars(_Without()))


def _held_at_median(result: Result) -> Mapping[str, _Without]:
    strategy, market, tape = result.strategy, result.market, result.tape
    try:
        on = asked(strategy, market, tape)
    except EbbtideError:
        return {}
    rows = {}
    for name, signal in strategy.signals().items():
        median = _median(values_at(signal, market, tape.known_at.asi8))
        if not np.isnan(median):
            held = {name: np.full(len(on.at), median)}
            rows[name] = _rerun(result, replace(on, values={**on.values, **held}), median)
    return rows


def _rerun(result: Result, on: Asked, median: float) -> _Without:
    strategy, execution, tape = result.strategy, result.execution, result.tape
    try:
        weights = ask(strategy, Now(on.at, on.values))
        schedule = rebalance_days(strategy, execution)
        moved, rows = moves(strategy, on, weights, tape.assets, execution.band, schedule, execution.gross_limit)
    except EbbtideError:
        return _Without(median)
    if not len(moved):
        return _Without(median)
    decisions = pd.DataFrame(rows, index=on.at[moved], columns=tape.assets)
    entered = vars(_entered(decisions, tape, execution))
    other = replace(result, decisions=decisions, benchmark=None, **entered)
    return _Without(median, total_return(other), sharpe(other), len(decisions))


def _entered(decisions: pd.DataFrame, tape: Tape, execution: Execution) -> Entries:
    if execution.perps:
        return entries(decisions, tape, execution)
    # Order by order, as the event engine does: a Portfolio of hourly bars takes ten times as long, per signal.
    account, sizes = Account(tape, execution), order_sizes(decisions, tape, execution).to_numpy()
    for row in np.flatnonzero(~np.isnan(sizes).all(axis=1)).tolist():
        account.trade(row, sizes[row])
    return account.entries()


def _median(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else float("nan")


def _bars(result: Result) -> pd.DataFrame:
    """A row per bar, from its open to the next one's: years, log return, excess return, exposure; the benchmark's."""
    years, exposed = _held(result).T
    log_return, cash = log_growth(worth_at_opens(result)), _cash_between_opens(result.tape)
    frame = {"years": years, "log_return": log_return, "excess": np.expm1(log_return) - cash, "exposed": exposed}
    if result.benchmark is not None:
        at = result.tape.opens.index.append(result.equity.index[-1:])
        frame["benchmark_log_return"] = log_growth(_worth_at(result.benchmark, at))
        frame["benchmark_excess"] = np.expm1(frame["benchmark_log_return"]) - cash
    return pd.DataFrame(frame)


def _cash_between_opens(tape: Tape) -> np.ndarray:
    """What a deposit earned from each bar's open to the next one's, from the last one's to its end."""
    if CASH not in tape.opens:
        return np.zeros(len(tape.opens))
    price = np.append(tape.opens[CASH].to_numpy(), tape.closes[CASH].iloc[-1])
    return np.asarray(price[1:] / price[:-1] - 1)


def _worth_at(result: Result, times: pd.DatetimeIndex) -> np.ndarray:
    """What a book is worth at `times`: at its opens before it trades, else at the last end of a bar of its own."""
    opens = pd.Series(worth_at_opens(result)[:-1], result.tape.opens.index)
    marks = pd.concat([result.equity, opens]).sort_index(kind="stable")
    return np.asarray(marks[~marks.index.duplicated(keep="last")].reindex(times, method="ffill"))


def _held(result: Result) -> np.ndarray:
    """Years from each bar's open to the next one's, and the same times the exposure held; shape (n_bars, 2)."""
    # What is held in a bar is held until the next open, where it can be traded again.
    years = np.diff(result.tape.open_times, append=result.tape.known_at[-1].value) / YEAR.value
    return np.column_stack([years, years * result.exposure.to_numpy()])


def _whole_sharpes(result: Result) -> dict[str, float]:
    if result.years < SHORTEST_YEARS - ROUNDING:
        return {}
    own = {"sharpe": sharpe(result)}
    return own if result.benchmark is None else own | {"benchmark_sharpe": sharpe(result.benchmark)}


def _earned(result: Result, bars: pd.DataFrame) -> dict[str, float]:
    years, per_year = bars["years"].sum(), bars_per_year(result)
    row = {"time": years / result.years} | _growth(bars, "", years, per_year)
    if result.ruined_at is not None:
        row |= {"annual_return": float("nan"), "sharpe": float("nan")}
    row["exposure"] = bars["exposed"].sum() / years if years > 0 else float("nan")
    if "benchmark_excess" in bars:
        return row | _growth(bars, "benchmark_", years, per_year)
    return row | {f"benchmark_{name}": float("nan") for name in ("log_return", "annual_return", "sharpe")}


def _growth(bars: pd.DataFrame, whose: str, years: float, per_year: float) -> dict[str, float]:
    log_return, excess = bars[f"{whose}log_return"].sum(), bars[f"{whose}excess"].dropna().to_numpy()
    annual, ratio = float("nan"), float("nan")
    if years >= SHORTEST_YEARS - ROUNDING:
        annual = np.expm1(log_return / years)
        spread = excess.std(ddof=1) if len(excess) > 1 else 0.0
        ratio = excess.mean() / spread * np.sqrt(per_year) if spread > ROUNDING else float("nan")
    return {f"{whose}log_return": log_return, f"{whose}annual_return": annual, f"{whose}sharpe": ratio}


def _shares(log_returns: pd.Series, result: Result) -> pd.Series:
    whole = np.log1p(total_return(result)) if result.ruined_at is None else 0.0
    return log_returns / whole if abs(whole) > ROUNDING else pd.Series(float("nan"), log_returns.index)


def _fills(result: Result) -> tuple[np.ndarray, np.ndarray]:
    """The bars at whose open decisions filled, and the position of the (last) decision that each filled."""
    rows = result.execution.fill_rows(result.decisions.index.asi8, result.tape.open_times)
    last = np.append(rows[1:] != rows[:-1], True) & (rows < len(result.tape.open_times))
    return rows[last], np.flatnonzero(last)


def _triggers(result: Result, causes: pd.DataFrame, decided: np.ndarray) -> list[str]:
    known: dict[int, set[str]] = {}
    for decision, need in zip(causes["decision"].tolist(), causes["need"].tolist(), strict=True):
        known.setdefault(decision, set()).add(need)
    at_start = result.decisions.index <= result.tape.opens.index[0]
    without = [START if early else NOTHING_NEW for early in at_start.tolist()]
    return [JOINED.join(sorted(known[i])) if i in known else without[i] for i in decided.tolist()]
