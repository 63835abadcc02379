"""What a reader should know before believing a result, each on a world small enough to count."""

from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest

from backtests.backtest import Backtest
from backtests.findings import CHECKED, FEW_DECISIONS, MEANINGS, QUICK_CUTS, Finding, examined, findings, rule
from backtests.proofs import turns_of
from backtests.result import Result
from data_cache.lab import Lab
from strategies import BuyAndHold, TrendFollowing
from tests.backtests.margin_books import FLAT, TERMS, Candle, book, liquidated, receiving, ruined


def codes(found: list[Finding]) -> list[str]:
    return [finding.code for finding in found]


def told(results: list[Result]) -> list[Finding]:
    """The findings but for the one that every world of a few days has."""
    return [finding for finding in findings(results) if finding.code != "SHORT_WINDOW"]


def run(toy: SimpleNamespace, plan: dict[str, tuple[float, ...]], **kwargs: object) -> Result:
    return Backtest(toy.Follow(("BTC",)), toy.market({"BTC": toy.BTC}, plan, **kwargs), toy.FREE).run()


def test_a_handful_of_decisions_is_a_finding(toy: SimpleNamespace) -> None:
    found = told([run(toy, {"01-01": (0.5,), "01-03": (0.0,)})])
    assert [str(finding) for finding in found] == [
        "Follow: 2 decisions are too few to tell skill from luck; read the numbers as one story, not as evidence"
    ]


def test_one_decision_is_one(toy: SimpleNamespace) -> None:
    assert "Follow: 1 decision is too few" in str(told([run(toy, {"01-01": (0.5,)})])[0])


@pytest.mark.parametrize(("decisions", "few"), [(FEW_DECISIONS - 1, True), (FEW_DECISIONS, False)])
def test_thirty_decisions_are_enough(decisions: int, few: bool, toy: SimpleNamespace) -> None:
    days = pd.date_range("2024-01-01", periods=decisions)
    plan = {f"{day:%m-%d}": (0.5 + 0.1 * (row % 2),) for row, day in enumerate(days)}
    market = toy.market({"BTC": [100.0] * 40}, plan)
    found = told([Backtest(toy.Follow(("BTC",)), market, toy.FREE).run()])
    assert ("FEW_DECISIONS" in codes(found)) is few


def test_trades_back_to_an_unchanged_target_are_no_evidence_of_skill(toy: SimpleNamespace) -> None:
    """Asked at the start and at the ends of 40 bars, and traded back each day: one target."""
    market = toy.market({"BTC": [100.0, 110.0] * 20}, {"01-01": (0.5,)})
    result = Backtest(toy.Follow(("BTC",)), market, replace(toy.FREE, rebalance_days=1)).run()
    assert result.metrics["decisions"] == 41
    found = {finding.code: finding.sentence for finding in told([result])}
    assert found["FEW_DECISIONS"].startswith(
        "1 decision (beside 40 trades back to an unchanged target) is too few to tell skill from luck"
    )


def test_a_yardstick_without_signals_decides_once_and_that_is_no_finding(toy: SimpleNamespace) -> None:
    market = toy.market({"BTC": toy.BTC, "ETH": toy.ETH})
    assert told([Backtest(BuyAndHold(), market, toy.FREE).run()]) == []


def test_a_signal_that_begins_late_is_a_finding_with_its_share_and_span(toy: SimpleNamespace) -> None:
    # Six bars end on 01-02 to 01-07; the plan is published on 01-04 at noon: unknown at three of six ends.
    found = told([run(toy, {"01-04 12:00": (0.5,)})])
    assert codes(found) == ["SIGNAL_UNKNOWN", "FEW_DECISIONS"]
    assert found[0].sentence == (
        "signal BTC (Level) is unknown at 50% of the bars' ends (known 2024-01-05 to 2024-01-07); "
        "meanwhile the book is left as it is"
    )


def test_a_signal_that_is_outdated_before_each_bar_ends_is_a_finding(toy: SimpleNamespace) -> None:
    # Published at noon of one day and old after six hours: known within a bar, at no bar's end.
    found = told([run(toy, {"01-02 12:00": (0.5,)}, max_age_days=0.25)])
    sentence = found[0].sentence
    assert sentence.startswith("signal BTC (Level) is unknown at 100% of the bars' ends (known only within bars)")


