"""Losses made of losses: weighted sums with named parts, hard units, several outputs."""

from .deep_supervision import DeepSupervision as DeepSupervision
from .dynamic_average import DynamicWeightAverage as DynamicWeightAverage
from .gradient_norm import GradNorm as GradNorm
from .hard_units import HardUnits as HardUnits
from .uncertainty import UncertaintyWeightedSum as UncertaintyWeightedSum
from .weighted_sum import (
    BalancedSum as BalancedSum,
    Coefficient as Coefficient,
    WeightedSum as WeightedSum,
    ramp as ramp,
    weighted as weighted,
)
from .whole_batch import WholeBatch as WholeBatch
