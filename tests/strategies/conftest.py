"""Worlds for the strategies: a few weeks written by hand, the lab, and the real history."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.backtest import Backtest
from backtests.decisions import event_times
from data_cache.bars import Bars
from data_cache.cache import load_market
from data_cache.lab import Lab
from data_cache.market import Market
from data_cache.observations import Observations, observation_rows
from data_cache.sources.files import import_manifest
from data_cache.store import Store
from signals.signal import values_at
from strategies import Now, Strategy

MANIFEST = Path(__file__).parents[1] / "shared.toml"


@pytest.fixture(scope="session")
def lab() -> Market:
    return Lab().market("1d")


@pytest.fixture(scope="session")
def real(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Market:
    """The real history in daily bars."""
    store = Store(tmp_path_factory.mktemp("store"))
    import_manifest(MANIFEST, store, pd.Timestamp("2026-10-01", tz="UTC"))
    return load_market(store, "1d")


@pytest.fixture(scope="session")
def world() -> Callable[..., Market]:
    """Build a market of daily closes by asset and values by day and series, each known at noon of the next day."""
    return build_world


@pytest.fixture(scope="session")
def decided() -> Callable[..., list[tuple[str, float]]]:
    """What a strategy decides in a world, as (month-day hour, exposure); both engines, which must agree."""
    return decisions


@pytest.fixture(scope="session")
def held() -> Callable[..., float]:
    """The exposure that a strategy answers to these values of its signals, one number each."""

    def exposure(strategy: Strategy, **values: float) -> float:
        now = Now(pd.Timestamp("2025-01-01", tz="UTC"), {name: np.float64(v) for name, v in values.items()})
        return float(sum(strategy.weights(now).values()))

    return exposure


@pytest.fixture(scope="session")
def known_when_asked() -> Callable[[Strategy, Market], pd.Series]:
    """Whether all signals that the rule needs are known, at each moment at which the strategy is asked."""

    def known(strategy: Strategy, market: Market) -> pd.Series:
        times = event_times(strategy, market, Backtest(strategy, market)._tape())
        needed = [signal for name, signal in strategy.signals().items() if name not in strategy.can_miss()]
        values = [values_at(signal, market, times) for signal in needed]
        everything = ~np.isnan(values).any(axis=0) if values else np.ones(len(times), bool)
        return pd.Series(everything, pd.DatetimeIndex(times, tz="UTC"))

    return known


def decisions(strategy: Strategy, market: Market) -> list[tuple[str, float]]:
    vector, events = (Backtest(strategy, market, engine=engine).run().decisions for engine in ("vector", "events"))
    pd.testing.assert_frame_equal(vector, events, check_exact=True)
    return [
        (f"{at:%m-%d %H}h", round(float(sum(row)), 9)) for at, row in zip(vector.index, vector.to_numpy(), strict=True)
    ]


def build_world(
    closes: Mapping[str, Sequence[float]],
    futures: Mapping[str, pd.DataFrame] | None = None,
    first_day: str = "2024-01-08",
    **series: Mapping[str, float],
) -> Market:
    bars = {asset: _bars(asset, prices, first_day) for asset, prices in closes.items()}
    return Market(
        Observations({name: _rows(values) for name, values in series.items()}),
        bars,
        "made by hand",
        dict(futures or {}),
    )


def _rows(values: Mapping[str, float]) -> pd.DataFrame:
    days = pd.DatetimeIndex([day if len(day) > len("01-31") else f"2024-{day}" for day in values])
    noon = days.tz_localize("UTC") + pd.Timedelta(hours=36)
    return observation_rows(days, noon, list(values.values()))


def _bars(asset: str, closes: Sequence[float], first_day: str) -> Bars:
    close = np.asarray(closes, float)
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), close) | {"volume": 1.0})
    return Bars(asset, "1d", frame.set_axis(pd.date_range(first_day, periods=len(close), tz="UTC"), axis=0))
