"""What a manifest claims beside its run: each false claim is named, and fails the check where it contradicts itself."""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backtests.backtest import Backtest
from backtests.ledger import Ledger, record
from backtests.replaying.replay import Replay, replayed
from backtests.request import compared
from backtests.result import Result
from data_cache.errors import BadUsage, CheckFailed, EbbtideError
from data_cache.lab import Lab
from data_cache.market import Market
from strategies import BuyAndHold, StealthQE

START, END = pd.Timestamp("2022-01-01", tz="UTC"), pd.Timestamp("2022-06-30", tz="UTC")
FILE = "the file itself"


@pytest.fixture(scope="module")
def lab() -> Market:
    return Lab().market()


@pytest.fixture(scope="module")
def held(lab: Market) -> Result:
    """Half a year of holding bitcoin."""
    return Backtest(BuyAndHold(mix=(("BTC", 1.0),)), lab, start=START, end=END, benchmark=BuyAndHold()).run()


@pytest.fixture
def again(held: Result, tmp_path: Path, lab: Market) -> Callable[..., Replay]:
    """A replay of `held` as --json prints it, with some entries changed, against an empty ledger."""

    def replay(manifest: Any = (), ledger: Ledger | None = None, result: Result = held, **entries: Any) -> Replay:
        assert result.benchmark is not None
        content = result.summary() | {"benchmark": result.benchmark.summary()} | entries
        content["manifest"] = content["manifest"] | dict(manifest)
        (tmp_path / "run.json").write_text(json.dumps(content))
        return replayed(tmp_path / "run.json", market=lab, ledger=ledger or Ledger(tmp_path / "ledger"))

    return replay


def test_a_file_that_claims_nothing_false_holds(again: Callable[..., Replay]) -> None:
    assert again().differences == []
    again().require()


@pytest.mark.parametrize(
    ("entry", "value", "sentence"),
    [
        ("benchmark", "BuyAndHold(mix=(('ETH', 1.0),))", r"^benchmark: the file says BuyAndHold\(mix=\(\('ETH'"),
        ("benchmark_expression", "StealthQE()", "^benchmark_expression: the file says StealthQE"),
        ("walk", {"strategy": "StealthQE()"}, "^walk of Walk of StealthQE: the file says .* to run has no walk$"),
        ("walk", {}, "^walk of BuyAndHold: the file says"),
        ("largest_difference", 0.0, "^largest difference of engines of BuyAndHold: the file says 0.0, .* has none$"),
        (
            "asked",
            ["2022-02-01 00:00:00+00:00", None],
            "^asked for BuyAndHold: the file says 2022-02-01 .* to any, but",
        ),
        ("asked", [None, "2022-03-01 00:00:00+00:00"], "^asked for BuyAndHold: the file says any to 2022-03-01"),
        ("asked", ["spring", None], "^asked for BuyAndHold: the file says .* has a window$"),
        ("asked", [1], "^asked for BuyAndHold: "),
        ("trials", 0, "^trials of BuyAndHold: the file says 0, of variance None, which no ledger gives$"),
        ("seed", 3, "^seed: the file says 3"),
    ],
)
def test_what_the_run_contradicts_fails_the_check(
    entry: str, value: Any, sentence: str, again: Callable[..., Replay]
) -> None:
    replay = again({entry: value})
    found = next(one for one in replay.differences if re.search(sentence, one.sentence))
    assert found.cause == FILE
    assert replay.same
    with pytest.raises(CheckFailed, match=r"^every number is the same .* the file contradicts itself"):
        replay.require()


def test_a_lone_trial_has_no_variance(again: Callable[..., Replay]) -> None:
    (found,) = again({"trials": 1, "tried_variance": 0.3}).differences
    assert found.cause == FILE


def test_a_metric_that_was_taken_away_is_named(again: Callable[..., Replay], held: Result) -> None:
    rest = {name: value for name, value in held.metrics.items() if name != "max_drawdown"}
    for metrics in (rest, rest | {"max_drawdown": "small"}, rest | {"max_drawdown": 10**400}):
        (found,) = again(metrics=metrics).differences
        assert found.sentence == "metrics of BuyAndHold: the file lacks Maximum drawdown, which every run has"
        assert found.cause == FILE


def test_a_metric_that_no_run_has_is_named(again: Callable[..., Replay], held: Result) -> None:
    (found,) = again(metrics=held.metrics | {"edge": 9.0}).differences
    assert found.sentence == "metrics of BuyAndHold: no run has edge"


