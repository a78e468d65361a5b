"""The average of the weights on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn import Parameter
from torch.optim.swa_utils import get_ema_multi_avg_fn

from ..run import Run
from .base import Callback, finished

if TYPE_CHECKING:
    from ..model import Model


class ExponentialMovingAverage(Callback):
    r"""Average the weights of the steps, and validate and end with the average.

    After step :math:`t`, :math:`\bar w_t = d\,\bar w_{t-1} + (1 - d)\,w_t`, in float32 or wider,
    for the trainable parameters of the network and the loss. The average is less noisy than the
    weights of any one step, so it often generalises better. Training goes on with its own weights:
    the average is in their place only during validation, and from the end of the training on.
    A training that fails ends with its own weights. Checkpoints on the way have them too, and the
    average as the state of this callback.

    Buffers, such as the statistics of batch normalisation, stay those of the last step.

    Args:
        decay: the decay :math:`d`; the average reaches back over about :math:`1 / (1 - d)` steps.
        warmup: whether the decay of step :math:`t` is at most :math:`t / (9 + t)`, so that the
            weights of the beginning are soon forgotten.
        keep_trained: whether the model holds its own weights at the end, and the average is only
            to be had by :meth:`averaged`.

    References:
        Polyak and Juditsky, *Acceleration of Stochastic Approximation by Averaging*, SIAM Journal
        on Control and Optimization 1992.
    """

    def __init__(
        self, decay: float = 0.999, *, warmup: bool = True, keep_trained: bool = False
    ) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be in [0, 1), got {decay}")
        self.decay, self.warmup, self.keep_trained = decay, warmup, keep_trained
        self._forget()

    def _forget(self) -> None:
        self._steps = 0
        self._average: dict[str, Tensor] = {}
        self._trained: dict[str, Tensor] = {}  # kept while the average is in their place

    def on_train_begin(self, run: Run) -> None:
        if run.total_steps == 0:
            self._forget()

    @torch.no_grad()
    def on_step_end(self, run: Run) -> None:
        if run.skipped:  # the weights are those of the step before
            return
        self._steps += 1
        decay = min(self.decay, self._steps / (9 + self._steps)) if self.warmup else self.decay
        average, weights = [], []
        for name, parameter in run.model.wired.named_parameters():
            if name in self._average:
                self._average[name] = _placed(self._average[name], parameter)
                average.append(self._average[name])
                weights.append(parameter.to(average[-1].dtype))
            elif parameter.requires_grad:
                wide = torch.promote_types(parameter.dtype, torch.float32)
                self._average[name] = parameter.to(wide, copy=True)
        if average:
            get_ema_multi_avg_fn(decay)(average, weights, self._steps)

    def on_validation_begin(self, run: Run) -> None:
        self._put(run.model)

    def on_validation_end(self, run: Run) -> None:
        self._take(run.model)

    def on_train_end(self, run: Run) -> None:
        self._take(run.model)  # a validation that failed has left the average there
        if finished(run) and not self.keep_trained:
            self._put(run.model)
            self._trained = {}

    @contextmanager
    def averaged(self, model: Model) -> Iterator[None]:
        """Have the average in the place of the model's weights meanwhile.

        Raises:
            ValueError: if there is no average yet, or it is that of another model.

        >>> import torch, lossary
        >>> from lossary.train import Model
        >>> x = torch.linspace(-1, 1, 8).reshape(-1, 1)
        >>> model = Model(torch.nn.Linear(1, 1), lossary.MSELoss())
        >>> average = ExponentialMovingAverage(keep_trained=True)
        >>> _ = model.train(2, (x, 2 * x), [average], progress=False)
        >>> with average.averaged(model):
        ...     found = model.evaluate((x, 2 * x))
        """
        if self._trained:  # a validation has it there already
            yield
            return
        names = {name for name, _ in model.wired.named_parameters()}
        if not self._average or not self._average.keys() <= names:
            raise ValueError(
                "there is no average of this model's weights: train it with this callback first"
            )
        try:
            self._put(model)
            yield
        finally:
            self._take(model)

    @torch.no_grad()
    def _put(self, model: Model) -> None:
        for name, parameter in model.wired.named_parameters():
            if name in self._average:
                self._trained[name] = parameter.detach().clone()
                parameter.copy_(_placed(self._average[name], parameter))

    @torch.no_grad()
    def _take(self, model: Model) -> None:
        for name, parameter in model.wired.named_parameters():
            if name in self._trained:
                parameter.copy_(self._trained[name])
        self._trained = {}

    def state(self) -> dict[str, Any]:
        whole = {
            name: tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
            for name, tensor in self._average.items()
        }
        return {"steps": self._steps, "average": whole}

    def load_state(self, state: dict[str, Any]) -> None:
        self._steps = state["steps"]
        # the tensors of a checkpoint may be parts of one file, and these change in place
        self._average = {name: tensor.clone() for name, tensor in state["average"].items()}
        self._trained = {}


def _placed(tensor: Tensor, parameter: Parameter) -> Tensor:
    """Return a tensor on the device of a parameter, and shared out over processes as it is."""
    if isinstance(parameter, DTensor) and not isinstance(tensor, DTensor):
        return distribute_tensor(
            tensor.to(parameter.device), parameter.device_mesh, parameter.placements
        )
    return tensor.to(parameter.device)
