"""What a user asks of a sweep: its space, its folder, its workers and its memory, checked before anything is loaded."""

import inspect
from contextlib import nullcontext
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from backtests import cli
from backtests.request import asked_of, read_run_file
from backtests.sweeps import request as module
from backtests.sweeps.cross_validation import Folds
from backtests.sweeps.request import (
    FEW_TRIALS,
    Interrupted,
    SearchRequest,
    SweepRequest,
    WalkRequest,
    memory_bytes,
    require_file,
)
from data_cache.errors import BadUsage, UnknownName
from data_cache.market import Market
from strategies import BuyAndHold, FixedMix


def asked(**options: Any) -> SweepRequest:
    """A sweep of 4 × 3 trials, or what the options make of it."""
    usual = {"strategies": ("StealthQE",), "set": ("window=5:20:5", "trigger=1,2,10")}
    return SweepRequest(**(usual | options))


@pytest.fixture
def world(toy: SimpleNamespace) -> Market:
    market: Market = toy.market({"BTC": toy.BTC, "ETH": toy.ETH})
    return market


def test_the_run_file_takes_the_options_of_the_command() -> None:
    own = set(inspect.signature(cli.sweep).parameters) - {"strategy"}
    assert own | {"strategies"} == {field.name for field in fields(SweepRequest)}


def test_the_space_is_what_is_set_and_what_the_conditions_leave() -> None:
    assert asked().space().size == 4 * 3
    assert asked(where=("window > trigger", "trigger > 1")).space().size == 4 + 2  # of trigger 2, of trigger 10


WRONG = [
    ({"strategies": ("StealthQE", "FixedMix")}, r"^one strategy is searched at a time; found StealthQE, FixedMix$"),
    ({"set": ()}, r"^there is nothing to search; name the values of a parameter, as in --set window=1,2$"),
    ({"address": "auto"}, r"^--address auto is of a cluster; add --backend ray or --backend dask$"),
    ({"workers": 0}, r"^--workers must be one or more; found 0$"),
    ({"trials": 0, "search": "random"}, r"^--trials must be one or more; found 0$"),
    ({"search_seed": -1}, r"^--search-seed must be zero or more; found -1$"),
    ({"memory": "2"}, r"^--memory takes a size such as 500MB, 2GB or 1\.5GiB; found '2'$"),
    ({"benchmark": "none"}, r"^trials are judged beside a benchmark; name a strategy"),
]


@pytest.mark.parametrize(("options", "said"), WRONG, ids=[next(iter(case[0])) for case in WRONG])
def test_what_makes_no_sense_is_refused_before_anything_is_loaded(
    options: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SweepRequest, "market", lambda self: pytest.fail("the market was loaded"))
    with pytest.raises(BadUsage, match=said):
        asked(**options).run(lambda done, total: None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"search": "radnom"}, "ebbtide has no search 'radnom'; did you mean 'random'?"),
        ({"objective": "sharp"}, "ebbtide has no objective 'sharp'; did you mean 'sharpe'?"),
        ({"backend": "desk"}, "ebbtide has no backend 'desk'; did you mean 'dask'?"),
        ({"set": ("windw=5,10",)}, "StealthQE has no parameter 'windw'; did you mean 'window'?"),
    ],
)
def test_an_unknown_name_is_refused_with_the_one_that_was_probably_meant(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UnknownName) as refused:
        asked(**options).space()
    assert str(refused.value) == said


def test_the_first_trials_of_a_grid_are_no_sample_of_it() -> None:
    with pytest.raises(BadUsage) as refused:
        asked(trials=5).space()
    assert str(refused.value) == (
        "--search grid runs all 12 trials, and the first 5 would be a corner of it; write --search random --trials 5 "
        "for a sample"
    )
    assert asked(trials=5, search="random").space().size == 12


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("500MB", 500_000_000),
        ("2GB", 2_000_000_000),
        ("1.5GiB", 1.5 * 1024**3),
        ("512 mib", 512 * 1024**2),
        ("64kB", 64_000),
        ("1TB", 10**12),
    ],
)
def test_memory_is_written_with_its_unit(text: str, size: int) -> None:
    assert memory_bytes(text) == size


