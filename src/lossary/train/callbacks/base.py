"""What a callback can do."""

from __future__ import annotations

from typing import Any

from ..run import Run


class Callback:
    """Override what you need; each method gets the :class:`Run`.

    The methods are called on every process. What prints or writes does so where ``run.rank`` is 0.
    ``on_train_end`` is called after errors too, even after one in ``on_train_begin``.

    Attributes:
        wants_part_gradient_norms: whether ``run.part_gradient_norms`` are to be computed at every
            step, which takes one backward pass for each named part of the loss.
    """

    wants_part_gradient_norms: bool = False

    def on_train_begin(self, run: Run) -> None:
        """Before the first epoch; of a resumed training ``run`` says where it goes on."""

    def on_epoch_begin(self, run: Run) -> None:
        """Before the first step of an epoch."""

    def on_step_end(self, run: Run) -> None:
        """After an optimizer step; ``run.loss`` and ``run.parts`` are of this step."""

    def on_validation_begin(self, run: Run) -> None:
        """After the last step of an epoch, if it is followed by a validation."""

    def on_validation_end(self, run: Run) -> None:
        """After the validation; not called if it failed."""

    def on_epoch_end(self, run: Run) -> None:
        """After an epoch and its validation; ``run.history[-1]`` is its record."""

    def on_train_end(self, run: Run) -> None:
        """After the last epoch, or when an error ends the training."""

    def state(self) -> dict[str, Any]:
        """Return plain values and tensors to be saved in a checkpoint; called on every process."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take what :meth:`state` returned; called before ``on_train_begin``."""


def check_every(every: int) -> int:
    """Return ``every`` if it can say which steps count."""
    if every < 1:
        raise ValueError(f"every must be at least 1, got {every}")
    return every


def finished(run: Run) -> bool:
    """Whether a training that has ended did all that was asked for, or was told to stop."""
    return run.stopped or len(run.history) == run.epochs
