"""Which variant is best, and what another can cost: pure functions of scores."""
