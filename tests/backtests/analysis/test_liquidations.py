"""Liquidations told bar by bar, by hand arithmetic."""

from dataclasses import replace

import pytest

from backtests.analysis.episodes import Episodes
from backtests.analysis.liquidations import liquidations
from tests.backtests.margin_books import FLAT, TERMS, book, liquidated, receiving, ruined


def test_a_liquidation_is_told_with_what_was_closed_lost_and_left() -> None:
    (row,) = liquidations(liquidated()).itertuples()
    assert f"{row.Index:%m-%d}" == "01-02"
    assert (row.moment, row.closed) == ("range", "long 40 BTC")
    fee = 0.005 * 10_000 / 3
    assert (row.before, row.after, row.costs, row.shortfall) == pytest.approx((1000, 1000 / 3 - fee, fee, 0))
    assert row.lost == pytest.approx(1 - (1000 / 3 - fee) / 1000)


def test_ruin_is_told_with_what_the_venue_bore() -> None:
    (row,) = liquidations(ruined()).itertuples()
    assert (row.moment, row.closed, row.after, row.lost) == ("open", "short 20 BTC", 0, 1)
    assert row.shortfall == pytest.approx(1000 + 0.005 * 4000)


@pytest.mark.parametrize("weight", [4.0, 3.7, 4.3, -3.9])
def test_where_closing_cost_all_that_there_was_the_venue_bore_nothing(weight: float) -> None:
    bars = [FLAT, (100, 130, 75, 100)]
    (row,) = liquidations(book(weight, bars, terms=replace(TERMS, liquidation_fee_bps=1_000))).itertuples()
    assert (row.after, row.lost) == (0, 1)
    assert 0 <= row.shortfall < 1e-9


def test_a_book_that_was_never_liquidated_has_no_rows() -> None:
    assert liquidations(receiving()).empty


@pytest.mark.parametrize(("result", "side"), [(liquidated(), "long"), (receiving(), "short"), (ruined(), "short")])
def test_an_episode_has_a_side(result: object, side: str) -> None:
    assert Episodes(result).frame["side"].tolist() == [side]  # type: ignore[arg-type]
