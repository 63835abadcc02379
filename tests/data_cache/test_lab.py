"""The lab as an instrument: the same for a seed, honest about time, and with an answer that can be found."""

import hashlib
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from data_cache.catalog import spec
from data_cache.catalog_crypto import FIRST_FUNDS, LATER_FUNDS
from data_cache.errors import BadUsage
from data_cache.lab import Lab, prices, publications, rates
from data_cache.lab.noise import autoregressive, stream
from data_cache.magnitude import check_magnitude
from data_cache.market import Market
from data_cache.observations import Observations
from data_cache.releases import known_at

COMPANY_PARTS = ("COINS", "MARKET_CAP", "DEBT", "PREFERRED", "CASH")
PUBLISHED = {
    *("SOFR", "SOFR99", "SOFRVOL", "EFFR", "IORB", "DFEDTARU", "DFEDTARL", "RRPONTSYD", "RRPONTSYAWARD", "SRF"),
    *("WALCL", "WTREGEN", "WRESBAL", "WDTGAL", "WRBWFRBL", "TREAST", "WSHOBL", "WSHOMCB", "TGA"),
    *("DGS1", "DGS2", "DGS10", "DGS3MO", "DTB3", "THREEFYTP10", "FUNDING_BTC", "FUNDING_ETH"),
    *("OPEN_INTEREST_BTC", "OPEN_INTEREST_ETH", "ETF_FLOW_TOTAL", "ETF_HOLDINGS_TOTAL", "STABLECOINS"),
    *(f"ETF_FLOW_{fund}" for fund in (*FIRST_FUNDS, *LATER_FUNDS)),
    *(f"COMPANY_{part}_{name}" for part in COMPANY_PARTS for name in ("MSTR", "BMNR")),
    *("SRFTSYD", "DEBT", "BILLS_OUTSTANDING", "MARKETABLE_DEBT", "WMTSECL1", "TLAACBW027SBOG", "GOLD"),
}
# Prices are quoted to the cent or finer: what that may add to a log return of BTC at 4,000 or of ETH at 100.
QUOTE = 1e-5


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab()


@pytest.fixture(scope="module")
def market(lab: Lab) -> Market:
    return lab.market()


def digest(market: Market) -> str:
    return hashlib.sha256(repr(sorted(market.hashes().items())).encode()).hexdigest()


def regression(evidence: pd.DataFrame) -> tuple[float, float]:
    """Slope and its standard error of return on liquidity: b = xy / xx, se = sqrt(mean squared residual / xx)."""
    x = (evidence["liquidity"] - evidence["liquidity"].mean()).to_numpy()
    y = (evidence["return"] - evidence["return"].mean()).to_numpy()
    slope = x @ y / (x @ x)
    rest = y - slope * x
    return float(slope), float(np.sqrt(rest @ rest / (len(x) - 2) / (x @ x)))


# What a market of the lab is


def test_a_market_says_that_it_is_simulated_and_from_which_seed_and_effect(lab: Lab, market: Market) -> None:
    assert market.origin == "SIMULATED (lab, seed 7, effect 1)"
    assert Lab(3, 0.5).origin == "SIMULATED (lab, seed 3, effect 0.5)"
    assert eval(repr(lab)) == lab


def test_every_series_that_signals_read_is_published(market: Market) -> None:
    assert set(market.observations) == PUBLISHED


@pytest.mark.parametrize("series", sorted(PUBLISHED))
def test_a_series_is_of_the_size_that_the_catalogue_expects(market: Market, series: str) -> None:
    rows = market.observations.rows(series)
    check_magnitude(spec(series), rows.set_index("period")["value"])
    assert rows["value"].notna().all()


@pytest.mark.parametrize("series", sorted(PUBLISHED))
def test_a_first_release_becomes_known_when_the_release_rule_says(market: Market, series: str) -> None:
    first = market.observations.releases(series)
    expected = known_at(spec(series), pd.DatetimeIndex(first["period"]))
    pd.testing.assert_index_equal(first.index, expected, check_names=False)


