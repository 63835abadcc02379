"""Parameter sweeps: many trials of one strategy, fast, counted, judged and resumable."""
