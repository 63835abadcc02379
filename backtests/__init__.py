"""Events in, results out: two engines, statistics, tearsheets and the command line."""
