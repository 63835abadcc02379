"""The seal of a page: any change to it is noticed, and the ways of mail programs are none."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.tearsheet.document import write_page
from backtests.tearsheet.sealed import plain, seal_of, sealed, unsealed

PAGE = (
    '<!doctype html>\n<html>\n<head>\n<meta charset="utf-8">\n<title>A</title>\n</head>\n<body>1.23 %</body>\n</html>\n'
)
SEALED = sealed(PAGE)


def test_a_sealed_page_is_the_page_and_one_line_more() -> None:
    lines = SEALED.splitlines()
    assert lines.pop(4).startswith('<meta name="ebbtide-seal" content="')
    assert lines == PAGE.splitlines()
    assert seal_of(SEALED).whole


@given(st.data())
def test_any_other_character_anywhere_breaks_the_seal(data: st.DataObject) -> None:
    places = [place for place, letter in enumerate(SEALED.rstrip("\n")) if letter not in "\r\n"]
    place = data.draw(st.sampled_from(places))
    other = data.draw(st.characters(codec="ascii", categories=["L", "N", "P"]).filter(lambda c: c != SEALED[place]))
    seal = seal_of(SEALED[:place] + other + SEALED[place + 1 :])
    assert not seal.whole


def test_a_number_edited_in_the_body_is_noticed() -> None:
    seal = seal_of(SEALED.replace("1.23 %", "9.23 %"))
    assert seal.broken
    assert seal.said == seal_of(SEALED).said != seal.found


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_other_line_endings_leave_it_whole(end: str) -> None:
    assert seal_of(SEALED.replace("\n", end)).whole


def test_a_byte_order_mark_and_a_lost_last_line_end_leave_it_whole() -> None:
    assert seal_of("\ufeff" + SEALED.rstrip("\n")).whole


def test_a_page_without_a_seal_says_so() -> None:
    assert (seal_of(PAGE).said, seal_of(PAGE).missing, seal_of(PAGE).broken) == ("", True, False)


@pytest.mark.parametrize(
    ("seal", "hidden"),
    [
        ('" content', '"  content'),
        ("<meta name=", "<META name="),
        ('<meta name="ebbtide-seal" content="', '<meta content="'),
        ('">\n<title>', '" >\n<title>'),
    ],
)
def test_a_seal_that_is_written_otherwise_is_none(seal: str, hidden: str) -> None:
    assert seal in SEALED
    found = seal_of(SEALED.replace(seal, hidden))
    assert found.missing
    assert not found.whole


def test_what_a_page_was_sealed_from_comes_back() -> None:
    assert unsealed(SEALED.replace("\n", "\r\n")) == unsealed(PAGE) == plain(PAGE)


def test_a_seal_in_the_body_is_not_the_pages(tmp_path: Path) -> None:
    quoted = PAGE.replace("1.23 %", f'<meta name="ebbtide-seal" content="{"a" * 64}">')
    assert not seal_of(sealed(quoted)).broken


def test_what_is_written_is_sealed(tmp_path: Path) -> None:
    write_page(tmp_path / "page.html", PAGE)
    assert (tmp_path / "page.html").read_bytes() == SEALED.encode()
