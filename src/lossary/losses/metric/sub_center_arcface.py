"""Additive margin on the angle to the nearest of several centres."""

from __future__ import annotations

import torch
from torch import Tensor

from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._angles import normalize, softmax_loss
from ._margins import SubPrototypeLoss, widened


@signature(
    "real N D, real C K D, label N -> N",
    margin="[0, 3.14]",
    scale="(0, inf)",
    class_weight="weight C",
)
def sub_center_arcface_loss(
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
    r"""Sub-center ArcFace: :func:`~lossary.arcface_loss` with the nearest of K prototypes of each
    class, :math:`\cos\theta_c = \max_k \cos\theta_{ck}`.

    For faces from the web: wrong and hard images gather at prototypes of their own and no longer
    draw the main one, from which they can be told afterwards. With clean data one prototype makes
    tighter classes.

    Args:
        input: embeddings, of shape (N, D).
        prototypes: K vectors for each class, of shape (C, K, D).
        target: class indices in [0, C), of shape (N,).
        margin: the angle :math:`m` in radians.
        scale: the factor :math:`s`.
        class_weight: the weight of each class, of shape (C,).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Deng et al., *Sub-center ArcFace: Boosting Face Recognition by Large-Scale Noisy Web
        Faces*, ECCV 2020.

    >>> x = torch.tensor([[1.0, 0.0]])
    >>> w = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [0.0, -1.0]]])
    >>> sub_center_arcface_loss(x, w, torch.tensor([0]), scale=1.0)
    tensor(0.3477)
    """
    every = torch.einsum("nd,ckd->nck", normalize(input), normalize(prototypes)).clamp(-1, 1)
    cosine = every.amax(2) if prototypes.shape[1] else every.sum(2)
    true = widened(cosine.gather(1, target.unsqueeze(1)), margin)
    return softmax_loss(scale * cosine, scale * true, target, class_weight, weight, reduction)


class SubCenterArcFaceLoss(SubPrototypeLoss):
    """Module form of :func:`sub_center_arcface_loss`.

    It owns the prototypes and is called with ``(input, target)``. They are drawn from a normal
    distribution; only their directions matter.

    Args:
        in_features: the length D of the embeddings.
        num_classes: the number C of classes.
        per_class: the number K of prototypes of each class.
    """

    function = staticmethod(sub_center_arcface_loss)

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        per_class: int = 3,
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
            per_class,
            reduction,
            margin=margin,
            scale=scale,
            class_weight=class_weight,
            ignore_index=ignore_index,
        )


SPEC = LossSpec(
    function=sub_center_arcface_loss,
    module=SubCenterArcFaceLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"margin": 1.0, "scale": 5.0}, {"class_weight": torch.tensor([0.5, 2.0, 1.0])}),
    paper="doi:10.1007/978-3-030-58621-8_43",
    owned={"prototypes": "prototypes"},
    sizes={"in_features": "D", "num_classes": "C", "per_class": "K"},
)
