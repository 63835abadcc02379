"""From a text to a signal, and what is said where there is none."""

from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from backtests.studies.selection import built_in, find_signal
from data_cache.errors import BadUsage, EbbtideError, StrategyFailed, UnknownName
from signals import Latch, StandingRepoUse

OWN = """
from dataclasses import dataclass
from signals.signal import Signal

@dataclass(frozen=True)
class Inner(Signal):
    days: int = 3

@dataclass(frozen=True)
class Outer(Signal):
    part: Signal
    scale: float = 1.0

class Undecorated(Signal):
    days: int = 3
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(OWN)
    return path


def test_a_name_an_expression_and_settings() -> None:
    assert find_signal("StandingRepoUse") == StandingRepoUse()
    assert find_signal("StandingRepoUse(window=5)") == StandingRepoUse(window=5)
    assert find_signal("StandingRepoUse(window=5)", ["window=7", "StandingRepoUse.exclude_period_ends=yes"]) == (
        StandingRepoUse(window=7, exclude_period_ends=True)
    )


def test_a_signal_of_a_signal_reads_as_it_prints() -> None:
    latch = Latch(StandingRepoUse(window=5), enter=1.0, exit=0.5)
    assert find_signal(repr(latch)) == latch


COMPLETE = [n for n, c in built_in().items() if all(f.default is not MISSING for f in fields(c))]


@pytest.mark.parametrize("name", COMPLETE)
def test_every_signal_with_defaults_is_found_by_what_it_prints(name: str) -> None:
    made = find_signal(name)
    assert find_signal(repr(made)) == made


def test_signals_of_the_users_own_file(own: Path) -> None:
    assert find_signal(f"{own}:Inner", ["days=9"]).__dict__ == {"days": 9}
    assert repr(find_signal(f"{own}:Outer(part=Inner(days=2), scale=0.5)")) == "Outer(part=Inner(days=2), scale=0.5)"


@pytest.mark.parametrize(
    ("text", "settings", "error", "sentence"),
    [
        ("StandingRepUse", [], UnknownName, "ebbtide has no signal 'StandingRepUse'; did you mean 'StandingRepoUse'"),
        ("Signal", [], UnknownName, "ebbtide has no signal 'Signal'"),
        ("StandingRepoUse", ["windw=5"], UnknownName, "no parameter 'windw'; did you mean 'window'"),
        ("StandingRepoUse", ["Trend.days=5"], UnknownName, "this study has no signal 'Trend'; it has: StandingRepoUse"),
        ("StandingRepoUse", ["window"], BadUsage, "--set takes name=value"),
        ("StandingRepoUse(window=", [], BadUsage, "is not an expression such as StandingRepoUse"),
        ("StandingRepoUse(5)", [], BadUsage, "name each parameter, as in StandingRepoUse"),
        ("StandingRepoUse(window=2.5)", [], BadUsage, "StandingRepoUse.window is int; 2.5 is not"),
        ("StandingRepoUse(window=open('x'))", [], EbbtideError, "no strategy or signal 'open'|not a plain value"),
        ("Latch", [], BadUsage, "Latch needs signal, enter, exit"),
        ("absent.py:Inner", [], BadUsage, "there is no file absent.py; a signal of your own is path/to/file.py:Class"),
        ("no_such_module:Inner", [], StrategyFailed, "module no_such_module failed to load"),
    ],
)
def test_what_is_wrong_is_said_with_the_cure(
    text: str, settings: list[str], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        find_signal(text, settings)


def test_a_file_names_the_signals_that_it_has(own: Path) -> None:
    with pytest.raises(UnknownName, match=r"mine.py has no signal 'Iner'; did you mean 'Inner'"):
        find_signal(f"{own}:Iner")
    with pytest.raises(BadUsage, match="Undecorated has fields but is no dataclass"):
        find_signal(f"{own}:Undecorated")
