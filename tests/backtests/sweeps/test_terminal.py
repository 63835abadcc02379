"""What a sweep shows: the best with the how-many, what fits into eighty columns, and progress where someone looks."""

import io
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from backtests.execution import Execution
from backtests.findings import Finding
from backtests.sweeps.grid import Axis, Space
from backtests.sweeps.terminal import (
    TOP,
    SweepProgress,
    best_trials,
    headline,
    print_sweep,
    print_walk,
    statistics_table,
    stretches,
)
from backtests.sweeps.trial_table import parameter_columns
from backtests.sweeps.trials import MEASURES
from backtests.sweeps.verdict import STATISTICS, Verdict
from strategies import StealthQE

MANIFEST = {
    "origin": "the lab, seed 7 (SIMULATED)",
    "window": ["2018-01-01 00:00:00+00:00", "2025-12-31 00:00:00+00:00"],
    "bars": 2921,
    "timeframe": "1d",
    "engine": "kernel",
}
# Of the measures that are shown; the others are NaN here.
MEASURED = {
    "sharpe": 1.25,
    "cagr": 0.314,
    "max_drawdown": 0.42,
    "volatility": 0.31,
    "exposure": 0.5,
    "decisions": 1234,
    "turnover": 12.5,
}
VERDICT = Verdict(
    **dict.fromkeys((field.name for field in fields(Verdict)), 0.5)
    | {
        "trials": 1240,
        "placebo": None,
        "skipped": {"placebo": "there are no orders that could be rotated"},
        "intervals": pd.DataFrame(
            {"estimate": [1.25, 0.42], "low": [0.4, 0.3], "high": [2.1, 0.6]}, index=["sharpe", "max_drawdown"]
        ),
    }
)
BENCHMARK = SimpleNamespace(metrics=MEASURED | {"calmar": 0.4, "sharpe": 0.9})


def swept(axes: tuple[Axis, ...], trials: int = 12, objective: str = "sharpe", **changes: Any) -> SimpleNamespace:
    """A sweep of that many trials, each a little worse than the one before."""
    columns = parameter_columns([axis.name for axis in axes])
    rows = [
        {name: axis.values[number % len(axis.values)] for name, axis in zip(columns, axes, strict=True)}
        | dict.fromkeys(MEASURES, np.nan)
        | MEASURED
        | {"sharpe": 1.25 - number / 100, "problem": ""}
        for number in range(trials)
    ]
    table = pd.DataFrame(rows, index=pd.RangeIndex(trials, name="trial"))
    usual = {
        "plan": SimpleNamespace(space=Space(StealthQE(), axes), family="StealthQE", objective=objective),
        "columns": columns,
        "table": table,
        "top": table.head,
        "verdict": VERDICT,
        "judged": SimpleNamespace(numbers=np.arange(30), largest=2.2e-13),
        "findings": [Finding("EDGE_OF_GRID", "StealthQE", "the best trial is at [the] edge")],
        "result": SimpleNamespace(manifest=MANIFEST, execution=Execution(), benchmark=BENCHMARK),
        "notices": [],
        "folder": Path("nowhere"),
    }
    return SimpleNamespace(**(usual | changes))


FOUR = (
    Axis("window", (5, 10, 15)),
    Axis("trigger", (0.1, 0.25)),
    Axis("ceiling_bps", (10.0,)),
    Axis("mix", ("BTC:1", "BTC:0.7,ETH:0.3")),
)


@pytest.fixture
def eighty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backtests.console.PIPED_WIDTH", 80)


def lines(sweep: Any, capsys: pytest.CaptureFixture[str]) -> list[str]:
    print_sweep(sweep)
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_the_best_is_never_shown_without_the_how_many() -> None:
    assert headline(swept(FOUR)) == "The best of 1,240 trials of StealthQE, 12 of them in this sweep, by Sharpe ratio"
    alone = swept(FOUR, verdict=replace(VERDICT, trials=12))
    assert headline(alone) == "The best of 12 trials of StealthQE, by Sharpe ratio"


def shown(table: Any) -> list[list[str]]:
    """The cells of a table, a row a list, its heading first."""
    columns = [[str(column.header), *map(str, column.cells)] for column in table.columns]
    return [list(row) for row in zip(*columns, strict=True)]


