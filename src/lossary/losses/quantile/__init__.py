"""Losses whose minimum is a quantile, an expectile or an interval."""
