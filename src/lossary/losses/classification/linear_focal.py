"""Focal loss of a linear layer's output, without holding that output."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...fuse import fuse
from ...kernels.linear import LinearLoss, LogitLoss
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from .focal import focal_loss


@signature(
    "real N D, real C D, label N -> N",
    widens=False,
    gamma="[0, inf)",
    linear_bias="real C",
    class_weight="weight C",
)
def linear_focal_loss(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    gamma: float = 2.0,
    linear_bias: Tensor | None = None,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Focal loss, :math:`-(1 - p_y)^\gamma \log p_y`, with
    :math:`p = \mathrm{softmax}(x W^\top + b)`.

    The same numbers as :func:`~lossary.focal_loss` of ``linear(input, linear_weight,
    linear_bias)``, for many classes: the logits are computed for some rows at a time; see
    :func:`~lossary.linear_cross_entropy`.

    Args:
        input: hidden states, of shape (N, D).
        linear_weight: the weight of the linear layer, of shape (C, D).
        target: class indices in [0, C), of shape (N,).
        gamma: focusing strength; 0 gives cross-entropy.
        linear_bias: the bias of the linear layer, of shape (C,).
        class_weight: the weight of each class, of shape (C,).
        ignore_index: a row with this class index weighs nothing.

    References:
        Lin et al., *Focal Loss for Dense Object Detection*, ICCV 2017, eq. 4, with the softmax in
        place of the sigmoid.

    >>> x, w = torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    >>> linear_focal_loss(x, w, torch.tensor([0]))
    tensor(0.0018)
    """
    bias = None if linear_bias is None else linear_bias.to(input.dtype)
    options = {"gamma": gamma, "class_weight": class_weight}
    job = LinearLoss(_OF_LOGITS, (target,), options, weight)
    result = job(input, linear_weight, bias, reduction)
    return result if reduction == "parts" else result.to(input.dtype)


_FUSED = fuse(focal_loss, donate_input=True)
_OF_LOGITS = LogitLoss(focal_loss, lambda *_: _FUSED, "linear_focal_loss")


class LinearFocalLoss(FunctionLoss):
    """Module form of :func:`linear_focal_loss`, called with the weight of the layer."""

    function = staticmethod(linear_focal_loss)

    def __init__(
        self,
        *,
        gamma: float = 2.0,
        linear_bias: Tensor | None = None,
        class_weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            gamma=gamma,
            linear_bias=linear_bias,
            class_weight=class_weight,
            ignore_index=ignore_index,
        )


SPEC = LossSpec(
    function=linear_focal_loss,
    module=LinearFocalLoss,
    traits=Trait.NONNEGATIVE,
    variants=(
        {},
        {"gamma": 0.5, "linear_bias": torch.tensor([1.0, 0.0, -1.0])},
        {"class_weight": torch.tensor([0.5, 2.0, 1.0])},
    ),
    paper="arXiv:1708.02002",
)
