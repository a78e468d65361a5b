"""Losses of the time until an event, which some samples were not watched long enough to see."""
