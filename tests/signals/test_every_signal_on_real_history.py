"""Every signal that is exported has a value that a reader can redo from the files of the real history, or a reason."""

import pytest

import signals
from data_cache.errors import NoData
from data_cache.market import Market
from signals import Signal
from signals.signal import require_needs
from tests.signals.test_crypto_on_real_history import VALUES as CRYPTO
from tests.signals.test_dollars_on_real_history import ROWS as DOLLARS
from tests.signals.test_facts_on_real_history import VALUES as FACTS
from tests.signals.test_signals_on_real_history import VALUES as HEADLINES

EXPORTED = {name: getattr(signals, name) for name in signals.__all__ if name != "Signal"}
REDONE = {type(signal).__name__ for _, signal, _, _ in [*HEADLINES, *DOLLARS, *CRYPTO, *FACTS]}

# The series that keeps a signal from the real history, whose files do not have it. These signals are tested by hand,
# from the templates and on the lab.
ABSENT = {
    "BillPurchases": "WSHOBL",
    "BillShare": "BILLS_OUTSTANDING",
    "BillShareChange": "BILLS_OUTSTANDING",
    "CustodyChange": "WMTSECL1",
    "EtfHoldings": "ETF_HOLDINGS_TOTAL",
    "EtfUnwind": "OPEN_INTEREST_BTC",
    "GoldTrend": "GOLD",
    "Issuance": "DEBT",
    "IssuanceHoarded": "DEBT",
    "IssuanceNetOfAccount": "DEBT",
    "LeverageFlushed": "OPEN_INTEREST_BTC",
    "OpenInterest": "OPEN_INTEREST_BTC",
    "OpenInterestBasisCorrelation": "OPEN_INTEREST_BTC",
    "OpenInterestChange": "OPEN_INTEREST_BTC",
    "OpenInterestUnwind": "OPEN_INTEREST_BTC",
    "RepoDemand": "SOFRVOL",
    "RepoVolumeGrowth": "SOFRVOL",
    "ReserveManagement": "WSHOBL",
    "ReserveRatio": "TLAACBW027SBOG",
    "TreasuryCompanyMnav": "COMPANY_COINS_MSTR",
    "TreasuryPurchases": "COMPANY_COINS_BMNR",
}


def test_every_signal_has_a_value_redone_by_hand_or_a_reason() -> None:
    assert sorted(EXPORTED) == sorted(REDONE | set(ABSENT)), (
        "a new signal wants a row in VALUES of one of these tests, with the file's numbers; or here the series it lacks"
    )


def test_no_signal_has_both() -> None:
    assert REDONE & set(ABSENT) == set()


@pytest.mark.parametrize(("name", "series"), ABSENT.items())
def test_a_reason_names_a_series_that_the_signal_cannot_do_without(name: str, series: str) -> None:
    signal: Signal = EXPORTED[name]()
    assert series in signal.needs


@pytest.mark.real
@pytest.mark.parametrize(("name", "series"), ABSENT.items())
def test_what_is_called_absent_is_absent(real: Market, name: str, series: str) -> None:
    with pytest.raises(NoData, match=series):
        require_needs(EXPORTED[name](), real)
