"""How fast the event engine walks."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from backtests import Backtest
from backtests.decisions import event_times
from backtests.tape import build_tape
from benchmarks.claim import Claim
from data_cache.lab import Lab
from signals import CeilingSpread, Signal, StandingRepoUse
from strategies import BTC_ETH, Now, Strategy, Weights, spread

EVENTS_A_SECOND = 10_000
# From here on both signals have values, so that no event is passed over for want of one.
BOTH_KNOWN = pd.Timestamp("2021-09-01", tz="UTC")


@dataclass(frozen=True)
class Lending(Strategy):
    """Hold the mix while the standing repo facility is used and SOFR stays near its ceiling."""

    def signals(self) -> Mapping[str, Signal]:
        """Take-up, and SOFR against the ceiling."""
        return {"srf": StandingRepoUse(), "stress": CeilingSpread()}

    def weights(self, now: Now) -> Weights:
        """All or nothing."""
        return spread((now.srf > 1.0) & (now.stress < 10.0), BTC_ETH)


def claims() -> list[Claim]:
    """The event engine on hourly bars, with a rule of two macro signals."""
    market, strategy = Lab().market("1h"), Lending()
    tape = build_tape(market, market.assets, BOTH_KNOWN, None, "0")
    events = len(event_times(strategy, market, tape))
    rate = max(events / _seconds(Backtest(strategy, market, start=BOTH_KNOWN, engine="events")) for _ in range(3))
    what = f"event engine, {events:,} events of hourly bars, two macro signals known throughout"
    return [Claim(what, f"{rate:,.0f} events/s", "10,000 events/s", rate / EVENTS_A_SECOND, least=1.0)]


def _seconds(backtest: Backtest) -> float:
    begun = time.perf_counter()
    backtest.run()
    return time.perf_counter() - begun
