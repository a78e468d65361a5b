"""What MindSpore's losses are made of: Cell, LossBase, WithLossCell, and its Momentum."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn


class Cell(nn.Module):
    """A module that defines ``construct`` in place of ``forward``.

    Args:
        auto_prefix: taken for the sake of scripts that give it; torch names parameters by itself.
    """

    construct: Callable[..., Any]

    def __init__(self, auto_prefix: bool = True) -> None:
        super().__init__()

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.construct(*args, **kwargs)

    def trainable_params(self) -> list[nn.Parameter]:
        """Return the parameters that require a gradient."""
        return [p for p in self.parameters() if p.requires_grad]

    def set_train(self, mode: bool = True) -> Cell:
        """Set the mode, as ``train`` does."""
        return self.train(mode)


class LossBase(Cell):
    """A loss of your own: define ``construct``, and end it with ``get_loss``.

    It is MindSpore's, and not :class:`lossary.LossBase`: the mean divides by the number of
    elements, whatever they weigh.

    >>> class AbsoluteError(LossBase):
    ...     def construct(self, logits: Tensor, labels: Tensor) -> Tensor:
    ...         return self.get_loss((logits - labels).abs())
    >>> AbsoluteError()(torch.tensor([1.0, 5.0]), torch.tensor([3.0, 5.0]))
    tensor(1.)

    Args:
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
    """

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f"reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
        self.reduction = reduction

    def get_axis(self, x: Tensor) -> tuple[int, ...]:
        """Return the numbers of all dimensions."""
        return tuple(range(x.ndim))

    def get_loss(self, x: Tensor, weights: Tensor | float = 1.0) -> Tensor:
        """Weigh and reduce: the mean is ``mean(weights * x)``.

        It is computed in single precision and returned in the dtype of ``x``. Double precision
        stays double; MindSpore rounds it to single.
        """
        wide = weights * x.to(torch.promote_types(x.dtype, torch.float32))
        if self.reduction == "mean":
            wide = wide.mean()
        elif self.reduction == "sum":
            wide = wide.sum()
        return wide.to(x.dtype)


class WithLossCell(Cell):
    """A network and a loss in one: ``loss_fn(backbone(data), label)``."""

    def __init__(self, backbone: nn.Module, loss_fn: Callable[..., Any]) -> None:
        super().__init__()
        self._backbone = backbone
        self._loss_fn = loss_fn

    def construct(self, data: Any, label: Any) -> Any:
        return self._loss_fn(self._backbone(data), label)

    @property
    def backbone_network(self) -> nn.Module:
        """The network."""
        return self._backbone


class Momentum(torch.optim.SGD):
    """Stochastic gradient descent with momentum.

    MindSpore leaves parameters whose names hold "beta" or "gamma" out of the weight decay; torch
    does not call them so, so all of them decay here. Give groups with a ``weight_decay`` of their
    own where that matters.

    Args:
        params: parameters, or groups of them with ``params``, ``lr`` and ``weight_decay``.
        learning_rate: one number; lists and schedules are not supported.
        momentum: the share of the last step that is kept.
        weight_decay: this times the parameter is added to its gradient.
        loss_scale: 1; scaled losses are not supported.
        use_nesterov: whether to use Nesterov's momentum, which MindSpore leaves out on the CPU.

    Raises:
        ValueError: if an option is one that is not supported.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter] | Iterable[dict[str, Any]],
        learning_rate: float,
        momentum: float,
        weight_decay: float = 0.0,
        loss_scale: float = 1.0,
        use_nesterov: bool = False,
    ) -> None:
        if loss_scale != 1:
            raise ValueError(f"loss_scale must be 1, got {loss_scale}: train in single precision")
        if not isinstance(learning_rate, int | float):
            kind = type(learning_rate).__name__
            raise ValueError(f"learning_rate must be one number, got {kind}")
        groups: list[Any] = []
        for group in params:
            if isinstance(group, Mapping):
                if "order_params" in group:  # only says in which order the others are stepped
                    continue
                unknown = sorted(set(group) - {"params", "lr", "weight_decay"})
                if unknown:
                    raise ValueError(f"a group of params may not have {', '.join(unknown)}")
            groups.append(group)
        # torch refuses Nesterov's momentum of 0, which is none
        super().__init__(
            groups,
            lr=float(learning_rate),
            momentum=momentum,
            weight_decay=weight_decay,
            nesterov=use_nesterov and momentum > 0,
        )
