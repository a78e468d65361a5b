"""What the data layer raises and warns of."""

from __future__ import annotations


class DataError(ValueError):
    """The data cannot be used as they are; the message says why and what would help."""


class DataWarning(UserWarning):
    """The data can be used, but some of them are of no use; the message says which and why."""
