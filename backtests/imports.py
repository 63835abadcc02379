"""What a user's own file imports, read and never run: the modules of its package, its neighbours, a library of theirs.

A module is looked for as Python does, among those that are loaded and then along the path, so that the answer is the
same before and after a rule has run. Left out are ebbtide itself, the standard library and what is installed, whose
versions the manifest tells.
"""

import ast
import hashlib
import importlib.util
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

OURS = {"data_cache", "signals", "strategies", "backtests"}
INSTALLED = {"site-packages", "dist-packages"}
# What imports the module that its first argument names.
IMPORTERS = {"import_module", "__import__"}


@dataclass(frozen=True)
class Source:
    """The source file of a module, and by which dotted name it is imported ("" where by none)."""

    path: Path
    module: str

    @property
    def package(self) -> str:
        """What its relative imports are relative to; "" where it is in none."""
        return self.module if self.path.name == "__init__.py" else self.module.rpartition(".")[0]

    @property
    def label(self) -> str:
        """Its path below the folder that its package lies in: the same wherever that is."""
        parts = self.module.split(".")
        return "/".join([*parts, self.path.name] if self.path.stem == "__init__" else [*parts[:-1], self.path.name])


def imported(path: Path, module: str) -> dict[str, str]:
    """A sha256 of each source file that the one at `path` imports, and that those import, by its path in its package.

    module : the dotted name of the one at `path`; the packages that it is in are among what it imports
    """
    own = module.partition(".")[0]
    found = {path.resolve(): ""}
    left = [Source(path, module)]
    while left:
        for source in _named_by(left.pop()):
            place = source.path.resolve()
            if place not in found and (source.module.partition(".")[0] == own or not _is_installed(place)):
                found[place] = source.label
                left.append(source)
    return _hashes((label, place) for place, label in found.items() if label)


def chain(module: str) -> list[Path]:
    """The files that importing `module` runs first: of the packages that it is in, and its own; [] where it is nowhere.

    A package without a file of its own runs none.
    """
    names = [*_chain(module)]
    if _search(names[-1]) is None:
        return []
    return [source.path for name in names if (source := _source_of(name)) is not None]


def _hashes(files: Iterable[tuple[str, Path]]) -> dict[str, str]:
    """A sha256 by label; of several files of one label, of all of them."""
    found: dict[str, list[str]] = {}
    for label, path in files:
        found.setdefault(label, []).append(hashlib.sha256(path.read_bytes()).hexdigest())
    return {
        label: each[0] if len(each) == 1 else hashlib.sha256("".join(sorted(each)).encode()).hexdigest()
        for label, each in found.items()
    }


def _is_installed(path: Path) -> bool:
    return bool(INSTALLED & set(path.parts)) or any(path.is_relative_to(place) for place in _standard())


@cache
def _standard() -> set[Path]:
    return {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")}


def _named_by(source: Source) -> Iterator[Source]:
    """The sources of what a source imports by statement, wherever in it that stands, and of the packages around it."""
    names = [*_chain(source.package)] if source.package else []
    for level, dotted in _imports(source.path.read_bytes()) if source.path.suffix == ".py" else ():
        absolute = _absolute(level, dotted, source)
        names += [*_chain(absolute)] if absolute else []
    for name in dict.fromkeys(names):
        if name.partition(".")[0] in OURS:
            continue
        found = _source_of(name) or _beside(name, source)
        if found is not None:
            yield found


def _absolute(level: int, dotted: str, source: Source) -> str:
    """The name that a relative import leads to; outside of a package that of a neighbour."""
    if not level or not source.package:
        return dotted
    try:
        return importlib.util.resolve_name("." * level + dotted, source.package).rstrip(".")
    except ImportError:
        return ""


def _chain(name: str) -> Iterator[str]:
    """What importing "a.b.c" imports: "a", "a.b", "a.b.c"."""
    parts = name.split(".")
    yield from (".".join(parts[: end + 1]) for end in range(len(parts)))


@cache
def _imports(content: bytes) -> list[tuple[int, str]]:
    """How many dots and which name each import in a source begins with; [] of what is no Python.

    What is imported from a module may be a module of that package.
    """
    found = []
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(0, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            stem = f"{node.module}." if node.module else ""
            found += [(node.level, stem + alias.name if alias.name != "*" else stem[:-1]) for alias in node.names]
        elif isinstance(node, ast.Call) and _called(node) in IMPORTERS and node.args:
            (name,) = (getattr(argument, "value", None) for argument in node.args[:1])
            found += [(0, name)] if isinstance(name, str) and name and not name.startswith(".") else []
    return list(dict.fromkeys(found))


def _called(node: ast.Call) -> str:
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def _source_of(name: str) -> Source | None:
    """The file of a module, loaded or on the path; None where it has none, such as one written in C inside Python."""
    file, _ = _search(name) or (None, [])
    return Source(Path(file), name) if file and Path(file).is_file() else None


def _search(name: str) -> tuple[str | None, list[str]] | None:
    """The file of a module and where its own modules lie, [] where it is no package; None where there is no such."""
    if name in sys.modules:
        module = sys.modules[name]
        return getattr(module, "__file__", None), list(getattr(module, "__path__", None) or [])
    if name in sys.builtin_module_names:
        return None, []
    parent, _, last = name.rpartition(".")
    around = _search(parent) if parent else None
    if parent and not (around and around[1]):
        return None
    try:
        # By its last name: with the whole one, parents that are not loaded would be asked for.
        spec = PathFinder.find_spec(last, around[1] if around else None)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    return spec.origin if spec.has_location else None, list(spec.submodule_search_locations or [])


def _beside(name: str, source: Source) -> Source | None:
    """A neighbour of a source, where its folder is no longer on the path."""
    place = source.path.parent.joinpath(*name.split("."))
    for file in (place.with_name(f"{place.name}.py"), place / "__init__.py"):
        if _search(name) is None and file.is_file():
            return Source(file, name)
    return None
