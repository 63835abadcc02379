"""Essay D's composite: the Treasury steers liquidity; the plumbing shows it in five places."""

from collections.abc import Mapping
from dataclasses import dataclass

from signals.parameters import Mix
from strategies.basis_reset import BasisReset
from strategies.combinator import Composite
from strategies.net_liquidity_tide import NetLiquidityTide
from strategies.stealth_qe import StealthQE
from strategies.strategy import BTC_ETH, Now, Strategy, Weights, spread
from strategies.term_premium_shield import TermPremiumShield
from strategies.treasury_release import TreasuryRelease


@dataclass(frozen=True)
class FiscalDominance(Composite):
    """Hold as much of the exposure as there are theses that say so: five votes, one for each of the single strategies.

    Source: essay D (the shift of power from the Fed to the Treasury), with essay H's two sources of dollars. Votes are
    equal on purpose: weights fitted to a handful of episodes would be noise.
    """

    stealth_qe: StealthQE = StealthQE()
    treasury_release: TreasuryRelease = TreasuryRelease()
    term_premium_shield: TermPremiumShield = TermPremiumShield()
    basis_reset: BasisReset = BasisReset()
    net_liquidity_tide: NetLiquidityTide = NetLiquidityTide()
    exposure: float = 1.0
    mix: Mix = BTC_ETH

    def theses(self) -> Mapping[str, Strategy]:
        """The five single strategies, by the name of their field."""
        return self.inner()

    def weights(self, now: Now) -> Weights:
        """The exposure times the mean of what the theses would hold."""
        votes = [sum(answer.values()) for answer in self.answers(now).values()]
        return spread(sum(votes) / len(votes) * self.exposure, self.mix)
