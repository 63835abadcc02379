"""A backtest: a strategy, a market, conditions of trading, a window, an engine."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from backtests.decisions import decide, rebalance_days, traded_assets
from backtests.entries import Entries
from backtests.events import EventRun
from backtests.execution import Execution
from backtests.manifest import benchmark_entries, manifest
from backtests.result import Result
from backtests.simulate import portfolio_fills, simulate
from backtests.tape import Tape, build_tape
from data_cache.errors import BadUsage, NoData
from data_cache.market import Market
from strategies.strategy import Strategy, path_dependent

Watch = Callable[[Sequence[Strategy]], Iterable[Strategy]]

ENGINES = ("auto", "vector", "events")


@dataclass(frozen=True)
class Backtest:
    """One strategy on one market; `run()` gives the Result.

    start, end : UTC; the first bar opens at or after start, the last one ends by end; None for all there is
    engine : "events", "vector", or "auto": vector unless the strategy looks at its own book
    benchmark : a strategy run beside it, bought at spot even where positions are perpetuals; None for none
    """

    strategy: Strategy
    market: Market
    execution: Execution = Execution()
    start: pd.Timestamp | None = None
    end: pd.Timestamp | None = None
    engine: str = "auto"
    benchmark: Strategy | None = None

    def run(self) -> Result:
        """Run it. Raises BadUsage, NoData, BadData or StrategyFailed with a sentence that names the cure."""
        engine = self._engine()
        tape = self._tape()
        decisions, entries = (self._events if engine == "events" else self._vector)(tape)
        if len(decisions) == 0:
            raise nothing_decided(self.strategy)
        asked = self.start, self.end
        about = manifest(self.strategy, self.market, tape, self.execution, engine, self.benchmark, asked=asked)
        return Result(
            self.strategy,
            self.execution,
            self.market,
            tape,
            decisions,
            entries.fills,
            about,
            self._benchmark_result(),
            payments=entries.payments,
            liquidations=entries.liquidations,
        )

    def _tape(self) -> Tape:
        for name, moment in (("start", self.start), ("end", self.end)):
            if moment is not None and moment.tz is None:
                raise BadUsage(f"{name} must have a timezone; found {moment}: write pd.Timestamp(..., tz='UTC')")
        assets = traded_assets(self.strategy, self.market)
        return build_tape(self.market, assets, self.start, self.end, self.execution.cash, self.execution.perps)

    def _vector(self, tape: Tape) -> tuple[pd.DataFrame, Entries]:
        execution = self.execution
        rebalance = rebalance_days(self.strategy, execution)
        decisions = decide(self.strategy, self.market, tape, execution.band, rebalance, execution.gross_limit)
        return decisions, entries(decisions, tape, execution)

    def _events(self, tape: Tape) -> tuple[pd.DataFrame, Entries]:
        run = EventRun(self.strategy, self.market, tape, self.execution).run()
        return run.decisions, run.account.entries()

    def _benchmark_result(self) -> Result | None:
        if self.benchmark is None:
            return None
        return run_benchmark(self.benchmark, self.market, self.execution, self.start, self.end)

    def _engine(self) -> str:
        if self.engine not in ENGINES:
            raise BadUsage(f"there is no engine {self.engine!r}; choose one of {', '.join(ENGINES)}")
        looks_at_book = path_dependent(self.strategy)
        if self.engine == "vector" and looks_at_book:
            raise BadUsage(f"{self.strategy!r} looks at its own book; only --engine events can run it")
        if self.engine != "auto":
            return self.engine
        return "events" if looks_at_book else "vector"


def entries(decisions: pd.DataFrame, tape: Tape, execution: Execution) -> Entries:
    """What decisions laid out at once come to: vectorbt's fills, or with perpetuals those of the margin kernel."""
    if not execution.perps:
        return Entries(portfolio_fills(simulate(decisions, tape, execution), tape))
    from backtests.perpetuals.kernel import MarginKernel  # Numba takes a second to load

    return MarginKernel(tape, execution).entries(decisions)


def run_benchmark(
    benchmark: Strategy,
    market: Market,
    execution: Execution,
    start: pd.Timestamp | None = None,
    end: pd.Timestamp | None = None,
) -> Result:
    """The benchmark in the same window and at the same costs, bought at spot even where positions are perpetuals.

    Buying is what an investor could do instead; holding a perpetual costs funding, and flatters whoever is beside it.
    Raises BadUsage for a benchmark that is short or leveraged.
    """
    try:
        return Backtest(benchmark, market, execution.spot, start, end).run()
    except BadUsage as error:
        if not execution.perps or "perpetuals" not in str(error):
            raise
        beyond = str(error).partition(";")[0]
        raise BadUsage(
            f"a benchmark is bought at spot, with --perps too, and {beyond}; "
            "run it beside the strategy: ebbtide compare STRATEGY BENCHMARK --perps"
        ) from error


def nothing_decided(strategy: Strategy) -> NoData:
    """What to say of a strategy that never decided."""
    return NoData(f"{strategy!r} decided nothing: its weights are NaN throughout the window")


def compare(
    strategies: Sequence[Strategy],
    market: Market,
    execution: Execution = Execution(),
    start: pd.Timestamp | None = None,
    end: pd.Timestamp | None = None,
    engine: str = "auto",
    benchmark: Strategy | None = None,
    watch: Watch = iter,
) -> list[Result]:
    """Each of `strategies` on the same market, window and conditions, with one benchmark beside them.

    watch : what the strategies are taken through one by one, such as a progress bar
    """
    shared = run_benchmark(benchmark, market, execution, start, end) if benchmark else None
    runs = [Backtest(strategy, market, execution, start, end, engine).run() for strategy in watch(strategies)]
    about = benchmark_entries(benchmark)
    return [replace(result, benchmark=shared, manifest=result.manifest | about) for result in runs]
