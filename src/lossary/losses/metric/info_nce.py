"""Telling a sample's partner from the rest of the batch."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...kernels.pairs import rows_here
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ..classification.linear_cross_entropy import linear_cross_entropy
from ._angles import normalize
from ._batch import partners


@signature("real N D, real N D -> N", temperature="(0, inf)")
def info_nce_loss(
    input: Tensor,
    target: Tensor,
    *,
    temperature: float | Tensor = 0.1,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""InfoNCE, :math:`-\log \frac{e^{\cos(x_i, y_i) / \tau}}{\sum_j e^{\cos(x_i, y_j) / \tau}}`.

    For representations from pairs: each sample is to find its partner among those of the whole
    batch, so larger batches are harder and better. Samples that weigh nothing are no candidates
    either. The similarities are computed for some samples at a time, so memory does not grow with
    the square of the batch.

    Args:
        input: embeddings :math:`x`, of shape (N, D).
        target: their partners :math:`y`, of shape (N, D).
        temperature: :math:`\tau`; the lower, the more the hardest candidates count.

    References:
        van den Oord et al., *Representation Learning with Contrastive Predictive Coding*, 2018,
        eq. 4; the cosine as in Wu et al., *Unsupervised Feature Learning via Non-Parametric
        Instance Discrimination*, CVPR 2018.

    >>> x = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> info_nce_loss(x, x, temperature=1.0)
    tensor(0.3133)
    """
    return _find(normalize(input), normalize(target), temperature, weight, reduction)


@signature("real N D, real N D -> N", temperature="(0, inf)")
def clip_loss(
    input: Tensor,
    target: Tensor,
    *,
    temperature: float | Tensor = 0.07,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Symmetric InfoNCE: the mean of :func:`~lossary.info_nce_loss` in both directions.

    For images and texts: each image is to find its text and each text its image. The temperature
    may be a tensor that is trained, as the paper does with its logarithm.

    Args:
        input: embeddings, of shape (N, D).
        target: their partners, of shape (N, D).
        temperature: :math:`\tau` of :math:`\cos / \tau`.

    References:
        Radford et al., *Learning Transferable Visual Models From Natural Language Supervision*,
        ICML 2021, figure 3.

    >>> x = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> clip_loss(x, x, temperature=1.0)
    tensor(0.3133)
    """
    x, y = normalize(input), normalize(target)
    there = _find(x, y, temperature, weight, reduction)
    return (there + _find(y, x, temperature, weight, reduction)) / 2


def _find(
    x: Tensor, y: Tensor, temperature: float | Tensor, weight: Tensor | None, reduction: Reduction
) -> Tensor:
    rows = rows_here()
    return linear_cross_entropy(
        x[rows] / temperature,
        y,
        torch.arange(len(x), device=x.device)[rows],
        linear_bias=partners(weight, x),
        weight=None if weight is None else weight[rows],
        reduction=reduction,
    )


class InfoNCELoss(FunctionLoss):
    """Module form of :func:`info_nce_loss`."""

    function = staticmethod(info_nce_loss)

    def __init__(self, *, temperature: float | Tensor = 0.1, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, temperature=temperature)


class CLIPLoss(FunctionLoss):
    """Module form of :func:`clip_loss`."""

    function = staticmethod(clip_loss)

    def __init__(
        self, *, temperature: float | Tensor = 0.07, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, temperature=temperature)


SPECS = (
    LossSpec(
        function=info_nce_loss,
        module=InfoNCELoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"temperature": 0.5}),
        paper="arXiv:1807.03748",
        exempt={"parts_add": "each sample is told from all others of the batch"},
    ),
    LossSpec(
        function=clip_loss,
        module=CLIPLoss,
        traits=Trait.NONNEGATIVE | Trait.SYMMETRIC,
        variants=({}, {"temperature": 0.5}),
        paper="arXiv:2103.00020",
        exempt={"parts_add": "each sample is told from all others of the batch"},
    ),
)