@pytest.mark.usefixtures("eighty")
def test_a_line_has_what_varies_then_the_objective_then_as_much_as_fits() -> None:
    heading, first, *rest = shown(best_trials(swept(FOUR, objective="calmar")))
    assert heading == ["trial", "window", "trigger", "mix", "Calmar", "Sharpe", "CAGR", "max DD"]
    assert first == ["0", "5", "0.1", "BTC:1", "–", "1.25", "31.4%", "-42.0%"]
    assert len(rest) == TOP - 1 + 1
    assert rest[-1] == ["benchmark", "", "", "", "0.40", "0.90", "31.4%", "-42.0%"]


def test_where_there_is_room_everything_is_shown() -> None:
    assert shown(best_trials(swept(FOUR)))[0][4:] == [
        "Sharpe",
        "CAGR",
        "max DD",
        "vol",
        "exposure",
        "decisions",
        "turnover",
    ]


def test_parameters_of_parts_are_named_by_their_last_word_where_that_is_enough() -> None:
    axes = tuple(Axis(name, (1, 2)) for name in ("stealth_qe.window", "treasury_release.window", "stealth_qe.trigger"))
    sweep = swept(axes)
    assert shown(best_trials(sweep))[0][1:4] == ["stealth_qe.window", "treasury_release.window", "trigger"]


@pytest.mark.usefixtures("eighty")
def test_a_parameter_that_is_called_like_a_measure_is_shown_beside_it() -> None:
    heading, first, *_ = shown(best_trials(swept((Axis("exposure", (0.25, 0.75)),))))
    assert heading[:2] == ["trial", "exposure"]
    assert dict(zip(reversed(heading), reversed(first), strict=True))["exposure"] == "0.25"
    assert first.count("50%") == 1


def test_the_judge_notes_and_findings_are_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    told = lines(swept(FOUR, notices=["path dependent, so [event] engines ran"]), capsys)
    assert told[0] == "the lab, seed 7 (SIMULATED)"
    assert told[1].startswith("2018-01-01 00:00 to 2025-12-31 00:00 UTC, 2,921 bars of 1d; engine: kernel; fee 10 bps")
    assert "note path dependent, so [event] engines ran" in told
    assert "vectorbt agrees on 30 trials: largest difference in equity 2.2e-13" in told
    assert "note StealthQE: the best trial is at [the] edge [EDGE_OF_GRID]" in told


@pytest.mark.usefixtures("eighty")
def test_each_statistic_has_its_value_and_its_meaning_and_one_that_is_missing_says_why() -> None:
    rows = {row[0]: row[1:] for row in shown(statistics_table(VERDICT))}
    assert rows["Deflated Sharpe ratio"][0] == "0.500"
    assert rows["Deflated Sharpe ratio"][1].endswith("below 0.95, luck may explain it.")  # papers are in the report
    assert rows["Placebo test, p"] == ["–", "not computed: there are no orders that could be rotated"]
    assert list(rows) == ["statistic", *(statistic.label for statistic in STATISTICS)]


def test_the_bounds_of_the_best_are_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        "The best trial within 90 % of bootstraps of its days, in excess of cash: Sharpe ratio 0.40 to 2.10, "
        "Maximum drawdown -30.0% to -60.0%"
    ) in lines(swept(FOUR), capsys)
    without = replace(VERDICT, intervals=VERDICT.intervals * np.nan)
    assert not [line for line in lines(swept(FOUR, verdict=without), capsys) if "bootstraps" in line]


def test_the_files_that_are_there_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "trials.parquet").touch()
    assert lines(swept(FOUR, folder=tmp_path), capsys)[-1] == f"Trials: {tmp_path}/trials.parquet"
    (tmp_path / "report.html").touch()
    assert lines(swept(FOUR, folder=tmp_path), capsys)[-1] == f"Report: {tmp_path}/report.html"


WALK = SimpleNamespace(
    plan=SimpleNamespace(family="StealthQE", objective="sharpe"),
    steps={"train": "730d", "test": "180d", "purge": "28d", "anchored": True},
    names=["window", "mix"],
    columns=["window", "mix"],
    stretches=pd.DataFrame(
        {
            **{
                name: pd.to_datetime(days, utc=True)
                for name, days in {
                    "train_from": ["2018-01-01", "2018-01-01"],
                    "train_to": ["2020-01-01", "2020-06-29"],
                    "test_from": ["2020-01-29", "2020-07-27"],
                    "test_to": ["2020-07-27", "2021-01-23"],
                }.items()
            },
            "window": [np.nan, 5.0],
            "mix": [None, "BTC:0.7,ETH:0.3"],
            "in_sample": [np.nan, 1.25],
            "out_of_sample": [np.nan, -0.5],
        }
    ),
    changes=pd.DataFrame(
        {"changes": 0, "of": 0, "distinct": 1, "lowest": [5.0, None], "highest": [5.0, None]}, index=["window", "mix"]
    ),
    efficiency=-0.4,
    runs=1234,
    trials=5678,
    findings=[],
)