def paid(toy: SimpleNamespace, releases: dict[str, float], max_age_days: float) -> list[Finding]:
    """Idle cash earns RATE over six days; the plan is fresh each day."""
    plan = {f"01-0{day}": (0.5 + day / 100,) for day in range(1, 7)}
    world = toy.market({"BTC": toy.BTC}, plan, releases={"RATE": releases}, max_age_days=max_age_days)
    result = Backtest(toy.Follow(("BTC",)), world, replace(toy.FREE, cash="RATE")).run()
    return [finding for finding in findings([result]) if finding.code == "CASH_UNKNOWN"]


def test_a_rate_of_cash_that_ends_before_the_window_does_is_a_finding(toy: SimpleNamespace) -> None:
    """Published at the opens of the 1st and 2nd and good for two days: known at the opens of 1, 2, 3 and 4 of 6."""
    (found,) = paid(toy, {"01-01": 5.0, "01-02": 5.0}, 2)
    assert str(found) == (
        "RATE, the rate of idle cash, is unknown at 33% of the bars' opens (known 2024-01-01 to 2024-01-04; "
        "a value counts for 2 days); meanwhile idle cash earns nothing"
    )


def test_a_rate_of_cash_that_is_never_known_in_the_window_is_a_finding(toy: SimpleNamespace) -> None:
    (found,) = paid(toy, {"01-06 12:00": 5.0}, 1)
    assert "is unknown at 100% of the bars' opens (never known; a value counts for 1 day)" in found.sentence


def test_a_rate_of_cash_that_is_known_throughout_is_none_nor_is_cash_that_was_to_earn_nothing(
    toy: SimpleNamespace,
) -> None:
    assert paid(toy, {"01-01": 5.0}, 6) == []
    assert "CASH_UNKNOWN" not in codes(findings([run(toy, {"01-01": (0.5,)})]))


def test_a_window_that_the_bars_do_not_fill_is_a_finding(toy: SimpleNamespace) -> None:
    result = run(toy, {"01-01": (0.5,)})
    asked = pd.Timestamp("2023-12-31", tz="UTC"), pd.Timestamp("2024-01-08", tz="UTC")
    found = [finding for finding in findings([result], *asked) if finding.code == "WINDOW_CUT"]
    assert [str(finding) for finding in found] == [
        "asked for from 2023-12-31, but bars begin 2024-01-01 00:00",
        "asked for until 2024-01-08 00:00, but bars end 2024-01-07 00:00",
    ]


def test_a_window_that_the_bars_fill_is_none(toy: SimpleNamespace) -> None:
    asked = toy.at("01-01"), toy.at("01-07")
    assert "WINDOW_CUT" not in codes(findings([run(toy, {"01-01": (0.5,)})], *asked))


def test_a_finding_is_json(toy: SimpleNamespace) -> None:
    assert Finding("CODE", "Mine", "It is so").summary() == {"code": "CODE", "about": "Mine", "sentence": "It is so"}


@pytest.mark.parametrize(("days", "short"), [(91, True), (92, False)])
def test_less_than_a_quarter_of_a_year_is_a_short_window(days: int, short: bool, toy: SimpleNamespace) -> None:
    """A quarter of 365 days is 91.25."""
    market = toy.market({"BTC": [100.0] * days}, {"01-01": (1.0,)})
    result = Backtest(toy.Follow(("BTC",)), market, toy.FREE).run()
    found = {finding.code: finding.sentence for finding in findings([result])}
    assert ("SHORT_WINDOW" in found) is short
    assert found.get("SHORT_WINDOW", "").startswith(f"the window has {days} days" if short else "")


def test_a_book_too_small_for_any_order_is_a_finding(toy: SimpleNamespace) -> None:
    """Half of $15 is $7.50, less than the smallest order."""
    market = toy.market({"BTC": toy.BTC}, {"01-01": (0.5,)})
    found = told([Backtest(toy.Follow(("BTC",)), market, replace(toy.FREE, capital=15.0, min_notional=10.0)).run()])
    assert found[-1].code == "NO_FILLS"
    assert found[-1].sentence == (
        "no order was filled: the largest exposure decided was 50% of $15, and orders below $10 are not sent"
    )


