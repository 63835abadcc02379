"""Worlds for the signals: five days written by hand, the lab, and the real history."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_cache.bars import Bars
from data_cache.cache import load_market
from data_cache.lab import Lab
from data_cache.market import Market
from data_cache.observations import Observations, observation_rows
from data_cache.sources.files import import_manifest
from data_cache.store import Store
from signals import Signal
from signals.signal import evaluate

Row = tuple[str, str, float]  # period, known_at in UTC, value
MANIFEST = Path(__file__).parents[1] / "shared.toml"


@pytest.fixture(scope="session")
def world() -> Callable[..., Market]:
    """Build a market of rows (period, known_at, value) by series, and daily closes by asset."""
    return build_world


@pytest.fixture(scope="session")
def values() -> Callable[..., list[float]]:
    """The values of a signal as a list, on everything or until a moment."""

    def of(signal: Signal, market: Market, until: str | None = None) -> list[float]:
        moment = None if until is None else pd.Timestamp(until, tz="UTC")
        return evaluate(signal, market, moment).tolist()

    return of


@pytest.fixture(scope="session")
def lab() -> Market:
    return Lab().market("1d")


@pytest.fixture(scope="session")
def real(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Market:
    """The real history in daily bars."""
    store = Store(tmp_path_factory.mktemp("store"))
    import_manifest(MANIFEST, store, pd.Timestamp("2026-10-01", tz="UTC"))
    return load_market(store, "1d")


def build_world(
    closes: Mapping[str, Sequence[float]] | None = None,
    first_day: str = "2025-01-01",
    futures: Mapping[str, pd.DataFrame] | None = None,
    **series: Sequence[Row],
) -> Market:
    rows = {name: _rows(table) for name, table in series.items()}
    bars = {asset: _bars(asset, prices, first_day) for asset, prices in (closes or {}).items()}
    return Market(Observations(rows), bars, "made by hand", dict(futures or {}))


def _rows(table: Sequence[Row]) -> pd.DataFrame:
    period, known_at, value = zip(*table, strict=True)
    return observation_rows(pd.to_datetime(list(period)), pd.to_datetime(list(known_at), utc=True), list(value))


def _bars(asset: str, closes: Sequence[float], first_day: str) -> Bars:
    close = np.asarray(closes, float)
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), close) | {"volume": 1.0})
    return Bars(asset, "1d", frame.set_axis(pd.date_range(first_day, periods=len(close), tz="UTC"), axis=0))