def test_json_cannot_call_the_strategy_otherwise(again: Callable[..., Replay]) -> None:
    replay = again(strategy="StealthQE()", label="Fine", title="Fine")
    assert [one.cause for one in replay.differences] == [FILE]
    assert [one.label for one in replay.again] == ["BuyAndHold", "BuyAndHold (benchmark)"]
    assert replay.saved.title == "BuyAndHold"


def test_another_window_than_these_data_give_is_told(again: Callable[..., Replay]) -> None:
    replay = again({"asked": [None, None]})
    (found,) = replay.differences
    assert found.sentence.startswith("asked for BuyAndHold: the file says any to any, for which bars begin 20")
    replay.require()


def test_an_entry_of_ones_own_is_told_and_fails_nothing(again: Callable[..., Replay]) -> None:
    replay = again({"note": "mine"})
    assert [str(one) for one in replay.differences] == ["note of BuyAndHold: the file says mine, which no run gives"]
    replay.require()


def test_the_difference_of_the_engines_is_made_again(lab: Market, again: Callable[..., Replay]) -> None:
    events = Backtest(BuyAndHold(), lab, start=START, end=END, engine="events", benchmark=BuyAndHold()).run()
    both = compared(events)
    true = both.manifest["largest_difference"]
    assert again(result=both).differences == []
    (found,) = again({"largest_difference": true + 1e-12}, result=both).differences
    assert found.sentence.endswith(f"to run has {true}")
    assert found.cause == FILE


@pytest.mark.parametrize(
    ("trials", "variance", "sentence"),
    [
        (1, 0.0, "trials of BuyAndHold: the file says 1, the ledger here counts 2 by now"),
        (500, 0.1, "trials of BuyAndHold: the file says 500, which can't be checked here, where the ledger counts 2"),
        (2, 0.1, "variance of trials of BuyAndHold: the file says 0.1, the trials in the ledger here have "),
    ],
)
def test_other_trials_than_the_ledger_knows_are_told(
    trials: int, variance: float, sentence: str, held: Result, tmp_path: Path, again: Callable[..., Replay]
) -> None:
    ledger = Ledger(tmp_path / "known")
    other = Backtest(BuyAndHold(mix=(("BTC", 0.5),)), held.market, start=START, end=END).run()
    (_, true) = record([other, held], "run", ledger)
    assert again(result=true, ledger=ledger).differences == []
    (found,) = again({"trials": trials, "tried_variance": variance}, ledger, true).differences
    assert found.sentence.startswith(sentence)
    assert found.cause == ""


def test_an_input_that_the_run_does_not_read_is_told(again: Callable[..., Replay], held: Result) -> None:
    data, vintages = ({**held.manifest[name]} for name in ("data", "vintages"))
    more = {"data": data | {"WALCL": "0" * 64}, "vintages": vintages | {"WALCL": {"rows": 3}}}
    (found,) = again(more).differences
    assert found.sentence == "WALCL: the file says it was read, but what it tells to run does not read it"
    assert found.cause == FILE


def test_an_input_that_was_left_out_is_told(lab: Market, again: Callable[..., Replay], held: Result) -> None:
    run = replace(Backtest(StealthQE(), lab, start=START, end=END).run(), benchmark=held.benchmark)
    about = replace(run, manifest=run.manifest | {n: held.manifest[n] for n in ("benchmark", "benchmark_expression")})
    less = {name: {k: v for k, v in run.manifest[name].items() if k != "SRF"} for name in ("data", "vintages")}
    found = again(less, result=about).differences
    assert [one.entry for one in found] == ["data SRF"]


@pytest.mark.parametrize(
    ("entry", "value"),
    [("sources", [1]), ("vintages", {"bars:BTC": 1}), ("trials", "many"), ("walk", 3), ("window", [None, None])],
)
def test_an_entry_of_another_type_is_refused_with_a_sentence(
    entry: str, value: Any, again: Callable[..., Replay]
) -> None:
    with pytest.raises(BadUsage, match=entry):
        again({entry: value})


@pytest.mark.parametrize("text", ['{"a":' * 200_000, '{"manifest": ' + "[" * 200_000, '{"a": ' + "9" * 5000 + "}"])
def test_what_no_reader_of_json_takes_is_refused_with_a_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "deep.json").write_text(text)
    with pytest.raises(BadUsage, match="of its results is damaged: "):
        replayed(tmp_path / "deep.json")


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
ANYTHING = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_an_entry_holds_there_is_an_answer(
    data: st.DataObject, held: Result, again: Callable[..., Replay]
) -> None:
    entry = data.draw(st.sampled_from([*held.manifest, "walk", "trials", "largest_difference", "tried_variance"]))
    with suppress(EbbtideError):
        assert again({entry: data.draw(ANYTHING)}).summary()["file"]
