"""The strategies that a saved file names; no code is run that is not known to be what the file was made with."""

import ast
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from backtests.imports import chain, imported
from backtests.replaying.saved import Saved, SavedResult
from backtests.selection import file_module, find_strategy, make_importable
from data_cache.errors import BadUsage
from strategies.strategy import Strategy

_SHOWN = 12


class _Absent(BadUsage):
    """The code of a strategy is not here."""


@dataclass(frozen=True)
class Received:
    """A saved file, and the files that its reader vouches for: --strategy-file, of which nothing is asked.

    Any other file runs only where it, and what it imports, have the sha256 that the manifest says: else a page that
    somebody sent would run whatever lies here under the name that it gives.
    """

    saved: Saved
    vouched: Sequence[Path] = ()

    def strategy(self, text: str | None, label: str) -> Strategy:
        """The strategy of an expression; BadUsage where its code can't be found, or is not what it was."""
        if text is None:
            raise BadUsage(f"{label} has a parameter that can't be written down; run it again in Python")
        where, colon, rest = _parted(text)
        if not colon:
            return find_strategy(_shipped(text, label))
        return find_strategy(f"{self._vouched(where, rest) or self._found(where, rest, label)}:{rest}")

    def _vouched(self, where: str, rest: str) -> str | None:
        """The vouched file that has the name of the one wanted, is that module, or has the class; None for none."""
        module = [] if where.endswith(".py") else _module_files(where)
        for file in self.vouched:
            if module and file.resolve() == module[-1].resolve():
                return where
        same = [file for file in self.vouched if file.name == Path(where).name]
        having = [file for file in self.vouched if _class_of(rest) in _defined(file)]
        return next((str(file) for file in (*same, *having)), None)

    def _found(self, where: str, rest: str, label: str) -> str:
        """What is unchanged; else the first vouched file, which may have the class from elsewhere."""
        try:
            return self._unchanged(where, rest, label)
        except _Absent:
            if not self.vouched:
                raise
            return str(self.vouched[0])

    def _unchanged(self, where: str, rest: str, label: str) -> str:
        """The file or the module, where all that loading it runs is as the manifest says."""
        if where == "__main__":
            raise _Absent(f"{label} was typed into a notebook or a console; {_saving(label)}")
        if where.endswith(".py"):
            place = self._own_file(where, label)
            self._require([place], file_module(place), rest, label)
            return str(place)
        files = _module_files(where)
        if not files:
            raise _Absent(f"{label} is of the module {where}, which is not here; {_saving(label)}")
        self._require(files, where, rest, label)
        return where

    def _own_file(self, where: str, label: str) -> Path:
        """The user's own file: as it was named, in the working directory or beside the saved file."""
        named, beside = Path(where), self.saved.path.parent
        safe = not named.is_absolute() and ".." not in named.parts  # a file that was sent must not reach anywhere else
        for place in (named, beside / named, beside / named.name) if safe else ():
            if place.is_file():
                return place
        raise _Absent(
            f"{label} is of {where}, which is neither here nor beside {self.saved.path.name}; --strategy-file FILE "
            "says where it is"
        )

    def _require(self, files: Sequence[Path], module: str, rest: str, label: str) -> None:
        """Raise BadUsage unless `files`, and what the last of them imports, have hashes that the manifest says."""
        known = {sha for told in self._code.values() for sha in told}
        for file in files:
            content = file.read_bytes()
            sha = hashlib.sha256(content).hexdigest()
            if sha not in known and content.strip():  # of nothing there is nothing to run
                raise _changed(f"{label} is of {file}", self._told(file, rest), sha, files[-1])
        for name, sha in imported(files[-1], module).items():
            if sha not in self._code.get(name, [sha]):
                raise _changed(f"{label} imports {name}", self._code[name], sha, files[-1])

    def _told(self, file: Path, rest: str) -> list[str]:
        """The hashes that the manifests give of a file: by the class asked for, or a class of it inside one."""
        inside = [sha for name in _defined(file) for sha in self._code.get(name, [])]
        return inside or self._code.get(_class_of(rest), [])

    @cached_property
    def _code(self) -> Mapping[str, list[str]]:
        """The hashes in the manifests of all results, by class or file."""
        found: dict[str, list[str]] = {}
        for one in _all(self.saved.results):
            for name, sha in one.manifest["code"].items():
                found.setdefault(name, []).append(sha)
        return found


def _shipped(text: str, label: str) -> str:
    """The expression of what ebbtide ships; a bare file, which `find_strategy` would load, is none."""
    if _class_of(text).endswith(".py"):
        raise BadUsage(f"{label} is of {_class_of(text)}, and no class in it is named; run the strategy anew")
    return text


def _changed(what: str, then: Sequence[str], now: str, file: Path) -> BadUsage:
    told = " or ".join(dict.fromkeys(sha[:_SHOWN] for sha in then)) or "no"
    return BadUsage(
        f"{what}, which is not as it was: the sha256 in the manifest is {told}, of the file here {now[:_SHOWN]}; "
        f"nothing of it was run: look at it, then pass --strategy-file {file}"
    )


def _saving(label: str) -> str:
    return f"save the class of {label} in a file and name it: --strategy-file FILE"


def _all(results: Sequence[SavedResult]) -> Iterator[SavedResult]:
    for one in results:
        yield one
        if one.benchmark is not None:
            yield one.benchmark


def _parted(text: str) -> tuple[str, str, str]:
    """Where the class of an expression is ("" for one that ships), the colon, and the expression there."""
    head = text.partition("(")[0]
    where, colon, _ = head.rpartition(":")
    return where, colon, text[len(where) + len(colon) :]


def _class_of(expression: str) -> str:
    return expression.partition("(")[0]


def _defined(file: Path) -> set[str]:
    """The classes that a file defines, read and not run; none where it is no Python."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return set()
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}


def _module_files(module: str) -> list[Path]:
    """What importing a module would run first."""
    make_importable(Path())
    return chain(module) if all(part.isidentifier() for part in module.split(".")) else []
