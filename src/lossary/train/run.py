"""Run: the state of one training, handed to every callback."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

if TYPE_CHECKING:
    from .loop import Loop
    from .model import Model
    from .nonfinite import Report

Record = dict[str, float]
"""What is known of an epoch: ``epoch``, ``loss``, named parts, ``valid_...`` and ``seconds``."""


class NonFiniteLossError(ArithmeticError):
    """The loss, a part or a gradient is nan or infinite; the parameters are as they were before.

    Attributes:
        report: where it was found, and what was looked up about it.
    """

    report: Report | None = None


@dataclass
class Run:
    """The state of one training.

    Attributes:
        model: what is trained.
        optimizer: what steps.
        epochs: how many epochs were asked for.
        steps: optimizer steps per epoch, or None if the data set does not say.
        epoch: the epoch, counted from 1.
        step: the optimizer step in the epoch, counted from 1.
        total_steps: the optimizer steps since the training began.
        loss: the loss of the step, the mean over its units, those of all processes included.
        parts: the named parts of the step.
        samples: how many samples of the epoch were seen, by all processes.
        gradient_norm: the norm of the gradient of the step, before clipping.
        part_gradient_norms: the norm of the gradient of each part, if a callback wants them.
        skipped: whether the step was left out, because something was not finite.
        history: one record per finished epoch.
        rank: which process this is, from 0.
        processes: how many processes train together.
        scheduler: what changes the learning rate, if anything.
    """

    model: Model
    optimizer: Optimizer
    epochs: int
    steps: int | None
    loop: Loop = field(repr=False)
    epoch: int = 0
    step: int = 0
    total_steps: int = 0
    loss: float = float("nan")
    parts: dict[str, float] = field(default_factory=dict)
    samples: int = 0
    gradient_norm: float | None = None
    part_gradient_norms: dict[str, float] = field(default_factory=dict)
    skipped: bool = False
    history: list[Record] = field(default_factory=list)
    stopped: bool = False
    rank: int = 0
    processes: int = 1
    scheduler: LRScheduler | None = None

    def stop(self) -> None:
        """End the training after this epoch."""
        self.stopped = True

    def state(self) -> dict[str, Any]:
        """Return everything that a checkpoint holds; every process has to ask for it."""
        return self.loop.state()

    def agree(self, error: Exception | None) -> None:
        """Raise in every process if there is an error in any; every process has to ask."""
        self.loop.across.agree(error)
