"""The command line as a user meets it, and a cache of sixty days, written out as CSV files and imported."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from backtests.cli import main
from data_cache.sources.files import import_manifest
from data_cache.store import Store

DAYS = pd.date_range("2024-01-01", periods=60)
FIRST_PRICE = {"BTC": 40_000.0, "ETH": 2_000.0, "SOL": 100.0}


@dataclass(frozen=True)
class Answer:
    """What a command gave back."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object that is all of stdout."""
        assert self.code == 0, self.err
        return json.loads(self.out)  # type: ignore[no-any-return]

    def sentence(self, code: int = 2) -> str:
        """What went wrong: one line on stderr, nothing on stdout, no traceback, no blame on ebbtide itself."""
        assert self.code == code, self.out + self.err
        assert self.out == ""
        assert self.err.startswith("ebbtide: ")
        assert self.err.count("\n") == 1, self.err
        assert "Traceback" not in self.err
        assert "please report it" not in self.err
        return self.err.removeprefix("ebbtide: ").rstrip("\n")


@pytest.fixture
def ebbtide(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Run `ebbtide` with these arguments, all that `main` does included."""

    def command(*arguments: object) -> Answer:
        monkeypatch.setattr("sys.argv", ["ebbtide", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        return Answer(int(stop.value.code or 0), captured.out, captured.err)

    return command


def bars_csv(asset: str) -> str:
    """Sixty daily bars: two days up 2 %, one day down 3 %; each opens where the last one closed."""
    lines, price = ["date,open,high,low,close,volume"], FIRST_PRICE[asset]
    for number, day in enumerate(DAYS):
        close = price * (1.02 if number % 3 else 0.97)
        high, low = max(price, close), min(price, close)
        lines.append(f"{day:%Y-%m-%d},{price!r},{high!r},{low!r},{close!r},1000")
        price = close
    return "\n".join(lines) + "\n"


def bars_entry(asset: str, file: str = "", timeframe: str = "1d") -> str:
    return (
        f'[[bars]]\nasset = "{asset}"\nvenue = "hand"\nsymbol = "{asset}/USDT"\ntimeframe = "{timeframe}"\n'
        f'file = "{file or asset.lower() + ".csv"}"\ntime = "date"\ntime_timezone = "UTC"\n'
    )


def series_csv(first: float, step: float) -> str:
    days = DAYS[DAYS.day_of_week < 5]
    return "date,value\n" + "".join(f"{day:%Y-%m-%d},{first + step * row:g}\n" for row, day in enumerate(days))


def write_files(folder: Path) -> Path:
    """CSV files of three assets and two series, and the manifest that imports them."""
    folder.mkdir(parents=True, exist_ok=True)
    for asset in FIRST_PRICE:
        (folder / f"{asset.lower()}.csv").write_text(bars_csv(asset))
    (folder / "sofr.csv").write_text(series_csv(5.31, 0.0))
    (folder / "tga.csv").write_text(series_csv(800_000, -2_000))
    manifest = folder / "manifest.toml"
    manifest.write_text(
        "".join(map(bars_entry, FIRST_PRICE))
        + '[[series]]\nid = "SOFR"\nfile = "sofr.csv"\nunit = "%"\n'
        + '[[series]]\nid = "TGA"\nfile = "tga.csv"\nunit = "$mn"\n'
    )
    return manifest


def contents(store: Path) -> dict[str, bytes]:
    """Every stored file, to the byte."""
    return {str(path): path.read_bytes() for path in store.rglob("*") if path.is_file() and path.name != ".lock"}


@pytest.fixture(scope="session")
def by_hand() -> SimpleNamespace:
    """What writes the files of a small world, and what a store holds."""
    return SimpleNamespace(
        days=DAYS, bars_csv=bars_csv, bars_entry=bars_entry, write_files=write_files, contents=contents
    )


@pytest.fixture(scope="session")
def sixty_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with sixty days of BTC, ETH and SOL, SOFR and TGA; no test changes it."""
    folder = tmp_path_factory.mktemp("sixty_days")
    store = folder / "store"
    import_manifest(write_files(folder / "files"), Store(store))
    return store


@pytest.fixture
def cached(sixty_days: Path) -> tuple[object, ...]:
    """The options that make a command read those sixty days."""
    return ("--data", "cache", "--store", sixty_days)


@pytest.fixture(scope="session")
def history(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the real history, imported through the manifest of the tests."""
    store = tmp_path_factory.mktemp("history") / "store"
    import_manifest(Path(__file__).parents[1] / "shared.toml", Store(store))
    return store
