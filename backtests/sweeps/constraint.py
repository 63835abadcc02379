"""A condition on parameters, such as "fast < slow and window >= 10": read once, then asked of each combination."""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from data_cache.errors import BadUsage

# What a part of the expression answers, given the parameters by name.
Answer = Callable[[Mapping[str, Any]], Any]

ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
SIGNS: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
PLAIN = (bool, int, float, str)
# Before a place in a tuple, which can't begin a name.
PLACE = "_place_"


@dataclass(frozen=True)
class Constraint:
    """An expression over parameters: names (dotted ones too), plain values, comparisons, and, or, not, + - * / // %.

    names : the parameters that it reads, in the order in which they come first

    Nothing is executed: the expression is parsed, and whatever else stands in it is refused with BadUsage.
    """

    text: str
    names: tuple[str, ...] = field(init=False)
    _answer: Answer = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            tree = ast.parse(_spelled(self.text.strip()), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise BadUsage(
                f"--where {self.text!r} is no condition; write one such as 'fast < slow and window >= 10'"
            ) from None
        names: dict[str, None] = {}
        object.__setattr__(self, "_answer", self._read(tree, names))
        object.__setattr__(self, "names", tuple(names))

    def __reduce__(self) -> tuple[type["Constraint"], tuple[str]]:
        return Constraint, (self.text,)  # what was read can't be pickled; the text can

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it is true of these parameters; BadUsage where it can't be said, as of 1 / 0 or "a" < 1."""
        try:
            return self._truth(self._answer(values), self.text)
        except (TypeError, ArithmeticError, MemoryError) as error:
            told = ", ".join(f"{name}={values[name]!r}" for name in self.names)
            raise BadUsage(f"--where {self.text!r} can't be said of {told}: {error}") from None

    def _read(self, node: ast.expr, names: dict[str, None]) -> Answer:
        match node:
            case ast.Constant(value=value) if type(value) in PLAIN:
                plain = _told(value) if isinstance(value, str) else value
                return lambda _: plain
            case ast.Name() | ast.Attribute() if name := _dotted(node):
                names[name] = None
                return lambda values: values[name]
            case ast.BoolOp(op=op, values=parts):
                return self._boolean(all if isinstance(op, ast.And) else any, parts, names)
            case ast.UnaryOp(op=ast.Not(), operand=part):
                inner = self._read(part, names)
                return lambda values: not self._truth(inner(values), _unparsed(part))
            case ast.UnaryOp(op=sign, operand=part) if type(sign) in SIGNS:
                inner, change = self._read(part, names), SIGNS[type(sign)]
                return lambda values: change(inner(values))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
                one, other, join = self._read(left, names), self._read(right, names), ARITHMETIC[type(op)]
                return lambda values: join(one(values), other(values))
            case ast.Compare(left=left, ops=ops, comparators=rest) if all(type(op) in COMPARISONS for op in ops):
                return self._comparison([left, *rest], [COMPARISONS[type(op)] for op in ops], names)
        raise BadUsage(
            f"--where {self.text!r} may hold parameters, numbers, texts, comparisons, and, or, not and arithmetic; "
            f"found {_unparsed(node)!r}"
        )

    def _boolean(self, decide: Callable[..., bool], parts: list[ast.expr], names: dict[str, None]) -> Answer:
        """`decide` is all or any: both stop at the first part that settles it, as and / or do."""
        read = [(self._read(part, names), _unparsed(part)) for part in parts]
        return lambda values: decide(self._truth(part(values), text) for part, text in read)

    def _comparison(
        self, parts: list[ast.expr], operators: list[Callable[[Any, Any], Any]], names: dict[str, None]
    ) -> Answer:
        """A chain such as 1 < fast < slow."""
        read = [self._read(part, names) for part in parts]
        steps = list(zip(read, operators, read[1:], strict=False))
        return lambda values: all(compare(left(values), right(values)) for left, compare, right in steps)

    def _truth(self, value: Any, text: str) -> bool:
        if not isinstance(value, bool):
            raise BadUsage(f"--where {self.text!r}: {text} is {value!r}, neither true nor false; compare it")
        return value


def _spelled(text: str) -> str:
    """The same with names such as parts.0.window spelled as Python can read them."""
    return re.sub(r"(?<=\w)\.(?=\d+\.)", f".{PLACE}", text)


def _told(text: str) -> str:
    """As the user wrote it."""
    return text.replace(PLACE, "")


def _unparsed(node: ast.expr) -> str:
    return _told(ast.unparse(node))


def _dotted(node: ast.expr) -> str:
    """The name that a chain of names and dots spells; "" for anything else. No attribute is ever looked up."""
    if isinstance(node, ast.Name):
        return node.id
    outer = _dotted(node.value) if isinstance(node, ast.Attribute) else ""
    return f"{outer}.{_told(node.attr)}" if isinstance(node, ast.Attribute) and outer else ""
