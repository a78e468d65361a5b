"""The angle at the negative of a triplet."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._angles import normalize
from ._batch import same_class, taking_part


@signature("real N D, label N -> N", alpha="(0, 1.0472]")
def angular_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = math.pi / 4,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Angular loss, the mean over :math:`p \in P_i` of :math:`\log(1 + \sum_{n \in N_i} e^{4 t
    (x_i + x_p) \cdot x_n - 2 (1 + t)\, x_i \cdot x_p})` with :math:`t = \tan^2 \alpha` and
    embeddings :math:`x` of length 1.

    For retrieval: of the triangle of a sample, another of its class, :math:`P_i`, and one of
    another, :math:`N_i`, the angle at the last is to be below :math:`\alpha`, whatever the
    distances. The paper adds it to the N-pair loss. A sample without a partner of its class, or
    without another class, costs nothing.

    Args:
        input: embeddings, of shape (N, D).
        target: classes, as integers from 0, of shape (N,).
        alpha: the angle :math:`\alpha` in radians, up to :math:`\pi / 3`: the smallest angle of a
            triangle is never larger.

    References:
        Wang et al., *Deep Metric Learning with Angular Loss*, ICCV 2017.

    >>> x = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> angular_loss(x, torch.tensor([0, 0, 1, 1]))  # log(1 + 2 exp(-4))
    tensor(0.0360)
    """
    x = normalize(input)
    cosine = x @ x.T
    alike, unlike = same_class(target, taking_part(weight, input))
    t = math.tan(alpha) ** 2
    # the sum over n is a product of matrices; below pi / 3 its terms are above exp(-48)
    near = torch.exp(4 * t * (cosine - 1))
    total = torch.where(unlike, near, 0.0) @ near.T
    both = alike & unlike.any(1, keepdim=True)
    exponent = 8 * t + torch.where(both, total, 1.0).log() - 2 * (1 + t) * cosine
    units = torch.where(both, F.softplus(exponent), 0.0).sum(1) / alike.sum(1).clamp(min=1)
    return reduce(units, weight, reduction)


class AngularLoss(FunctionLoss):
    """Module form of :func:`angular_loss`."""

    function = staticmethod(angular_loss)

    def __init__(self, *, alpha: float = math.pi / 4, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, alpha=alpha)


SPEC = LossSpec(
    function=angular_loss,
    module=AngularLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"alpha": 1.0}),
    paper="arXiv:1708.01682",
    exempt={"parts_add": "each sample is told from all others of the batch"},
)
