"""How long a tearsheet of five strategies takes, and how large it is, beside the page of quantstats for one of them."""

import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from backtests.backtest import compare
from backtests.findings import examined
from backtests.result import Result
from backtests.tearsheet import write_tearsheet
from benchmarks.claim import Claim
from data_cache.lab import Lab
from strategies import BasisReset, BuyAndHold, NetLiquidityTide, StealthQE, TreasuryRelease, TrendFollowing

STRATEGIES = (StealthQE(), NetLiquidityTide(), TreasuryRelease(), BasisReset(), TrendFollowing())
YEARS = pd.Timedelta(days=8 * 365)
MEGABYTES = 7.0
TIMES = 3


def claims() -> list[Claim]:
    """Both pages from results that are there already; each writer has written one page before it is measured."""
    market = Lab().market()
    start = market.asset_bars("BTC").known_at[-1] - YEARS
    results = compare(STRATEGIES, market, start=start, benchmark=BuyAndHold())
    with TemporaryDirectory() as folder:
        ours, theirs = Path(folder, "ebbtide.html"), Path(folder, "quantstats.html")
        page = _fastest(lambda: _tearsheet(results, ours))
        peer = _fastest(lambda: _quantstats(results[0], theirs))
        size = ours.stat().st_size / 1e6
    what = f"a tearsheet of {len(results)} strategies, {len(results[0].tape.opens):,} days, proofs included"
    beside = f"quantstats {version('quantstats')}, one strategy: {peer:.1f} s"
    return [
        Claim(what, f"{page:.1f} s", beside, page / peer, most=2.0),
        Claim("the size of its file", f"{size:.1f} MB", f"{MEGABYTES:g} MB", size / MEGABYTES, most=1.0),
    ]


def _tearsheet(results: list[Result], path: Path) -> None:
    found = examined(results)
    write_tearsheet(results, path, "Five strategies", findings=found.findings, proofs=found.proofs)


def _quantstats(result: Result, path: Path) -> None:
    assert result.benchmark is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import quantstats

        returns, benchmark = result.returns, result.benchmark.returns
        quantstats.reports.html(returns, benchmark=benchmark, periods_per_year=365, output=str(path))


def _fastest(run: Callable[[], None]) -> float:
    run()
    seconds = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)
