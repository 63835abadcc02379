"""The event engine, the truth: time passes, things become known, the strategy is asked, orders fill at the open."""

from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from backtests.decisions import Target, answers, check_signals, event_times, rebalance_days, require_known
from backtests.execution import Execution
from backtests.perpetuals.account import MarginAccount
from backtests.simulate import Account, order_sizes, target_sizes
from backtests.tape import CASH, Tape
from data_cache.errors import EbbtideError, StrategyFailed
from data_cache.market import Market
from signals.signal import Signal, evaluate, values_at
from strategies.strategy import Book, Now, Strategy, Weights, path_dependent

UNKNOWN = np.float64(np.nan)
_NO_BOOK = Book(equity=np.nan, peak=np.nan, weights={})


class Watch:
    """The signals as time passes: evaluated anew, on the past alone, once something they read has become known."""

    def __init__(self, signals: Mapping[str, Signal], optional: Sequence[str], market: Market, start: int) -> None:
        self._signals = signals
        self._optional = set(optional)
        self._market = market
        needs = {need for signal in signals.values() for need in signal.reads}
        self._news = _news(market, needs, start)
        self._newest = {need: _newest(market, need, start) for need in needs}
        self._max_age = {n: market.max_age(n).value for n in needs if len(market.known_times(n))}
        self._outdated = set(signals)
        self._values: dict[str, np.float64] = {}
        self.never_known = set(signals) - self._optional

    def values(self, at: int) -> dict[str, np.float64] | None:
        """The signals' values at `at`, which may not go back; None while one that the rule needs is unknown.

        What is too old is unknown, NaN. A signal is not evaluated before its value is wanted.
        """
        for need in self._news.get(at, ()):
            self._newest[need] = at
            self._outdated |= {name for name, signal in self._signals.items() if need in signal.reads}
        fresh = {name for name, signal in self._signals.items() if self._fresh(signal, at)}
        if not fresh.issuperset(self._signals.keys() - self._optional):
            return None
        values = {name: self._value(name, at) if name in fresh else UNKNOWN for name in self._signals}
        known = {name for name, value in values.items() if not np.isnan(value)}
        self.never_known -= known
        return values if known.issuperset(self._signals.keys() - self._optional) else None

    def _value(self, name: str, at: int) -> np.float64:
        if name in self._outdated:
            past = evaluate(self._signals[name], self._market, until=pd.Timestamp(at, tz="UTC"))
            self._values[name] = np.float64(past.iloc[-1]) if len(past) else UNKNOWN
            self._outdated.discard(name)
        return self._values[name]

    def _fresh(self, signal: Signal, at: int) -> bool:
        return all(self._young(need, at) for need in signal.needs) and (
            not signal.one_of or any(self._young(need, at) for need in signal.one_of)
        )

    def _young(self, need: str, at: int) -> bool:
        newest = self._newest[need]
        return newest is not None and at - newest <= self._max_age[need]


