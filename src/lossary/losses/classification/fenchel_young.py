"""The loss that belongs to a regulariser of your own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec


@signature("fn, real N *, real N * -> N")
def fenchel_young_loss(
    conjugate: Callable[[Tensor], Tensor],
    input: Tensor,
    target: Tensor,
    *,
    regularizer: Callable[[Tensor], Tensor] | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Fenchel-Young loss, :math:`\Omega^*(\theta) + \Omega(y) - \langle \theta, y \rangle` of
    scores :math:`\theta`, with a convex regulariser :math:`\Omega` and its conjugate
    :math:`\Omega^*(\theta) = \max_p \langle \theta, p \rangle - \Omega(p)`.

    For structured or sparse predictions without a loss of their own: its gradient is the prediction
    :math:`\nabla \Omega^*(\theta)` less the target. The log-sum-exp gives the cross-entropy, and
    half the squared norm gives half the squared error. Where the loss has a name,
    :func:`~lossary.cross_entropy`, :func:`~lossary.sparsemax_loss` or
    :func:`~lossary.entmax_loss`, take that: it is computed without the rounding of a difference of
    large numbers.

    :math:`\Omega(y)` does not depend on the scores. Without it the gradient is the same, and the
    loss is too small by a constant: by 0 for one-hot targets and entropies.

    Args:
        conjugate: :math:`\Omega^*`; it maps scores (N, ...) to one number each, (N,), and its
            gradient is the prediction. It sees the scores in the dtype that they have.
        input: scores :math:`\theta`, of shape (N, ...).
        target: :math:`y`, of the shape of ``input``: one-hot classes, probabilities, or what else
            the regulariser is defined on.
        regularizer: :math:`\Omega`; it maps targets (N, ...) to (N,).

    Raises:
        ValueError: if a callable does not return one number per sample.

    References:
        Blondel, Martins and Niculae, *Learning with Fenchel-Young Losses*, JMLR 2020.

    >>> half_squares = lambda x: x.square().sum(1) / 2  # its own conjugate
    >>> fenchel_young_loss(  # half of 3 squared and 1 squared
    ...     half_squares,
    ...     torch.tensor([[3.0, 1.0]]),
    ...     torch.tensor([[0.0, 2.0]]),
    ...     regularizer=half_squares,
    ... )
    tensor(5.)
    """
    wide = torch.promote_types(torch.promote_types(input.dtype, target.dtype), torch.float32)
    products = input.to(wide) * target.to(wide)
    units = _of_each("conjugate", conjugate, input, wide) - products.unsqueeze(1).flatten(1).sum(1)
    if regularizer is not None:
        units = units + _of_each("regularizer", regularizer, target, wide)
    return reduce(units, weight, reduction)


def _of_each(
    name: str, function: Callable[[Tensor], Tensor], x: Tensor, dtype: torch.dtype
) -> Tensor:
    values = function(x)
    if values.shape != x.shape[:1]:
        raise ValueError(
            f"fenchel_young_loss: {name} must return one number per sample, ({len(x)},), got "
            f"{tuple(values.shape)}"
        )
    return values.to(dtype)


class FenchelYoungLoss(FunctionLoss):
    """Module form of :func:`fenchel_young_loss`.

    It owns the conjugate and is called with ``(input, target)``.

    Args:
        conjugate: maps scores (N, ...) to one number each, (N,).
    """

    function = staticmethod(fenchel_young_loss)

    def __init__(
        self,
        conjugate: Callable[[Tensor], Tensor],
        *,
        regularizer: Callable[[Tensor], Tensor] | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, regularizer=regularizer)
        self.conjugate = conjugate

    def operands(self, input: Tensor, target: Tensor) -> tuple[object, ...]:
        return self.conjugate, input, target


def _huber(x: Tensor) -> Tensor:
    """Return the conjugate of half the squares on [-1, 1], for which predictions are clamped."""
    near = x.clamp(-1, 1)
    return (near * (x - near / 2)).sum(1)


def _half_squares(y: Tensor) -> Tensor:
    return y.square().sum(1) / 2


def _example(generator: Generator) -> tuple[object, ...]:
    scores, target = torch.randn(2, 4, 3, generator=generator)
    return _huber, 2 * scores, target.tanh()


SPEC = LossSpec(
    function=fenchel_young_loss,
    module=FenchelYoungLoss,
    variants=({}, {"regularizer": _half_squares}),
    paper="arXiv:1901.02324",
    example=_example,
    owned={"conjugate": "conjugate"},
)
