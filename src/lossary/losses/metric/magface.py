"""Margin that grows with the length of the embedding."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...reduction import Reduction, reduce, weigh
from ...signature import signature
from ...spec import LossSpec, Trait
from ._angles import cosines, length
from ._margins import widened
from ._prototypes import PrototypeLoss


@signature(
    "real N D, real C D, label N -> N",
    low_length="(0, inf)",
    high_length="(0, inf)",
    low_margin="[0, 3.14]",
    high_margin="[0, 3.14]",
    regularization="[0, inf)",
    scale="(0, inf)",
    class_weight="weight C",
)
def magface_loss(
    input: Tensor,
    prototypes: Tensor,
    target: Tensor,
    *,
    low_length: float = 10.0,
    high_length: float = 110.0,
    low_margin: float = 0.45,
    high_margin: float = 0.8,
    regularization: float = 35.0,
    scale: float = 64.0,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""MagFace: cross-entropy of the logits :math:`s \cos\theta_c`, of the true class
    :math:`s \cos(\theta_y + m(a))`, plus :math:`\lambda (\tfrac1a + \tfrac{a}{u^2})`, with the
    length :math:`a` of the embedding held in [l, u] and a margin :math:`m(a)` that grows linearly
    from l to u.

    For embeddings whose length is to tell the quality of the image: easy samples are drawn to long
    embeddings with wide margins. Lengths outside [l, u] learn nothing about their length. Where
    :math:`\theta_y + m` exceeds :math:`\pi`, the true logit goes on as that of
    :func:`~lossary.arcface_loss` does.

    Args:
        input: embeddings, of shape (N, D); their lengths are used, so do not normalize them.
        prototypes: one vector per class, of shape (C, D).
        target: class indices in [0, C), of shape (N,).
        low_length: the length :math:`l` from which on margins grow.
        high_length: the length :math:`u`, larger than ``low_length``, at which they stop.
        low_margin: the margin at :math:`l`, in radians.
        high_margin: the margin at :math:`u`, in radians.
        regularization: :math:`\lambda`, how much long embeddings are wanted.
        scale: the factor :math:`s`.
        class_weight: the weight of each class, of shape (C,).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Meng et al., *MagFace: A Universal Representation for Face Recognition and Quality
        Assessment*, CVPR 2021, section 3.2.

    >>> x, w = torch.tensor([[10.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> magface_loss(x, w, torch.tensor([0]), scale=1.0, regularization=1.0)
    tensor(0.4419)
    """
    if not low_length < high_length:
        raise ValueError(
            f"magface_loss: high_length must be larger than low_length, got {high_length} and "
            f"{low_length}"
        )
    size = length(input).clamp(low_length, high_length)
    slope = (high_margin - low_margin) / (high_length - low_length)
    place = target.unsqueeze(1)
    cosine = cosines(input, prototypes)
    true = widened(cosine.gather(1, place), low_margin + slope * (size - low_length))
    fit = F.cross_entropy(scale * cosine.scatter(1, place, true), target, reduction="none")
    long = (1 / size + size / high_length**2).squeeze(1)
    own = None if class_weight is None else class_weight[target]
    return reduce(fit + regularization * long, weigh(own, weight), reduction)


class MagFaceLoss(PrototypeLoss):
    """Module form of :func:`magface_loss`.

    It owns the prototypes and is called with ``(input, target)``. They are drawn from a
    normal distribution; only their directions matter.

    Args:
        in_features: the length D of the embeddings.
        num_classes: the number C of classes.
    """

    function = staticmethod(magface_loss)

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        low_length: float = 10.0,
        high_length: float = 110.0,
        low_margin: float = 0.45,
        high_margin: float = 0.8,
        regularization: float = 35.0,
        scale: float = 64.0,
        class_weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            in_features,
            num_classes,
            reduction,
            low_length=low_length,
            high_length=high_length,
            low_margin=low_margin,
            high_margin=high_margin,
            regularization=regularization,
            scale=scale,
            class_weight=class_weight,
            ignore_index=ignore_index,
        )


SPEC = LossSpec(
    function=magface_loss,
    module=MagFaceLoss,
    traits=Trait.NONNEGATIVE,
    variants=(
        {},
        {"low_length": 0.5, "high_length": 8.0, "regularization": 1.0, "scale": 4.0},
        {"class_weight": torch.tensor([0.5, 2.0, 1.0]), "low_margin": 0.2, "high_margin": 0.6},
    ),
    paper="arXiv:2103.06627",
    owned={"prototypes": "prototypes"},
    sizes={"in_features": "D", "num_classes": "C"},
)
