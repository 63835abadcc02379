"""docs/essay-numbers.md holds together: its sums add up, and the tests and rows that it names are there."""

import re
from pathlib import Path

import pytest

from tests.signals import test_crypto_on_real_history, test_dollars_on_real_history

TEXT = (Path(__file__).parents[2] / "docs" / "essay-numbers.md").read_text("utf-8")
ROWS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in TEXT.splitlines() if line.startswith("| ")]
CLAIMS = [row for row in ROWS if row[0] != "claim"]
NUMBER = r"-?\d[\d,]*(?:\.\d+)?"
SUMS = re.findall(rf"(?<![\d.])({NUMBER}) - ({NUMBER}) = ({NUMBER})", TEXT)
TESTS = {*vars(test_crypto_on_real_history), *vars(test_dollars_on_real_history)}
VALUES = {row[0] for row in test_dollars_on_real_history.ROWS}

# What has to be there, by a word of the claim.
CHECKED = [
    "TGA about $150bn above its target",
    "Standing Repo Facility is used",
    "30-day basis fell",
    "ETF outflow of about $4bn",
    "53% of redemptions",
    "ten-year less twelve-month",
    "SOFR plunged in September",
]


@pytest.mark.parametrize("words", CHECKED)
def test_each_number_of_the_essays_that_was_to_be_checked_is_there(words: str) -> None:
    assert [row[0] for row in CLAIMS if words in row[0]] != []


def test_every_claim_has_its_numbers_and_a_test_or_a_row_that_gives_them() -> None:
    assert len(CLAIMS) >= 16
    for row in CLAIMS:
        assert row[1][0] in "HD"
        assert re.search(r"\d", row[2]), row[0]
        assert "`test_" in row[-1] or "row" in row[-1] or row[-1] == "the same", row[0]


def test_the_tests_and_rows_that_are_named_exist() -> None:
    named = set(re.findall(r"`(test_\w+)`", TEXT)) - {"test_dollars_on_real_history", "test_crypto_on_real_history"}
    assert len(named) >= 10
    assert named - TESTS == set()
    quoted = {name for row in CLAIMS for name in re.findall(r'"([^"]+)"', re.sub("`[^`]*`", "", row[-1]))}
    assert len(quoted) >= 10
    assert quoted - VALUES == set()


@pytest.mark.parametrize(("more", "less", "difference"), SUMS)
def test_a_difference_in_the_table_is_right_to_the_digits_shown(more: str, less: str, difference: str) -> None:
    numbers = [float(text.replace(",", "")) for text in (more, less, difference)]
    digits = len(difference.partition(".")[2])
    assert round(numbers[0] - numbers[1], digits) == numbers[2]


def test_there_are_differences_to_check() -> None:
    assert len(SUMS) >= 4