def of_fifteen_dollars(toy: SimpleNamespace, plan: dict[str, tuple[float, ...]]) -> dict[str, str]:
    """Bought at 100, worth 60 from the 4th on: 9 of 15 dollars, where orders below 10 are not sent."""
    market = toy.market({"BTC": [100.0, 110.0, 120.0, 60.0, 60.0, 60.0]}, plan)
    result = Backtest(toy.Follow(("BTC",)), market, replace(toy.FREE, capital=15.0, min_notional=10.0)).run()
    return {finding.code: finding.sentence for finding in told([result])}


def test_a_book_that_lost_so_much_that_orders_are_no_longer_sent_is_a_finding(toy: SimpleNamespace) -> None:
    assert of_fifteen_dollars(toy, {"01-01": (1.0,), "01-05": (0.0,)})["DEPLETED"] == (
        "since the bar of 2024-01-04 00:00 equity has been below the $10 from which an order of $10 can come; "
        "$9.00 is left, and no order was filled after the bar of 2024-01-01 00:00"
    )


def test_a_small_book_that_wanted_no_order_since_is_none(toy: SimpleNamespace) -> None:
    assert "DEPLETED" not in of_fifteen_dollars(toy, {"01-01": (1.0,)})


def test_a_book_of_which_less_than_a_hundredth_is_left_is_a_finding() -> None:
    """Long 40 at 100 with 3000 borrowed are worth 3020 at 75.5; the fee of half a percent takes 15.10 of the 20."""
    gap = (75.5, 75.5, 75.5, 75.5)
    found = {finding.code: finding.sentence for finding in told([book(4, [FLAT, gap, gap])])}
    assert found["DEPLETED"] == (
        "since the bar of 2024-01-02 00:00 equity has been below 1% of the capital; "
        "$4.90 is left, and no order was filled after the bar of 2024-01-01 00:00"
    )
    assert "RUINED" not in found


def test_a_ruined_book_or_one_with_a_third_left_is_not_depleted() -> None:
    assert "DEPLETED" not in codes(told([ruined()])) + codes(told([liquidated()]))


# --- proofs and meanings


def test_an_examination_hands_out_the_proofs_it_made(toy: SimpleNamespace) -> None:
    result = run(toy, {"01-01": (0.5,), "01-03": (0.0,)})
    found = examined([result])
    assert found.findings == findings([result])
    (proof,) = found.proofs
    assert (proof.strategy, proof.cuts, proof.leaks) == (result.strategy, QUICK_CUTS, ())
    assert examined([result], cuts=2).proofs[0].cuts == 2


def test_what_ran_on_its_past_alone_needs_no_proof(toy: SimpleNamespace) -> None:
    market = toy.market({"BTC": toy.BTC}, {"01-01": (0.5,)})
    found = examined([Backtest(toy.Follow(("BTC",)), market, toy.FREE, engine="events").run()])
    assert found.proofs == []
    assert "UNPROVEN" not in codes(found.findings)


def test_every_code_that_a_run_is_checked_for_has_a_meaning(toy: SimpleNamespace) -> None:
    wanted = {
        "UNPROVEN",
        "WINDOW_CUT",
        "SIGNAL_UNKNOWN",
        "CASH_UNKNOWN",
        "FINAL_VALUES",
        "SHORT_WINDOW",
        "NO_FILLS",
        "DEPLETED",
        "FEW_DECISIONS",
    }
    assert wanted <= set(CHECKED) <= set(MEANINGS)
    assert MEANINGS["NO_FILLS"] == "Not one order was filled, so the result is that of cash."
    assert set(codes(findings([run(toy, {"01-01": (0.5,)})]))) <= set(CHECKED)


def test_a_rule_enters_its_meaning_and_the_first_one_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backtests.findings.MEANINGS", table := {})

    @rule
    def mine() -> None:
        """MINE: what I mean by it."""

    @rule
    def other() -> None:
        """MINE: what others mean by it."""

    assert table == {"MINE": "What I mean by it."}


