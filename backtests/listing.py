"""What there is: strategies, signals, series and metrics, read from the source without importing anything heavy.

pandas alone takes longer to import than `ebbtide list` may take, so the source files are parsed instead.
"""

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from data_cache.catalog import CATALOG, FAMILIES, IMPORTED, SeriesSpec

ROOT = Path(__file__).resolve().parents[1]
KINDS = ("strategies", "combinators", "signals", "series", "metrics")


def listing(kind: str) -> list[dict[str, Any]]:
    """What there is of `kind`, one mapping each, with at least `name` and `title`."""
    readers = {
        "strategies": _strategies,
        "combinators": _combinators,
        "signals": _signals,
        "series": _series,
        "metrics": _metrics,
    }
    return readers[kind]()


def _strategies() -> list[dict[str, Any]]:
    return _exported("strategies", "strategies.strategy", lambda node: not _is_combinator(node))


def _combinators() -> list[dict[str, Any]]:
    return _exported("strategies", "strategies.strategy", _is_combinator)


def _signals() -> list[dict[str, Any]]:
    return _exported("signals", "signals.signal", lambda _: True)


def _is_combinator(node: ast.ClassDef) -> bool:
    """Whether a strategy is made of strategies, by the parent that it names."""
    return "Combinator" in map(ast.unparse, node.bases)


def _exported(package: str, own_module: str, wanted: Callable[[ast.ClassDef], bool]) -> list[dict[str, Any]]:
    """The wanted classes with parameters that a package exports, in the order of their names."""
    found = []
    for module, names in _exports(package).items():
        if module == own_module:
            continue
        classes = {node.name: node for node in _classes(ROOT / Path(*module.split(".")).with_suffix(".py"))}
        found += [_describe(classes[name], classes) for name in names if name in classes and wanted(classes[name])]
    return sorted(found, key=lambda entry: entry["name"])


def _exports(package: str) -> dict[str, list[str]]:
    tree = ast.parse((ROOT / package / "__init__.py").read_text("utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module]
    return {str(node.module): [alias.name for alias in node.names] for node in imports}


def _classes(path: Path) -> Iterator[ast.ClassDef]:
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.decorator_list:
            yield node


def _describe(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> dict[str, Any]:
    return {"name": node.name, "title": _first_line(node), "parameters": _parameters(node, classes)}


def _parameters(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> dict[str, str | None]:
    """Fields and their defaults as written, those of parents in the same file first; None where there is no default."""
    found: dict[str, str | None] = {}
    for base in node.bases:
        parent = classes.get(ast.unparse(base))
        found |= _parameters(parent, classes) if parent else {}
    for field in node.body:
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            found[field.target.id] = ast.unparse(field.value) if field.value else None
    return found


def _series() -> list[dict[str, Any]]:
    return own_series((*CATALOG, *FAMILIES, *IMPORTED))


def own_series(specs: Iterable[SeriesSpec]) -> list[dict[str, Any]]:
    """Series that a user brought, in the form of `listing`."""
    return [_flat(asdict(spec)) for spec in specs]


def _flat(spec: dict[str, Any]) -> dict[str, Any]:
    release = " ".join(str(part) for part in spec.pop("release").values() if part)
    return {"name": spec.pop("id"), "title": spec.pop("title"), "known_at": release} | spec


def _metrics() -> list[dict[str, Any]]:
    tree = ast.parse((ROOT / "backtests" / "metrics.py").read_text("utf-8"))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    rows = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _called(node) == "Metric"]
    return [_metric(row, functions) for row in rows]


def _metric(row: ast.Call, functions: dict[str, ast.FunctionDef]) -> dict[str, Any]:
    name, label, _, function = row.args
    definition = _first_line(functions[ast.unparse(function)])
    return {"name": ast.literal_eval(name), "title": ast.literal_eval(label), "definition": definition}


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _first_line(node: ast.ClassDef | ast.FunctionDef) -> str:
    """The first sentence-paragraph of a docstring, on one line."""
    return " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split("\n")[0].split())
