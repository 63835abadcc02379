"""A claim about speed: what was measured, what it is compared with, and whether it holds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """One line of the table.

    what : in words      ratio : measured over peer      most, least : bounds of the ratio
    """

    what: str
    measured: str
    peer: str
    ratio: float
    most: float = float("inf")
    least: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether the ratio is within its limits."""
        return self.least <= self.ratio <= self.most

    @property
    def limit(self) -> str:
        """The limit, as the table prints it."""
        return f"≤ {self.most:g}" if self.least == 0 else f"≥ {self.least:g}"

    @property
    def verdict(self) -> str:
        """Whether it holds, as the table prints it."""
        return "holds" if self.holds else "FAILS"
