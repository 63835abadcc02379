"""What can be said of many trials: how much of the best is luck."""
