"""Multiplicative margin on the angle."""

from __future__ import annotations

import torch
from torch import Tensor

from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._angles import folded_cosine, length, normalize, softmax_loss
from ._prototypes import PrototypeLoss


@signature(
    "real N D, real C D, label N -> N",
    margin="int [1, inf)",
    blend="[0, inf)",
    class_weight="weight C",
)
def large_margin_softmax_loss(
    input: Tensor,
    prototypes: Tensor,
    target: Tensor,
    *,
    margin: int = 4,
    blend: float = 0.0,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Large-margin softmax, L-Softmax: cross-entropy of the logits :math:`w_c \cdot x`, of the
    true class :math:`\|w_y\| \|x\| \psi(\theta_y)` with
    :math:`\psi(\theta) = (-1)^k \cos(m \theta) - 2k` for :math:`\theta` between :math:`k\pi/m` and
    :math:`(k+1)\pi/m`.

    The first of the angular margins; the prototypes keep their lengths. It is hard to train from
    scratch: begin with a large ``blend``, which mixes
    :math:`(\lambda \cos\theta_y + \psi(\theta_y)) / (1 + \lambda)`, and lower it.

    Args:
        input: embeddings, of shape (N, D).
        prototypes: one vector per class, of shape (C, D).
        target: class indices in [0, C), of shape (N,).
        margin: the whole factor :math:`m` on the angle; 1 gives no margin.
        blend: the share :math:`\lambda` of the plain cosine.
        class_weight: the weight of each class, of shape (C,).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Liu et al., *Large-Margin Softmax Loss for Convolutional Neural Networks*, ICML 2016, eq. 4
        to 6.

    >>> x, w = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> large_margin_softmax_loss(x, w, torch.tensor([0]))
    tensor(0.3133)
    """
    near = (normalize(input) * normalize(prototypes)[target]).sum(1, keepdim=True).clamp(-1, 1)
    norms = length(input) * length(prototypes)[target]
    true = norms * (blend * near + folded_cosine(near, margin)) / (1 + blend)
    return softmax_loss(input @ prototypes.T, true, target, class_weight, weight, reduction)


class LargeMarginSoftmaxLoss(PrototypeLoss):
    """Module form of :func:`large_margin_softmax_loss`.

    It owns the prototypes and is called with ``(input, target)``. They are drawn from a
    normal distribution of standard deviation 1.

    Args:
        in_features: the length D of the embeddings.
        num_classes: the number C of classes.
    """

    function = staticmethod(large_margin_softmax_loss)

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        margin: int = 4,
        blend: float = 0.0,
        class_weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            in_features,
            num_classes,
            reduction,
            margin=margin,
            blend=blend,
            class_weight=class_weight,
            ignore_index=ignore_index,
        )


SPEC = LossSpec(
    function=large_margin_softmax_loss,
    module=LargeMarginSoftmaxLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"margin": 2, "blend": 5.0}, {"class_weight": torch.tensor([0.5, 2.0, 1.0])}),
    paper="arXiv:1612.02295",
    owned={"prototypes": "prototypes"},
    sizes={"in_features": "D", "num_classes": "C"},
)
