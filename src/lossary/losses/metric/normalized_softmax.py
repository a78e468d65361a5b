"""Softmax over cosines."""

from __future__ import annotations

import torch
from torch import Tensor

from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._angles import cosines, softmax_loss
from ._prototypes import PrototypeLoss


@signature("real N D, real C D, label N -> N", scale="(0, inf)", class_weight="weight C")
def normalized_softmax_loss(
    input: Tensor,
    prototypes: Tensor,
    target: Tensor,
    *,
    scale: float = 20.0,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Normalised softmax loss, cross-entropy of the logits :math:`s \cos\theta_c`, where
    :math:`\theta_c` is the angle between the embedding and the prototype of class c.

    For embeddings that are compared by their angle later on: training measures what the use will
    measure. It asks for no margin; where classes have to be well apart use
    :func:`~lossary.cosface_loss` or :func:`~lossary.arcface_loss`.

    Args:
        input: embeddings, of shape (N, D).
        prototypes: one vector per class, of shape (C, D).
        target: class indices in [0, C), of shape (N,).
        scale: the factor :math:`s`, the inverse of a temperature.
        class_weight: the weight of each class, of shape (C,).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Wang et al., *NormFace: L2 Hypersphere Embedding for Face Verification*, ACM MM 2017.

    >>> x, w = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> normalized_softmax_loss(x, w, torch.tensor([0]), scale=1.0)
    tensor(0.3133)
    """
    logits = scale * cosines(input, prototypes)
    return softmax_loss(
        logits, logits.gather(1, target.unsqueeze(1)), target, class_weight, weight, reduction
    )


class NormalizedSoftmaxLoss(PrototypeLoss):
    """Module form of :func:`normalized_softmax_loss`.

    It owns the prototypes and is called with ``(input, target)``. They are drawn from a
    normal distribution; only their directions matter.

    Args:
        in_features: the length D of the embeddings.
        num_classes: the number C of classes.
    """

    function = staticmethod(normalized_softmax_loss)

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        scale: float = 20.0,
        class_weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            in_features,
            num_classes,
            reduction,
            scale=scale,
            class_weight=class_weight,
            ignore_index=ignore_index,
        )


SPEC = LossSpec(
    function=normalized_softmax_loss,
    module=NormalizedSoftmaxLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"scale": 5.0}, {"class_weight": torch.tensor([0.5, 2.0, 1.0])}),
    paper="arXiv:1704.06369",
    owned={"prototypes": "prototypes"},
    sizes={"in_features": "D", "num_classes": "C"},
)
