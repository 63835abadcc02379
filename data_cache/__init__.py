"""What was known, and when: observations with two clocks, bars, and the market that signals are served from."""
