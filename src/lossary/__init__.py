"""Lossary: every loss function under one contract."""

from .base import LossBase as LossBase
from .catalog import catalog as catalog
from .check import CheckReport as CheckReport
from .check import check as check
from .losses.classification.cross_entropy import CrossEntropyLoss as CrossEntropyLoss
from .losses.classification.cross_entropy import cross_entropy as cross_entropy
from .losses.regression.l1 import L1Loss as L1Loss
from .losses.regression.l1 import l1_loss as l1_loss
from .reduction import Parts as Parts
from .reduction import Reduction as Reduction
from .reduction import parts as parts
from .reduction import reduce as reduce
from .signature import signature as signature