@pytest.mark.parametrize("text", ["", "2", "GB", "2G", "-2GB", "0GB", "2,5GB", "1e3MB", "nanGB", "2GB or so"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(BadUsage, match=r"--memory takes a size such as 500MB, 2GB or 1\.5GiB; found "):
        memory_bytes(text)


def test_everything_asked_for_reaches_the_plan(world: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SweepRequest, "market", lambda self: world)
    request = asked(
        start="2024-01-02",
        end="2024-01-05",
        fee_bps=1.0,
        search="tpe",
        trials=5,
        objective="calmar",
        seed=5,
        search_seed=3,
        benchmark="FixedMix(exposure=0.5)",
    )
    plan = request.plan(request.space())
    assert (plan.market, plan.space) == (world, request.space())
    assert plan.execution.fee_bps == 1.0
    assert (plan.start, plan.end) == (pd.Timestamp("2024-01-02", tz="UTC"), pd.Timestamp("2024-01-06", tz="UTC"))
    assert (plan.search, plan.trials, plan.objective, plan.seed) == ("tpe", 5, "calmar", 3)
    assert plan.benchmark == FixedMix(exposure=0.5)
    assert asked().plan(asked().space()).benchmark == BuyAndHold()


A_WALK: dict[str, Any] = {"strategies": ("StealthQE",), "set": ("window=5,10",), "train": "730d", "test": "26w"}


def walked(**options: Any) -> WalkRequest:
    """A walk of the same trials, or what the options make of it."""
    return WalkRequest(**(A_WALK | options))


def test_the_run_file_takes_the_options_of_walk_too() -> None:
    own = set(inspect.signature(cli.walk).parameters) - {"strategy"}
    assert own | {"strategies"} == {field.name for field in fields(WalkRequest)}


def test_a_walk_has_steps_and_the_purge_is_on_both_sides_of_what_is_held_out() -> None:
    steps = walked(purge="36h", anchored=True).steps()
    assert (steps.train, steps.test, steps.purge) == tuple(pd.Timedelta(days=days) for days in (730, 182, 1.5))
    assert steps.anchored
    assert walked(purge="36h", groups=4).folds() == Folds(4, 2, purge=2, embargo=2)  # 1.5 days touch two
    assert walked().folds() == Folds(6, 2, purge=0, embargo=0)


def test_a_search_that_learns_is_cross_validated_only_where_that_is_asked_for() -> None:
    assert walked(search="tpe").folds() is None
    assert walked(search="tpe", held_out=1).folds() == Folds(6, 1)  # walk_paths then says why not


def test_a_walk_needs_both_lengths() -> None:
    for missing in ("train", "test"):
        with pytest.raises(BadUsage, match=r"^a walk needs --train and --test, as in --train 730d --test 180d$"):
            walked(**{missing: None}).steps()


def folder(request: SweepRequest) -> Path:
    return request.folder(request.space())


def test_the_same_command_finds_its_own_folder_again() -> None:
    assert folder(asked()) == folder(asked(resume=True, workers=7, memory="1GB", backend="ray", json=True))
    assert folder(asked()).parent == Path("sweeps")
    name, _, digits = folder(asked()).name.partition("-")
    assert (name, len(digits), int(digits, 16) >= 0) == ("StealthQE", 8, True)


@pytest.mark.parametrize(
    "other",
    [
        {"strategies": ("StealthQE(exposure=0.5)",)},
        {"set": ("window=5:20:5", "trigger=1,2,11")},
        {"set": ("trigger=1,2,10", "window=5:20:5")},
        {"where": ("window > trigger",)},
        {"search": "random"},
        {"search": "random", "trials": 3},
        {"objective": "calmar"},
        {"seed": 8},
        {"search_seed": 8},
        {"data": "cache"},
        {"timeframe": "1h"},
        {"start": "2020-01-01"},
        {"end": "2020-01-01"},
        {"fee_bps": 3.0},
        {"benchmark": "FixedMix"},
    ],
    ids=str,
)
def test_another_sweep_has_another_folder(other: dict[str, Any]) -> None:
    assert folder(asked(**other)) != folder(asked())


def test_the_lab_s_seed_says_nothing_of_a_sweep_of_real_history() -> None:
    assert folder(asked(data="cache", seed=8)) == folder(asked(data="cache"))


@pytest.mark.parametrize("name", ["x.html", "deep/x.HTM"])
def test_a_page_is_no_folder(name: str) -> None:
    with pytest.raises(BadUsage) as refused:
        folder(asked(out=Path(name)))
    assert str(refused.value) == (
        f"--out {name} names a page, and a sweep is kept in a folder, with its report in it; "
        f"write --out {name.rpartition('.')[0]}"
    )


def test_where_a_walk_is_written_is_tried_before_anything_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WalkRequest, "market", lambda self: pytest.fail("the market was loaded"))
    (tmp_path / "file").touch()
    with pytest.raises(BadUsage) as refused:
        walked(out=tmp_path / "file" / "walk.html").run(*[lambda done, total: None] * 2)
    assert str(refused.value) == (
        f"{tmp_path}/file/walk.html can't be written: {tmp_path}/file is a file; name another file with --out"
    )
    with pytest.raises(BadUsage, match=r"y\.html can't be written: File name too long; name another file with --out$"):
        walked(out=tmp_path / f"{'long' * 60}y.html").run(*[lambda done, total: None] * 2)
    with pytest.raises(BadUsage, match=r"is a folder; name a file in it, such as .*/walk\.html$"):
        walked(out=tmp_path).run(*[lambda done, total: None] * 2)


def test_trying_leaves_nothing_and_takes_nothing_away(tmp_path: Path) -> None:
    (tmp_path / "old.html").write_text("old")
    require_file(tmp_path / "old.html")
    require_file(tmp_path / "deeper" / "new.html")
    assert (tmp_path / "old.html").read_text() == "old"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["old.html"]


def test_a_folder_can_be_named_and_a_file_is_none(tmp_path: Path) -> None:
    assert folder(asked(out=tmp_path)) == tmp_path
    (tmp_path / "file").touch()
    with pytest.raises(BadUsage, match=r"file is a file; --out names a folder for the sweep$"):
        folder(asked(out=tmp_path / "file"))


def clustered(request: SearchRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, ...]:
    """With what a cluster is started on a machine of six cores."""
    monkeypatch.setattr("joblib.cpu_count", lambda: 6)
    monkeypatch.setattr(module, "cluster", lambda *arguments: arguments)
    return tuple(request.on_cluster(request.space()))  # type: ignore[arg-type]


def test_little_work_is_done_by_one_worker_and_much_by_all(monkeypatch: pytest.MonkeyPatch) -> None:
    many = ("ceiling_bps=1:2000:1", "window=1,2")
    assert clustered(asked(), monkeypatch) == ("local", 1, None)
    assert clustered(asked(set=(f"ceiling_bps=1:{FEW_TRIALS}:1",)), monkeypatch) == ("local", 1, None)
    assert clustered(asked(set=many, memory="8GB"), monkeypatch) == ("local", 6, None)
    assert clustered(asked(set=many, search="random", trials=2_000), monkeypatch) == ("local", 1, None)
    assert clustered(asked(set=many, memory="1GB"), monkeypatch) == ("local", 1, None)  # for as many as fit into it
    assert clustered(asked(set=many, workers=3), monkeypatch) == ("local", 3, None)
    assert clustered(asked(set=many, backend="dask", memory="8GB"), monkeypatch) == ("dask", 6, None)
    assert clustered(asked(backend="ray", address="auto"), monkeypatch) == ("ray", None, "auto")


def test_there_are_no_workers_without_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of twelve trials there is one chunk; a walk has chunks of single trials."""
    assert clustered(asked(workers=1_000), monkeypatch) == ("local", 1, None)
    assert clustered(asked(set=("ceiling_bps=1:30:1",), workers=1_000), monkeypatch) == ("local", 2, None)
    assert clustered(walked(workers=1_000), monkeypatch) == ("local", 2, None)
    assert clustered(walked(workers=1_000, search="random", trials=1), monkeypatch) == ("local", 1, None)


def test_a_rule_that_looks_at_its_own_book_is_never_little_work(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "guard.py").write_text(
        "from dataclasses import dataclass\nfrom strategies import Strategy\n\n"
        "@dataclass(frozen=True)\nclass Guard(Strategy):\n    limit: float = 0.2\n\n"
        "    def on_event(self, at, now, book):\n"
        '        return {"BTC": 0.5 * (book.drawdown < self.limit)}\n'
    )
    own = asked(strategies=(f"{tmp_path}/guard.py:Guard",), set=("limit=0.001:0.2:0.001",), memory="8GB")
    assert clustered(own, monkeypatch) == ("local", 6, None)


def interrupted(request: SweepRequest, world: Market, monkeypatch: pytest.MonkeyPatch, *made: str) -> None:
    """Run it; the user interrupts once these files are in its folder."""

    def stopped(plan: Any, folder: Path, *rest: Any) -> None:
        folder.mkdir(parents=True)
        for name in made:
            (folder / name).touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "run_sweep", stopped)
    monkeypatch.setattr(module, "cluster", lambda *arguments: nullcontext())
    monkeypatch.setattr(SweepRequest, "market", lambda self: world)
    request.run(lambda done, total: None)


def test_an_interrupt_says_how_to_go_on(world: Market, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(Interrupted) as stopped:
        interrupted(asked(out=tmp_path / "mine"), world, monkeypatch, "sweep.json")
    assert stopped.value.exit_code == 130
    assert str(stopped.value) == (
        f"interrupted; what was done is kept in {tmp_path / 'mine'}: the same command with --resume goes on"
    )


def test_an_interrupt_before_anything_is_kept_promises_nothing(
    world: Market, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(asked(out=tmp_path / "mine"), world, monkeypatch)


SWEEP_FILE = """
strategy = "FiscalDominance"
search = "random"
trials = 20
where = "exposure > 0.3"
workers = 2
search-seed = 3
memory = "500MB"
out = "mine"
resume = true
[set]
exposure = "0.25:1:0.25"
mix = [{BTC = 1.0}, {BTC = 0.5, ETH = 0.5}]
[set.treasury_release]
window_days = [5, 10, 20]
released = 2
[set.fed_purchases]
weeks = ["4:13:3", "26"]
"""


def test_a_run_file_says_what_the_options_say(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(SWEEP_FILE)
    request = asked_of(SweepRequest, {"strategies": [str(tmp_path / "my.toml")], "workers": 3, "where": None})
    options = SweepRequest(
        strategies=("FiscalDominance",),
        search="random",
        trials=20,
        where=("exposure > 0.3",),
        workers=3,
        search_seed=3,
        memory="500MB",
        out=tmp_path / "mine",
        resume=True,
        set=(
            "exposure=0.25:1:0.25",
            "mix=BTC:1.0;BTC:0.5,ETH:0.5",
            "treasury_release.window_days=5,10,20",
            "treasury_release.released=2",
            "fed_purchases.weeks=4:13:3,26",
        ),
    )
    assert request == options
    assert request.space().size == 3 * 2 * 3 * 1 * 5


@pytest.mark.parametrize(
    ("line", "setting"),
    [
        ("mix = [{BTC = 0.5}, {ETH = 0.5}]", "mix=BTC:0.5;ETH:0.5"),
        ('mix = ["BTC:0.5", "ETH:0.5"]', "mix=BTC:0.5;ETH:0.5"),
        ("mix = {BTC = 0.5, ETH = 0.5}", "mix=BTC:0.5,ETH:0.5"),
        ('window = ["5:10:1", "20:40:5"]', "window=5:10:1,20:40:5"),
        ("risky = [true, false]", "risky=True,False"),
        ("stealth_qe.window = 5", "stealth_qe.window=5"),
        ("stealth_qe.mix = {BTC = 1}", "stealth_qe.mix=BTC:1"),
        ('"stealth_qe.window" = [5, 6]', "stealth_qe.window=5,6"),
    ],
)
def test_values_may_be_lists_and_parts_may_be_tables(line: str, setting: str, tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(f"[set]\n{line}\n")
    assert read_run_file(tmp_path / "my.toml", SweepRequest)["set"] == (setting,)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("trials = 1.5", "trials must be a whole number; found 1.5"),
        ('workers = "two"', "workers must be a whole number; found 'two'"),
        ("memory = 2", "memory must be a text; found 2"),
        ("where = [1]", "where must be a text; found [1]"),
        ("resume = 1", "resume must be true or false; found 1"),
        ('engine = "events"', "my.toml has no option 'engine'; "),
        ('serach = "tpe"', "my.toml has no option 'serach'; did you mean 'search'?"),
    ],
)
def test_an_option_of_another_type_is_refused(line: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(line)
    with pytest.raises(BadUsage) as refused:
        read_run_file(tmp_path / "my.toml", SweepRequest)
    assert said in str(refused.value)


def test_conditions_of_the_file_give_way_to_those_of_the_command(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text('strategy = "StealthQE"\nwhere = ["window > 5", "trigger > 1"]\n')
    file = [str(tmp_path / "my.toml")]
    assert asked_of(SweepRequest, {"strategies": file}).where == ("window > 5", "trigger > 1")
    assert asked_of(SweepRequest, {"strategies": file, "where": ["window > 9"]}) == replace(
        asked(), set=(), where=("window > 9",)
    )
