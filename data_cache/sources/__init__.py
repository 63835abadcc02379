"""Where data come from. Only these modules may speak to data providers."""
