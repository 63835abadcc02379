"""The causality proof of rules that look at their own book, with perpetuals: whatever leverage they ask for."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

from backtests.proofs import leaks, prove
from data_cache.errors import BadUsage, NoData
from data_cache.market import Market
from strategies.strategy import Book, Now, Weights
from tests.backtests.perpetuals.generated_books import Careful, generated_market

MARKET = generated_market(7, 1, "1d", 40, 5)
CUTS = [MARKET.bars["BTC"].known_at[row] for row in (5, 20, 30)]


@dataclass(frozen=True)
class Levered(Careful):
    """So many times the book to the side that is planned, and half of it once a hundredth is lost."""

    times: float

    def on_event(self, at: pd.Timestamp, now: Now, book: Book) -> Weights | None:
        size = self.times * (0.5 if book.drawdown > 0.01 else 1)
        return {"BTC": float(np.copysign(size, self.weights(now)["BTC"]))}


class Counting(Levered):
    """It counts how often it was asked, in all of its lives."""

    def on_event(self, at: pd.Timestamp, now: Now, book: Book) -> Weights | None:
        ASKED.append(at)
        return {"BTC": self.times * (len(ASKED) % 7 - 3)}


ASKED: list[pd.Timestamp] = []


@pytest.mark.parametrize("times", [0.5, 15, 2_000])
def test_a_proof_does_not_care_for_margin(times: float) -> None:
    assert leaks(Levered(("BTC",), times), MARKET, CUTS, perps=True) == []
    assert prove(Levered(("BTC",), times), MARKET, 6, perps=True).leaks == ()


def test_a_rule_that_answers_differently_when_asked_again_is_found_at_any_leverage() -> None:
    found = leaks(Counting(("BTC",), 15), MARKET, CUTS, perps=True)
    assert found[0].future == "left as it was"


def test_what_no_margin_allows_is_refused_by_a_proof_too() -> None:
    with pytest.raises(BadUsage, match="a weight is infinite"):
        leaks(Levered(("BTC",), np.inf), MARKET, CUTS, perps=True)
    with pytest.raises(BadUsage, match="exposure is above 1; leverage needs perpetuals: add --perps"):
        leaks(Levered(("BTC",), 15), without_shorts(MARKET), CUTS)
    with pytest.raises(NoData, match="no FUNDING_BTC"):
        leaks(Levered(("BTC",), 15), without_funding(MARKET), CUTS, perps=True)


def without_funding(market: Market) -> Market:
    return replace(market, observations=market.observations.only(["PLAN_BTC"]))


def without_shorts(market: Market) -> Market:
    """The plan turned into its size."""
    plan = market.observations.rows("PLAN_BTC")
    return replace(market, observations=type(market.observations)({"PLAN_BTC": plan.assign(value=plan["value"].abs())}))
