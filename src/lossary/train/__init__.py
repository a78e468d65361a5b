"""Training: a network, a loss and an optimizer in one model.

>>> from lossary import MSELoss
>>> x = torch.linspace(-1, 1, 64).reshape(-1, 1)
>>> model = Model(torch.nn.Linear(1, 1), MSELoss(), lambda p: torch.optim.SGD(p, lr=0.5))
>>> history = model.train(20, (x, 2 * x + 1), progress=False)
>>> history[-1]["loss"] < 1e-3
True
"""

try:
    import lightning_fabric as _fabric  # noqa: F401 - only to see whether it is there
    import rich as _rich  # noqa: F401 - likewise
    import safetensors as _safetensors  # noqa: F401 - likewise
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        f'training needs {missing.name}: pip install "lossary[train]"', name=missing.name
    ) from missing

from .across import ProcessError as ProcessError
from .batches import Batches as Batches, SampleError as SampleError
from .callbacks import (
    Callback as Callback,
    CSVLog as CSVLog,
    EarlyStopping as EarlyStopping,
    ExponentialMovingAverage as ExponentialMovingAverage,
    GradientNormMonitor as GradientNormMonitor,
    Log as Log,
    LossMonitor as LossMonitor,
    ModelCheckpoint as ModelCheckpoint,
    TensorBoardLog as TensorBoardLog,
    TimeMonitor as TimeMonitor,
)
from .checkpoint import (
    CheckpointError as CheckpointError,
    DamagedCheckpointError as DamagedCheckpointError,
)
from .model import Model as Model
from .nonfinite import (
    BatchFileError as BatchFileError,
    Report as Report,
    Skip as Skip,
    load_batch as load_batch,
)
from .run import NonFiniteLossError as NonFiniteLossError, Record as Record, Run as Run
from .wiring import ColumnsError as ColumnsError, WithLoss as WithLoss
