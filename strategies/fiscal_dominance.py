"""Essay D's composite: the Treasury steers liquidity, the Fed follows; the plumbing shows it in five places."""

from collections.abc import Mapping
from dataclasses import dataclass

from signals.parameters import Mix
from strategies.basis_reset import BasisReset
from strategies.combinator import Composite
from strategies.corridor_shield import CorridorShield
from strategies.fed_purchases import FedPurchases
from strategies.strategy import BTC_ETH, Now, Strategy, Weights, spread
from strategies.term_premium_shield import TermPremiumShield
from strategies.treasury_release import TreasuryRelease


@dataclass(frozen=True)
class FiscalDominance(Composite):
    """Hold as much of the exposure as there are theses that say so: five votes, one for each of the single strategies.

    Source: essay D (the shift of power from the Fed to the Treasury). The Treasury's side is its account and the term
    premium that its borrowing costs, the Fed's side its purchases and its corridor, and the market's side the basis.
    Essay H's theses have no vote: the tide of net liquidity is made of the account and the purchases, which would count
    twice, and stealth QE is what the corridor shows, known since 2021 only. Votes are equal on purpose: weights fitted
    to a handful of episodes would be noise.
    """

    treasury_release: TreasuryRelease = TreasuryRelease()
    term_premium_shield: TermPremiumShield = TermPremiumShield()
    fed_purchases: FedPurchases = FedPurchases()
    corridor_shield: CorridorShield = CorridorShield()
    basis_reset: BasisReset = BasisReset()
    exposure: float = 1.0
    mix: Mix = BTC_ETH

    def theses(self) -> Mapping[str, Strategy]:
        """The five single strategies, by the name of their field."""
        return self.inner()

    def weights(self, now: Now) -> Weights:
        """The exposure times the mean of what the theses would hold."""
        votes = [sum(answer.values()) for answer in self.answers(now).values()]
        return spread(sum(votes) / len(votes) * self.exposure, self.mix)
