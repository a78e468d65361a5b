"""Three margins at once: on the angle, times and plus, and on its cosine."""

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
    m1="[1, 8]",
    m2="[0, 3.14]",
    m3="[0, 2]",
    scale="(0, inf)",
    class_weight="weight C",
)
def combined_margin_loss(
    input: Tensor,
    prototypes: Tensor,
    target: Tensor,
    *,
    m1: float = 1.0,
    m2: float = 0.3,
    m3: float = 0.2,
    scale: float = 64.0,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Combined margin softmax: cross-entropy of the logits :math:`s \cos\theta_c`, of the true
    class :math:`s (\cos(m_1 \theta_y + m_2) - m_3)`.

    With one margin alone it is the loss of SphereFace (:math:`m_1`), ArcFace (:math:`m_2`) or
    CosFace (:math:`m_3`); combinations sometimes do better. An angle :math:`\phi` beyond
    :math:`\pi`, where the cosine would rise again and reward being wrong, counts as
    :math:`(-1)^k \cos\phi - 2k` with the number :math:`k` of multiples of :math:`\pi` in it, which
    goes on falling, as SphereFace has it; the paper leaves this open, and
    :func:`~lossary.arcface_loss` goes on along another line.

    Args:
        input: embeddings, of shape (N, D).
        prototypes: one vector per class, of shape (C, D).
        target: class indices in [0, C), of shape (N,).
        m1: what the angle is multiplied by.
        m2: what is added to the angle, in radians.
        m3: what is taken from the cosine.
        scale: the factor :math:`s`.
        class_weight: the weight of each class, of shape (C,).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Deng et al., *ArcFace: Additive Angular Margin Loss for Deep Face Recognition*, CVPR 2019,
        eq. 4.

    >>> x, w = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> combined_margin_loss(x, w, torch.tensor([0]), m2=0.5, m3=0.1, scale=1.0)
    tensor(0.3781)
    """
    cosine = cosines(input, prototypes)
    near = cosine.gather(1, target.unsqueeze(1))
    angle = m1 * torch.atan2(sine(near), near) + m2
    k = (angle.detach() / math.pi).floor()
    true = (1 - 2 * (k % 2)) * torch.cos(angle) - 2 * k - m3
    return softmax_loss(scale * cosine, scale * true, target, class_weight, weight, reduction)


class CombinedMarginLoss(PrototypeLoss):
    """Module form of :func:`combined_margin_loss`.

    It owns the prototypes and is called with ``(input, target)``. They are drawn from a
    normal distribution; only their directions matter.

    Args:
        in_features: the length D of the embeddings.
        num_classes: the number C of classes.
    """

    function = staticmethod(combined_margin_loss)

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        m1: float = 1.0,
        m2: float = 0.3,
        m3: float = 0.2,
        scale: float = 64.0,
        class_weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            in_features,
            num_classes,
            reduction,
            m1=m1,
            m2=m2,
            m3=m3,
            scale=scale,
            class_weight=class_weight,
            ignore_index=ignore_index,
        )


SPEC = LossSpec(
    function=combined_margin_loss,
    module=CombinedMarginLoss,
    traits=Trait.NONNEGATIVE,
    variants=(
        {},
        {"m1": 1.35, "m2": 0.5, "m3": 0.0, "scale": 5.0},
        {"class_weight": torch.tensor([0.5, 2.0, 1.0])},
    ),
    paper="arXiv:1801.07698",
    owned={"prototypes": "prototypes"},
    sizes={"in_features": "D", "num_classes": "C"},
)
