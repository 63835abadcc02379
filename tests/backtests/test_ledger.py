"""The trial ledger: what is recorded of a trial, which trials are the same, and how they are counted."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from backtests.backtest import Backtest
from backtests.execution import Execution
from backtests.ledger import RATIO, SCHEMA, SCORES, Ledger, comparable, record, scores, trial_rows, tried_variance
from backtests.metrics import excess_returns
from backtests.result import Result
from backtests.sweeps.grid import read_space
from data_cache.errors import BadData, BadUsage, DamagedFile, UnknownName
from data_cache.market import Market
from data_cache.version import __version__
from strategies import (
    Blend,
    BuyAndHold,
    Capped,
    FiscalDominance,
    FixedMix,
    Gate,
    StealthQE,
    Strategy,
    TreasuryRelease,
    VolatilityScaled,
)

BTC = (("BTC", 1.0),)
HALF = FixedMix(exposure=0.5, mix=BTC)
NOW = pd.Timestamp("2026-03-01 12:00", tz="UTC").as_unit("ns")


@pytest.fixture
def here(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


@pytest.fixture
def world(toy: SimpleNamespace) -> Market:
    """Six days of BTC: 100, 110, 120, 90, 95, 100 at each open and close."""
    return toy.market({"BTC": toy.BTC})


@pytest.fixture
def run(world: Market) -> Callable[..., Result]:
    def run(strategy: Strategy = HALF, market: Market | None = None, **given: object) -> Result:
        return Backtest(strategy, world if market is None else market, **given).run()  # type: ignore[arg-type]

    return run


def about(**other: object) -> dict[str, object]:
    """A manifest, as far as the ledger reads it."""
    plain: dict[str, object] = {
        "data": {"SRF": "ab12"},
        "origin": "binance",
        "window": ["2024-01-01 00:00:00+00:00", "2025-01-01 00:00:00+00:00"],
        "timeframe": "1d",
        "execution": repr(Execution()),
        "bars": 366,
        "code": {"StealthQE": "cd34"},
        "ebbtide": "0.1.0",
    }
    return plain | other


def rows(*strategies: Strategy, sharpe: float = 1.0, when: pd.Timestamp = NOW, **other: object) -> pd.DataFrame:
    found = {name: np.full(len(strategies), sharpe) for name in SCORES}
    return trial_rows(strategies, about(**other), found, "sweep", when)


# What is recorded


def test_a_record_says_what_was_run_on_what_and_what_came_of_it(here: Ledger, run: Callable[..., Result]) -> None:
    result = run()
    record([result], "run", here)
    row = here.trials().iloc[0]
    assert list(here.trials()) == list(SCHEMA)
    assert (row["strategy"], row["repr"]) == ("FixedMix", repr(HALF))
    assert json.loads(row["parameters"]) == {"exposure": 0.5, "mix": [["BTC", 1.0]], "rebalance_days": 30.0}
    assert (row["origin"], row["simulated"]) == ("a toy world", False)
    assert [row["start"], row["end"]] == [pd.Timestamp(moment) for moment in result.manifest["window"]]
    assert (row["timeframe"], row["execution"]) == ("1d", repr(Execution()))
    assert (row["bars"], row["bars_a_year"]) == (6, pytest.approx(365))
    assert (row["command"], row["ebbtide"]) == ("run", __version__)
    assert row["final_equity"] == result.equity.iloc[-1]
    assert row["equity_sha256"] == result.equity_sha256
    assert row["when"].tz is not None
    assert [len(row[name]) for name in ("trial", "data", "code")] == [32, 64, 64]


def test_moments_are_those_of_the_excess_returns_of_bars(run: Callable[..., Result]) -> None:
    result = run(BuyAndHold(mix=BTC), execution=Execution(0, 0, 0))
    found = {name: float(value[0]) for name, value in scores(result).items()}
    excess = excess_returns(result)
    centred = excess - excess.mean()
    assert found["mean"] == excess.mean()
    assert found["deviation"] == pytest.approx(np.sqrt((centred**2).sum() / 5), rel=1e-12)
    assert found["skewness"] == pytest.approx((centred**3).mean() / (centred**2).mean() ** 1.5, rel=1e-12)
    assert found["kurtosis"] == pytest.approx((centred**4).mean() / (centred**2).mean() ** 2, rel=1e-12)
    assert found["sharpe"] == pytest.approx(found["mean"] / found["deviation"] * np.sqrt(365), rel=1e-12)
    assert found["sharpe"] == result.metrics["sharpe"]


def test_a_curve_that_never_moves_has_no_moments_but_is_a_trial(here: Ledger, run: Callable[..., Result]) -> None:
    idle = run(BuyAndHold(exposure=0.0, mix=BTC))
    assert record([idle], "run", here)[0].manifest["trials"] == 1
    row = here.trials().iloc[0]
    assert row[["skewness", "kurtosis", "sharpe"]].isna().all()
    assert (row["mean"], row["deviation"]) == (0, 0)


def test_parameters_of_nested_strategies_have_dotted_names() -> None:
    row = rows(FiscalDominance(treasury_release=TreasuryRelease(window_days=5))).iloc[0]
    assert json.loads(row["parameters"])["treasury_release.window_days"] == 5
    row = rows(Blend(parts=(BuyAndHold(), StealthQE(window=5)))).iloc[0]
    assert json.loads(row["parameters"])["parts.1.window"] == 5


def test_records_of_a_sweep_are_added_at_once(here: Ledger) -> None:
    space = read_space("StealthQE", ["window=1:40:1", "trigger=1:5:1"])
    here.append(rows(*space.strategies()))
    found = here.trials()
    assert [json.loads(text)["window"] for text in found["parameters"]] == [trial["window"] for trial in space]
    assert found["trial"].nunique() == here.count() == 200
    assert len(list(here.folder.glob("*.parquet"))) == 1


def test_records_without_a_column_are_refused(here: Ledger) -> None:
    with pytest.raises(BadData, match=r"^records have the columns of SCHEMA; missing or unknown here: bars, extra$"):
        here.append(rows(HALF).drop(columns="bars").assign(extra=1))


def test_no_records_are_no_batch(here: Ledger) -> None:
    here.append(rows(HALF).iloc[:0])
    assert not here.folder.exists()
    assert here.trials().dtypes.to_dict() == rows(HALF).dtypes.to_dict()


# Which trials are the same


def test_the_same_trial_again_is_a_further_run_but_no_further_trial(here: Ledger, run: Callable[..., Result]) -> None:
    for _ in range(3):
        found = record([run()], "run", here)
    assert found[0].manifest["trials"] == 1
    assert (here.count("FixedMix"), here.count("FixedMix", distinct=False)) == (1, 3)
    assert len(here.trials(distinct=True)) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"strategy": replace(HALF, exposure=0.6)},
        {"execution": Execution(fee_bps=5)},
        {"start": pd.Timestamp("2024-01-02", tz="UTC")},
        {"end": pd.Timestamp("2024-01-06", tz="UTC")},
    ],
    ids=["parameters", "costs", "start", "end"],
)
def test_another_parameter_cost_or_window_is_another_trial(
    here: Ledger, run: Callable[..., Result], other: dict[str, object]
) -> None:
    assert [r.manifest["trials"] for r in record([run(), run(**other)], "compare", here)] == [2, 2]


def test_other_data_and_other_bars_are_another_trial(
    here: Ledger, run: Callable[..., Result], toy: SimpleNamespace
) -> None:
    other = toy.market({"BTC": (100, 110, 120, 90, 95, 101)})
    hourly = toy.market({"BTC": toy.BTC}, timeframe="1h")
    assert record([run(), run(market=other), run(market=hourly)], "compare", here)[0].manifest["trials"] == 3


def test_under_edited_code_it_is_another_trial(here: Ledger) -> None:
    here.append(rows(StealthQE()))
    here.append(rows(StealthQE(), code={"StealthQE": "edited"}))
    assert here.trials()["trial"].nunique() == 1
    assert here.count() == 2


def test_the_engine_and_the_version_make_no_other_trial(here: Ledger, run: Callable[..., Result]) -> None:
    assert record([run(), run(engine="events")], "compare", here)[0].manifest["trials"] == 1
    here.append(rows(StealthQE()))
    here.append(rows(StealthQE(), ebbtide="0.2.0"))
    assert here.count("StealthQE") == 1


def test_the_latest_run_of_a_trial_stands_for_it(here: Ledger) -> None:
    here.append(rows(StealthQE(), sharpe=1.0))
    here.append(rows(StealthQE(), sharpe=2.0))
    assert here.trials(distinct=True)["sharpe"].tolist() == [2.0]


@dataclass(frozen=True)
class Quiet(Strategy):
    """A rule whose repr hides its parameter."""

    share: float = 0.5

    def __repr__(self) -> str:
        return "Quiet()"


def test_parameters_count_even_where_a_repr_hides_them(here: Ledger) -> None:
    here.append(rows(Quiet(0.5), Quiet(0.6), Quiet(0.5)))
    assert here.count("Quiet") == 2


# How they are counted


def test_each_family_is_counted_by_itself(here: Ledger, run: Callable[..., Result]) -> None:
    results = record([run(), run(BuyAndHold(mix=BTC)), run(replace(HALF, exposure=0.6))], "compare", here)
    assert [result.manifest["trials"] for result in results] == [2, 1, 2]
    assert (here.count(), here.count("FixedMix"), here.count("BuyAndHold"), here.count("Unheard")) == (3, 2, 1, 0)


@pytest.mark.parametrize(
    ("strategy", "family"),
    [
        (StealthQE(), "StealthQE"),
        (Gate(StealthQE()), "StealthQE"),
        (Capped(VolatilityScaled(Gate(StealthQE()))), "StealthQE"),
        (Blend((StealthQE(), BuyAndHold())), "BuyAndHold+StealthQE"),
        (Blend((StealthQE(5), StealthQE(21))), "StealthQE"),
        (Blend((Gate(Blend((StealthQE(), BuyAndHold()))), FixedMix())), "BuyAndHold+FixedMix+StealthQE"),
    ],
)
def test_a_combinator_counts_as_the_ideas_inside_it(strategy: Strategy, family: str) -> None:
    assert strategy.family == rows(strategy)["strategy"].iloc[0] == family


def test_wrapping_a_strategy_gives_it_no_fresh_count(here: Ledger) -> None:
    here.append(rows(StealthQE(5), StealthQE(21)))
    here.append(rows(Gate(StealthQE(21))))
    here.append(rows(Blend((StealthQE(21), BuyAndHold()))))
    here.append(rows(Blend((FixedMix(), BuyAndHold()))))
    assert here.count("StealthQE") == 4  # two by itself, one behind a gate, one in a blend
    assert here.count("BuyAndHold+StealthQE") == 5  # and the other blend has one of its ideas, too
    assert here.count("FixedMix") == 1
    assert [family.strategy for family in here.families()] == [
        "BuyAndHold+FixedMix",
        "BuyAndHold+StealthQE",
        "StealthQE",
    ]


def year(number: int) -> list[str]:
    return [f"{number}-01-01 00:00:00+00:00", f"{number + 1}-01-01 00:00:00+00:00"]


@pytest.mark.parametrize(
    ("start", "end", "count"),
    [
        ("2021-01-01", "2022-01-01", 1),
        ("2021-12-31", "2022-01-02", 2),
        ("2020-01-01", "2030-01-01", 3),
        ("2019-01-01", "2021-01-01", 0),
        ("2024-01-01", "2025-01-01", 0),
        (None, "2022-06-01", 2),
        ("2022-06-01", None, 2),
    ],
)
def test_trials_on_other_years_do_not_count(here: Ledger, start: str | None, end: str | None, count: int) -> None:
    for number in (2021, 2022, 2023):
        here.append(rows(StealthQE(), window=year(number)))
    window = [None if day is None else pd.Timestamp(day, tz="UTC") for day in (start, end)]
    assert here.count("StealthQE", *window) == count
    assert len(here.trials("StealthQE", *window)) == count


def test_simulated_trials_are_counted_apart(here: Ledger, run: Callable[..., Result], world: Market) -> None:
    lab = replace(world, origin="SIMULATED (lab, seed 7, effect 1)")
    exposures = (0.1, 0.2, 0.3)
    simulated = record([run(replace(HALF, exposure=e), market=lab) for e in exposures], "run", here)
    assert [result.manifest["trials"] for result in simulated] == [3, 3, 3]
    assert record([run()], "run", here)[0].manifest["trials"] == 1
    assert here.count("FixedMix", origin=lab.origin) == 3
    assert here.count("FixedMix", origin="a toy world") == 1
    assert here.count("FixedMix") == 4
    assert here.trials(origin=lab.origin)["simulated"].tolist() == [True] * 3


def test_a_benchmark_beside_a_result_is_no_trial(here: Ledger, run: Callable[..., Result]) -> None:
    recorded = record([run(benchmark=BuyAndHold(mix=BTC))], "run", here)
    assert here.trials()["strategy"].tolist() == ["FixedMix"]
    assert recorded[0].benchmark is not None
    assert "trials" not in recorded[0].benchmark.manifest


def test_the_manifest_given_is_left_as_it_was(here: Ledger, run: Callable[..., Result]) -> None:
    result = run()
    assert "trials" in record([result], "run", here)[0].manifest
    assert "trials" not in result.manifest


def test_the_sharpe_ratios_of_distinct_trials_give_their_variance(here: Ledger) -> None:
    for window, sharpe in ((5, 0.0), (10, 1.0), (20, 2.0), (20, 2.0)):
        here.append(rows(StealthQE(window=window), sharpe=sharpe))
    assert here.trials("StealthQE", distinct=True)["sharpe"].var() == 1.0  # (1 + 0 + 1) / 2


def test_families_tell_trials_runs_and_the_best(here: Ledger) -> None:
    later = NOW + pd.Timedelta(days=1)
    here.append(rows(StealthQE(window=5), StealthQE(window=6), sharpe=0.5))
    here.append(rows(StealthQE(window=5), sharpe=0.7, when=later))
    here.append(rows(StealthQE(), sharpe=9.0, origin="SIMULATED (lab)"))
    here.append(rows(FixedMix(), sharpe=float("nan")))
    mix, real, simulated = here.families()
    assert (real.strategy, real.simulated, real.runs, real.trials, real.best_sharpe) == ("StealthQE", False, 3, 2, 0.7)
    assert (real.first, real.last) == (NOW, later)
    assert (simulated.simulated, simulated.trials, simulated.best_sharpe) == (True, 1, 9.0)
    assert (mix.strategy, np.isnan(mix.best_sharpe)) == ("FixedMix", True)
    assert here.families("FixedMix")[0].trials == 1
    with pytest.raises(UnknownName, match=r"ledger has no strategy 'StelthQE'; did you mean 'StealthQE'\?$"):
        here.families("StelthQE")


# How the Sharpe ratios of trials vary


def tried_on(*trials: tuple[str, str, float, int]) -> pd.DataFrame:
    """Trials by start, end, Sharpe ratio a year, and bars a day."""
    frame = pd.DataFrame(trials, columns=["start", "end", "sharpe", "a_day"])
    start, end = (pd.to_datetime(frame[name], utc=True) for name in ("start", "end"))
    days = (end - start) / pd.Timedelta(days=1)
    told = {"sharpe": frame["sharpe"], "bars": days * frame["a_day"], "bars_a_year": 365.0 * frame["a_day"]}
    return pd.DataFrame(told | {"start": start, "end": end, "final_equity": 1_000.0})[RATIO]


# Four years of 365 days, and two of them.
LONG, HALF_OF_IT = ("2018-01-02", "2022-01-01"), ("2019-01-02", "2021-01-01")
WINDOW = pd.Timestamp(LONG[0], tz="UTC"), pd.Timestamp(LONG[1], tz="UTC")


def test_ratios_of_other_windows_count_by_the_root_of_their_years() -> None:
    """A ratio of 1 over four years is 2 of its errors, one of √½ over two years is 1: a variance of a half."""
    tried = tried_on((*LONG, 1.0, 1), (*HALF_OF_IT, 0.5**0.5, 6))
    assert tried_variance(tried, 100, WINDOW) == pytest.approx(0.5 / 100)


@pytest.mark.parametrize("ratio", [-30.0, 0.0, 30.0])
def test_the_ratio_of_ten_days_changes_nothing_of_four_years_nor_that_of_four_years_of_ten_days(ratio: float) -> None:
    """It counts as a trial without skill, of variance 1/100: two alike vary by 1/2 of that, three by 3/4 of it."""
    ten = ("2020-03-01", "2020-03-11")
    alike = [(*LONG, 1.0, 1), (*HALF_OF_IT, 0.5**0.5, 1)]
    assert tried_variance(tried_on(*alike, (*ten, ratio, 1)), 100, WINDOW) == pytest.approx((0.5 + 1) / 2 / 100)
    assert tried_variance(tried_on(alike[0], (*ten, ratio, 1)), 100, WINDOW) == 1 / 100
    short = pd.Timestamp(ten[0], tz="UTC"), pd.Timestamp(ten[1], tz="UTC")
    assert tried_variance(tried_on((*LONG, ratio, 1), (*ten, 1.0, 1)), 10, short) == 1 / 10


def test_trials_are_comparable_from_half_of_the_longer_window_on() -> None:
    windows = [
        LONG,
        HALF_OF_IT,
        ("2019-01-03", "2021-01-01"),
        ("2014-01-03", "2022-01-01"),
        ("2014-01-02", "2022-01-02"),
    ]
    tried = tried_on(*((*window, 1.0, 1) for window in windows), (*LONG, float("nan"), 1))
    assert comparable(tried, WINDOW).index.tolist() == [0, 1, 3]


def test_two_that_resemble_each_other_do_not_speak_for_hundreds() -> None:
    many = [("2021-06-01", "2021-07-01", float(number), 1) for number in range(98)]
    tried = tried_on((*LONG, 1.0, 1), (*LONG, 1.0, 1), *many)
    assert tried_variance(tried, 1461, WINDOW) == pytest.approx(98 / 99 / 1461)


def test_a_lone_trial_varies_from_nothing_and_one_rated_of_several_as_without_skill() -> None:
    alone = tried_on((*LONG, float("nan"), 1))
    assert tried_variance(alone, 10, WINDOW) == 0
    assert tried_variance(pd.concat([alone, alone.assign(sharpe=1.0)]), 10, WINDOW) == 1 / 10
    assert tried_variance(pd.concat([alone, alone]), 10, WINDOW) == 1 / 10


def test_the_manifest_says_how_the_ratios_of_its_trials_vary(run: Callable[..., Result], here: Ledger) -> None:
    (alone,) = record([run()], "run", here)
    assert (alone.manifest["tried_variance"], alone.manifest["comparable_trials"]) == (0, 1)
    first, second = record([run(), run(FixedMix(exposure=0.5, mix=BTC), execution=Execution(fee_bps=500))], "run", here)
    ratios = [r.metrics["sharpe"] * np.sqrt(r.years) for r in (first, second)]
    assert (first.manifest["trials"], first.manifest["comparable_trials"]) == (2, 2)
    assert first.manifest["tried_variance"] == pytest.approx(np.var(ratios, ddof=1) / 6)


def test_trials_without_ratios_vary_as_trials_without_skill(run: Callable[..., Result], here: Ledger) -> None:
    idle = record(
        [run(FixedMix(exposure=0.0, mix=BTC), execution=Execution(fee_bps=fee)) for fee in (1, 2)], "run", here
    )
    assert [r.manifest["tried_variance"] for r in idle] == [1 / 6, 1 / 6]
    assert [r.manifest["comparable_trials"] for r in idle] == [0, 0]


# Where it lies, and what is damaged


def test_it_lies_where_it_is_named_or_in_the_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EBBTIDE_LEDGER", str(tmp_path / "by the environment"))
    assert Ledger.default(tmp_path / "named", tmp_path / "store").folder == tmp_path / "named"
    assert Ledger.default(store=tmp_path / "store").folder == tmp_path / "by the environment"
    monkeypatch.delenv("EBBTIDE_LEDGER")
    assert Ledger.default(store=tmp_path / "store").folder == tmp_path / "store" / "ledger"
    monkeypatch.setenv("EBBTIDE_STORE", str(tmp_path / "other"))
    assert Ledger.default().folder == tmp_path / "other" / "ledger"


def test_a_ledger_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BadUsage, match=r"notes\.txt is a file; --ledger names a folder$"):
        Ledger.default(tmp_path / "notes.txt")


def test_tests_never_write_into_the_user_s_ledger(tmp_path_factory: pytest.TempPathFactory) -> None:
    assert tmp_path_factory.getbasetemp() in Ledger.default().folder.parents
    assert Ledger.default().count() == 0


def test_a_damaged_ledger_is_named_by_every_question(here: Ledger) -> None:
    here.append(rows(StealthQE()))
    path = next(here.folder.glob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-1])
    for question in (here.trials, here.count, here.families):
        with pytest.raises(
            DamagedFile, match=rf"{path.name} is damaged: .*which ebbtide ledger will then call missing$"
        ):
            question()
    path.unlink()
    here.append(rows(FixedMix()))
    assert here.count() == 1
