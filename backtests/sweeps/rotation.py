"""The same orders at the wrong time: what the placebo test trades."""

import numpy as np

from backtests.sweeps.orders import Orders


def rotated(orders: Orders, bars: int, shift: int) -> Orders:
    """The orders of every trial, filled `shift` bars later on a ring of `bars`: past the last one comes the first.

    What stands at the new end has stood before the new start, and is ordered there. A book is in cash before its first
    order: an order to hold nothing begins that stretch where it comes to lie after another. On a tape with a deposit
    that stretch begins with an order already, the one that leaves assets alone because there are none; it sells them
    now. A trial without orders stays without.
    """
    shift %= bars
    if shift == 0:
        return orders
    return _begun(_turned(_from_the_first_bar(orders), bars, shift))


def _from_the_first_bar(orders: Orders) -> Orders:
    """With an order to hold nothing at bar 0 of every trial that orders something later only."""
    whole = Orders(orders.offsets, orders.rows, np.where(np.isnan(orders.sizes), 0.0, orders.sizes))
    late = _begins_late(orders)
    return _with_first(whole, late, np.zeros((int(late.sum()), orders.sizes.shape[1])))


def _turned(orders: Orders, bars: int, shift: int) -> Orders:
    """Each order `shift` bars later; those past the end move to the front of their trial."""
    counts = np.diff(orders.offsets)
    over = np.append(0, np.cumsum(orders.rows >= bars - shift))
    wrapped = np.diff(over[orders.offsets])
    first, count, back = (np.repeat(part, counts) for part in (orders.offsets[:-1], counts, wrapped))
    source = first + (np.arange(len(orders.rows)) - first - back) % np.maximum(count, 1)
    return Orders(orders.offsets, (orders.rows[source] + shift) % bars, orders.sizes[source])


def _begun(orders: Orders) -> Orders:
    """With the last order of every trial at bar 0 too, unless another is there."""
    late = _begins_late(orders)
    return _with_first(orders, late, orders.sizes[orders.offsets[1:][late] - 1])


def _begins_late(orders: Orders) -> np.ndarray:
    """Which trials order something, and nothing at bar 0; shape (n_trials,)."""
    late = np.diff(orders.offsets) > 0
    late[late] = orders.rows[orders.offsets[:-1][late]] > 0
    return np.asarray(late)


def _with_first(orders: Orders, late: np.ndarray, sizes: np.ndarray) -> Orders:
    """With an order at bar 0 before the others of the trials that are `late`; a row of `sizes` for each of these."""
    places = orders.offsets[:-1][late]
    return Orders(
        orders.offsets + np.append(0, np.cumsum(late)),
        np.insert(orders.rows, places, 0),
        np.insert(orders.sizes, places, sizes, axis=0),
    )
