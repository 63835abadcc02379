"""What travels to a worker and back."""

import pickle
import threading
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import cloudpickle
import pandas as pd
import pytest

from backtests.sweeps.backends import payload
from backtests.sweeps.trials import Chunk, Task, World
from data_cache.cache import load_market
from data_cache.catalog import spec
from data_cache.errors import BadUsage, DamagedFile, StrategyFailed
from data_cache.lazy import Lazy
from data_cache.market import Market
from data_cache.parquet import Fetch
from data_cache.store import Listing, Store
from strategies.strategy import Strategy
from tests.backtests.sweeps.backends.fake_runs import world_of

FETCH = Fetch("file", "by hand", pd.Timestamp("2024-02-01", tz="UTC"))


@pytest.fixture
def stored(toy: SimpleNamespace, tmp_path: Path) -> tuple[Market, Store]:
    """A market of a store that holds bars, futures and two series, one of them damaged."""
    store, days = Store(tmp_path), pd.date_range("2024-01-02", periods=3, tz="UTC")
    for series in ("SOFR", "SRF"):
        store.add_series(spec(series), toy.series({"01-02": 5.3, "01-03": 5.4}), FETCH)
    store.add_bars(Listing("BTC", "lab", "BTC/USD", "1d"), toy.bars("BTC", toy.BTC), FETCH)
    expiry = pd.Timestamp("2024-03-29 08:00", tz="UTC")
    store.add_futures("BTC", pd.DataFrame({"known_at": days, "expiry": expiry, "close": [100.0, 101.0, 102.0]}), FETCH)
    store.series_path("SRF").write_bytes(b"not what was written")
    return load_market(store, "1d"), store


def test_a_market_in_memory_is_the_same_market(stored: tuple[Market, Store]) -> None:
    market, store = stored
    own = payload.in_memory(market)
    store.folder.rename(store.folder.with_name("elsewhere"))
    copy: Market = pickle.loads(pickle.dumps(own))
    needs = {"SOFR", "bars:BTC", "futures:BTC"}
    assert copy.hashes(needs) == own.hashes(needs)
    assert set(copy.hashes(needs)) == needs
    assert copy.sources["SOFR"] == ("file",)
    assert (list(copy.observations), copy.assets, copy.origin) == (["SOFR", "SRF"], ["BTC"], market.origin)


def test_a_damaged_series_hurts_nobody_who_does_not_ask_for_it(stored: tuple[Market, Store]) -> None:
    copy: Market = pickle.loads(pickle.dumps(payload.in_memory(stored[0])))
    assert copy.observations.first("SOFR").tolist() == [5.3, 5.4]
    with pytest.raises(DamagedFile, match=r"SRF\.parquet is damaged: .*; delete it, then fetch or import it again$"):
        copy.observations.first("SRF")


def test_what_a_lambda_resamples_travels(toy: SimpleNamespace) -> None:
    hourly = toy.market({"BTC": range(1, 73)}, timeframe="1h")
    copy: Market = pickle.loads(pickle.dumps(payload.in_memory(hourly.at_timeframe("1d"))))
    assert isinstance(copy.bars, Lazy)
    assert copy.bars["BTC"].frame["close"].tolist() == [24.0, 48.0, 72.0]


@dataclass(frozen=True)
class Idle(Strategy):
    """Never decides."""


class Echo:
    """Answers or raises what it was made with."""

    def __init__(self, answer: object) -> None:
        self._answer = answer

    def run(self, task: Task) -> Chunk:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer  # type: ignore[return-value]


@pytest.fixture
def world(toy: SimpleNamespace) -> World:
    return world_of(Idle(), toy.market({"BTC": toy.BTC}))


def answered(world: World, answer: object, key: str) -> Chunk:
    """What comes back from a worker that is this process; the answer can't be pickled, so it is not sent."""
    kept[key] = answer
    content = payload.packed_world(world, make_echo)
    return payload.unpacked(payload.run(key, lambda: content, payload.packed_task(Task(0, [{}]))))


kept: dict[str, object] = {}


def make_echo(world: World) -> Echo:
    from tests.backtests.sweeps.backends import test_payload

    return Echo(next(iter(reversed(test_payload.kept.values()))))


def test_modules_travel_with_their_code_only_while_we_pickle(world: World) -> None:
    before = set(cloudpickle.list_registry_pickle_by_value())
    content = payload.packed_world(world, make_echo)
    assert set(cloudpickle.list_registry_pickle_by_value()) == before
    assert b"Never decides" in content, "the class of this file, by value"
    assert b"Yardsticks" not in content


def test_an_ebbtide_error_travels_as_its_sentence_alone(world: World) -> None:
    with pytest.raises(StrategyFailed) as raised:
        answered(world, StrategyFailed("no trial"), "refused")
    assert str(raised.value) == "no trial"
    assert not hasattr(raised.value, "__notes__")


def test_an_error_that_can_not_travel_comes_as_text(world: World) -> None:
    error = ValueError("holds a lock", threading.Lock())
    with pytest.raises(RuntimeError, match=r"ValueError: \('holds a lock', <unlocked"):
        answered(world, error, "locked")


def test_a_worker_with_another_version_runs_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    content = payload.packed_world(world, make_echo)
    monkeypatch.setattr(payload, "__version__", "0.0.1")
    outcome = payload.run("older", lambda: content, payload.packed_task(Task(0, [{}])))
    told = r"^a worker has ebbtide 0\.0\.1, but \S+ sent it tasks; install \S+ there$"
    with pytest.raises(BadUsage, match=told):
        payload.unpacked(outcome)


def test_a_strategy_that_can_not_be_pickled_is_told_with_a_cure(toy: SimpleNamespace) -> None:
    lock = threading.Lock()

    @dataclass(frozen=True)
    class Locked(Strategy):
        def can_miss(self) -> tuple[str, ...]:
            return (str(lock),)

    told = (
        r"^the strategy can't be sent to workers: TypeError: cannot pickle '_thread.lock' object; keep open files, "
        r"locks and connections out of its module, or take --workers 1$"
    )
    with pytest.raises(BadUsage, match=told):
        payload.packed_world(world_of(Locked(), toy.market({"BTC": toy.BTC})), make_echo)
