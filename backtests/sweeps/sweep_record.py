"""What a folder holds, as sweep.json says: all that decides the results of a sweep; and how two such differ."""

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pandas as pd

from backtests.sweeps.stored_chunk import plain
from data_cache import parquet
from data_cache.errors import BadUsage, DamagedFile

FORMAT = 1
# These parts of `about` have hashes by name, and a sentence for one that is another.
HASHED = {"data": "{} changed since", "code": "the code of {} changed since"}
# Decides nothing that a sweep gives: how many trials a chunk has.
FREE = "chunk"
MOST_TOLD = 8
LONG = 80


@dataclass(frozen=True)
class SweepRecord:
    """What sweep.json holds.

    about : all that decides the results, and the size of a chunk      names : of the parameters
    days : that the returns are of
    """

    about: dict[str, Any]
    names: list[str]
    days: dict[str, Any]

    @classmethod
    def of(cls, about: Mapping[str, Any], names: Sequence[str], days: pd.DatetimeIndex) -> Self:
        """As JSON gives it back, so that it equals what is read."""
        spans = {
            "count": len(days),
            "first": str(days[0]) if len(days) else None,
            "last": str(days[-1]) if len(days) else None,
            "sha256": hashlib.sha256(days.as_unit("ns").asi8.tobytes()).hexdigest(),
        }
        return cls(json.loads(json.dumps(about, default=plain)), list(names), spans)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The record at `path`; DamagedFile where it is not as it was written, BadUsage for another format."""
        try:
            said = json.loads(path.read_bytes())
            checksum = said.pop("sha256")
            record = cls(said["about"], said["names"], said["days"])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise _damaged(path, f"it is no record of a sweep ({type(error).__name__}: {error})") from error
        if checksum != _sha256(said):
            raise _damaged(path, "its content does not have the sha256 that it names")
        if said["format"] != FORMAT:
            raise BadUsage(
                f"{path} is of another version of ebbtide: expected the format {FORMAT}, found {said['format']}; name "
                "another folder with --out"
            )
        return record

    def write(self, path: Path) -> None:
        """Put it in place in one step; OSError where the disk does not take it."""
        said = {"format": FORMAT, **vars(self)}
        parquet.replace(path, json.dumps(said | {"sha256": _sha256(said)}, indent=1).encode())

    @property
    def decisive(self) -> str:
        """All that decides what comes of a trial, as one text."""
        return _text({"format": FORMAT, **vars(self)})

    def differences(self, other: "SweepRecord") -> str:
        """In words, what of `other` is not as expected here; "" where all that decides is the same."""
        told = list(_differences(self.about, other.about))
        if self.names != other.names:
            told.append(_differing("parameters", self.names, other.names))
        if self.days != other.days and not told:
            told.append(_differing("days", self.days, other.days))
        more = [f"and {len(told) - MOST_TOLD} more"] if len(told) > MOST_TOLD else []
        return "; ".join(told[:MOST_TOLD] + more)


def _differences(expected: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys([*expected, *found]):
        was, now = expected.get(name), found.get(name)
        if was == now or name == FREE:
            continue
        if isinstance(was, dict) and isinstance(now, dict):
            yield from _inner_differences(name, was, now)
        else:
            yield _differing(name, was, now)


def _inner_differences(owner: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Of mappings: hashes by need or class, versions by library."""
    for name in dict.fromkeys([*was, *now]):
        if was.get(name) == now.get(name):
            continue
        if owner in HASHED and name in was and name in now:
            yield _differing(HASHED[owner].format(name), str(was[name])[:8], str(now[name])[:8])
        else:
            yield _differing(f"{owner} {name}", was.get(name), now.get(name))


def _differing(what: str, expected: Any, found: Any) -> str:
    texts = [_plainly(expected), _plainly(found)]
    if max(map(len, texts)) > LONG:  # then what both begin with would hide where they differ
        alike = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(*texts, strict=False))
        start = max(len(list(alike)) - LONG // 4, 0)
        texts = [("..." if start else "") + text[start : start + LONG] for text in texts]
    return f"{what}: expected {texts[0]}, found {texts[1]}"


def _plainly(value: Any) -> str:
    return "none" if value is None else value if isinstance(value, str) else json.dumps(value)


def _text(said: Mapping[str, Any]) -> str:
    return json.dumps(said, sort_keys=True)


def _sha256(said: Mapping[str, Any]) -> str:
    return hashlib.sha256(_text(said).encode()).hexdigest()


def _damaged(path: Path, finding: str) -> DamagedFile:
    return DamagedFile(
        f"{path} is damaged: {finding}; put a copy of it in its place, or name another folder with --out: without it "
        "nobody can tell which data and code the trials beside it are of"
    )
