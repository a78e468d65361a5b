"""Tuplets with a slack on the angle of the positive."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...kernels.pairs import reduce_rows
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._angles import normalize, sine
from ._batch import NEVER, same_class, taking_part


@signature("real N D, label N -> N", margin="[0, 1.57]", scale="(0, inf)")
def tuplet_margin_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 0.1,
    scale: float = 64.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Tuplet margin loss, the mean over :math:`p \in P_i` of :math:`\log(1 + \sum_{n \in N_i}
    e^{s (\cos\theta_{in} - \cos(\theta_{ip} - \beta))})`.

    For retrieval: each pair of a class is held against all samples of other classes. The slack
    :math:`\beta` forgives pairs that are already hard, so that single ones, wrong labels among
    them, do not rule. A sample without a partner of its class, or without another class, costs
    nothing.

    Args:
        input: embeddings, of shape (N, D).
        target: classes, as integers from 0, of shape (N,).
        margin: the angle :math:`\beta` in radians.
        scale: the factor :math:`s`.

    References:
        Yu and Tao, *Deep Metric Learning with Tuplet Margin Loss*, ICCV 2019.

    >>> x = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> tuplet_margin_loss(x, torch.tensor([0, 0, 1, 1]), margin=0.0, scale=1.0)
    tensor(0.5514)
    """
    given = (normalize(input), target, taking_part(weight, input), margin, scale)
    return reduce_rows(_tuplet_margin, given, weight, reduction)


def _tuplet_margin(
    rows: slice, x: Tensor, target: Tensor, there: Tensor, margin: float, scale: float
) -> Tensor:
    cosine = (x[rows] @ x.T).clamp(-1, 1)
    alike, unlike = same_class(target, there, rows)
    near = cosine * math.cos(margin) + sine(cosine) * math.sin(margin)
    far = torch.where(unlike, scale * cosine, NEVER).logsumexp(1, keepdim=True)
    each = torch.where(alike, F.softplus(far - scale * near), 0.0)
    return each.sum(1) / alike.sum(1).clamp(min=1)


class TupletMarginLoss(FunctionLoss):
    """Module form of :func:`tuplet_margin_loss`."""

    function = staticmethod(tuplet_margin_loss)

    def __init__(
        self, *, margin: float = 0.1, scale: float = 64.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, margin=margin, scale=scale)


SPEC = LossSpec(
    function=tuplet_margin_loss,
    module=TupletMarginLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"margin": 0.5, "scale": 4.0}),
    paper="Yu and Tao, Deep Metric Learning with Tuplet Margin Loss, ICCV 2019",
    exempt={"parts_add": "each sample is told from all others of the batch"},
)
