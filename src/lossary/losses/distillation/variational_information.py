"""Likelihood of a teacher's features under a student's."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec


@signature("real N C *, real N C *, real C -> N", eps="(0, inf)")
def variational_information_distillation_loss(
    input: Tensor,
    target: Tensor,
    spread: Tensor,
    *,
    eps: float = 1e-5,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Variational information distillation (VID), :math:`\sum_c \sum_i \log \sigma_c +
    \frac{(y_{ci} - x_{ci})^2}{2 \sigma_c^2}` over the channels c and places i of a layer, with
    the variances :math:`\sigma_c^2 = \log(1 + e^{\alpha_c}) + \epsilon`.

    A bound on the information that a student's features give of its teacher's: the likelihood of
    the teacher's features around what a small layer makes of the student's. The variances are
    learned, so channels that the student cannot know count for less, where
    :func:`~lossary.hint_loss` takes all alike. A sum, as in the paper, without its constant; the
    authors' program takes the mean. It may be negative.

    Args:
        input: the student's features after that layer, of shape (N, C, ...).
        target: the teacher's features, of the same shape; detach them.
        spread: the :math:`\alpha` of each channel, of shape (C,). The Module owns them.
        eps: the least variance.

    References:
        Ahn et al., *Variational Information Distillation for Knowledge Transfer*, CVPR 2019,
        eq. 5 and 6.

    >>> x, y = torch.tensor([[1.0, 2.0]]), torch.tensor([[2.0, 2.0]])
    >>> spread = torch.tensor([0.5413, 0.5413])  # a variance of 1
    >>> variational_information_distillation_loss(x, y, spread)
    tensor(0.5000)
    """
    variance = F.softplus(spread) + eps
    variance = variance.reshape(-1, *[1] * (input.ndim - 2))
    terms = (variance.log() + (target - input).square() / variance) / 2
    return reduce(terms.flatten(1).sum(1), weight, reduction)


class VariationalInformationDistillationLoss(FunctionLoss):
    """Module form of :func:`variational_information_distillation_loss`.

    It owns the spread, trains it, and is called with ``(input, target)``. The variances begin at 5.

    Args:
        num_features: the number C of channels.
    """

    function = staticmethod(variational_information_distillation_loss)

    def __init__(
        self, num_features: int, *, eps: float = 1e-5, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, eps=eps)
        self.spread = nn.Parameter(torch.full((num_features,), math.log(math.expm1(5.0))))

    def operands(self, input: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        return input, target, self.spread


SPEC = LossSpec(
    function=variational_information_distillation_loss,
    module=VariationalInformationDistillationLoss,
    variants=({}, {"eps": 0.3}),
    paper="arXiv:1904.05835",
    owned={"spread": "spread"},
    sizes={"num_features": "C"},
)
