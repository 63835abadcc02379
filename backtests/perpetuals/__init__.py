"""Perpetual futures: exposure above 1 or below 0, with funding, margin and liquidation.

The whole book is one account in dollars, cross-margined; every position in it is a perpetual, marked at the bars of its
asset. Written out, bar by bar, with m the maintenance margin as a fraction of notional:

1. Open. Where bars are missing before it, the funding since the last bar's end is paid on the last close's notional.
   If equity is then at or below m x (sum of |units| x open), the book is liquidated at the open.
2. Orders that are due fill at the open: units = weight x equity / open. What they cost comes out of the cash.
3. Funding whose instant lies within the bar is paid on the open's notional: cash falls by units x open x rate, so longs
   pay a positive rate and shorts receive it.
4. Range. Prices are taken from the open to the worst that the bar saw for each position, the low for a long and the
   high for a short, all at the same pace. If equity meets the maintenance margin on the way, the book is liquidated
   there: the first such point, in closed form.
5. Close. Funding at the instant of the bar's end is paid on the close's notional: the next bar's orders come after it.
   If equity is then at or below the maintenance margin, the book is liquidated at the close.

A liquidation closes all positions, with slippage and the liquidation fee in place of the trading fee. What it leaves is
the account's; the standing target is not traded again before a new decision. A book that is left with no more than
1e-9 of the notional just closed, at the prices got, is ruined: equity is 0, and 0 it stays. Prices may have
gapped through the margin, and the venue bears the shortfall; or the costs of closing were all of the margin, and what
would be left, a cent or rounding, is the venue's: its shortfall is then 0, or a dust below it.

What this leaves out: the premium of a perpetual over its asset's bars, interest on collateral, margins in steps by
size, liquidation in parts, and deleveraging of winners. In daily bars funding within the day is paid at the open's
price. Sources: cross margin and funding are those of the venues' rule books; worst-of-range is ours, and harsh.
"""
