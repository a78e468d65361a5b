"""The contract of a loss as laws: the checker for anybody's loss, and for every loss here.

A law is a function that takes a :class:`Subject` and raises :class:`Violation` if the loss breaks
it, or :class:`DoesNotApply` if it says nothing about this loss. ``LAWS`` lists them all.
"""

from .report import LAWS as LAWS
from .report import CheckReport as CheckReport
from .report import Result as Result
from .report import check as check
from .report import examine as examine
from .subject import DoesNotApply as DoesNotApply
from .subject import Subject as Subject
from .subject import Violation as Violation
from .subject import subject_of as subject_of
