"""Multiplicative margin on the angle, with prototypes of length 1."""

from __future__ import annotations

import torch
from torch import Tensor

from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._angles import cosines, folded_cosine, length, softmax_loss
from ._prototypes import PrototypeLoss


@signature(
    "real N D, real C D, label N -> N",
    margin="int [1, inf)",
    blend="[0, inf)",
    class_weight="weight C",
)
def sphereface_loss(
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
    r"""SphereFace, also A-Softmax: cross-entropy of the logits :math:`\|x\| \cos\theta_c`, of the
    true class :math:`\|x\| \psi(\theta_y)` with :math:`\psi(\theta) = (-1)^k \cos(m \theta) - 2k`
    for :math:`\theta` between :math:`k\pi/m` and :math:`(k+1)\pi/m`.

    For embeddings whose classes have to be well apart. It is hard to train from scratch: begin with
    a large ``blend``, which mixes :math:`(\lambda \cos\theta_y + \psi(\theta_y)) / (1 + \lambda)`,
    and lower it. :func:`~lossary.arcface_loss` came after it and needs no such care.

    Args:
        input: embeddings, of shape (N, D).
        prototypes: one vector per class, of shape (C, D).
        target: class indices in [0, C), of shape (N,).
        margin: the whole factor :math:`m` on the angle; 1 gives no margin.
        blend: the share :math:`\lambda` of the plain cosine.
        class_weight: the weight of each class, of shape (C,).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Liu et al., *SphereFace: Deep Hypersphere Embedding for Face Recognition*, CVPR 2017, eq. 7.

    >>> x, w = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> sphereface_loss(x, w, torch.tensor([0]))
    tensor(0.3133)
    """
    norm, cosine = length(input), cosines(input, prototypes)
    near = cosine.gather(1, target.unsqueeze(1))
    true = (blend * near + folded_cosine(near, margin)) / (1 + blend)
    return softmax_loss(norm * cosine, norm * true, target, class_weight, weight, reduction)


class SphereFaceLoss(PrototypeLoss):
    """Module form of :func:`sphereface_loss`.

    It owns the prototypes and is called with ``(input, target)``. They are drawn from a
    normal distribution; only their directions matter.

    Args:
        in_features: the length D of the embeddings.
        num_classes: the number C of classes.
    """

    function = staticmethod(sphereface_loss)

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
    function=sphereface_loss,
    module=SphereFaceLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"margin": 2, "blend": 5.0}, {"class_weight": torch.tensor([0.5, 2.0, 1.0])}),
    paper="arXiv:1704.08063",
    owned={"prototypes": "prototypes"},
    sizes={"in_features": "D", "num_classes": "C"},
)
