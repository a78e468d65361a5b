"""The contract of a loss as laws: the checker for anybody's loss, and for every loss here.

A law is a function that takes a :class:`Subject` and raises :class:`Violation` if the loss breaks
it, or :class:`DoesNotApply` if it says nothing about this loss. ``LAWS`` lists them all.
"""

from .report import (
    LAWS as LAWS,
    CheckReport as CheckReport,
    Result as Result,
    check as check,
    examine as examine,
)
from .subject import (
    DoesNotApply as DoesNotApply,
    Subject as Subject,
    Violation as Violation,
    subject_of as subject_of,
)