def test_a_proof_cuts_the_window_of_the_run_and_where_it_decided() -> None:
    window = pd.Timestamp("2020-01-01", tz="UTC"), pd.Timestamp("2020-12-31", tz="UTC")
    result = Backtest(TrendFollowing(), Lab().market(), start=window[0], end=window[1]).run()
    (proof,) = examined([result]).proofs
    assert all(window[0] <= moment <= window[1] for moment in proof.moments)
    assert set(proof.moments) & set(turns_of(result.decisions))
    assert examined([result]).proofs[0].moments == proof.moments


def test_a_liquidation_is_a_finding_that_says_when_and_what_it_cost() -> None:
    """Half a percent of 3333 was the fee; of 1000 there are 317 left."""
    found = {finding.code: finding.sentence for finding in told([liquidated()])}
    assert found["LIQUIDATED"] == (
        "the book was liquidated once, in the bar of 2024-01-02 00:00, which took 68% of equity; "
        "forced closes cost $17 in fees and slippage"
    )
    assert "RUINED" not in found


def twice_liquidated(last: tuple[float, float, float, float]) -> dict[str, str]:
    """Traded each day to 4 times equity; liquidated on the 2nd, and on the 4th in a bar like `last`."""
    candles = [FLAT, (100, 100, 80, 100), FLAT, last]
    result = book(4, candles, terms=replace(TERMS, rebalance_days=1))
    return {finding.code: finding.sentence for finding in told([result])}


def test_of_several_liquidations_the_first_and_the_worst_are_told_in_a_whole_sentence() -> None:
    """Each takes as much: 1 - 3 1/3 x 0.095 of equity is 68 %."""
    found = twice_liquidated((100, 100, 80, 100))
    assert found["LIQUIDATED"] == (
        "the book was liquidated in 2 bars, first in that of 2024-01-02 00:00; the worst of them, in the bar of "
        "2024-01-02 00:00, took 68% of equity; forced closes cost $22 in fees and slippage"
    )
    assert found["LEVERAGED"] == (
        "positions were up to 4.0 times equity: a move of 14% against all of them was enough to meet the "
        "maintenance margin"
    )


def test_of_the_liquidations_of_a_ruined_book_the_last_is_told_and_none_is_called_the_worst() -> None:
    """317 are left of the first; 4 times that at 100 is gone where prices open at 70."""
    found = twice_liquidated((70, 70, 70, 70))
    assert "RUINED" in found
    assert "; the last of them, in the bar of 2024-01-04 00:00, took 100% of equity; " in found["LIQUIDATED"]


def test_a_book_opened_and_ruined_in_one_bar_was_leveraged_too() -> None:
    """Long 40 at 100 pay 30 % of 4000 on the first morning."""
    found = {finding.code: finding.sentence for finding in told([book(4, [FLAT, FLAT], {"01-01 08:00": 0.3})])}
    assert found["LEVERAGED"].startswith("positions were up to 4.0 times equity")


def test_ruin_is_a_finding_that_says_what_the_venue_bore() -> None:
    found = {finding.code: finding.sentence for finding in told([ruined()])}
    assert found["RUINED"] == (
        "in the bar of 2024-01-02 00:00 prices went through the margin, and nothing was left of the book; "
        "the venue bore $1,020, and equity is 0 from then on"
    )
    assert "LIQUIDATED" in found


def test_a_ruin_at_the_margin_itself_is_not_laid_on_prices() -> None:
    """Long 40 at 100: 333 are left where they are worth 3333, and a fee of a fifth of that is 667."""
    dear = book(4, [FLAT, (100, 100, 80, 100)], terms=replace(TERMS, liquidation_fee_bps=2_000))
    found = {finding.code: finding.sentence for finding in told([dear])}
    assert found["RUINED"] == (
        "in the bar of 2024-01-02 00:00 what was left of the book did not pay for closing it; "
        "the venue bore $333, and equity is 0 from then on"
    )


def test_of_a_book_that_the_costs_of_a_liquidation_ruined_the_venue_bore_nothing() -> None:
    """Long 40 at 100, closed where a tenth of notional is left, at a fee of a tenth."""
    terms = replace(TERMS, liquidation_fee_bps=1_000)
    found = {finding.code: finding.sentence for finding in told([book(4, [FLAT, (100, 100, 80, 90)], terms=terms)])}
    assert found["RUINED"] == (
        "in the bar of 2024-01-02 00:00 closing everything cost all that was left of the book, "
        "and equity is 0 from then on"
    )


