"""docs/event-studies.md says what came out: each of its commands is run again on the real history, digit by digit."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from signals.basis import OfBasis
from signals.standing_repo import StandingRepoUse
from signals.term_premium import BearSteepening
from signals.treasury_account import TreasuryAccountDrawdown

TEXT = (Path(__file__).parents[2] / "docs" / "event-studies.md").read_text("utf-8")
STUDIES = re.findall(r"^```\nebbtide (study .*)\n\n((?:.*\n)*?)```$", TEXT, flags=re.MULTILINE)


def test_each_headline_signal_has_its_study() -> None:
    studied = {command.split()[1] for command, _ in STUDIES}
    headlines = {StandingRepoUse.__name__, TreasuryAccountDrawdown.__name__, BearSteepening.__name__}
    assert headlines <= studied
    assert studied & {cls.__name__ for cls in OfBasis.__subclasses__()}


@pytest.mark.real
@pytest.mark.parametrize(("command", "printed"), STUDIES, ids=[command for command, _ in STUDIES])
def test_a_study_comes_out_as_printed(ebbtide: Callable, history: Path, command: str, printed: str) -> None:
    answer = ebbtide(*shlex.split(command), "--store", history)
    assert answer.code == 0, answer.err
    assert answer.out == printed
