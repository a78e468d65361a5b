"""Reading data: random numbers by seed, and samples through worker processes that are watched."""
