"""What a training script needs of paddle.optimizer: its arguments and defaults, torch's steps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch.nn import Parameter
from torch.optim import Optimizer

Parameters = Iterable[Parameter] | Iterable[dict[str, Any]] | None


class _Paddles(Optimizer):
    """The methods that Paddle's optimizers have and torch's have not."""

    defaults: dict[str, Any]

    def clear_grad(self, set_to_zero: bool = False) -> None:
        """Forget the gradients."""
        self.zero_grad(set_to_none=not set_to_zero)

    def get_lr(self) -> float:
        """Return the learning rate that the factors of groups multiply."""
        return float(self.defaults["lr"])


class SGD(_Paddles, torch.optim.SGD):
    """Stochastic gradient descent.

    Args:
        learning_rate: one number; schedules are not supported.
        parameters: what is learnt; groups may have a ``learning_rate`` that multiplies, and a
            ``weight_decay``.
        weight_decay: this times the parameter is added to its gradient.
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        parameters: Parameters = None,
        weight_decay: float | None = None,
    ) -> None:
        rate = _rate(learning_rate)
        super().__init__(_groups(parameters, rate), lr=rate, weight_decay=weight_decay or 0.0)


class Momentum(_Paddles, torch.optim.SGD):
    """Stochastic gradient descent with momentum; the other arguments are those of :class:`SGD`.

    Args:
        momentum: the share of the last step that is kept.
        use_nesterov: whether to look ahead.
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        momentum: float = 0.9,
        parameters: Parameters = None,
        use_nesterov: bool = False,
        weight_decay: float | None = None,
    ) -> None:
        rate = _rate(learning_rate)
        super().__init__(
            _groups(parameters, rate),
            lr=rate,
            momentum=momentum,
            # torch refuses Nesterov's momentum of 0, which is none
            nesterov=use_nesterov and momentum > 0,
            weight_decay=weight_decay or 0.0,
        )


class Adam(_Paddles, torch.optim.Adam):
    """Adam, with a weight decay that is added to the gradient; see :class:`SGD`."""

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-08,
        parameters: Parameters = None,
        weight_decay: float | None = None,
    ) -> None:
        rate = _rate(learning_rate)
        super().__init__(
            _groups(parameters, rate),
            lr=rate,
            betas=(beta1, beta2),
            eps=epsilon,
            weight_decay=weight_decay or 0.0,
        )


class AdamW(_Paddles, torch.optim.AdamW):
    """Adam, with a weight decay that shrinks the parameters themselves; see :class:`SGD`."""

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-08,
        parameters: Parameters = None,
        weight_decay: float = 0.01,
    ) -> None:
        rate = _rate(learning_rate)
        super().__init__(
            _groups(parameters, rate),
            lr=rate,
            betas=(beta1, beta2),
            eps=epsilon,
            weight_decay=weight_decay,
        )


def _rate(learning_rate: object) -> float:
    if not isinstance(learning_rate, int | float):
        kind = type(learning_rate).__name__
        raise ValueError(f"learning_rate must be one number, got {kind}")
    return float(learning_rate)


def _groups(parameters: Parameters, rate: float) -> list[Any]:
    """Return what torch takes: its groups have a rate, Paddle's a factor of the rate."""
    if parameters is None:
        raise ValueError("parameters must be given: network.parameters()")
    groups: list[Any] = []
    for group in parameters:
        if isinstance(group, dict):
            unknown = sorted(set(group) - {"params", "learning_rate", "weight_decay"})
            if unknown:
                raise ValueError(f"a group of parameters may not have {', '.join(unknown)}")
            made = {name: value for name, value in group.items() if name != "learning_rate"}
            groups.append({**made, "lr": rate * group.get("learning_rate", 1.0)})
        else:
            groups.append(group)
    return groups