def test_the_worlds_first_and_last_periods_are_2018_and_the_middle_of_2026(market: Market) -> None:
    periods = market.observations.rows("DFEDTARU")["period"]
    assert (periods.min(), periods.max()) == (pd.Timestamp("2018-01-01"), pd.Timestamp("2026-06-30"))
    assert market.bars["BTC"].frame.index[[0, -1]].strftime("%F").tolist() == ["2018-01-01", "2026-06-30"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"seed": -1}, "the lab's seed is -1; it must be 0 or more"),
        ({"effect": 9.0}, r"the lab's effect is 9.0; it must lie in -3..3: 1 as documented, 0 for none"),
        ({"effect": float("nan")}, "the lab's effect is nan"),
    ],
)
def test_a_lab_that_cannot_be_is_refused_with_a_sentence(settings: dict, sentence: str) -> None:
    with pytest.raises(BadUsage, match=sentence):
        Lab(**settings)


@pytest.mark.parametrize("effect", [-3.0, 3.0])
def test_the_largest_effect_still_makes_valid_prices(effect: float) -> None:
    assert Lab(0, effect).market("1h").assets == ["BTC", "ETH"]


# The same for a seed


def test_a_seed_gives_the_same_market_in_another_process(market: Market) -> None:
    script = (
        "import hashlib; from data_cache.lab import Lab; hashes = sorted(Lab().market().hashes().items());"
        "print(hashlib.sha256(repr(hashes).encode()).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == digest(market)


def test_another_seed_changes_every_series_but_what_the_fed_decides(market: Market) -> None:
    ours, others = market.hashes(), Lab(8).market().hashes()
    same = {name for name in ours if ours[name] == others[name]}
    assert same == {"DFEDTARU", "DFEDTARL", "IORB", "RRPONTSYAWARD", "SRFTSYD", "TREAST", "WSHOBL", "WSHOMCB"}


def test_the_effect_leaves_everything_but_prices_and_what_follows_them(market: Market) -> None:
    ours, without = market.hashes(), Lab(effect=0).market().hashes()
    changed = {name.removesuffix(":1d") for name in ours if ours[name] != without[name]}
    kinds = ("bars:{}", "futures:{}", "FUNDING_{}", "OPEN_INTEREST_{}")
    market_caps = {"COMPANY_MARKET_CAP_MSTR", "COMPANY_MARKET_CAP_BMNR"}
    flows = {name for name in ours if name.startswith("ETF_")}
    assert changed == {kind.format(asset) for kind in kinds for asset in ("BTC", "ETH")} | flows | market_caps


def test_the_noise_is_the_same_with_and_without_the_effect(lab: Lab) -> None:
    change = lab.liquidity_change.fillna(0).to_numpy()
    for asset, beta in (("BTC", 1.0), ("ETH", 1.3)):
        on, off = (np.log(x.bars(asset).frame["close"].to_numpy()) for x in (lab, Lab(effect=0)))
        hourly = np.repeat(0.002 * change / 100, 24)
        expected = np.log1p(beta * (0.30 / 365 + hourly) / 24) - np.log1p(beta * 0.30 / 365 / 24)
        np.testing.assert_allclose(on - off, np.cumsum(expected), atol=10 * QUOTE)


def test_two_components_of_one_seed_share_no_numbers() -> None:
    draws = [stream(7, component).standard_normal(1_000) for component in ("tga:daily", "tga:weekly", "rrp")]
    off_diagonal = np.corrcoef(draws)[np.triu_indices(3, 1)]
    assert np.abs(off_diagonal).max() < 4 / np.sqrt(1_000)  # four standard errors of a correlation of 0


def test_an_autoregression_has_its_spread_from_the_first_step_and_half_its_correlation_after_a_half_life() -> None:
    paths = np.array([autoregressive(stream(seed, "x"), 11, 10, 3.0) for seed in range(4_000)])
    # A standard deviation estimated from n draws is off by 3 / sqrt(2 n) = 0.034, a correlation by 0.75 / sqrt(n).
    assert paths.std(axis=0) == pytest.approx(np.full(11, 3.0), abs=5 * 0.034)
    assert np.corrcoef(paths[:, 0], paths[:, 10])[0, 1] == pytest.approx(0.5, abs=5 * 0.012)


# The planted answer


def test_the_planted_response_is_told_in_numbers_and_words() -> None:
    planted = Lab(effect=0.5).planted()
    assert planted.response == {"BTC": pytest.approx(0.5 * 0.002), "ETH": pytest.approx(0.5 * 1.3 * 0.002)}
    assert planted.horizon_days == 28
    assert "rose over 28 days" in planted.words
    assert "0.10% in BTC, 0.13% in ETH" in planted.words


@pytest.mark.parametrize("asset", ["BTC", "ETH"])
def test_a_regression_finds_the_planted_response(lab: Lab, asset: str) -> None:
    slope, error = regression(lab.evidence(asset))
    assert abs(slope - lab.planted().response[asset]) < 2 * error
    assert slope / error > 3


def test_without_the_effect_a_regression_finds_it_at_the_stated_rate_only() -> None:
    # At the 5 % level the rejections among 40 worlds are binomial(40, 0.05): 2 on average, more than 5 once in 72.
    estimates = [regression(Lab(seed, effect=0).evidence("BTC")) for seed in range(40)]
    rejected = sum(abs(slope / error) > 1.96 for slope, error in estimates)
    assert rejected <= 5


def test_the_evidence_is_what_a_trader_sees_in_the_published_numbers(lab: Lab, market: Market) -> None:
    # Thursday 2024-05-16, the day that opens with Wednesday's H.4.1 still unpublished.
    opens = pd.Timestamp("2024-05-16", tz="UTC")
    known = market.observations.until(opens)

    def net(at: pd.Timestamp) -> float:
        seen = known.until(at)
        return seen.first("WALCL").iloc[-1] - seen.first("TGA").iloc[-1] - seen.first("RRPONTSYD").iloc[-1]

    change = net(opens) - net(opens - pd.Timedelta(days=28))
    day = market.bars["BTC"].frame.loc[opens]
    row = lab.evidence("BTC").loc[opens]
    assert row["liquidity"] == pytest.approx(change / 100)
    assert row["return"] == pytest.approx(day["close"] / day["open"] - 1)


def test_a_flow_moves_no_price_before_it_is_published(lab: Lab) -> None:
    # The Treasury raises 500 more from Monday 2024-06-03 on. The statement of that day comes out on Tuesday at 16:00
    # Eastern, 20:00 UTC, and the first day that opens after it is Wednesday the 5th.
    sheet = lab.balance_sheet.copy()
    later = sheet.index >= "2024-06-03"
    sheet.loc[later, "tga"] += 500.0
    sheet.loc[later, "reserves"] -= 500.0
    altered = publications.publish(sheet, lab.corridor, lab.money_market, rates.yields(lab.seed))
    hours = prices.hours()
    before = hours < pd.Timestamp("2024-06-05", tz="UTC")
    for asset in ("BTC", "ETH"):
        ours = prices.closes(7, 1.0, asset, lab.liquidity_change)
        theirs = prices.closes(7, 1.0, asset, prices.liquidity_change(altered))
        assert (ours == theirs)[before].all()
        assert (ours != theirs)[~before].all()


def test_what_is_published_during_a_day_moves_that_day_not_at_all(market: Market) -> None:
    # WALCL of Wednesday 2024-06-05 is known on Thursday at 20:30 UTC: the driver of Thursday is as if it never came.
    thursday = pd.Timestamp("2024-06-06", tz="UTC")
    rows = {series: market.observations.rows(series) for series in ("WALCL", "TGA", "RRPONTSYD")}
    cut = {series: found[found["known_at"] <= thursday] for series, found in rows.items()}
    whole, past = (prices.liquidity_change(Observations(x)) for x in (rows, cut))
    pd.testing.assert_series_equal(whole[:thursday], past[:thursday])
    friday = thursday + pd.Timedelta(days=1)
    assert whole[friday] != past[friday]
