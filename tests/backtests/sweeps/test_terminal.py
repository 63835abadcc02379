"""What a sweep shows: the best with the how-many, what fits into eighty columns, and progress where someone looks."""

import io
from dataclasses import fields, replace
from math import nan
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from backtests.console import show
from backtests.execution import Execution
from backtests.findings import Finding
from backtests.sweeps.grid import Axis, Space
from backtests.sweeps.judge import Judged
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
from backtests.sweeps.walked import Kept
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
        "judged": Judged(np.arange(30), np.full(30, 2.2e-13)),
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
    monkeypatch.setenv("COLUMNS", "80")


def lines(sweep: Any, capsys: pytest.CaptureFixture[str]) -> list[str]:
    print_sweep(sweep)
    return capsys.readouterr().out.splitlines()


def test_the_best_is_never_shown_without_the_how_many() -> None:
    assert headline(swept(FOUR)) == (
        "The best of 12 trials of StealthQE by Sharpe ratio; 1,240 trials of it stand behind that"
    )
    alone = swept(FOUR, verdict=replace(VERDICT, trials=12))
    assert headline(alone) == "The best of 12 trials of StealthQE by Sharpe ratio"
    one = swept(FOUR, trials=1, verdict=replace(VERDICT, trials=1))
    assert headline(one) == "The only trial of StealthQE in this sweep"


def test_what_it_is_worth_comes_before_the_best_and_the_files_come_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "trials.parquet").touch()
    told = lines(swept(FOUR, folder=tmp_path, notices=["noticed"]), capsys)
    beginnings = (
        *("the lab", "2018-01-01", "The best of 12", "Luck is presumed", "After 1,240 trials", "trial ", "vectorbt"),
        *("statistic ", "The best trial within", "note noticed", "note StealthQE", "Trials: "),
    )
    places = [next(i for i, line in enumerate(told) if line.startswith(begin)) for begin in beginnings]
    assert places == sorted(places)


def test_what_is_piped_has_no_blanks_at_the_ends_of_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    told = lines(swept(FOUR), capsys)
    assert [line for line in told if line != line.rstrip()] == []


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


def test_parameters_of_parts_have_their_full_names_where_these_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    full = ["stealth_qe.window", "treasury_release.window", "stealth_qe.trigger"]
    sweep = swept(tuple(Axis(name, (1, 2)) for name in full))
    monkeypatch.setenv("COLUMNS", "140")
    assert shown(best_trials(sweep))[0][1:4] == full
    monkeypatch.setenv("COLUMNS", "120")  # else the last word, where that is enough
    assert shown(best_trials(sweep))[0][1:4] == ["stealth_qe.window", "treasury_release.window", "trigger"]


@pytest.mark.usefixtures("eighty")
def test_a_parameter_that_is_called_like_a_measure_is_shown_beside_it() -> None:
    heading, first, *_ = shown(best_trials(swept((Axis("exposure", (0.25, 0.75)),))))
    assert heading[:2] == ["trial", "exposure"]
    row = dict(zip(heading, first, strict=True))
    assert (row["exposure"], row["mean exposure"]) == ("0.25", "50%")


def test_the_judge_notes_and_findings_are_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    told = lines(swept(FOUR, notices=["path dependent, so [event] engines ran"]), capsys)
    assert told[0] == "the lab, seed 7 (SIMULATED)"
    assert told[1].startswith("2018-01-01 00:00 to 2025-12-31 00:00 UTC, 2,921 bars of 1d; engine: kernel; fee 10 bps")
    assert "note path dependent, so [event] engines ran" in told
    assert "vectorbt agrees on 30 trials: largest difference in equity 2.2e-13" in told
    assert "note StealthQE: the best trial is at [the] edge [EDGE_OF_GRID]" in told
    one = Judged(np.arange(1), np.zeros(1))
    assert "vectorbt agrees on 1 trial: largest difference in equity 0.0e+00" in lines(swept(FOUR, judged=one), capsys)


def test_each_statistic_has_its_value_and_its_meaning_and_one_that_is_missing_says_why() -> None:
    rows = {row[0]: row[1:] for row in shown(statistics_table(VERDICT))}
    assert rows["Deflated Sharpe ratio"] == ["0.500", "the same, as the best of all; below 0.95 it may be luck"]
    assert rows["Probability of overfitting"][0] == "0.500"
    assert rows["Placebo test, p"] == ["–", "not computed: there are no orders that could be rotated"]
    assert list(rows) == ["statistic", *(statistic.label for statistic in STATISTICS)]


