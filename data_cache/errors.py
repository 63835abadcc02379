"""What can go wrong, said to the user: what was found, what was expected, what to do."""

from collections.abc import Iterable
from difflib import get_close_matches


class EbbtideError(Exception):
    """Base of all errors that a user can cure; the command line prints them as one sentence, exit code 2."""

    exit_code = 2


class BadUsage(EbbtideError):
    """A command, option, parameter or weight that makes no sense."""


class UnknownName(BadUsage):
    """A strategy, signal, series, parameter, asset or timeframe that does not exist."""

    @classmethod
    def among(cls, kind: str, name: str, known: Iterable[str], owner: str = "ebbtide") -> "UnknownName":
        """Say that `owner` has no `kind` called `name`, and which of `known` was probably meant.

        >>> print(UnknownName.among("parameter", "week", ["weeks", "trigger"], owner="LiquidityTilt"))
        LiquidityTilt has no parameter 'week'; did you mean 'weeks'?
        >>> print(UnknownName.among("parameter", "zzz", ["weeks", "trigger"], owner="LiquidityTilt"))
        LiquidityTilt has no parameter 'zzz'; it has: trigger, weeks
        """
        names = sorted(known)
        folded = {n.lower(): n for n in names}
        close = get_close_matches(name.lower(), list(folded), n=1, cutoff=0.6)
        hint = f"did you mean {folded[close[0]]!r}?" if close else f"it has: {', '.join(names) or 'none'}"
        return cls(f"{owner} has no {kind} {name!r}; {hint}")


class BadData(EbbtideError):
    """Bars or observations that cannot be right: wrong unit, unsorted, duplicated, not positive, without a timezone."""


class NoData(EbbtideError):
    """Something is asked for that is not there: a series, an asset, a date range."""


class DamagedFile(EbbtideError):
    """A file of the store whose content is not what was written."""


class NotWritten(EbbtideError):
    """The disk did not take a file of the store; what was stored there before is whole."""


class SourceFailed(EbbtideError):
    """A provider of data did not give what was asked; what was stored stays as it is."""


class Unreachable(SourceFailed):
    """No answer, or none but errors that pass: the budget of retries is spent."""


class Refused(SourceFailed):
    """The provider answers, but not to us: a geographic block, a wrong key, something that it does not have."""


class StrategyFailed(EbbtideError):
    """A strategy or signal raised, or answered something that is no decision."""


class WorkerLost(EbbtideError):
    """A task of a sweep whose workers died, one after the other."""


class LookAhead(EbbtideError):
    """Something was read before it was known."""

    exit_code = 1


class CheckFailed(EbbtideError):
    """A check that was asked for did not hold."""

    exit_code = 1