@pytest.mark.parametrize(
    ("weight", "distance"), [(-2, "36%"), (4, "14%"), (1.8, None)], ids=["short", "long", "far from it"]
)
def test_leverage_that_a_day_such_as_the_worst_would_end_is_a_finding(weight: float, distance: str | None) -> None:
    """Equity 1 and 2 short: 1 - 2 d meets a tenth of 2 (1 + d) where d = (1/2 - 0.1) / 1.1."""
    found = {finding.code: finding.sentence for finding in told([book(weight, [FLAT] * 4)])}
    if distance is None:
        assert "LEVERAGED" not in found
    else:
        assert found["LEVERAGED"] == (
            f"positions were up to {abs(weight):.1f} times equity: prices that move {distance} against all of them "
            "meet the maintenance margin"
        )


def funding_heavy(candles: list[Candle], rates: dict[str, float]) -> str | None:
    found = {finding.code: finding.sentence for finding in told([book(1, candles, rates)])}
    return found.get("FUNDING_HEAVY")


@pytest.mark.parametrize(("rate", "grown"), [(0.01, ("2.0%", "1.0%")), (0.03, ("2.1%", "-1.0%"))])
def test_funding_that_took_more_than_a_quarter_of_the_growth_is_a_finding(rate: float, grown: tuple[str, str]) -> None:
    """Ten coins pay the rate on 1000 on the 1st, and gain 20 on the 2nd: of 990 2.0 %, of 970 2.1 %."""
    assert funding_heavy([FLAT, (100, 102, 100, 102)], {"01-01 08:00": rate}) == (
        f"without funding, taken out bar by bar from the same positions, it would have grown {grown[0]} over the "
        f"window; with it {grown[1]}"
    )


@pytest.mark.parametrize("rate", [0.004, -0.01])
def test_funding_that_took_a_fifth_of_the_growth_or_was_received_is_none(rate: float) -> None:
    assert funding_heavy([FLAT, (100, 102, 100, 102)], {"01-01 08:00": rate}) is None


def test_growth_with_and_without_funding_is_told_a_year() -> None:
    """A tenth of 1000 is paid on the first of 365 days, and 200 are gained on the last, of 900: 22.2 %."""
    said = funding_heavy([FLAT] * 364 + [(100, 120, 100, 120)], {"01-01 08:00": 0.1})
    assert said is not None
    assert said.endswith("it would have grown 22.2% a year; with it 10.0%")


def test_a_book_that_lost_without_funding_too_is_not_told_that_funding_took_its_gain() -> None:
    """Ten coins at 1000 pay 500 at the peak, and 1100 - 500 are left; but of 10 x 600 / 9500 of the start 37 % is gone.

    In dollars 100 would have been gained before funding, which took 500.
    """
    peak = [FLAT, (100, 1000, 100, 1000), (1000, 1000, 1000, 1000), (1000, 1000, 110, 110)]
    rates = {"01-03 08:00": 0.05}
    assert book(1, peak, rates).equity.iloc[-1] == pytest.approx(600)
    assert funding_heavy(peak, rates) is None


def test_of_a_ruined_book_no_gain_is_told_that_funding_took() -> None:
    """Long 40 at 100 pay 30 % of 4000 on the first morning, of the 1000 that there are: 1200 gained back is no gain."""
    found = codes(told([book(4, [FLAT, FLAT], {"01-01 08:00": 0.3})]))
    assert "RUINED" in found
    assert "FUNDING_HEAVY" not in found


def test_a_book_that_was_bought_has_no_finding_of_perpetuals() -> None:
    bought = liquidated().benchmark
    assert bought is not None
    assert {"LIQUIDATED", "RUINED", "LEVERAGED", "FUNDING_HEAVY"} & set(codes(told([bought]))) == set()


def test_a_short_book_is_put_to_the_proof_as_any_other() -> None:
    bought = replace(receiving(), manifest=receiving().manifest | {"engine": "vector"})
    assert [proof.leaks for proof in examined([bought]).proofs] == [()]
