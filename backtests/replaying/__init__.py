"""Runs done again from what was kept of them, and every number compared with the one that was kept."""
