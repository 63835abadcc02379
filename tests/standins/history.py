"""The real history as its providers would serve it, from the files of the folder `shared`."""

import tomllib
from pathlib import Path

import pandas as pd

from data_cache.bars import OHLCV
from data_cache.catalog import spec
from data_cache.releases import known_at
from tests.standins import newyorkfed, treasury
from tests.standins.fred import FredWorld
from tests.standins.providers import Providers

MANIFEST = Path(__file__).parents[1] / "shared.toml"
ASSETS = ("BTC", "ETH")
NOW = pd.Timestamp("2026-10-01", tz="UTC")
# FRED has its vintages on record since then: what is older came with one load.
ON_RECORD, LOADED = pd.Timestamp("2014-12-01", tz="America/New_York"), "2015-01-02"
TEST_OPERATIONS = ("2022-04-11", "2024-09-24", "2025-10-08", "2025-11-05")
CLOSING = "Treasury General Account (TGA) Closing Balance"


def history(shared: Path) -> Providers:
    """Everything of the folder that a provider has."""
    return Providers(
        binance=prices(shared),
        funding=funding(shared),
        desk=desk(shared),
        statements=treasury.World(statements(shared)),
        fred=FredWorld(rows=vintages(shared), today=str(NOW.date())),
        now=NOW,
    )


def prices(shared: Path) -> dict[tuple[str, str, str], pd.DataFrame]:
    """The bars of Binance."""
    frames = {}
    for asset in ASSETS:
        for timeframe in ("1d", "1h"):
            file = f"prices/{asset.lower()}usdt_binance_spot_{timeframe}.csv.gz"
            read = pd.read_csv(shared / file).rename(columns={"volume_base": "volume"})
            times = pd.to_datetime(read.iloc[:, 0], utc=True)
            frames[f"{asset}/USDT", timeframe, "trade"] = read.set_index(pd.DatetimeIndex(times))[OHLCV]
    return frames


def funding(shared: Path) -> dict[str, pd.Series]:
    """The funding of Binance's perpetuals, by symbol."""
    found = {}
    for asset in ASSETS:
        read = pd.read_csv(shared / f"funding/{asset.lower()}usdt_binance_funding_8h.csv.gz")
        found[f"{asset}USDT"] = read.set_index(pd.to_datetime(read["time_utc"], utc=True))["funding_rate"]
    return found


def column(shared: Path, name: str, value: str = "value") -> pd.Series:
    """A column of a file of macro series, by period."""
    frame = pd.read_csv(shared / "macro" / f"{name}.csv.gz", parse_dates=["date"], index_col="date")
    return frame[value]


def desk(shared: Path) -> newyorkfed.World:
    """The operations and rates of the New York Fed; the four test days have a test operation alone."""
    ranges = {name: column(shared, "fed_funds_target_range_daily", name) for name in ("lower", "upper")}
    rates = [newyorkfed.effr(str(day.date()), rate) for day, rate in column(shared, "EFFR").items()]
    for record in rates:
        day = pd.Timestamp(record["effectiveDate"])
        record["targetRateFrom"] = ranges["lower"].get(day)
        if "targetRateTo" in record:
            record["targetRateTo"] = ranges["upper"].get(day)
    taken = column(shared, "RRPONTSYD").items()
    return newyorkfed.World(
        [newyorkfed.sofr(str(day.date()), rate) for day, rate in column(shared, "SOFR").items()],
        rates,
        [
            *newyorkfed.standing_repo_days(column(shared, "NYFED_SRF"), TEST_OPERATIONS),
            *(newyorkfed.reverse_repo(str(day.date()), round(value * 1_000) * 1_000_000) for day, value in taken),
        ],
    )


def statements(shared: Path) -> list[treasury.Record]:
    """The Treasury's statements in all three layouts; until 2022-04-15 the close of a day is the next opening."""
    said = pd.read_csv(shared / "macro" / "DTS_operating_cash_balance.csv.gz")
    own = said[~said["account_type"].str.startswith("Total")]
    opening = own.groupby("record_date")["amount_today"].first()
    closing = said[said["account_type"] == CLOSING].set_index("record_date")["amount_today"]
    closes = opening.shift(-1).where(opening.index < "2022-04-18", closing.reindex(opening.index))
    lines = [treasury.statement(day, int(close), int(opening[day])) for day, close in closes.dropna().items()]
    return [line for statement in lines for line in statement]


def vintages(shared: Path, *names: str) -> pd.DataFrame:
    """FRED's series of these names (all that the manifest of the tests takes from a file where there are none)."""
    entries = tomllib.loads(MANIFEST.read_text("utf-8"))["series"]
    # An entry with a title of its own is of no provider.
    macro = [entry for entry in entries if entry["file"].startswith("macro/") and "title" not in entry]
    known = {entry["id"]: entry["file"] for entry in macro}
    wanted = names or [name for name in known if spec(name).source == "fred"]
    return pd.concat([_vintages(shared / known[name], name) for name in wanted], ignore_index=True)


def _vintages(file: Path, name: str) -> pd.DataFrame:
    said = pd.read_csv(file)
    known = known_at(spec(name), pd.DatetimeIndex(said["date"])).tz_convert("America/New_York")
    # What is taken to be known at midnight, at the latest, came on the day before.
    start = pd.Series((known - pd.Timedelta(minutes=1)).strftime("%Y-%m-%d")).mask(known < ON_RECORD, LOADED)
    return pd.DataFrame({"series": name, "date": said["date"], "start": start, "value": said["value"]})
