"""Hard classes count little at first and more as training goes on."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._angles import cosines, normalize, sine, softmax_loss
from ._margins import widened
from ._prototypes import PrototypeLoss


@signature(
    "real N D, real C D, real, label N -> N",
    margin="[0, 3.14]",
    scale="(0, inf)",
    class_weight="weight C",
)
def curricularface_loss(
    input: Tensor,
    prototypes: Tensor,
    progress: Tensor,
    target: Tensor,
    *,
    margin: float = 0.5,
    scale: float = 64.0,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""CurricularFace: cross-entropy of the logits :math:`s \cos(\theta_y + m)` of the true class,
    and of each other class :math:`s \cos\theta_c`, or :math:`s \cos\theta_c (t + \cos\theta_c)`
    where it is hard, that is :math:`\cos\theta_c > \cos(\theta_y + m)`.

    For embeddings of many classes: with the progress :math:`t` near 0 hard classes are played
    down, and later they are stressed. The loss jumps where a class becomes hard. Where
    :math:`\theta_y + m` exceeds :math:`\pi`, the true logit goes on as that of
    :func:`~lossary.arcface_loss` does.

    Args:
        input: embeddings, of shape (N, D).
        prototypes: one vector per class, of shape (C, D).
        progress: :math:`t`, the running mean of the cosines with the true class, a tensor of one
            number.
        target: class indices in [0, C), of shape (N,).
        margin: the angle :math:`m` in radians.
        scale: the factor :math:`s`.
        class_weight: the weight of each class, of shape (C,).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Huang et al., *CurricularFace: Adaptive Curriculum Learning Loss for Deep Face
        Recognition*, CVPR 2020.

    >>> x, w = torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> curricularface_loss(x, w, torch.tensor(0.5), torch.tensor([0]), scale=1.0)
    tensor(2.1088)
    """
    cosine = cosines(input, prototypes)
    near = cosine.gather(1, target.unsqueeze(1))
    true = widened(near, margin)
    hard = cosine > near * math.cos(margin) - sine(near) * math.sin(margin)
    others = torch.where(hard, cosine * (progress + cosine), cosine)
    return softmax_loss(scale * others, scale * true, target, class_weight, weight, reduction)


class CurricularFaceLoss(PrototypeLoss):
    """Module form of :func:`curricularface_loss`.

    It owns the prototypes and the progress, which begins at 0, and is called with ``(input,
    target)``. Call ``update(input, target)`` in every step of training, before the loss. The
    prototypes are drawn from a normal distribution; only their directions matter.

    Args:
        in_features: the length D of the embeddings.
        num_classes: the number C of classes.
    """

    function = staticmethod(curricularface_loss)
    progress: Tensor
    ignore_index: int

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
        self.register_buffer("progress", torch.tensor(0.0))

    def operands(self, input: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        return input, self.prototypes, self.progress, target

    @torch.no_grad()
    def update(self, input: Tensor, target: Tensor, *, momentum: float = 0.99) -> None:
        """Move the progress towards the mean cosine with the true class, by 1 - ``momentum``.

        Samples whose class is ``ignore_index`` have none. On several devices, gather them first.
        """
        there = target.ne(self.ignore_index)
        if there.any():
            own = self.prototypes[target[there]]
            cosine = (normalize(input[there].to(own.dtype)) * normalize(own)).sum(1)
            self.progress.lerp_(cosine.mean().to(self.progress.dtype), 1 - momentum)


SPEC = LossSpec(
    function=curricularface_loss,
    module=CurricularFaceLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"margin": 1.0, "scale": 5.0}, {"class_weight": torch.tensor([0.5, 2.0, 1.0])}),
    paper="arXiv:2004.00288",
    owned={"prototypes": "prototypes", "progress": "progress"},
    sizes={"in_features": "D", "num_classes": "C"},
)
