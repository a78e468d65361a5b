"""Additive margin on the cosine."""

from __future__ import annotations

import torch
from torch import Tensor

from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._angles import cosines, softmax_loss
from ._prototypes import PrototypeLoss


@signature(
    "real N D, real C D, label N -> N", margin="[0, inf)", scale="(0, inf)", class_weight="weight C"
)
def cosface_loss(
    input: Tensor,
    prototypes: Tensor,
    target: Tensor,
    *,
    margin: float = 0.35,
    scale: float = 64.0,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""CosFace, also AM-Softmax: cross-entropy of the logits :math:`s \cos\theta_c`, of the true
    class :math:`s (\cos\theta_y - m)`.

    For embeddings whose classes have to be well apart, as in recognising faces. The simplest of the
    margins and steady to train.

    Args:
        input: embeddings, of shape (N, D).
        prototypes: one vector per class, of shape (C, D).
        target: class indices in [0, C), of shape (N,).
        margin: the lead :math:`m` in cosine that the true class has to have.
        scale: the factor :math:`s`.
        class_weight: the weight of each class, of shape (C,).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Wang et al., *CosFace: Large Margin Cosine Loss for Deep Face Recognition*, CVPR 2018,
        eq. 4; Wang et al., *Additive Margin Softmax for Face Verification*,
        2018 (there s = 30).

    >>> x, w = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> cosface_loss(x, w, torch.tensor([0]), margin=0.5, scale=1.0)
    tensor(0.4741)
    """
    cosine = cosines(input, prototypes)
    true = cosine.gather(1, target.unsqueeze(1)) - margin
    return softmax_loss(scale * cosine, scale * true, target, class_weight, weight, reduction)


class CosFaceLoss(PrototypeLoss):
    """Module form of :func:`cosface_loss`.

    It owns the prototypes and is called with ``(input, target)``. They are drawn from a
    normal distribution; only their directions matter.

    Args:
        in_features: the length D of the embeddings.
        num_classes: the number C of classes.
    """

    function = staticmethod(cosface_loss)

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        margin: float = 0.35,
        scale: float = 64.0,
        class_weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            in_features,
            num_classes,
            reduction,
            margin=margin,
            scale=scale,
            class_weight=class_weight,
            ignore_index=ignore_index,
        )


SPEC = LossSpec(
    function=cosface_loss,
    module=CosFaceLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"margin": 0.1, "scale": 5.0}, {"class_weight": torch.tensor([0.5, 2.0, 1.0])}),
    paper="arXiv:1801.09414",
    owned={"prototypes": "prototypes"},
    sizes={"in_features": "D", "num_classes": "C"},
)
