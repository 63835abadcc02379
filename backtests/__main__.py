"""`python -m backtests` is `ebbtide`."""

from backtests.cli import main

if __name__ == "__main__":
    main()
