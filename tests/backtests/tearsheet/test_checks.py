"""The certificate of causality, what was looked for, and the versions that ran."""

from dataclasses import replace

import pandas as pd
import pytest

from backtests.findings import CHECKED, Finding, examined
from backtests.proofs import Leak, Proof
from backtests.result import Result
from backtests.tearsheet import page
from backtests.tearsheet.sections.checks import build, causality, certificate, grouped, looked_for, versions
from backtests.tearsheet.sheet import Sheet
from tests.backtests.parsed_page import Page
from tests.backtests.tearsheet.worlds import Follow, market, run

MOVES = [("2024-01-01", 1.0), ("2024-01-03 12:00", -1.0), ("2024-01-05 12:00", 1.0)]


@pytest.fixture(scope="module")
def result() -> Result:
    return run(market([110, 99, 120, 130, 125, 120], funding=MOVES), Follow())


def test_a_proof_is_certified_with_its_cuts_and_seed(result: Result) -> None:
    found = examined([result])
    (proof,) = found.proofs
    row = certificate(Sheet([result], found.findings, found.proofs)).loc["Follow"]
    assert (row["causality"], row["engine"], row["cuts"], row["seed"]) == ("proved: nothing changed", "vector", 4, 0)
    assert row["first"] == proof.moments[0].isoformat()
    assert row["last"] == proof.moments[-1].isoformat()
    assert [pd.Timestamp(text) for text in row["moments"].split()] == list(proof.moments)


def test_the_certificate_says_how_many_decisions_a_changed_future_could_have_changed(result: Result) -> None:
    """Decided at the open of the 1st, and at noon of the 3rd and the 5th."""
    at = [pd.Timestamp(text, tz="UTC") for text in ("2024-01-02", "2024-01-03 11:00", "2024-01-03 12:00")]
    sheet = Sheet([result], proofs=[Proof(result.strategy, tuple(at), ())])
    row = certificate(sheet).loc["Follow"]
    assert (row["decisions"], row["before_first"], row["before_last"]) == (3, 1, 2)
    assert build(sheet)["table"].rows[0][1][2:6] == ["3", "2 Jan 2024 00:00", "3 Jan 2024 12:00", "2 of 3"]
    assert causality(sheet) == (
        "No look-ahead was found: the future was taken away at 3 moments, and no decision changed; "
        "2 of 3 decisions lie before a cut (cuts from 2 Jan 2024 to 3 Jan 2024)."
    )


def test_what_ran_in_the_event_engine_ran_on_its_past_alone_and_that_is_no_clean_bill(result: Result) -> None:
    events = run(market([110, 99, 120], funding=MOVES), Follow(), engine="events")
    sheet = Sheet([events])
    assert certificate(sheet).at["Follow", "causality"] == "asked event by event on its past alone"
    beyond = "on its past alone; what a rule reads from files or globals is beyond that. "
    beyond += "ebbtide prove tests it on changed futures."
    assert causality(sheet) == f"What was decided was asked event by event {beyond}"
    both = Sheet([result, replace(events, strategy=Follow(0.5))], proofs=examined([result]).proofs)
    assert causality(both).startswith("No look-ahead was found: the future was taken away at 4 moments, ")
    assert causality(both).endswith(f" Follow(share=0.5) was asked event by event {beyond}")


def test_without_a_proof_look_ahead_is_not_ruled_out(result: Result) -> None:
    assert certificate(Sheet([result])).at["Follow", "causality"] == "no proof made"
    assert causality(Sheet([result])).startswith("No causality proof was made for this page")
    unproven = Sheet([result], [Finding("UNPROVEN", "Follow", "it could not be run")])
    assert certificate(unproven).at["Follow", "causality"] == "could not be proved"
    assert causality(unproven) == "Look-ahead is not ruled out for Follow."


def test_a_leak_is_told(result: Result) -> None:
    at = pd.Timestamp("2024-01-02", tz="UTC")
    sheet = Sheet([result], proofs=[Proof(result.strategy, (at,), (Leak(at, "removed", "signal x", at),))])
    assert certificate(sheet).at["Follow", "causality"].startswith("not causal: with everything after 2024-01-02")
    assert causality(sheet) == "Look-ahead is not ruled out for Follow."


def test_the_difference_of_engines_is_shown_where_both_ran(result: Result) -> None:
    both = replace(result, manifest=result.manifest | {"largest_difference": 3.2e-14})
    sheet = Sheet([both])
    assert certificate(sheet).at["Follow", "difference"] == 3.2e-14
    assert build(sheet)["table"].rows[0][1][-1] == "3.2e-14"
    judged = replace(result, manifest=result.manifest | {"judged": {"trials": [1], "largest_difference": 0.0}})
    assert build(Sheet([judged]))["table"].rows[0][1][-1] == "0.0e+00"
    assert build(Sheet([result]))["table"].rows[0][1][-1] == "–"


def test_every_check_is_listed_with_whom_it_was_found_for() -> None:
    found = [Finding("NO_FILLS", "A", "."), Finding("NO_FILLS", "B", "."), Finding("SHORT_WINDOW", "", ".")]
    frame = looked_for([*found, Finding("OF_MY_OWN", "A", ".")])
    assert frame.index.tolist() == [*CHECKED, "OF_MY_OWN"]
    assert frame["found"][["NO_FILLS", "SHORT_WINDOW", "UNPROVEN", "OF_MY_OWN"]].tolist() == [
        "A, B",
        "the run",
        "",
        "A",
    ]


def test_a_strategy_is_named_once_for_a_code() -> None:
    found = [Finding("SIGNAL_UNKNOWN", "A", "one"), Finding("SIGNAL_UNKNOWN", "A", "two")]
    assert looked_for(found).at["SIGNAL_UNKNOWN", "found"] == "A"


def test_what_is_said_of_several_strategies_is_said_once() -> None:
    unknown = "signal {}srf (StandingRepoUse) is unknown at 43% of the bars' ends"
    whole, part = (
        Finding("SIGNAL_UNKNOWN", *said) for said in (("A", unknown.format("")), ("B", unknown.format("a.")))
    )
    other, few = Finding("SIGNAL_UNKNOWN", "B", "another sentence"), Finding("FEW_DECISIONS", "B", "another sentence")
    both = Finding("SIGNAL_UNKNOWN", "B, A", whole.sentence)
    assert grouped([part, other, whole, few]) == [both, other, few]
    assert grouped([part]) == [part]


def test_what_was_not_looked_for_is_not_said_to_be_absent(result: Result) -> None:
    assert build(Sheet([result]))["looked_for"] is None
    found = examined([result])
    table = build(Sheet([result], found.findings, found.proofs))["looked_for"]
    assert [texts for term, texts in table.rows if term.label == "NO_FILLS"] == [["not found"]]


def test_versions_are_said_once(result: Result) -> None:
    said = versions(Sheet([result, result]))
    assert said.count("ebbtide ") == 1
    assert f"Python {result.manifest['python']}, vectorbt {result.manifest['libraries']['vectorbt']}" in said
    assert ";" not in said


def test_the_page_says_what_was_tried(result: Result) -> None:
    found = examined([result])
    text = " ".join(Page(page.render(Sheet([result], found.findings, found.proofs), "Title")).text)
    assert "is removed, one in which it is replaced by noise (seed 0)" in text
    assert "proved: nothing changed" in text
