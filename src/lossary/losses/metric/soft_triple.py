"""Several soft centres for each class."""

from __future__ import annotations

import torch
from torch import Tensor

from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._angles import normalize, softmax_loss
from ._margins import SubPrototypeLoss


@signature(
    "real N D, real C K D, label N -> N",
    scale="(0, inf)",
    gamma="(0, inf)",
    margin="[0, 2]",
    class_weight="weight C",
)
def soft_triple_loss(
    input: Tensor,
    prototypes: Tensor,
    target: Tensor,
    *,
    scale: float = 20.0,
    gamma: float = 0.1,
    margin: float = 0.01,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""SoftTriple loss: cross-entropy of the logits :math:`\lambda S_c`, of the true class
    :math:`\lambda (S_y - \delta)`, with the soft maximum :math:`S_c = \sum_k
    \mathrm{softmax}_k(s_{ck} / \gamma)\, s_{ck}` of the cosines :math:`s_{ck}` with the K centres
    of a class.

    For retrieval where a class has several modes, such as views of a product: each sample needs to
    be near one of the centres only. The paper's regulariser, which merges centres that are not
    needed, is a function of the prototypes alone and left to the user.

    Args:
        input: embeddings, of shape (N, D).
        prototypes: the centres of each class, of shape (C, K, D).
        target: class indices in [0, C), of shape (N,).
        scale: :math:`\lambda`.
        gamma: :math:`\gamma`; the smaller, the more the nearest centre counts.
        margin: :math:`\delta`.
        class_weight: the weight of each class, of shape (C,).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Qian et al., *SoftTriple Loss: Deep Metric Learning Without Triplet Sampling*, ICCV 2019.

    >>> x = torch.tensor([[1.0, 0.0]])  # its soft maxima are sigma(1) = 0.7311 and 0
    >>> w = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [0.0, -1.0]]])
    >>> soft_triple_loss(x, w, torch.tensor([0]), scale=1.0, gamma=1.0, margin=0.0)
    tensor(0.3930)
    """
    cosine = torch.einsum("nd,ckd->nck", normalize(input), normalize(prototypes))
    soft = ((cosine / gamma).softmax(2) * cosine).sum(2)
    true = soft.gather(1, target.unsqueeze(1)) - margin
    return softmax_loss(scale * soft, scale * true, target, class_weight, weight, reduction)


class SoftTripleLoss(SubPrototypeLoss):
    """Module form of :func:`soft_triple_loss`.

    It owns the centres and is called with ``(input, target)``. They are drawn from a normal
    distribution; only their directions matter.

    Args:
        in_features: the length D of the embeddings.
        num_classes: the number C of classes.
        per_class: the number K of centres of each class.
    """

    function = staticmethod(soft_triple_loss)

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        per_class: int = 10,
        *,
        scale: float = 20.0,
        gamma: float = 0.1,
        margin: float = 0.01,
        class_weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            in_features,
            num_classes,
            per_class,
            reduction,
            scale=scale,
            gamma=gamma,
            margin=margin,
            class_weight=class_weight,
            ignore_index=ignore_index,
        )


SPEC = LossSpec(
    function=soft_triple_loss,
    module=SoftTripleLoss,
    traits=Trait.NONNEGATIVE,
    variants=(
        {},
        {"scale": 5.0, "gamma": 1.0, "margin": 0.3},
        {"class_weight": torch.tensor([0.5, 2.0, 1.0])},
    ),
    paper="arXiv:1909.05235",
    owned={"prototypes": "prototypes"},
    sizes={"in_features": "D", "num_classes": "C", "per_class": "K"},
)
