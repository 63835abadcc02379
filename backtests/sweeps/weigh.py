"""From the table of all trials to what can be said of the best of them: the judge, the statistics, the findings."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from backtests.backtest import run_benchmark
from backtests.findings import findings
from backtests.ledger import RATIO, Ledger, trials_behind
from backtests.manifest import manifest
from backtests.metrics import bars_per_year
from backtests.perpetuals.kernel import kernel_of
from backtests.result import Result
from backtests.sweeps.evidence import Evidence
from backtests.sweeps.findings import findings_of
from backtests.sweeps.folder import SweepFolder
from backtests.sweeps.grid import Parameters
from backtests.sweeps.judge import again, finalists, judge
from backtests.sweeps.orders import Orders, lay_out, pack
from backtests.sweeps.plan import Plan
from backtests.sweeps.rotation import rotated
from backtests.sweeps.runner import FastPath
from backtests.sweeps.swept import Sweep, parameters_of
from backtests.sweeps.trial_table import RUINED
from backtests.sweeps.trials import Watching
from backtests.sweeps.verdict import verdict
from data_cache.errors import BadData, NoData
from strategies.strategy import path_dependent

# The placebo takes so many trials, evenly spread: the best are not added, for they were chosen by what they did at the
# right time.
PLACEBO_TRIALS, SIMULATED_FOR_PLACEBO = 500, 25
ENGINES = {False: "kernel", True: "events"}


def weigh(plan: Plan, table: pd.DataFrame, stored: SweepFolder, ledger: Ledger, watch: Watching) -> Sweep:
    """Let the judge run some again, count the ledger's trials, and say what the best of `table` is worth.

    watch(done, total) : called as the statistics are made
    Raises NoData where no trial has a score, CheckFailed where the judge disagrees.
    """
    scores = pd.Series(plan.scores(table), table.index)
    _require_scores(plan, table, scores)
    trials = {int(n): parameters_of(plan, table, int(n)) for n in finalists(scores, plan.seed)}
    judged = judge(plan.world, trials, table["final_equity"].to_dict())
    best = _best(plan, next(iter(trials.values())))
    tried, returns, benchmark = _tried(plan, ledger), stored.returns(), _benchmark(plan, best)
    evidence = Evidence(
        returns=returns,
        table=table,
        scores=scores,
        benchmark=benchmark.to_numpy(),
        bars=len(plan.tape.opens),
        bars_a_year=bars_per_year(best),
        tried=tried,
        window=(plan.tape.opens.index[0], plan.tape.known_at[-1]),
        rotated_scores=_rotated_scores(plan, table, returns.numbers),
    )
    said = verdict(evidence, plan.seed, watch)
    parameters = table[plan.columns].set_axis(plan.names, axis=1)
    space = {axis.name: axis.values for axis in plan.space.axes}
    luck = findings_of(plan.family, parameters, scores, said, int(best.metrics["decisions"]), space)
    return Sweep(
        plan=plan,
        table=table,
        returns=returns,
        benchmark=benchmark,
        verdict=said,
        judged=judged,
        findings=[*findings([best], plan.start, plan.end), *luck],
        manifest=best.manifest
        | {name: stored.about[name] for name in ("space", "where", "search", "versions")}
        | {"objective": plan.objective, "seed": plan.seed, "sweep_trials": len(table)}
        | trials_behind(tried, best)
        | {"judged": {"trials": judged.numbers.tolist(), "largest_difference": judged.largest}},
        folder=stored.path,
        result=best,
        notices=[*stored.notices, *_notices(plan, table)],
    )


def _require_scores(plan: Plan, table: pd.DataFrame, scores: pd.Series) -> None:
    if scores.isna().all():
        problem = table["problem"].iloc[0] if (table["problem"] != "").all() else _idle(plan, int(table[RUINED].sum()))
        raise NoData(f"none of {len(table):,} trials of {plan.family} has a {plan.objective}: {problem}")


def _idle(plan: Plan, ruined: int) -> str:
    if ruined:
        return f"{ruined:,} ended in ruin, and no other ever traded; let the strategy take smaller positions"
    return f"its trials never left cash, and a {plan.objective} of what never traded says nothing"


def _best(plan: Plan, trial: Parameters) -> Result:
    """The best trial as `ebbtide run` gives it, its benchmark beside it."""
    result = again(plan.world, plan.space.strategy(trial))
    engine = ENGINES[path_dependent(result.strategy)]
    asked = plan.start, plan.end
    about = manifest(result.strategy, plan.market, result.tape, plan.execution, engine, plan.yardstick, asked=asked)
    window = plan.tape.opens.index[0], plan.tape.known_at[-1]
    benchmark = run_benchmark(plan.yardstick, plan.market, plan.execution, *window)
    return replace(result, manifest=about, benchmark=benchmark)


def _benchmark(plan: Plan, best: Result) -> pd.Series:
    """Excess returns of the benchmark by UTC day. BadData where it has other bars than the sweep."""
    result = best.benchmark
    assert result is not None
    if not result.tape.opens.index.equals(plan.tape.opens.index):
        raise BadData(
            f"{plan.yardstick!r} has {len(result.tape.opens):,} bars and the sweep {len(plan.tape.opens):,}, for they "
            "trade different assets; name a --benchmark of the same ones"
        )
    excess = plan.days.excess(result.equity.to_numpy()[None, 1:], plan.execution.capital)[:, 0]
    return pd.Series(excess, plan.days.days, name=repr(plan.yardstick))


def _tried(plan: Plan, ledger: Ledger) -> pd.DataFrame:
    """What the ledger has of the distinct trials that the best was chosen among; see `Ledger.count`."""
    window = plan.tape.opens.index[0], plan.tape.known_at[-1]
    return ledger.trials(plan.family, *window, plan.market.origin, distinct=True, columns=RATIO)


def _rotated_scores(plan: Plan, table: pd.DataFrame, numbers: np.ndarray) -> Callable[[int], np.ndarray]:
    """What gives the scores of some trials, evenly spread over `numbers`, moved by so many bars against prices.

    Where orders follow from a simulation alone, the trials are simulated once more for them, and so are fewer.
    """
    looks = path_dependent(plan.space.base)
    places = np.linspace(0, len(numbers) - 1, SIMULATED_FOR_PLACEBO if looks else PLACEBO_TRIALS)
    trials = [parameters_of(plan, table, int(number)) for number in numbers[np.unique(places.astype(int))]]
    orders = _walked(plan, trials) if looks else FastPath(plan.world).orders(trials)
    kernel, bars = kernel_of(plan.tape, plan.execution), len(plan.tape.opens)
    return lambda shift: plan.scores(kernel.run(rotated(orders, bars, shift)).metrics)


def _walked(plan: Plan, trials: Sequence[Parameters]) -> Orders:
    results = [again(plan.world, plan.space.strategy(trial)) for trial in trials]
    return pack([_laid(plan, result) for result in results], len(plan.tape.opens.columns))


def _laid(plan: Plan, result: Result) -> tuple[np.ndarray, np.ndarray]:
    decisions = result.decisions.reindex(columns=plan.tape.assets, fill_value=0.0)
    return lay_out(decisions.index.asi8, decisions.to_numpy(), plan.tape, plan.execution)


def _notices(plan: Plan, table: pd.DataFrame) -> list[str]:
    told = []
    if path_dependent(plan.space.base):
        told.append(f"{plan.family} looks at its own book: each trial ran through the event engine, not the kernel")
    if gone := int(table[RUINED].sum()):
        those = "it counts" if gone == 1 else "they count"
        told.append(
            f"{gone:,} of {len(table):,} trials ended in ruin: a liquidation left nothing; {those} as tried, and can "
            "not be the best"
        )
    problems = table["problem"][table["problem"] != ""]
    if len(problems):
        told.append(f"{len(problems):,} of {len(table):,} trials could not be run; the first: {problems.iloc[0]}")
    return told