class EventRun:
    """One run of a strategy through the events of a market; `decisions` and `account` are what comes of it."""

    def __init__(self, strategy: Strategy, market: Market, tape: Tape, execution: Execution) -> None:
        self._strategy = strategy
        self._tape = tape
        self._execution = execution
        self._times = event_times(strategy, market, tape)
        self._signals = check_signals(strategy, market)
        self._watch = Watch(self._signals, strategy.can_miss(), market, int(self._times[0]))
        self._market = market
        rebalance = rebalance_days(strategy, execution)
        self._target = Target(execution.band, rebalance, int(self._times[0]))
        self._last_answer: Weights | None = None
        self._pending: deque[tuple[int, np.ndarray]] = deque()
        self._looks_at_book = path_dependent(strategy)
        self._closed, self._traded = 0, -1  # the first bar not marked at its close; the last one traded in
        self._peak = execution.capital
        self._decided: list[tuple[int, np.ndarray]] = []
        self.account: Account | MarginAccount = (MarginAccount if execution.perps else Account)(tape, execution)

    def run(self) -> "EventRun":
        """Walk all events in the order in which they became known."""
        if CASH in self._tape.opens:
            self._pending.append((0, order_sizes(self.decisions, self._tape, self._execution).to_numpy()[0]))
        for at in self._times.tolist():
            self._fill(before=at)
            values = self._watch.values(at)
            book = self._book(at) if self._looks_at_book else _NO_BOOK
            if values is not None:
                self._ask(at, values, book)
        self._fill(before=self._tape.known_at[-1].value)
        suspects = {name: s for name, s in self._signals.items() if name in self._watch.never_known}
        unknown = {name: values_at(s, self._market, self._times) for name, s in suspects.items()}
        require_known(self._strategy, self._market, self._tape, unknown)
        return self

    @property
    def decisions(self) -> pd.DataFrame:
        """The decisions so far: target weights indexed by `at`."""
        at = pd.DatetimeIndex([at for at, _ in self._decided], tz="UTC", name="at").as_unit("ns")
        weights = np.array([w for _, w in self._decided]).reshape(-1, len(self._tape.assets))
        return pd.DataFrame(weights, index=at, columns=self._tape.assets)

    def _ask(self, at: int, values: Mapping[str, np.float64], book: Book) -> None:
        moment = pd.Timestamp(at, tz="UTC")
        weights = self._answer(moment, Now(moment, values), book)
        if weights is None or (weights == self._last_answer and at < self._target.due):
            return
        limit = self._execution.gross_limit
        row = answers(self._strategy, weights, self._tape.assets, pd.DatetimeIndex([moment]), limit)[0]
        self._last_answer = dict(weights)
        if self._target.moves(at, row):
            self._decided.append((at, row))
            bar = int(self._execution.fill_rows(np.array([at]), self._tape.open_times)[0])
            self._pending.append((bar, target_sizes(row[None, :], self._tape, self._execution)[0]))

    def _answer(self, moment: pd.Timestamp, now: Now, book: Book) -> Weights | None:
        try:
            return self._strategy.on_event(moment, now, book)
        except EbbtideError:
            raise
        except (Exception, SystemExit) as error:
            raise StrategyFailed(f"{self._strategy!r} failed at {moment}: {type(error).__name__}: {error}") from error

    def _fill(self, before: int) -> None:
        """Trade what is due at bars that opened before `before`; of several decisions for one bar the last counts."""
        opened = int(self._tape.open_times.searchsorted(before))
        while self._pending and self._pending[0][0] < opened:
            bar, targets = self._pending.popleft()
            if not (self._pending and self._pending[0][0] == bar):
                self._trade(bar, targets)
        self.account.pass_until(before)

    def _trade(self, bar: int, targets: np.ndarray) -> None:
        filled = len(self.account.fills)
        self.account.trade(bar, targets)
        if len(self.account.fills) > filled:  # who traded at an open knows its prices
            self._traded = bar
            self._peak = max(self._peak, self.account.value(self._tape.opens.to_numpy()[bar]))

    def _book(self, at: int) -> Book:
        closes, opens = self._tape.closes.to_numpy(), self._tape.opens.to_numpy()
        ended = int(self._tape.known_at.asi8.searchsorted(at, side="right"))
        for row in range(self._closed, ended):
            self._peak = max(self._peak, self.account.value(closes[row]))
        self._closed = ended
        if self._traded < ended == 0:
            return Book(self._execution.capital, self._peak, dict.fromkeys(self._tape.assets, 0.0))
        prices = opens[ended] if self._traded == ended else closes[ended - 1]
        equity = self.account.value(prices)
        worth = {
            n: u * p / equity if equity > 0 else 0.0
            for n, u, p in zip(self._tape.opens.columns, self.account.units, prices, strict=True)
        }
        return Book(equity, self._peak, {asset: worth[asset] for asset in self._tape.assets})


def _news(market: Market, needs: set[str], start: int) -> dict[int, set[str]]:
    news: dict[int, set[str]] = {}
    for need in needs:
        for at in market.known_times(need).tolist():
            if at > start:
                news.setdefault(at, set()).add(need)
    return news


def _newest(market: Market, need: str, at: int) -> int | None:
    known = market.known_times(need)
    row = int(known.searchsorted(at, side="right")) - 1
    return int(known[row]) if row >= 0 else None
