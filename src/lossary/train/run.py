"""Run: the state of one training, handed to every callback."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model import Model

Record = dict[str, float]
"""What is known of an epoch: ``epoch``, ``loss``, named parts, ``valid_...`` and ``seconds``."""


class NonFiniteLossError(ArithmeticError):
    """The loss, or a part of it, is nan or infinite; the parameters are as they were before."""


@dataclass
class Run:
    """The state of one training.

    Attributes:
        model: what is trained.
        epochs: how many epochs were asked for.
        steps: optimizer steps per epoch, or None if the data set does not say.
        epoch: the epoch, counted from 1.
        step: the optimizer step in the epoch, counted from 1.
        loss: the loss of the step, the mean over its units.
        parts: the named parts of the step.
        history: one record per finished epoch.
    """

    model: Model
    epochs: int
    steps: int | None
    epoch: int = 0
    step: int = 0
    loss: float = float("nan")
    parts: dict[str, float] = field(default_factory=dict)
    history: list[Record] = field(default_factory=list)
    stopped: bool = False

    def stop(self) -> None:
        """End the training after this epoch."""
        self.stopped = True
