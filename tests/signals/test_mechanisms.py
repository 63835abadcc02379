"""The table of mechanisms says what there is: twenty-eight rows, known states, classes that exist."""

import re
from pathlib import Path

import pytest

import signals.facts
import strategies
from data_cache.facts import meetings, programmes, shutdowns
from data_cache.facts.meetings import decisions

TEXT = (Path(__file__).parents[2] / "docs" / "mechanisms.md").read_text("utf-8")
ROWS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in TEXT.splitlines() if re.match(r"\| \d+ \|", line)]
STATES = {"signal", "filter", "dated fact", "strategy", "context"}
THERE = {*signals.__all__, *strategies.__all__}
NAMED = sorted(set(re.findall(r"`([A-Z]\w+)`", TEXT)))


def test_every_mechanism_has_its_row_in_order() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, 29))
    assert all(set(row[1].split(", ")) <= {"H", "D"} for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[2]}")
def test_a_row_says_what_it_became_and_what_to_beware_of(row: list[str]) -> None:
    _, _, mechanism, state, classes, caveat = row
    assert mechanism
    assert caveat
    assert set(state.split(", ")) <= STATES
    assert classes or state == "context", "what is no context has a class"
    named = set(re.findall(r"`(\w+)`", classes))
    assert ("strategy" in state) == bool(named & set(strategies.__all__))


@pytest.mark.parametrize("name", NAMED)
def test_a_class_in_the_table_exists(name: str) -> None:
    assert name in THERE


def test_the_days_until_which_facts_were_kept_are_those_of_the_tables() -> None:
    kept = re.findall(r"`data_cache\.facts\.(\w+)` \|.*\| (\d{4}-\d\d-\d\d) \|", TEXT)
    assert dict(kept) == {
        "meetings": meetings.KEPT_UNTIL,
        "shutdowns": shutdowns.KEPT_UNTIL,
        "programmes": programmes.KEPT_UNTIL,
    }


def test_how_few_facts_there_are_is_said_rightly() -> None:
    assert len(shutdowns.LAPSES) == 5
    assert len(decisions()) == 78
    assert "five shutdowns, 78 decisions" in (signals.facts.__doc__ or "")
