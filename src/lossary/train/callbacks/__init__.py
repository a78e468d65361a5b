"""Callbacks: what happens around training steps."""

from .averaging import ExponentialMovingAverage as ExponentialMovingAverage
from .base import Callback as Callback
from .checkpoints import ModelCheckpoint as ModelCheckpoint
from .loggers import (
    CSVLog as CSVLog,
    Log as Log,
    Logger as Logger,
    TensorBoardLog as TensorBoardLog,
)
from .monitors import (
    GradientNormMonitor as GradientNormMonitor,
    LossMonitor as LossMonitor,
    TimeMonitor as TimeMonitor,
)
from .progress import ProgressBar as ProgressBar
from .stopping import EarlyStopping as EarlyStopping
