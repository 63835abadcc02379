"""What an engine enters into a book: fills, and with perpetuals funding and liquidations."""

from dataclasses import dataclass, field

import pandas as pd

FILL = ["open_time", "asset", "units", "price", "fee"]
PAYMENT = ["at", "open_time", "asset", "units", "price", "rate", "amount"]
LIQUIDATION = ["open_time", "moment", "asset", "units", "price", "fee", "shortfall", "ruined"]
# When within its bar a book was liquidated: at the open, on the way to the worst of the range, or at the close.
MOMENTS = OPEN, RANGE, CLOSE = "open", "range", "close"
# A liquidation that leaves no more than this, as a fraction of the notional it closed, leaves nothing.
NOTHING_LEFT = 1e-9


def no_payments() -> pd.DataFrame:
    """Funding of a book that never paid or received any."""
    return payment_table([])


def no_liquidations() -> pd.DataFrame:
    """Liquidations of a book that had none."""
    return liquidation_table([])


def payment_table(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    """Funding as a table: at, open_time (of its bar), asset, units held, price, rate, amount ($; paid: below 0)."""
    return _typed(pd.DataFrame(rows, columns=PAYMENT), ["at", "open_time"])


def liquidation_table(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    """Liquidations as a table: open_time, moment, asset, units (negative for a sale), price, fee ($), and more.

    shortfall : what the venue bore, $, so that the account is not below 0; it stands in the last row of its liquidation
    ruined : whether nothing was left of the book; true in the last row of that liquidation
    """
    return _typed(pd.DataFrame(rows, columns=LIQUIDATION), ["open_time"])


def _typed(table: pd.DataFrame, times: list[str]) -> pd.DataFrame:
    kinds = dict.fromkeys(table, "float") | dict.fromkeys(times, "datetime64[ns, UTC]")
    kinds |= {name: "str" for name in ("asset", "moment") if name in table}
    kinds |= {name: "bool" for name in ("ruined",) if name in table}
    return table.astype(kinds)


@dataclass(frozen=True)
class Entries:
    """All entries of one run, each table in the order of time.

    fills : open_time, asset, units (negative for a sale), price after slippage, fee in $      others : see above
    """

    fills: pd.DataFrame
    payments: pd.DataFrame = field(default_factory=no_payments)
    liquidations: pd.DataFrame = field(default_factory=no_liquidations)