def test_a_statistic_is_one_line_of_a_hundred_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert max(len(statistic.short) for statistic in STATISTICS) <= 60
    monkeypatch.setenv("COLUMNS", "100")
    show(statistics_table(replace(VERDICT, skipped={}, placebo=nan, slope=-10.25)))  # type: ignore[arg-type]
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(STATISTICS)


def test_the_bounds_of_the_best_are_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        "The best trial within 90 % of bootstraps of its days, in excess of cash: Sharpe ratio 0.40 to 2.10, "
        "Maximum drawdown -60.0% to -30.0%"
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
            "ruined": False,
            "book_ruined": "",
        }
    ),
    changes=pd.DataFrame(
        {"changes": 0, "of": 0, "distinct": 1, "lowest": [5.0, None], "highest": [5.0, None]}, index=["window", "mix"]
    ),
    kept=Kept(1.25, -0.5, ""),
    runs=1234,
    crossing_runs=48,
    trials=5678,
    findings=[],
)


def test_a_stretch_shows_its_windows_what_it_held_and_what_came_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    heading, cash, held = shown(stretches(WALK))
    assert heading[:4] == ["train from", "train to", "test from", "test to"]
    assert heading[4:] == ["window", "mix", "Sharpe inside", "Sharpe outside"]
    assert cash[4:] == ["cash", "cash", "–", "–"]
    assert held == [*["2018-01-01", "2020-06-29", "2020-07-27", "2021-01-23", "5", "BTC:0.7,ETH:0.3", "1.25", "-0.50"]]
    monkeypatch.setenv("COLUMNS", "80")
    assert shown(stretches(WALK))[0][:2] == ["test from", "test to"]  # there is no room for all four


def test_a_walk_is_told_in_sentences(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backtests.sweeps.terminal.print_results", lambda *arguments: None)
    paths = SimpleNamespace(
        folds=SimpleNamespace(groups=6, held_out=2),
        quantiles={0.05: -0.5, 0.5: 0.25, 0.95: 1.0},
        paths=np.array([0.5, -0.25, 1.0, 0.0, 2.0]),
        losing=1,
        ruined=0,
    )
    monkeypatch.setattr(WALK, "result", None, raising=False)
    print_walk(WALK, paths, None)
    told = capsys.readouterr().out.splitlines()
    assert told[0] == ("StealthQE in 2 stretches: chosen on 730d, held for 180d, 28d between, anchored")
    assert [line.split() for line in told[5:7]] == [
        ["window", "0", "0", "1", "5", "5"],
        ["mix", "0", "0", "1", "–", "–"],
    ]
    assert told[-5:] == [
        "Sharpe ratio, median of the stretches: 1.25 inside, -0.50 outside",
        "Walk-forward efficiency, the latter over the former: -40%",
        "Cross-validated on 5 purged paths, 2 of 6 groups of days held out: Sharpe ratio -0.25, 0.00, 0.50, 1.00, "
        "2.00; 1 of 5 lose against cash",
        "1,234 runs to choose and to test, 48 to cross-validate, 1 joined; with these the ledger has 5,678 distinct "
        "trials of StealthQE on this history",
        "Joined out of sample:",
    ]
    monkeypatch.setattr(paths, "paths", np.arange(-1.0, 10.0))
    print_walk(WALK, paths, None)
    assert (
        "Cross-validated on 11 purged paths, 2 of 6 groups of days held out: Sharpe ratio -0.50, 0.25, 1.00 at the 5%, "
        "50%, 95% quantiles; 1 of 11 lose against cash"
    ) in capsys.readouterr().out
    monkeypatch.setattr(WALK, "kept", Kept(-0.1, 0.2, "the median inside is not above 0"))
    print_walk(WALK, None, None)
    told = capsys.readouterr().out.splitlines()
    assert told[-4:-1] == [
        "Walk-forward efficiency, the latter over the former: –, for the median inside is not above 0",
        "Not cross-validated: tpe learns from what would be held out",
        "1,234 runs to choose and to test, 1 joined; with these the ledger has 5,678 distinct trials of StealthQE on "
        "this history",
    ]


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