def test_a_stretch_shows_its_windows_what_it_held_and_what_came_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    heading, cash, held = shown(stretches(WALK))
    assert heading == ["train from", "train to", "test from", "test to", "window", "mix", "inside", "outside"]
    assert cash[4:] == ["cash", "cash", "–", "–"]
    assert held == [*["2018-01-01", "2020-06-29", "2020-07-27", "2021-01-23", "5", "BTC:0.7,ETH:0.3", "1.25", "-0.50"]]
    monkeypatch.setattr("backtests.console.PIPED_WIDTH", 80)
    assert shown(stretches(WALK))[0][:2] == ["test from", "test to"]  # there is no room for all four


def test_a_walk_is_told_in_sentences(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backtests.sweeps.terminal.print_results", lambda *arguments: None)
    paths = SimpleNamespace(
        folds=SimpleNamespace(groups=6, held_out=2),
        quantiles={0.05: -0.5, 0.5: 0.25, 0.95: 1.0},
        paths=np.zeros(5),
        loss=0.4,
    )
    monkeypatch.setattr(WALK, "result", None, raising=False)
    print_walk(WALK, paths, None)
    told = capsys.readouterr().out.splitlines()
    assert told[0] == (
        "StealthQE in 2 stretches: chosen on 730d, held for 180d, 28d between, anchored; 1,234 runs; "
        "5,678 trials of it so far"
    )
    assert [line.split() for line in told[5:7]] == [
        ["window", "0", "0", "1", "5", "5"],
        ["mix", "0", "0", "1", "–", "–"],
    ]
    assert told[-3:] == [
        "Walk-forward efficiency (median of Sharpe ratio outside over inside): -40%",
        "Cross-validated on 5 purged paths, 2 of 6 groups of days held out: Sharpe ratio -0.50, 0.25, 1.00 at the 5%, "
        "50%, 95% quantiles; 40% of the paths lose against cash",
        "Joined out of sample:",
    ]
    print_walk(WALK, None, None)
    assert "Not cross-validated: tpe learns from what would be held out" in capsys.readouterr().out


class Screen:
    """A terminal of eighty columns, and a clock that is set by hand."""

    def __init__(self, terminal: bool = True) -> None:
        self.written = io.StringIO()
        self.console = Console(file=self.written, force_terminal=terminal, width=80, color_system=None)
        self.now = 0.0
        self.console.get_time = lambda: self.now  # type: ignore[method-assign]


def test_progress_shows_trials_their_speed_and_the_time_left_then_that_they_are_judged() -> None:
    screen = Screen()
    with SweepProgress(console=screen.console) as progress:
        progress.refresh()
        before = screen.written.getvalue()
        watch = progress.bar("Trials", "Judging")
        for seconds, done in ((1, 2_000), (3, 4_000)):
            screen.now = seconds
            watch(done, 10_000)
        progress.refresh()
        during = screen.written.getvalue().removeprefix(before)
        screen.now = 9
        watch(10_000, 10_000)
        progress.refresh()
    # 2,000 trials in the 2 s between two chunks, so the 6,000 that are left take 6 s.
    assert "Loading" in before
    assert "Trials" in during
    assert "4,000 of 10,000, 1,000 a second 00:06" in during
    assert "Judging" not in during
    after = screen.written.getvalue()
    assert after.rindex("Judging") > after.rindex("10,000 of 10,000")


def test_what_was_kept_before_is_not_speed() -> None:
    screen = Screen()
    with SweepProgress(console=screen.console) as progress:
        watch = progress.bar("Trials", "Judging")
        for seconds, done in ((0, 8_000), (1, 8_004), (2, 8_008)):
            screen.now = seconds
            watch(done, 10_000)
        progress.refresh()
    assert "8,008 of 10,000, 4.0 a second" in screen.written.getvalue()


@pytest.mark.parametrize(
    ("terminal", "hidden"), [(False, False), (True, True)], ids=["piped", "hidden, as with --json"]
)
def test_nothing_is_shown_where_nobody_looks(terminal: bool, hidden: bool) -> None:
    screen = Screen(terminal)
    with SweepProgress(hidden, screen.console) as progress:
        progress.bar("Trials", "Judging")(10, 10)
        progress.refresh()
    assert screen.written.getvalue() == ""
