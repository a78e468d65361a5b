"""Average precision of retrieval within the batch, made differentiable."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...kernels.pairs import reduce_rows
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec
from ._angles import normalize
from ._batch import same_class, taking_part


@signature("real N D, label N -> N", temperature="(0, inf)")
def smooth_ap_loss(
    input: Tensor,
    target: Tensor,
    *,
    temperature: float = 0.01,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Smooth-AP loss, :math:`1 - \frac{1}{|P_i|} \sum_{j \in P_i} \frac{1 + \sum_{k \in P_i
    \setminus j} \sigma(D_{jk} / \tau)}{1 + \sum_{k \ne i, j} \sigma(D_{jk} / \tau)}` with the
    differences of cosines :math:`D_{jk} = s_{ik} - s_{ij}`.

    For retrieval: each sample queries the rest of the batch, and its loss is 1 less its average
    precision with ranks that count softly. It needs large batches with several samples of each
    class. A sample without a partner of its class costs nothing. All triplets are looked at, those
    of some queries at a time.

    Args:
        input: embeddings, of shape (N, D).
        target: classes, as integers from 0, of shape (N,).
        temperature: :math:`\tau`; the lower, the nearer to the average precision, and the fewer
            triplets have a gradient.

    References:
        Brown et al., *Smooth-AP: Smoothing the Path Towards Large-Scale Image Retrieval*, ECCV
        2020.

    >>> x = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> smooth_ap_loss(x, torch.tensor([0, 0, 1, 1]), temperature=1.0)
    tensor(0.3498)
    """
    given = (normalize(input), target, taking_part(weight, input), temperature)
    return reduce_rows(_smooth_ap, given, weight, reduction, width=len(input) ** 2)


def _smooth_ap(rows: slice, x: Tensor, target: Tensor, there: Tensor, temperature: float) -> Tensor:
    score = x[rows] @ x.T / temperature
    alike, unlike = same_class(target, there, rows)
    above = torch.sigmoid(score.unsqueeze(1) - score.unsqueeze(2))
    # each is half above itself: with the other half it has rank 1
    among = 0.5 + (above @ alike.to(x.dtype).unsqueeze(2)).squeeze(2)
    others = (above @ unlike.to(x.dtype).unsqueeze(2)).squeeze(2)
    precision = torch.where(alike, among / (among + others), 0.0)
    count = alike.sum(1)
    return torch.where(count > 0, 1 - precision.sum(1) / count.clamp(min=1), 0.0)


@signature("real N D, label N -> N", bins="int [1, inf)")
def fast_ap_loss(
    input: Tensor,
    target: Tensor,
    *,
    bins: int = 10,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""FastAP loss, :math:`1 - \frac{1}{|P_i|} \sum_b h_b^+ H_b^+ / H_b` with soft histograms
    :math:`h` of the squared distances of embeddings of length 1, and sums :math:`H` of bins up to
    :math:`b`, the :math:`^+` of partners of the same class only.

    For retrieval: each sample queries the rest of the batch, and its loss is 1 less its average
    precision with distances in bins, each shared by the two nearest bins. Cheaper than
    :func:`~lossary.smooth_ap_loss`, but blind to order inside a bin. A sample without a partner of
    its class costs nothing.

    Args:
        input: embeddings, of shape (N, D).
        target: classes, as integers from 0, of shape (N,).
        bins: how many steps the squared distances, from 0 to 4, are divided into.

    References:
        Cakir et al., *Deep Metric Learning to Rank*, CVPR 2019.

    >>> x = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> fast_ap_loss(x, torch.tensor([0, 1, 0, 1]))  # the partner is the last of three, with one
    tensor(0.6667)
    """
    given = (normalize(input), target, taking_part(weight, input), bins)
    return reduce_rows(_fast_ap, given, weight, reduction)


def _fast_ap(rows: slice, x: Tensor, target: Tensor, there: Tensor, bins: int) -> Tensor:
    place = (1 - x[rows] @ x.T).clamp(0, 2) * (bins / 2)
    alike, unlike = same_class(target, there, rows)
    below = place.detach().long().clamp(0, bins - 1)  # of nan too, which shows in the share
    share = place - below

    def histogram(mask: Tensor) -> Tensor:
        empty = place.new_zeros(len(place), bins + 1)
        near, far = torch.where(mask, 1 - share, 0.0), torch.where(mask, share, 0.0)
        return empty.scatter_add(1, below, near).scatter_add(1, below + 1, far)

    own = histogram(alike)
    up_to, every = own.cumsum(1), (own + histogram(unlike)).cumsum(1)
    precision = up_to / torch.where(every > 0, every, 1.0)
    count = alike.sum(1)
    return torch.where(count > 0, 1 - (own * precision).sum(1) / count.clamp(min=1), 0.0)


class SmoothAPLoss(FunctionLoss):
    """Module form of :func:`smooth_ap_loss`."""

    function = staticmethod(smooth_ap_loss)

    def __init__(self, *, temperature: float = 0.01, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, temperature=temperature)


class FastAPLoss(FunctionLoss):
    """Module form of :func:`fast_ap_loss`."""

    function = staticmethod(fast_ap_loss)

    def __init__(self, *, bins: int = 10, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, bins=bins)


SPECS = (
    LossSpec(
        function=smooth_ap_loss,
        module=SmoothAPLoss,
        variants=({}, {"temperature": 0.5}),
        paper="arXiv:2007.12163",
        exempt={"parts_add": "each sample queries all others of the batch"},
    ),
    LossSpec(
        function=fast_ap_loss,
        module=FastAPLoss,
        variants=({}, {"bins": 3}),
        paper="doi:10.1109/CVPR.2019.00196",
        exempt={"parts_add": "each sample queries all others of the batch"},
    ),
)
