"""Answers that are remembered, as many as fit."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class Remembered(Generic[V]):
    """The newest answers by what was asked; the one that was not asked for longest makes way first.

    most : how many are kept, one at least
    """

    def __init__(self, most: int) -> None:
        self._most = max(1, most)
        self._kept: OrderedDict[Hashable, V] = OrderedDict()

    def answer(self, key: Hashable, find: Callable[[], V]) -> V:
        """What was found for `key`, or `find()`; a key that can't be hashed is never remembered."""
        try:
            hash(key)
        except TypeError:
            return find()
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        found = self._kept[key] = find()
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return found
