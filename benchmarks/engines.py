"""How fast the event engine walks."""

import time

from backtests import Backtest
from backtests.decisions import event_times
from backtests.tape import build_tape
from benchmarks.claim import Claim
from data_cache.lab import Lab
from strategies import StealthQE

EVENTS_A_SECOND = 10_000


def claims() -> list[Claim]:
    """The event engine on hourly bars, with a rule of two macro signals."""
    market, strategy = Lab().market("1h"), StealthQE()
    tape = build_tape(market, market.assets, None, None, "0")
    events = len(event_times(strategy, market, tape))
    begun = time.perf_counter()
    Backtest(strategy, market, engine="events").run()
    rate = events / (time.perf_counter() - begun)
    what = f"event engine, {events:,} events of hourly bars and two macro signals"
    return [Claim(what, f"{rate:,.0f} events/s", "10,000 events/s", rate / EVENTS_A_SECOND, least=1.0)]
