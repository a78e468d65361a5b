"""Additive margin on the angle."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._angles import cosines, sine, softmax_loss
from ._prototypes import PrototypeLoss


@signature(
    "real N D, real C D, label N -> N",
    margin="[0, 3.14]",
    scale="(0, inf)",
    class_weight="weight C",
)
def arcface_loss(
    input: Tensor,
    prototypes: Tensor,
    target: Tensor,
    *,
    margin: float = 0.5,
    scale: float = 64.0,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""ArcFace: cross-entropy of the logits :math:`s \cos\theta_c`, of the true class
    :math:`s \cos(\theta_y + m)`.

    For embeddings whose classes have to be well apart by a fixed angle. Where :math:`\theta_y + m`
    exceeds :math:`\pi`, which would reward being wrong, the true logit goes on as
    :math:`s (\cos\theta_y - m \sin m)`. Values and gradients are finite at every angle.

    Args:
        input: embeddings, of shape (N, D).
        prototypes: one vector per class, of shape (C, D).
        target: class indices in [0, C), of shape (N,).
        margin: the angle :math:`m` in radians.
        scale: the factor :math:`s`.
        class_weight: the weight of each class, of shape (C,).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Deng et al., *ArcFace: Additive Angular Margin Loss for Deep Face Recognition*, CVPR 2019,
        eq. 3.

    >>> x, w = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> arcface_loss(x, w, torch.tensor([0]), scale=1.0)
    tensor(0.3477)
    """
    cosine = cosines(input, prototypes)
    near = cosine.gather(1, target.unsqueeze(1))
    shifted = near * math.cos(margin) - sine(near) * math.sin(margin)
    beyond = near < math.cos(math.pi - margin)
    true = torch.where(beyond, near - margin * math.sin(margin), shifted)
    return softmax_loss(scale * cosine, scale * true, target, class_weight, weight, reduction)


class ArcFaceLoss(PrototypeLoss):
    """Module form of :func:`arcface_loss`.

    It owns the prototypes and is called with ``(input, target)``. They are drawn from a
    normal distribution; only their directions matter.

    Args:
        in_features: the length D of the embeddings.
        num_classes: the number C of classes.
    """

    function = staticmethod(arcface_loss)

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        margin: float = 0.5,
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
    function=arcface_loss,
    module=ArcFaceLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"margin": 1.0, "scale": 5.0}, {"class_weight": torch.tensor([0.5, 2.0, 1.0])}),
    paper="arXiv:1801.07698",
    owned={"prototypes": "prototypes"},
    sizes={"in_features": "D", "num_classes": "C"},
)
