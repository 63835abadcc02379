"""Dated facts: what was announced rather than measured, and the moment at which it was known.

One module per kind. Each row is a `Fact`: the day from which it holds, the Eastern wall-clock time at which it became
public, a number, what it says, where that was read and how it was checked. They are kept by hand, so each kind says
until when (`KEPT_UNTIL`); after that day nobody looked, and what depends on the newest fact is unknown.

The balance that the Treasury aims at is a dated fact too: see `signals.refunding`.
"""
