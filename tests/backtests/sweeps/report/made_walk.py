"""A walk whose stretches are written out by hand, and whose joined run is a run of the lab."""

from dataclasses import make_dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from backtests.backtest import Backtest
from backtests.findings import Finding
from backtests.sweeps.cross_validation import Folds, PurgedCrossValidation, cross_validate
from backtests.sweeps.grid import Axis, Space
from backtests.sweeps.plan import Plan
from backtests.sweeps.scheduled import scheduled
from backtests.sweeps.walked import Walk
from data_cache.lab import Lab
from data_cache.market import Market
from strategies import TrendFollowing
from tests.backtests.sweeps.report.synthetic import MIXES, Given

STEPS = {"train": "120d", "test": "60d", "purge": "5d", "anchored": False}
STRETCH = pd.Timedelta(days=60)
BEGIN = pd.Timestamp("2021-01-01", tz="UTC")
DAYS = (10, 20, 20, 5)
AXES = (Axis("days", (5, 10, 20)), Axis("mix", MIXES), Axis("exposure", (0.5, 1.0)))


def lab() -> Market:
    return Lab().market("1d")


def made_walk(market: Market, named: str = "TrendFollowing", **others: Any) -> Walk:
    """Four stretches of 60 days; `days` is 10, 20, 20 and 5, `mix` changes once, `exposure` never.

    named : the class of the strategy      others : fields of the Walk that differ
    """
    kind = make_dataclass(named, [], bases=(TrendFollowing,), frozen=True)
    rules = [kind(days) for days in DAYS]
    starts = [BEGIN + number * STRETCH for number in range(4)]
    end = BEGIN + 4 * STRETCH
    plan = Plan(Space(rules[0], AXES), market, start=starts[0] - 3 * STRETCH, end=end)
    rule, yardstick = scheduled(list(zip(starts, rules, strict=True))), plan.yardstick
    run = Backtest(rule, market, start=BEGIN, end=end, benchmark=yardstick).run()
    windows = {
        "train_from": [start - STRETCH * 2 for start in starts],
        "train_to": starts,
        "test_from": starts,
        "test_to": [start + STRETCH for start in starts],
    }
    held = dict(zip(plan.columns, [list(DAYS), [MIXES[0], *[MIXES[1]] * 3], [0.5] * 4], strict=True))
    scores = {"chosen": True, "scored": 12, "in_sample": [1.0, 2.0, 0.5, 3.0], "out_of_sample": [1.5, -1.0, 0.25, 0.5]}
    scores |= {"ruined": False, "book_ruined": ""}
    table = pd.DataFrame(windows | held | scores).rename_axis("stretch")
    result = replace(run, manifest=run.manifest | {"trials": 1_240, "walks": 2})
    found = [Finding("DRIFTING_PARAMETER", named, "days changed at 2 of 3 steps")]
    walk = Walk(plan, STEPS, table, result, 52, found)
    return replace(walk, **others)


def made_paths() -> PurgedCrossValidation:
    """Of three trials over 120 days in six groups, two held out: 15 splits, 5 paths."""
    days = pd.date_range("2020-07-05", periods=120, tz="UTC")
    returns = np.random.default_rng(3).normal(0.001, 0.01, (120, 3))
    return cross_validate(Given(days, range(3), returns), Folds())
